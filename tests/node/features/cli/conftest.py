# SPDX-License-Identifier: Apache-2.0
import shutil

import pytest

from node import commands


@pytest.fixture(scope="session")
def made_once(tmp_path_factory):
    """A home as `init` makes it."""
    home = tmp_path_factory.mktemp("made") / "home"
    commands.records(commands.run(home, "init"))
    return home


@pytest.fixture
def home(made_once, tmp_path):
    """A home of the test's own."""
    return shutil.copytree(made_once, tmp_path / "home")
