# SPDX-License-Identifier: Apache-2.0
import hashlib
import json
import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from unit.evidence.results_folder import LINES, manifest_of
from vigie.evidence import manifest, results, row
from vigie.evidence.manifest import (
    DamagedResultError,
    ForeignResultError,
    NewerResultError,
    NoResultError,
)
from vigie.evidence.results import Amount, Group, Labelled, Results, UnsuitableFolderNameError
from vigie.evidence.row import Statement


@pytest.fixture
def folder(tmp_path):
    parts = [
        results.write_part([b"".join(LINES[:4])], folder=tmp_path, number=1),
        results.write_part(LINES[4:], folder=tmp_path, number=2),
    ]
    manifest.write(tmp_path, manifest_of(parts))
    return tmp_path


class TestWritePart:
    def test_writes_one_private_file_and_leaves_nothing_else(self, tmp_path):
        part = results.write_part(LINES, folder=tmp_path, number=7)
        (written,) = (tmp_path / "parts").iterdir()
        assert (written.name, part.name, part.rows) == ("part-000007.parquet", "part-000007.parquet", len(LINES))
        assert stat.S_IMODE(written.stat().st_mode) == 0o600
        assert part.sha256 == hashlib.sha256(written.read_bytes()).hexdigest()
        assert part.size_bytes == written.stat().st_size

    def test_gives_the_same_bytes_for_the_same_rows(self, tmp_path):
        first = results.write_part(LINES, folder=tmp_path, number=1)
        assert results.write_part([b"".join(LINES)], folder=tmp_path, number=1) == first

    def test_replaces_what_a_crash_left(self, tmp_path):
        (tmp_path / "parts").mkdir()
        for leftover in ("part-000001.parquet", "part-000001.parquet.new", "part-000001.parquet.rows"):
            (tmp_path / "parts" / leftover).write_bytes(b"half")
        results.write_part(LINES, folder=tmp_path, number=1)
        assert [path.name for path in (tmp_path / "parts").iterdir()] == ["part-000001.parquet"]


class TestOpen:
    def test_refuses_a_part_with_one_changed_byte(self, folder):
        path = folder / "parts" / "part-000001.parquet"
        changed = bytearray(path.read_bytes())
        changed[len(changed) // 2] ^= 1
        path.write_bytes(changed)
        with pytest.raises(DamagedResultError, match="part-000001"):
            Results.open(folder)

    def test_refuses_a_missing_part(self, folder):
        (folder / "parts" / "part-000002.parquet").unlink()
        with pytest.raises(DamagedResultError):
            Results.open(folder)

    def test_refuses_a_changed_or_cut_manifest(self, folder):
        text = (folder / "manifest.json").read_text()
        for damaged in (text.replace('"unknown": 3', '"unknown": 2'), text[: len(text) // 2]):
            (folder / "manifest.json").write_text(damaged)
            with pytest.raises(DamagedResultError):
                Results.open(folder)

    def test_refuses_a_part_outside_the_folder(self, folder):
        told = json.loads((folder / "manifest.json").read_text())
        told["manifest"]["parts"][0]["name"] = "../../part-000001.parquet"
        (folder / "manifest.json").write_text(json.dumps(told))
        with pytest.raises(DamagedResultError):
            Results.open(folder)

    def test_refuses_a_newer_layout(self, folder):
        manifest.write(folder, manifest_of([], layout=manifest.LAYOUT + 1))
        with pytest.raises(NewerResultError):
            Results.open(folder)

    @pytest.mark.parametrize("text", ["{}", "[]", '{"manifest": {"kind": "cake", "layout": 1}}'])
    def test_refuses_a_manifest_of_something_else(self, tmp_path, text):
        (tmp_path / "manifest.json").write_text(text)
        with pytest.raises(ForeignResultError):
            Results.open(tmp_path)

    def test_refuses_a_folder_without_a_result(self, tmp_path):
        for folder in (tmp_path, tmp_path / "missing"):
            with pytest.raises(NoResultError):
                Results.open(folder)

    def test_refuses_a_folder_name_that_is_not_utf8(self, tmp_path):
        with pytest.raises(UnsuitableFolderNameError):
            Results.open(tmp_path / os.fsdecode(b"\xff"))

    def test_reads_folders_with_names_that_look_like_patterns(self, tmp_path):
        folder = tmp_path / "it's [1]*?"
        folder.mkdir()
        manifest.write(folder, manifest_of([results.write_part(LINES, folder=folder, number=1)]))
        with Results.open(folder) as opened:
            assert opened.total().files == len(LINES)
            assert len(list(opened.rows())) == len(LINES)


class TestQuestions:
    @pytest.fixture
    def opened(self, folder):
        with Results.open(folder) as opened:
            yield opened

    @pytest.mark.parametrize("start", range(len(LINES) + 2))
    def test_gives_the_rows_from_any_number_on(self, folder, start):
        with Results.open(folder) as opened:
            assert list(opened.rows(start=start)) == list(opened.rows())[start:]

    def test_counts_files_contents_and_bytes(self, opened):
        assert opened.total() == Amount(files=7, contents=5, size_bytes=3 + 3 + 5 + 5 + 5 + 6)
        assert opened.by_verdict() == {
            "known": Amount(1, 1, 5),
            "near": Amount(1, 1, 5),
            "not-examined": Amount(1, 0, None),
            "unknown": Amount(3, 2, 11),
            "unreadable": Amount(1, 1, 6),
        }

    def test_counts_by_label_kind_and_problem(self, opened):
        assert opened.by_label() == [
            Labelled("hotlines", "vics-us", "1", "known", 1, 1),
            Labelled("hotlines", "vics-us", "2", "known", 1, 1),
            Labelled("hotlines", "vics-us", "2", "near", 1, 1),
        ]
        assert [(k.kind, k.format, k.amount.files) for k in opened.by_kind()] == [
            ("picture", "jpeg", 3),
            ("link", None, 1),
            ("picture", "png", 1),
            ("picture", None, 1),
            ("video", "mp4", 1),
        ]
        assert [(p.code, p.files) for p in opened.by_problem()] == [("walk.link", 1), ("pictures.truncated", 1)]
        assert [(p.code, p.sentence, p.files) for p in opened.by_reason("unreadable")] == [
            ("pictures.truncated", "It ends early.", 1)
        ]
        assert opened.confinement() == [(["seccomp"], 3)]

    def test_gives_each_content_to_look_at_once_with_its_copies(self, opened):
        found = [(look.group, look.copies, look.row["path"]) for look in opened.unknown()]
        assert found == [
            (Group.UNKNOWN, 2, "a/one.jpg"),
            (Group.UNKNOWN, 1, "three.jpg"),
            (Group.NEAR, 1, "v.mp4"),
            (Group.UNREADABLE, 1, "<script>alert(1)</script>\\u202e.jpg"),
        ]
        assert [(g.group, g.kind, g.contents, g.files) for g in opened.groups()] == [
            (Group.UNKNOWN, "picture", 2, 3),
            (Group.NEAR, "video", 1, 1),
            (Group.UNREADABLE, "picture", 1, 1),
        ]

    def test_gives_what_matches_the_known_first(self, opened):
        assert [row["path"] for row in opened.matched()] == ["k.png", "v.mp4"]

    def test_gives_every_row_in_order_with_every_column(self, opened):
        rows = list(opened.rows())
        assert [r["path"] for r in rows] == [
            "a/one.jpg",
            "b\\xff/copy.jpg",
            "three.jpg",
            "v.mp4",
            "k.png",
            "<script>alert(1)</script>\\u202e.jpg",
            "link",
        ]
        assert all(list(r) == list(results.COLUMNS) for r in rows)
        one, copy, member, video, known, _, link = rows
        assert one["sha256"] == hashlib.sha256(b"one").digest()
        assert one["modified_at"] == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
        assert (one["path_bytes"], copy["path_bytes"]) == (None, b"b\xff/copy.jpg")
        assert member["container"] == ["c.zip", "in\\xff.tar"]
        assert member["container_bytes"] == [b"c.zip", b"in\xff.tar"]
        assert video["modified_at"] is None
        assert video["frames"] == [{"at_seconds": 0.5, "until_seconds": 1.0, "pdq": b"\x01" * 32, "pdq_quality": 77}]
        assert video["matches"][0]["time_ranges"] == {
            "query": [{"start_seconds": 0.5, "end_seconds": 1.0}],
            "known": [{"start_seconds": 2.0, "end_seconds": 2.5}],
        }
        assert video["matches"][0]["asserted_at"] == datetime(2026, 1, 1, 12, 30, tzinfo=UTC)
        assert known["matches"][0]["collision_prone"] is False
        assert (link["sha256"], link["size_bytes"], link["frames"]) == (None, None, [])

    def test_answers_for_an_empty_source(self, tmp_path):
        manifest.write(tmp_path, manifest_of([]))
        with Results.open(tmp_path) as opened:
            assert opened.total() == Amount(0, 0, 0)
            assert opened.by_label() == opened.by_kind() == list(opened.unknown()) == list(opened.rows()) == []


class TestStore:
    def test_columns_are_those_of_a_row(self):
        written = {*row.Place.__struct_fields__, *Statement.__struct_fields__}
        assert written - {"modified_us"} | {"modified_at"} == set(results.COLUMNS)

    def test_reads_no_file_it_did_not_write(self):
        assert Path(results.__file__).read_text().count("INSTALL") == 0
