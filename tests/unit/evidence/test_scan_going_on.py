# SPDX-License-Identifier: Apache-2.0
import os
import subprocess
import sys
import threading
import zipfile
from dataclasses import replace
from datetime import timedelta

import pytest

from unit.evidence.scanning import NOW, fill, list_of, mixed, picture, rows, run, zipped
from vigie.errors import UnavailableError, WrongStateError
from vigie.evidence import ledger, manifest, results, scan
from vigie.evidence.ledger import FolderInUseError, OtherScanError, UnusableFolderError
from vigie.evidence.scan import SourceInsideResultError
from vigie.evidence.walk import SourceMissingError
from vigie.fingerprints.hashing import Examiner
from vigie.fingerprints.sandbox import Limits


@pytest.fixture(scope="module")
def mix(tmp_path_factory):
    return mixed(tmp_path_factory.mktemp("mix"), pictures=12)


@pytest.fixture(scope="module")
def known(tmp_path_factory, mix):
    return list_of(tmp_path_factory.mktemp("lists") / "known.vigie", [mix / "a0/0.jpg", mix / "a1/1.jpg"])


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, mix, known):
    out = tmp_path_factory.mktemp("undisturbed")
    summary = run(mix, out, lists=[known])
    return out, summary


@pytest.fixture
def small_steps(monkeypatch):
    monkeypatch.setattr(scan, "UNIT_FILES", 5)
    monkeypatch.setattr(scan, "PART_ROWS", 10)


class TestGoingOn:
    def test_parts_are_the_same_however_many_threads_work(self, tmp_path, mix, known, small_steps):
        digests = []
        for workers in (1, 3):
            out = tmp_path / str(workers)
            run(mix, out, lists=[known], workers=workers)
            digests.append([(part.rows, part.sha256) for part in manifest.read(out).parts])
        assert digests[0] == digests[1]
        assert len(digests[0]) > 3

    def test_a_stopped_scan_goes_on_and_ends_with_the_same_rows(self, tmp_path, mix, known, small_steps, undisturbed):
        out, runs = tmp_path / "out", 0
        while True:
            runs += 1
            stop = threading.Event()

            def progress(told, stop=stop, last_time=runs == 4):
                if told.files_total is not None and told.files_done > 0 and not last_time:
                    stop.set()

            summary = run(mix, out, lists=[known], stop=stop, progress=progress, now=NOW + timedelta(days=runs))
            assert manifest.read(out).complete is summary.complete
            if summary.complete:
                break
        assert runs > 1
        assert rows(out) == rows(undisturbed[0])
        assert manifest.read(out).started_at == (NOW + timedelta(days=1)).isoformat(timespec="seconds")

    def test_a_walk_that_was_stopped_begins_again(self, tmp_path, mix, monkeypatch, undisturbed, known):
        monkeypatch.setattr(scan, "UNIT_FILES", 3)
        monkeypatch.setattr(scan, "_UNITS_AT_ONCE", 2)
        stop = threading.Event()
        first = run(mix, tmp_path / "out", lists=[known], stop=stop, progress=lambda _: stop.set())
        assert (first.complete, first.files) == (False, 0)
        assert run(mix, tmp_path / "out", lists=[known]).complete
        assert rows(tmp_path / "out") == rows(undisturbed[0])

    @pytest.mark.parametrize(
        ("owner", "method", "calls"),
        [
            (ledger.Ledger, "add_units", 1),
            (ledger.Ledger, "end_walk", 1),
            (ledger.Ledger, "finish", 3),
            (results, "write_part", 2),
            (ledger.Ledger, "record_part", 2),
            (ledger.Ledger, "compact", 1),
            (manifest, "write", 3),
        ],
    )
    @pytest.mark.parametrize("after", [False, True])
    def test_a_crash_between_any_two_steps_costs_nothing(
        self, tmp_path, mix, known, small_steps, monkeypatch, undisturbed, owner, method, calls, after
    ):
        really, count = getattr(owner, method), 0

        def crashing(*args, **more):
            nonlocal count
            count += 1
            if count == calls and not after:
                raise Crash
            value = really(*args, **more)
            if count == calls:
                raise Crash
            return value

        monkeypatch.setattr(owner, method, crashing)
        with pytest.raises(Crash):
            run(mix, tmp_path / "out", lists=[known], workers=1)
        monkeypatch.setattr(owner, method, really)
        assert run(mix, tmp_path / "out", lists=[known], workers=1).complete
        assert rows(tmp_path / "out") == rows(undisturbed[0])
        assert sorted(path.name for path in (tmp_path / "out/parts").iterdir()) == [
            part.name for part in manifest.read(tmp_path / "out").parts
        ]

    def test_a_complete_scan_says_so_and_does_nothing(self, undisturbed, mix, known):
        out, first = undisturbed
        before = {path: path.stat().st_mtime_ns for path in (out / "parts").iterdir()}
        again = run(mix, out, lists=[known])
        assert again == replace(first, was_complete=True)
        assert {path: path.stat().st_mtime_ns for path in (out / "parts").iterdir()} == before

    def test_rows_of_a_large_archive_are_kept_in_pieces(self, tmp_path, monkeypatch):
        monkeypatch.setattr("vigie.evidence.workers.CHUNK_ROWS", 10)
        members = {f"{number:03}.txt": b"%d" % number * 99 for number in range(95)}
        fill(tmp_path / "in", {"many.zip": zipped(members, compression=zipfile.ZIP_DEFLATED)})
        staged = []
        really = ledger.Ledger.stage
        monkeypatch.setattr(
            ledger.Ledger, "stage", lambda self, *a, **m: (staged.append(m["number"]), really(self, *a, **m))
        )
        run(tmp_path / "in", tmp_path / "out")
        assert staged == list(range(9))
        assert [row["path"] for row in rows(tmp_path / "out")] == [*members, "many.zip"]


class TestRefusals:
    def test_another_source_list_version_or_option(self, undisturbed, mix, known, tmp_path):
        out, _ = undisturbed
        for changed, word in (
            ({"lists": []}, "lists"),
            ({"lists": [known], "limits": Limits(picture_seconds=1)}, "limits"),
            ({"lists": [known], "allow_unconfined": True}, "options"),
        ):
            with pytest.raises(OtherScanError, match=word):
                run(mix, out, **changed)
        with pytest.raises(OtherScanError, match="source"):
            run(fill(tmp_path / "other", {"a": b"a"}), out, lists=[known])

    def test_a_folder_in_use(self, tmp_path, mix):
        with ledger.locked(tmp_path / "out"), pytest.raises(FolderInUseError) as caught:
            run(mix, tmp_path / "out")
        assert isinstance(caught.value, WrongStateError)

    def test_a_source_that_is_missing_or_holds_no_place_for_itself(self, tmp_path, mix):
        with pytest.raises(SourceMissingError):
            run(tmp_path / "missing", tmp_path / "out")
        with pytest.raises(SourceInsideResultError):
            run(mix, mix)
        with pytest.raises(SourceInsideResultError):
            run(mix / "a0", mix)
        assert not (tmp_path / "out").exists()

    def test_a_result_folder_that_is_a_file(self, tmp_path, mix):
        (tmp_path / "out").touch()
        with pytest.raises(UnusableFolderError):
            run(mix, tmp_path / "out")


_SMALL_DISK = """
import resource, sys
from pathlib import Path
from unit.evidence.scanning import run
from vigie.evidence import scan
scan.UNIT_FILES = 7
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), -1))
run(Path(sys.argv[1]), Path(sys.argv[2]))
"""


class TestAFullDisk:
    @pytest.mark.parametrize("limit_bytes", [20_000, 60_000, 150_000])
    def test_ends_with_one_line_and_goes_on_when_there_is_room(self, tmp_path, mix, limit_bytes):
        out = tmp_path / "out"
        ended = subprocess.run(
            [sys.executable, "-c", _SMALL_DISK, mix, out, str(limit_bytes)],
            env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            capture_output=True,
            text=True,
            check=False,
        )
        assert "DiskFullError: the disk of the result folder is full or fails" in ended.stderr, ended.stderr
        assert issubclass(ledger.DiskFullError, UnavailableError)
        run(mix, tmp_path / "calm")
        assert run(mix, out).complete
        assert rows(out) == rows(tmp_path / "calm")


class TestProgress:
    def test_tells_how_far_it_is(self, tmp_path, mix):
        told = []
        run(mix, tmp_path / "out", progress=told.append)
        walked, last = told[0], told[-1]
        assert (walked.files_total, walked.seconds_left) == (None, None)
        assert (last.files_done, last.size_done, last.seconds_left) == (last.files_total, last.size_total, 0)
        assert sum(last.verdicts.values()) == len(rows(tmp_path / "out"))
        assert last.files_per_second > 0

    def test_stops_soon_though_a_file_takes_long(self, tmp_path, monkeypatch):
        monkeypatch.setattr("vigie.evidence.workers.STOP_SECONDS", 0.5)
        fill(tmp_path / "in", {"long.jpg": picture(1)})
        release = threading.Event()
        really = Examiner.examine

        def examine(self, descriptor, **more):
            release.wait(20)
            return really(self, descriptor, **more)

        monkeypatch.setattr(Examiner, "examine", examine)
        stop = threading.Event()
        timer = threading.Timer(0.5, stop.set)
        timer.start()
        summary = run(tmp_path / "in", tmp_path / "out", stop=stop)
        release.set()
        assert not summary.complete
        monkeypatch.undo()
        for thread in threading.enumerate():
            if thread.name.startswith("scan-"):
                thread.join(20)
        assert run(tmp_path / "in", tmp_path / "out").complete


class Crash(BaseException):
    """The moment at which a process would have died."""
