# SPDX-License-Identifier: Apache-2.0
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import vigie
from vigie.fingerprints import sandbox
from vigie.fingerprints.decode import seccomp
from vigie.fingerprints.decode.kinds import Role

PACKAGE = Path(vigie.__file__).parent


class TestImportPath:
    def test_holds_where_this_package_is(self):
        assert str(PACKAGE.parent) in sandbox.import_path()

    def test_leaves_the_current_folder_out(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "path", ["", ".", str(tmp_path), "relative", *sys.path])
        entries = sandbox.import_path()
        assert not {"", ".", "relative", str(tmp_path)} & set(entries)

    def test_keeps_the_current_folder_where_this_package_is_in_it(self, monkeypatch):
        monkeypatch.chdir(PACKAGE.parent)
        assert str(PACKAGE.parent) in sandbox.import_path()

    def test_does_without_a_current_folder(self, tmp_path, monkeypatch):
        (tmp_path / "gone").mkdir()
        monkeypatch.chdir(tmp_path / "gone")
        (tmp_path / "gone").rmdir()
        assert str(PACKAGE.parent) in sandbox.import_path()

    def test_adds_the_package_where_it_was_found_otherwise(self, monkeypatch):
        monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry != str(PACKAGE.parent)])
        assert sandbox.import_path()[-1] == str(PACKAGE.parent)


START = """
from vigie.fingerprints import sandbox
from vigie.fingerprints.decode.kinds import Role
worker = sandbox.Worker(Role.PICTURES, limits=sandbox.Limits())
print(sandbox.__file__, *worker.wait_until_ready().confinement)
worker.stop()
"""


@pytest.mark.skipif(not seccomp.is_supported(), reason="confinement needs Linux on x86-64 or aarch64")
class TestWorker:
    @pytest.mark.parametrize("layout", ["source", "wheel"])
    def test_starts_from(self, layout, tmp_path):
        """From a source tree named by PYTHONPATH, and from a copy among other packages as a wheel is laid out."""
        root = PACKAGE.parent
        if layout == "wheel":
            root = tmp_path / "site"
            shutil.copytree(PACKAGE, root / "vigie", ignore=shutil.ignore_patterns("__pycache__"))
        # A hostile module in the current folder, where seized files lie, is no part of the program.
        evidence = tmp_path / "evidence"
        evidence.mkdir()
        for name in ("msgspec", "numpy", "PIL", "ctypes"):
            (evidence / f"{name}.py").write_text("raise SystemExit('imported from the evidence')")
        done = subprocess.run(
            [sys.executable, "-P", "-c", f"import sys; sys.path.insert(0, {str(root)!r}); {START}"],
            cwd=evidence,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        path, *layers = done.stdout.decode().split()
        assert Path(path).is_relative_to(root)
        assert "seccomp" in layers

    def test_has_no_standard_streams_and_no_environment(self, monkeypatch):
        monkeypatch.setenv("SECRET", "of the parent")
        worker = sandbox.Worker(Role.PICTURES, limits=sandbox.Limits())
        try:
            worker.wait_until_ready()
            folder = Path(f"/proc/{worker._process.pid}")
            if os.access(folder / "environ", os.R_OK):
                assert b"SECRET" not in (folder / "environ").read_bytes()
                streams = {str((folder / "fd" / number).readlink()) for number in "01"}
                assert streams == {"/dev/null"}
            assert os.getsid(worker._process.pid) == worker._process.pid
        finally:
            worker.stop()

    def test_is_the_first_to_go_where_the_machine_is_out_of_memory(self):
        worker = sandbox.Worker(Role.PICTURES, limits=sandbox.Limits())
        try:
            worker.wait_until_ready()
            assert int(Path(f"/proc/{worker._process.pid}/oom_score_adj").read_text()) == 1000
        finally:
            worker.stop()

    def test_that_the_system_does_not_start_is_said(self, monkeypatch):
        monkeypatch.setattr(sys, "executable", "/no/such/interpreter")
        before = len(list(Path("/proc/self/fd").iterdir()))
        with pytest.raises(sandbox.StartFailedError, match="No such file"):
            sandbox.Worker(Role.PICTURES, limits=sandbox.Limits())
        assert len(list(Path("/proc/self/fd").iterdir())) == before

    def test_can_be_stopped_twice(self):
        worker = sandbox.Worker(Role.PICTURES, limits=sandbox.Limits())
        before = len(list(Path("/proc/self/fd").iterdir()))
        worker.stop()
        stopped = len(list(Path("/proc/self/fd").iterdir()))
        assert stopped < before
        worker.stop()
        assert len(list(Path("/proc/self/fd").iterdir())) == stopped


class TestLimits:
    def test_give_large_videos_and_archives_more_time(self):
        limits = sandbox.Limits()
        assert limits.content_seconds(Role.PICTURES, size_bytes=10**12) == limits.picture_seconds
        assert limits.content_seconds(Role.VIDEOS, size_bytes=10**10) == limits.video_seconds + 1000
        assert limits.step_seconds(size_bytes=10**10) == limits.archive_seconds + 1000
