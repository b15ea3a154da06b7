# SPDX-License-Identifier: Apache-2.0
"""A seeded tenth of the soak.

- A killed scan ends like an undisturbed one; hostile files cost only themselves; a killed node loses nothing.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def soaked(tmp_path_factory):
    command = [sys.executable, "-m", "bench.soak", "--share", "0.1", "--store", tmp_path_factory.mktemp("soak")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1500, check=False)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


class TestAScanThatIsKilled:
    def test_ends_with_the_rows_of_an_undisturbed_one(self, soaked):
        assert soaked["interrupted"]["differing_rows"] == 0

    def test_finds_every_planted_copy_that_the_recipe_promises(self, soaked):
        assert soaked["interrupted"]["planted"] > 0
        assert soaked["interrupted"]["missed"] == []

    def test_matches_nothing_that_was_not_planted(self, soaked):
        assert soaked["interrupted"]["strangers_matched"] == 0


class TestAScanOfHostileFiles:
    def test_ends_well(self, soaked):
        assert soaked["hostile"]["exit_status"] == 0

    def test_has_exactly_one_row_for_every_file(self, soaked):
        assert soaked["hostile"]["files_without_one_row"] == 0


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
class TestANodeThatIsKilled:
    def test_loses_nothing_that_it_acknowledged(self, soaked, database):
        assert soaked[f"node-{database}"]["lost"] == []
        for kind in ("depiction", "revocation", "matched", "import"):
            assert soaked[f"node-{database}"]["acknowledged"][kind] > 0

    def test_agrees_with_itself_afterwards(self, soaked, database):
        assert soaked[f"node-{database}"]["disagreements"] == []
