# SPDX-License-Identifier: Apache-2.0
"""A seized folder is traced on one machine: killed again and again, finished, reported."""

import os
import random
import subprocess
import sys
import time

import pytest

from unit.evidence.scanning import by_path, fill, list_of, mixed, picture, rows, run
from unit.fingerprints.decode.photos import photo, turned_by_exif, written
from vigie.evidence import manifest, report
from vigie.evidence.results import Group, Results

KILLS = 8

_SCAN = """
import sys
from pathlib import Path
from unit.evidence.scanning import NOW, run
from vigie.evidence import scan
from vigie.lists.file import open_list
scan.UNIT_FILES, scan.PART_ROWS, scan.TICK_SECONDS = 10, 60, 0.01
source, known, out = map(Path, sys.argv[1:])
tell = lambda progress: print(progress.files_done, flush=True) if progress.files_total else None
print(run(source, out, lists=[open_list(known, now=NOW)], progress=tell).complete)
"""


@pytest.fixture(scope="module")
def seized(tmp_path_factory):
    """About four hundred files; in "planted", copies of what a list knows."""
    folder = mixed(tmp_path_factory.mktemp("seized"), pictures=110)
    originals = [photo(9000 + number, width=320, height=240) for number in range(4)]
    fill(
        folder,
        {
            "planted/same.jpg": written(originals[0], "JPEG", quality=92),
            "planted/smaller.png": written(originals[1].resize((256, 192)), "PNG"),
            "planted/turned.jpg": written(originals[2], "JPEG", quality=80, exif=turned_by_exif(6)),
            "planted/mirrored.webp": written(originals[3].transpose(0), "WEBP", quality=80),
        },
    )
    lists = fill(
        tmp_path_factory.mktemp("known"),
        {f"{number}.jpg": written(one, "JPEG", quality=92) for number, one in enumerate(originals)},
    )
    list_of(lists / "known.vigie", sorted(lists.glob("*.jpg")))
    return folder, lists / "known.vigie"


def command(seized, out):
    return [sys.executable, "-c", _SCAN, seized[0], seized[1], out]


def environment():
    return {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def start(seized, out, *, prefix=()):
    return subprocess.Popen(
        [*prefix, *command(seized, out)], env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def end(process):
    """Let a scan end; return the last thing it said, or its complaint."""
    told, complaint = process.communicate(timeout=300)
    return told.split()[-1] if process.returncode == 0 else complaint


@pytest.fixture(scope="module")
def undisturbed(seized, tmp_path_factory):
    out = tmp_path_factory.mktemp("undisturbed")
    with start(seized, out) as process:
        assert end(process) == "True"
    return out


class TestAScan:
    def test_killed_at_any_moment_ends_with_the_same_rows(self, seized, undisturbed, tmp_path):
        lots = random.Random(20261122)
        done = killed = 0
        # 1. Kill it, without warning, at moments drawn by lot; each run goes on where the one before stood.
        for _ in range(KILLS):
            with start(seized, tmp_path / "out") as process:
                until = done + lots.randint(1, 40)
                for line in process.stdout:
                    done = int(line) if line.strip().isdigit() else done
                    if done >= until:
                        break
                time.sleep(lots.uniform(0, 0.02))
                process.kill()
                killed += process.wait() == -9
        # 2. Let it end.
        with start(seized, tmp_path / "out") as process:
            assert end(process) == "True"
        # 3. Nothing is missing, doubled or different, and the parts are the same to the byte.
        assert killed >= 3
        assert rows(tmp_path / "out") == rows(undisturbed)
        assert manifest.read(tmp_path / "out").parts == manifest.read(undisturbed).parts

    def test_finds_what_was_planted(self, undisturbed):
        found = by_path(undisturbed)
        assert {path: found[f"planted/{path}"]["verdict"] for path in ("same.jpg", "smaller.png")} == {
            "same.jpg": "known",
            "smaller.png": "near",
        }
        assert found["planted/turned.jpg"]["verdict"] == "near"
        mirrored = found["planted/mirrored.webp"]["matches"][0]
        assert (mirrored["transform"], mirrored["depiction"]) == ("mirrored", "a list 3")
        assert {path for path, row in found.items() if row["verdict"] in ("known", "near")} == {
            path for path in found if path.startswith("planted/")
        }

    def test_leaves_people_each_unknown_content_once(self, undisturbed):
        with Results.open(undisturbed) as results:
            unknown = [look for look in results.unknown() if look.group is Group.UNKNOWN]
            amount = results.by_verdict()["unknown"]
        assert len(unknown) == len({look.row["sha256"] for look in unknown}) == amount.contents
        assert sum(look.copies for look in unknown) == amount.files
        assert [look.copies for look in unknown] == sorted((look.copies for look in unknown), reverse=True)

    def test_is_reported_without_names(self, undisturbed):
        with Results.open(undisturbed) as results:
            page = report.html(results)
            named = report.html(results, show_names=True)
        assert "1 of " in page
        assert "planted" not in page
        assert "planted/same.jpg" in named


@pytest.fixture
def small_disk(tmp_path):
    """A folder that takes little: a small disk of its own, or, where nobody may mount one, files that stay small."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", folder]
    is_mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    yield folder, [] if is_mounted else ["prlimit", "--fsize=100000"], is_mounted
    if is_mounted:
        subprocess.run(["umount", "--lazy", folder], check=True)


class TestAFullDisk:
    def test_is_said_and_costs_nothing(self, seized, undisturbed, small_disk):
        folder, limited, is_mounted = small_disk
        # 1. The disk fills up: one line says so.
        for _ in range(2):
            with start(seized, folder / "out", prefix=limited) as process:
                assert "DiskFullError: the disk of the result folder is full" in end(process)
        # 2. There is room again: the scan goes on and ends with the same rows.
        if is_mounted:
            subprocess.run(["mount", "-o", "remount,size=64m", folder], check=True)
        with start(seized, folder / "out") as process:
            assert end(process) == "True"
        assert rows(folder / "out") == rows(undisturbed)


class TestTwoScans:
    def test_do_not_write_into_one_folder(self, seized, tmp_path):
        with start(seized, tmp_path / "out") as first:
            while not (tmp_path / "out/ledger.sqlite").exists():
                assert first.poll() is None
                time.sleep(0.01)
            with start(seized, tmp_path / "out") as second:
                assert "FolderInUseError: another scan writes to this result folder" in end(second)
            assert end(first) == "True"


class TestAUser:
    def test_can_read_a_result_in_small_memory_of_its_own(self, tmp_path):
        fill(tmp_path / "in", {f"{number}.jpg": picture(number % 3) for number in range(9)})
        run(tmp_path / "in", tmp_path / "out")
        with Results.open(tmp_path / "out", threads=1) as results:
            assert [look.copies for look in results.unknown()] == [3, 3, 3]
