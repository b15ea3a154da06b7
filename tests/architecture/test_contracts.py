# SPDX-License-Identifier: Apache-2.0
"""Each import contract of pyproject.toml is seen to fail on a deliberate violation, and only then."""

import contextlib
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from architecture.repository import ROOT, python_files

# contract, module, the import that breaks it, what the linter then says
VIOLATIONS = [
    ("alone", "vigie/cli/main.py", "import django", "vigie.cli.main -> django"),
    ("alone", "vigie/matching/__init__.py", "import vigie_node.base.ids", "vigie.matching -> vigie_node.base"),
    ("layers", "vigie/labels.py", "from vigie.matching import policy", "vigie.labels -> vigie.matching"),
    ("layers", "vigie/kernels/__init__.py", "import vigie.index", "vigie.kernels -> vigie.index"),
    ("layers", "vigie/surprise.py", "import vigie.errors", "surprise"),
    ("node", "vigie_node/base/ids.py", "import vigie_node.audit.events", "vigie_node.base.ids -> vigie_node.audit"),
    ("node", "vigie_node/catalogue/rules.py", "import vigie_node.matching", "catalogue.rules -> vigie_node.matching"),
    ("node", "vigie_node/public_site/__init__.py", "import vigie_node.jobs", "public_site -> vigie_node.jobs"),
    ("node", "vigie_node/surprise.py", "import vigie_node.base", "surprise"),
    ("tables", "vigie_node/flows/__init__.py", "import vigie_node.audit.models", "flows -> vigie_node.audit.models"),
    ("tables", "vigie_node/cli/__init__.py", "from vigie_node.catalogue.models import MatchList", "catalogue.models"),
    ("rules", "vigie_node/catalogue/rules.py", "import django.utils.timezone", "catalogue.rules -> django"),
    (
        "rules",
        "vigie_node/accounts/roles.py",
        "import vigie_node.accounts.models",
        "roles -> vigie_node.accounts.models",
    ),
    (
        "public",
        "vigie_node/public_site/__init__.py",
        "import vigie_node.matching",
        "vigie_node.public_site -> vigie_node.matching",
    ),
    ("network", "vigie/evidence/scan.py", "import urllib.request", "vigie.evidence.scan -> urllib"),
    ("network", "vigie/matching/__init__.py", "from socket import create_connection", "vigie.matching -> socket"),
    ("network", "vigie_node/jobs/__init__.py", "import smtplib", "vigie_node.jobs -> smtplib"),
    ("network", "vigie_node/flows/__init__.py", "import http.client", "vigie_node.flows -> http"),
    ("media", "vigie/matching/__init__.py", "from PIL import Image", "vigie.matching -> PIL"),
    ("media", "vigie/fingerprints/hashing.py", "import zipfile", "vigie.fingerprints.hashing -> zipfile"),
    ("media", "vigie_node/analyst_app/__init__.py", "import PIL", "vigie_node.analyst_app -> PIL"),
    (
        "parent",
        "vigie/fingerprints/hashing.py",
        "from vigie.fingerprints.decode import videos",
        "hashing -> vigie.fingerprints.decode.videos",
    ),
    (
        "parent",
        "vigie_node/matching/__init__.py",
        "import vigie.fingerprints.decode.pictures",
        "vigie_node.matching -> vigie.fingerprints.decode.pictures",
    ),
    ("dangerous", "vigie/matching/__init__.py", "import subprocess", "vigie.matching -> subprocess"),
    ("dangerous", "vigie/lists/__init__.py", "import ctypes", "vigie.lists -> ctypes"),
    ("dangerous", "vigie/fingerprints/sandbox.py", "import pickle", "vigie.fingerprints.sandbox -> pickle"),
    ("dangerous", "vigie/lists/__init__.py", "import duckdb", "vigie.lists -> duckdb"),
    ("dangerous", "vigie_node/jobs/__init__.py", "import subprocess", "vigie_node.jobs -> subprocess"),
    ("dangerous", "vigie_node/project/settings.py", "import pickle", "vigie_node.project.settings -> pickle"),
    ("cycles", "vigie/errors.py", "import vigie.labels", ".labels -> .errors"),
    ("cycles", "vigie_node/catalogue/states.py", "import vigie_node.catalogue.models", "vigie_node.catalogue"),
]
# What the public site may load of the node; every other feature is one that it may not reach.
OPEN_TO_THE_PUBLIC = {"base", "changes", "audit", "alarms", "accounts", "intake"}
ABOVE_FEATURES = {"cli", "project", "public_site", "analyst_app", "partner_api", "jobs"}


def contracts():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the packages' modules beside their contracts."""
    folder = tmp_path_factory.mktemp("copy")
    for path in python_files():
        if path.parts[0] == "src":
            target = folder / path.relative_to("src")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, target)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


@contextlib.contextmanager
def added(folder, lines):
    """Each module with one more line, for a while."""
    before = {folder / module: (folder / module).read_bytes() for module in lines if (folder / module).exists()}
    try:
        for module, line in lines.items():
            path = folder / module
            path.write_bytes(before.get(path, b"") + f"\n{line}\n".encode())
        yield
    finally:
        for module in lines:
            (folder / module).unlink()
        for path, content in before.items():
            path.write_bytes(content)


def lint(folder, *options):
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-logo", "--no-cache", *options]
    environment = os.environ | {"PYTHONPATH": str(folder), "COLUMNS": "500"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


class TestContracts:
    def test_every_contract_has_a_violation_here(self):
        assert {contract["id"] for contract in contracts()} == {contract for contract, *_ in VIOLATIONS}

    def test_the_public_site_may_reach_no_feature_that_is_not_open_to_it(self):
        features = {
            path.parts[2] for path in python_files() if path.parts[:2] == ("src", "vigie_node") if path.parts[3:]
        }
        public = next(contract for contract in contracts() if contract["id"] == "public")
        closed = features - OPEN_TO_THE_PUBLIC - ABOVE_FEATURES
        assert {f"vigie_node.{feature}" for feature in closed} == set(public["forbidden_modules"])

    def test_the_packages_as_they_are_keep_them_all(self, copy):
        done = lint(copy)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "0 broken" in done.stdout

    @pytest.mark.parametrize(("contract", "module", "violation", "said"), VIOLATIONS)
    def test_a_violation_breaks_the_contract(self, copy, contract, module, violation, said):
        with added(copy, {module: violation}):
            done = lint(copy, "--contract", contract)
        assert done.returncode == 1, done.stdout + done.stderr
        assert "BROKEN" in done.stdout
        assert said in done.stdout

    def test_the_public_site_is_refused_a_way_through_another_module(self, copy):
        way = {"public_site/__init__.py": "import vigie_node.base", "base/__init__.py": "import vigie_node.catalogue"}
        with added(copy, {f"vigie_node/{module}": line for module, line in way.items()}):
            done = lint(copy, "--contract", "public")
        assert "vigie_node.base -> vigie_node.catalogue" in done.stdout
