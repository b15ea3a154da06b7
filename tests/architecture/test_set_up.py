# SPDX-License-Identifier: Apache-2.0
"""Set-up says what a machine lacks, and begins afresh what was interrupted. Python is played by a script here."""

import shutil
import subprocess

import pytest

from architecture.repository import ROOT

OLD = "exit 1"
WITHOUT_VENV = 'case "$2" in *ensurepip*) exit 1;; esac'
# Notes how it was called; as `-m venv` it makes an environment whose own Python is the same script.
GOOD = """
echo "$*" >>"{folder}/calls"
case "$*" in "-m venv"*) mkdir -p .venv/bin; rm -f .venv/.unfinished; cp "$0" .venv/bin/python;; esac
"""
DYING = GOOD + '\ncase "$*" in *require-hashes*) kill -9 $PPID; exit 1;; esac'
FAILING = GOOD + '\ncase "$*" in *require-hashes*) exit 1;; esac'


@pytest.fixture
def set_up(tmp_path):
    """A way to set up a copy of the repository on a machine whose Python is the given script."""
    (tmp_path / "tools").mkdir()
    (tmp_path / "bin").mkdir()
    (tmp_path / "Makefile").touch()
    shutil.copy(ROOT / "tools" / "set_up.sh", tmp_path / "tools")
    for tool in ["sh", "dirname", "mkdir", "touch", "rm", "cp"]:
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool))

    def run(python):
        for path in [tmp_path / "bin" / "python3", tmp_path / ".venv" / "bin" / "python"]:
            if path.parent.exists():
                path.write_text("#!/bin/sh\n" + python.replace("{folder}", str(tmp_path)))
                path.chmod(0o755)
        command = ["sh", str(tmp_path / "tools" / "set_up.sh"), "run"]
        done = subprocess.run(command, env={"PATH": str(tmp_path / "bin")}, capture_output=True, text=True, check=False)
        calls = tmp_path / "calls"
        made = calls.read_text().count("-m venv --clear") if calls.exists() else 0
        return done, made, (tmp_path / ".venv" / ".run").exists()

    return run


class TestSetUp:
    @pytest.mark.parametrize(
        ("python", "said"),
        [(OLD, "needs Python 3.11 or later"), (WITHOUT_VENV, "lacks its venv module")],
    )
    def test_says_in_one_line_what_the_machine_lacks(self, set_up, python, said):
        done, made, finished = set_up(python)
        assert done.returncode == 1
        assert said in done.stderr
        assert done.stderr.count("\n") == 1
        assert (made, finished) == (0, False)

    def test_makes_an_environment_and_keeps_it_the_next_time(self, set_up):
        assert set_up(GOOD)[1:] == (1, True)
        assert set_up(GOOD)[1:] == (1, True)

    def test_begins_afresh_after_it_was_killed(self, set_up):
        assert set_up(DYING)[1:] == (1, False)
        assert set_up(GOOD)[1:] == (2, True)

    def test_goes_on_where_an_installation_failed_by_itself(self, set_up):
        done, *left = set_up(FAILING)
        assert done.returncode == 1
        assert left == [1, False]
        assert set_up(GOOD)[1:] == (1, True)
