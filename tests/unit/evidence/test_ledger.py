# SPDX-License-Identifier: Apache-2.0
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from vigie.evidence import ledger
from vigie.evidence.ledger import (
    DamagedLedgerError,
    FolderInUseError,
    ForeignFolderError,
    Ledger,
    OtherScanError,
    Work,
)
from vigie.evidence.manifest import Part
from vigie.evidence.walk import Entry

IDENTITY = {"source": "/evidence/7", "lists": "abc", "versions": "1", "limits": "{}"}
UNITS = [
    [Entry(b"a", "file", 10, 0), Entry(b"b", "file", 20, 0)],
    [Entry(b"c", "file", 5, 0)],
    [Entry(b"d", "file", 1, 0)],
]


def begun(folder, **changed):
    return Ledger(folder, identity={**IDENTITY, **changed}, started_at="2026-11-22T09:00:00+00:00")


@pytest.fixture
def open_ledger(tmp_path):
    with begun(tmp_path) as opened:
        opened.add_units(UNITS)
        opened.end_walk()
        yield opened


def finish(opened, unit, *, rows, contents=()):
    lines = b"".join(b'{"unit":%d}\n' % unit for _ in range(rows))
    opened.finish(unit, number=0, lines=lines, contents=contents, verdicts={"unknown": rows})


class TestLocked:
    def test_makes_a_folder_for_its_owner_alone(self, tmp_path):
        with ledger.locked(tmp_path / "new" / "result"):
            assert stat.S_IMODE((tmp_path / "new" / "result").stat().st_mode) == 0o700

    def test_refuses_a_second_scan(self, tmp_path):
        with ledger.locked(tmp_path):
            second = subprocess.run(
                [
                    sys.executable,
                    "-c",
                    "import sys, pathlib, vigie.evidence.ledger as l\nwith l.locked(pathlib.Path(sys.argv[1])): pass",
                    tmp_path,
                ],
                capture_output=True,
                text=True,
                check=False,
                env={"PYTHONPATH": str(Path(ledger.__file__).parents[2])},
            )
            assert FolderInUseError.__name__ in second.stderr
            with pytest.raises(FolderInUseError), ledger.locked(tmp_path):
                pass

    def test_is_free_again_afterwards(self, tmp_path):
        for _ in range(2):
            with ledger.locked(tmp_path), begun(tmp_path) as opened:
                assert not opened.walked

    def test_refuses_a_folder_with_files_of_others(self, tmp_path):
        (tmp_path / "holiday.txt").touch()
        with pytest.raises(ForeignFolderError), ledger.locked(tmp_path):
            pass


class TestLedger:
    def test_is_readable_by_its_owner_alone(self, open_ledger, tmp_path):
        assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}

    def test_remembers_when_the_scan_was_started_first(self, open_ledger, tmp_path):
        with Ledger(tmp_path, identity=IDENTITY, started_at="2027-01-01T00:00:00+00:00") as again:
            assert again.started_at == "2026-11-22T09:00:00+00:00"

    @pytest.mark.parametrize("changed", ["source", "lists", "versions", "limits"])
    def test_refuses_another_scan_and_says_what_differs(self, open_ledger, tmp_path, changed):
        with pytest.raises(OtherScanError, match=rf"differs in: {changed}\)"):
            begun(tmp_path, **{changed: "other"})

    def test_forgets_a_walk_that_was_not_finished(self, tmp_path):
        with begun(tmp_path) as first:
            first.add_units(UNITS)
        with begun(tmp_path) as again:
            assert again.to_do() == Work(0, 0)
            assert not again.walked

    def test_gives_units_in_order_until_they_are_done(self, open_ledger):
        reader = open_ledger.reader()
        assert reader.unit_after(0) == (1, UNITS[0])
        finish(open_ledger, 2, rows=1)
        assert reader.unit_after(1) == (3, UNITS[2])
        assert reader.unit_after(3) is None
        reader.close()

    def test_counts_what_is_done_and_what_there_is(self, open_ledger):
        finish(open_ledger, 1, rows=2)
        assert open_ledger.done() == Work(2, 30, {"unknown": 2})
        assert open_ledger.to_do() == Work(4, 36, {"unknown": 2})

    def test_drops_staged_rows_of_a_unit_that_was_never_finished(self, open_ledger, tmp_path):
        open_ledger.stage(1, number=0, lines=b"staged", contents=[(b"x" * 32, b"kept")])
        with begun(tmp_path) as again:
            again.finish(1, number=0, lines=b"whole", contents=[], verdicts={"unknown": 1})
            assert list(again.lines(1, 1)) == [b"whole"]
            reader = again.reader()
            assert reader.statement(b"x" * 32) == b"kept"
            assert reader.statement(b"y" * 32) is None
            reader.close()

    def test_a_part_ends_where_its_rows_say_whatever_finished_first(self, open_ledger):
        finish(open_ledger, 3, rows=4)
        finish(open_ledger, 2, rows=3)
        assert open_ledger.next_part(min_rows=4) is None
        finish(open_ledger, 1, rows=2)
        assert open_ledger.next_part(min_rows=4) == (1, 2)
        assert b"".join(open_ledger.lines(1, 2)) == b'{"unit":1}\n' * 2 + b'{"unit":2}\n' * 3

    def test_a_part_is_noted_and_its_rows_are_let_go(self, open_ledger):
        for unit in (1, 2, 3):
            finish(open_ledger, unit, rows=3)
        part = Part("part-000001.parquet", 6, 99, "00")
        open_ledger.record_part(part, number=1, last_unit=2)
        assert open_ledger.parts() == [part]
        assert list(open_ledger.lines(1, 2)) == []
        assert open_ledger.next_part(min_rows=100) == (3, 3)

    def test_has_no_part_left_when_all_are_written(self, open_ledger):
        for unit in (1, 2, 3):
            finish(open_ledger, unit, rows=1)
        open_ledger.record_part(Part("part-000001.parquet", 3, 9, "00"), number=1, last_unit=3)
        assert open_ledger.next_part(min_rows=1) is None

    def test_compacts_to_what_a_finished_scan_needs(self, open_ledger, tmp_path):
        contents = [(number.to_bytes(32), b"x" * 1000) for number in range(2000)]
        finish(open_ledger, 1, rows=1, contents=contents)
        open_ledger.compact()
        assert (tmp_path / ledger.FILE_NAME).stat().st_size < 100_000
        assert open_ledger.done().files == 2

    def test_refuses_a_damaged_ledger(self, tmp_path):
        (tmp_path / ledger.FILE_NAME).write_bytes(b"not a database, but long enough to look at" * 100)
        with pytest.raises(DamagedLedgerError):
            begun(tmp_path)

    def test_refuses_a_database_of_something_else(self, tmp_path):
        other = sqlite3.connect(tmp_path / ledger.FILE_NAME)
        other.execute("CREATE TABLE recipes (title TEXT)")
        other.close()
        with pytest.raises(DamagedLedgerError):
            begun(tmp_path)
