# SPDX-License-Identifier: Apache-2.0
import pytest

from node import commands
from node.features.catalogue.catalogue_building import pdq, row, write_rows


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("node") / "home"
    commands.records(commands.run(home, "init"))
    return home


def take_in(home, path, *more):
    return commands.run(home, "import", str(path), "--source", "Example hotline", "--country", "BE", *more)


class TestImport:
    def test_takes_a_file_in_and_says_what_it_changed_and_refused(self, home, tmp_path):
        rows = [row(seed, pdq=pdq(seed).hex(), pdq_quality=80) for seed in range(3)] + [{"md5": "short"}]
        finished = take_in(home, write_rows(tmp_path / "a.jsonl", rows), "--yes")
        [record] = commands.records(finished)
        assert (record["state"], record["new"], record["refused"]) == ("VISIBLE", 3, 1)
        assert "line 4: md5 has 32 hexadecimal digits" in finished.stderr

    def test_counts_nothing_until_somebody_says_yes(self, home, tmp_path):
        path = write_rows(tmp_path / "b.jsonl", [row(11)])
        waiting = take_in(home, path)
        assert waiting.returncode == 4
        assert "--go-on" in waiting.stderr
        import_id = waiting.stderr.split("--go-on ")[1].split(",")[0]
        [record] = commands.records(commands.run(home, "import", "--go-on", import_id, "--yes"))
        assert record["state"] == "VISIBLE"

    def test_a_full_file_that_takes_words_back_has_their_number_confirmed(self, home, tmp_path):
        path = write_rows(tmp_path / "c.jsonl", [row(11)])
        refused = take_in(home, path, "--full", "--yes")
        assert refused.returncode == 5
        assert "takes back 3 words" in refused.stderr
        import_id = refused.stderr.split("import ")[1].split(":")[0]
        [record] = commands.records(commands.run(home, "import", "--go-on", import_id, "--yes", "--revoking", "3"))
        assert (record["unchanged"], record["revoking"]) == (1, 3)

    def test_a_file_that_ends_too_soon_is_not_taken_in(self, home, tmp_path):
        path = write_rows(tmp_path / "d.jsonl", [row(21), row(22)])
        path.write_bytes(path.read_bytes()[:-20])
        finished = take_in(home, path, "--yes")
        assert finished.returncode == 6
        assert "catalogue.truncated-file" in finished.stderr

    def test_wants_a_file_or_an_import_to_go_on_with(self, home):
        finished = commands.run(home, "import")
        assert (finished.returncode, "[node.import-nothing-named]" in finished.stderr) == (2, True)


class TestExport:
    def test_refuses_a_list_that_is_not_there(self, home, tmp_path):
        finished = commands.run(home, "export", "nothing", str(tmp_path / "out.jsonl"))
        assert finished.returncode == 3
