# SPDX-License-Identifier: Apache-2.0
import os
import stat
from pathlib import Path

import pytest

from unit.evidence.scanning import by_path, fill, list_of, mixed, picture, rows, run, zipped
from unit.fingerprints.decode.footage import wander
from unit.fingerprints.decode.footage import written as filmed
from unit.fingerprints.decode.photos import photo, written
from vigie.evidence import scan
from vigie.evidence.results import Results
from vigie.fingerprints.hashing import Examiner
from vigie.fingerprints.source import ChangedSourceError


@pytest.fixture(scope="module")
def mix(tmp_path_factory):
    return mixed(tmp_path_factory.mktemp("mix"), pictures=24)


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
    monkeypatch.setattr(scan, "UNIT_FILES", 7)
    monkeypatch.setattr(scan, "PART_ROWS", 20)


class TestRows:
    def test_every_file_has_its_row(self, undisturbed, mix):
        out, summary = undisturbed
        found = by_path(out)
        outer = {os.fsencode(path.relative_to(mix)) for path in mix.rglob("*") if path.is_symlink() or path.is_file()}
        assert {row["path_bytes"] or row["path"].encode() for row in found.values() if not row["container"]} == outer
        assert summary.complete
        assert sum(summary.verdicts.values()) == len(found)

    def test_says_known_near_unknown_and_the_rest(self, undisturbed):
        found = by_path(undisturbed[0])
        assert {
            path: found[path]["verdict"]
            for path in ("a0/0.jpg", "copies/1.jpg", "a2/2.jpg", "broken/4.jpg", "t0/0.txt", "empty", "link", "z/0.zip")
        } == {
            "a0/0.jpg": "known",
            "copies/1.jpg": "known",
            "a2/2.jpg": "unknown",
            "broken/4.jpg": "unreadable",
            "t0/0.txt": "not-media",
            "empty": "gated",
            "link": "not-examined",
            "z/0.zip": "not-media",
        }

    def test_members_of_archives_have_rows_of_their_own(self, undisturbed):
        found = by_path(undisturbed[0])
        assert found["z/0.zip > x.jpg"]["verdict"] == "known"
        assert found["z/10.zip > x.jpg"]["verdict"] == "unknown"
        assert found["z/10.zip > in.zip"]["kind"] == "archive"
        assert found["z/10.zip > in.zip > deep.jpg"]["pdq_quality"] is not None
        assert found["z/10.zip"]["kind"] == "archive"

    def test_copies_share_everything_but_their_place(self, undisturbed):
        found = by_path(undisturbed[0])
        place = ("path", "path_bytes", "container", "container_bytes", "modified_at")
        said = [
            {name: value for name, value in found[path].items() if name not in place}
            for path in ("a3/3.jpg", "copies/3.jpg")
        ]
        assert said[0] == said[1]
        assert said[0]["pdq"] is not None

    def test_a_name_that_is_not_utf8_is_kept_to_the_byte(self, undisturbed):
        (row,) = [row for row in rows(undisturbed[0]) if row["path_bytes"]]
        assert (row["path"], row["path_bytes"]) == ("\\xff.bin", b"\xff.bin")

    def test_says_what_is_missed_when_a_member_cannot_be_taken_out(self, tmp_path):
        content = bytearray(zipped({"a.jpg": picture(1), "b.jpg": picture(2)}))
        content[60] ^= 0xFF
        fill(tmp_path / "in", {"damaged.zip": bytes(content), "cut.zip": zipped({"a.jpg": picture(3)})[:2000]})
        run(tmp_path / "in", tmp_path / "out")
        found = by_path(tmp_path / "out")
        assert found["damaged.zip > a.jpg"]["verdict"] in ("unreadable", "not-examined")
        assert found["damaged.zip > b.jpg"]["verdict"] == "unknown"
        assert {row["verdict"] for path, row in found.items() if path.startswith("cut.zip >")} <= {
            "unreadable",
            "not-examined",
        }
        assert any(row["problem_code"] for path, row in found.items() if path.startswith("cut.zip"))

    def test_an_empty_folder_has_an_empty_result(self, tmp_path):
        (tmp_path / "in").mkdir()
        summary = run(tmp_path / "in", tmp_path / "out")
        assert (summary.complete, summary.files, rows(tmp_path / "out")) == (True, 0, [])

    def test_a_result_inside_the_source_is_left_out_and_said_to_be(self, tmp_path):
        fill(tmp_path, {"a.txt": b"text" * 50})
        run(tmp_path, tmp_path / "result")
        found = by_path(tmp_path / "result")
        assert {path: row["problem_code"] for path, row in found.items()} == {
            "a.txt": None,
            "result": "walk.result-folder",
        }

    def test_the_source_is_left_as_it_was(self, tmp_path):
        fill(tmp_path / "in", {"a.jpg": picture(1), "b.zip": zipped({"x.jpg": picture(2)})})
        before = {path: path.stat() for path in (tmp_path / "in").rglob("*")}
        run(tmp_path / "in", tmp_path / "out")
        assert {path: path.stat() for path in (tmp_path / "in").rglob("*")} == before

    def test_the_result_is_its_owners_alone(self, undisturbed):
        out, _ = undisturbed
        assert stat.S_IMODE(out.stat().st_mode) == 0o700
        assert {stat.S_IMODE(path.stat().st_mode) for path in out.rglob("*") if path.is_file()} == {0o600}


class TestDecoding:
    @pytest.fixture
    def examined(self, monkeypatch):
        sizes = []
        really = Examiner.examine

        def examine(self, descriptor, *, size_bytes, **more):
            sizes.append(size_bytes)
            return really(self, descriptor, size_bytes=size_bytes, **more)

        monkeypatch.setattr(Examiner, "examine", examine)
        return sizes

    def test_a_content_is_decoded_once(self, tmp_path, examined):
        content = picture(1)
        fill(tmp_path / "in", {f"{number}.jpg": content for number in range(120)})
        run(tmp_path / "in", tmp_path / "out", workers=3)
        assert examined == [len(content)]
        assert {row["pdq"] for row in rows(tmp_path / "out")} == {rows(tmp_path / "out")[0]["pdq"]} != {None}

    def test_what_is_known_or_gated_is_not_decoded(self, tmp_path, mix, known, examined):
        fill(tmp_path / "in", {"k.jpg": (mix / "a0/0.jpg").read_bytes(), "empty": b"", "tiny": b"x"})
        run(tmp_path / "in", tmp_path / "out", lists=[known])
        assert examined == []
        assert by_path(tmp_path / "out")["k.jpg"]["matches"][0]["depiction"] == "a list 0"

    def test_a_video_that_is_near_by_its_first_pass_needs_no_second(self, tmp_path):
        clip = filmed(wander(5, frames=250))
        fill(tmp_path, {"list/clip.mp4": clip, "in/copy.mp4": filmed(wander(5, frames=250), keys_every=25)})
        known = list_of(tmp_path / "videos.vigie", [tmp_path / "list/clip.mp4"])
        run(tmp_path / "in", tmp_path / "near", lists=[known])
        run(tmp_path / "in", tmp_path / "alone")
        near, alone = (by_path(tmp_path / out)["copy.mp4"] for out in ("near", "alone"))
        assert (near["verdict"], alone["verdict"]) == ("near", "unknown")
        assert 0 < len(near["frames"]) <= len(alone["frames"])
        assert near["matches"][0]["time_ranges"]["query"]

    def test_near_copies_carry_their_reasons(self, tmp_path, mix, known):
        bigger = photo(0, width=160, height=120).resize((320, 240)).rotate(90, expand=True)
        fill(tmp_path / "in", {"near.png": written(bigger, "PNG")})
        run(tmp_path / "in", tmp_path / "out", lists=[known])
        row = by_path(tmp_path / "out")["near.png"]
        match = row["matches"][0]
        assert row["verdict"] == "near"
        assert (match["list"], match["label"], match["asserted_by"]) == ("a list", "baseline", "Example hotline")
        assert match["transform"].startswith("rotated")
        assert 0 <= match["distance_bits"] <= 31


class TestChangingSources:
    def test_a_file_that_changes_while_it_is_read_says_so(self, tmp_path, monkeypatch):
        fill(tmp_path / "in", {"a.jpg": picture(1), "b.jpg": picture(2)})
        really = Examiner.examine

        def examine(self, descriptor, **more):
            if os.fstat(descriptor).st_ino == (tmp_path / "in/a.jpg").stat().st_ino:
                with (tmp_path / "in/a.jpg").open("ab") as file:
                    file.write(b"more")
            return really(self, descriptor, **more)

        monkeypatch.setattr(Examiner, "examine", examine)
        run(tmp_path / "in", tmp_path / "out")
        found = by_path(tmp_path / "out")
        assert (found["a.jpg"]["verdict"], found["a.jpg"]["problem_code"]) == (
            "not-examined",
            "source.changed-while-read",
        )
        assert found["a.jpg"]["sha256"] is None
        assert found["b.jpg"]["verdict"] == "unknown"

    def test_a_known_file_stays_known_though_it_changes(self, tmp_path, monkeypatch, mix, known):
        fill(tmp_path / "in", {"k.jpg": (mix / "a0/0.jpg").read_bytes()})
        monkeypatch.setattr("vigie.fingerprints.source.Source.check_unchanged", _say_changed)
        run(tmp_path / "in", tmp_path / "out", lists=[known])
        row = by_path(tmp_path / "out")["k.jpg"]
        assert (row["verdict"], row["problem_code"]) == ("known", "source.changed-while-read")

    def test_files_that_are_gone_or_shut_after_the_walk_have_their_rows(self, tmp_path, monkeypatch):
        source = fill(tmp_path / "in", {"gone.txt": b"x" * 99, "folder/inside.txt": b"x" * 99, "stays.txt": b"y" * 99})

        def examine(self, crew, *, stop):
            (source / "gone.txt").unlink()
            (source / "folder/inside.txt").unlink()
            (source / "folder").rmdir()
            return really(self, crew, stop=stop)

        really = scan._Scan.examine
        monkeypatch.setattr(scan._Scan, "examine", examine)
        run(source, tmp_path / "out")
        assert {path: row["problem_code"] for path, row in by_path(tmp_path / "out").items()} == {
            "gone.txt": "source.missing",
            "folder/inside.txt": "scan.folder-gone",
            "stays.txt": None,
        }


class TestReport:
    def test_a_real_result_has_its_page(self, undisturbed):
        with Results.open(undisturbed[0]) as opened:
            assert opened.total().files == sum(amount.files for amount in opened.by_verdict().values())
            assert {group.group.value for group in opened.groups()} >= {"unknown", "unreadable"}
            assert Path(undisturbed[0], "manifest.json").exists()


def _say_changed(self):
    raise ChangedSourceError("changed")
