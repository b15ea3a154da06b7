# SPDX-License-Identifier: Apache-2.0
"""Each import contract of pyproject.toml is seen to fail on a deliberate violation, and only then."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from architecture.repository import ROOT

# contract, module, the import that breaks it, what the linter then says
VIOLATIONS = [
    ("alone", "cli/main.py", "import django", "vigie.cli.main -> django"),
    ("layers", "labels.py", "from vigie.matching import policy", "vigie.labels -> vigie.matching"),
    ("layers", "kernels/__init__.py", "import vigie.index", "vigie.kernels -> vigie.index"),
    ("layers", "surprise.py", "import vigie.errors", "surprise"),
    ("network", "evidence/scan.py", "import urllib.request", "vigie.evidence.scan -> urllib"),
    ("network", "matching/__init__.py", "from socket import create_connection", "vigie.matching -> socket"),
    ("media", "matching/__init__.py", "from PIL import Image", "vigie.matching -> PIL"),
    ("media", "fingerprints/hashing.py", "import zipfile", "vigie.fingerprints.hashing -> zipfile"),
    (
        "parent",
        "fingerprints/hashing.py",
        "from vigie.fingerprints.decode import videos",
        "hashing -> vigie.fingerprints.decode.videos",
    ),
    ("dangerous", "matching/__init__.py", "import subprocess", "vigie.matching -> subprocess"),
    ("dangerous", "lists/__init__.py", "import ctypes", "vigie.lists -> ctypes"),
    ("dangerous", "fingerprints/sandbox.py", "import pickle", "vigie.fingerprints.sandbox -> pickle"),
    ("dangerous", "lists/__init__.py", "import duckdb", "vigie.lists -> duckdb"),
    ("cycles", "errors.py", "import vigie.labels", ".labels -> .errors"),
]


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the package beside its contracts, and a way to lint it."""
    folder = tmp_path_factory.mktemp("copy")
    shutil.copytree(ROOT / "src" / "vigie", folder / "vigie", ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def lint(folder, *options):
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-logo", "--no-cache", *options]
    environment = os.environ | {"PYTHONPATH": str(folder), "COLUMNS": "500"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


class TestContracts:
    def test_every_contract_has_a_violation_here(self):
        contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
        assert {contract["id"] for contract in contracts} == {contract for contract, *_ in VIOLATIONS}

    def test_the_package_as_it_is_keeps_them_all(self, copy):
        done = lint(copy)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "0 broken" in done.stdout

    @pytest.mark.parametrize(("contract", "module", "violation", "said"), VIOLATIONS)
    def test_a_violation_breaks_the_contract(self, copy, contract, module, violation, said):
        path = copy / "vigie" / module
        before = path.read_bytes() if path.exists() else None
        try:
            path.write_bytes((before or b"") + f"\n{violation}\n".encode())
            done = lint(copy, "--contract", contract)
        finally:
            path.unlink() if before is None else path.write_bytes(before)
        assert done.returncode == 1, done.stdout + done.stderr
        assert "BROKEN" in done.stdout
        assert said in done.stdout
