# SPDX-License-Identifier: Apache-2.0
"""The command line as its users meet it: what it prints, what it refuses, with which exit status."""

import base64
import os
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from features.commands import run, schema
from vigie.cli import output
from vigie.cli import scan as scans
from vigie.cli.main import main


class TestHash:
    def test_prints_one_line_a_file_in_order_and_by_the_schema(self, media, capsys):
        code, rows, said = run(capsys, "hash", media / "found", media / "known.jpg")
        assert (code, said) == (0, "")
        assert [Path(row["path"]).name for row in rows] == [
            "copy.jpg",
            "cut.jpg",
            "notes.txt",
            "stranger.jpg",
            "known.jpg",
        ]
        for row in rows:
            schema("hash.schema.json").validate(row)
        assert rows[1]["problem"]["code"] == "decode.truncated"
        assert [row["kind"] for row in rows] == ["picture", "picture", "other", "picture", "picture"]

    def test_a_name_that_is_not_utf8_is_given_as_bytes_too(self, media, capsys, tmp_path):
        raw = os.fsencode(tmp_path) + b"/p\xff\n.jpg"
        Path(os.fsdecode(raw)).write_bytes((media / "known.jpg").read_bytes())
        _, rows, _ = run(capsys, "hash", tmp_path)
        schema("hash.schema.json").validate(rows[0])
        assert base64.b64decode(rows[0]["path_bytes"]) == raw
        assert rows[0]["path"].endswith("p\\xff\\x0a.jpg")
        assert rows[0]["kind"] == "picture"

    def test_no_name_can_steer_the_terminal(self, media, capsys, tmp_path, monkeypatch):
        for name in ("esc\x1b[31m.jpg", "turn\u202egpj.exe", "line\nbreak.jpg"):
            (tmp_path / name).write_bytes((media / "known.jpg").read_bytes())
        monkeypatch.setattr(output, "wants_json", lambda asked: False)
        monkeypatch.setenv("COLUMNS", "300")
        assert main(["hash", str(tmp_path)]) == 0
        printed = capsys.readouterr().out
        assert not {"\x1b", "\u202e"} & set(printed)
        assert "esc\\x1b[31m.jpg" in printed

    def test_links_fifos_and_devices_are_rows_with_their_reason(self, media, capsys, tmp_path):
        (tmp_path / "link").symlink_to(media / "known.jpg")
        os.mkfifo(tmp_path / "pipe")
        code, rows, _ = run(capsys, "hash", tmp_path, "/dev/zero")
        assert code == 0
        assert all(row["problem"] and row["sha256"] is None for row in rows)
        assert len(rows) == 3

    def test_a_missing_path_is_said_after_the_others_were_done(self, media, capsys):
        code, rows, said = run(capsys, "hash", media / "nothing.jpg", media / "known.jpg")
        assert code == 3
        assert [row["problem"] and row["problem"]["code"] for row in rows] == ["source.missing", None]
        assert "1 of 2 paths do not exist" in said


class TestMatch:
    def test_says_of_each_file_what_it_is_and_why(self, media, known, capsys):
        code, rows, said = run(capsys, "match", "--list", known, media / "found", media / "known.jpg")
        assert (code, said) == (0, "")
        verdicts = {Path(row["path"]).name: row["verdict"] for row in rows}
        assert verdicts == {
            "copy.jpg": "near",
            "cut.jpg": "unreadable",
            "notes.txt": "not-media",
            "stranger.jpg": "unknown",
            "known.jpg": "known",
        }
        for row in rows:
            schema("match.schema.json").validate(row)
            assert row["reason"]
        near = rows[0]["matches"][0]
        assert (near["list"], near["asserted_by"], near["label"]) == ("test", "Test unit", "sample")
        assert near["distance_bits"] <= 10

    def test_files_in_an_archive_are_rows_with_their_container(self, media, known, capsys, tmp_path):
        with zipfile.ZipFile(tmp_path / "bundle.zip", "w") as bundle:
            bundle.write(media / "found" / "copy.jpg", "../../inside.jpg")
        _, rows, _ = run(capsys, "match", "--list", known, tmp_path / "bundle.zip")
        assert [row["verdict"] for row in rows] == ["near", "not-media"]
        assert rows[0]["container"] == [str(tmp_path / "bundle.zip")]
        assert rows[0]["path"] == "../../inside.jpg"
        for row in rows:
            schema("match.schema.json").validate(row)

    def test_turned_copies_match_where_the_list_says_so(self, media, capsys, tmp_path):
        Image.open(media / "known.jpg").transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.jpg", quality=90)
        for option, verdict in ((["--no-turns"], "unknown"), ([], "near")):
            path = tmp_path / f"list{len(option)}"
            assert main(["list", "create", str(path), "--name", "t", "--from", str(media / "known.jpg"), *option]) == 0
            _, rows, _ = run(capsys, "match", "--list", path, tmp_path / "turned.jpg")
            assert rows[0]["verdict"] == verdict
        assert rows[0]["matches"][0]["transform"] == "rotated-270"


class TestScan:
    def test_scans_reports_and_lists_what_to_look_at(self, media, known, capsys, tmp_path):
        out = tmp_path / "result"
        code, rows, _ = run(capsys, "scan", media / "found", "--list", known, "--out", out)
        assert code == 0
        assert rows[0]["complete"]
        assert rows[0]["verdicts"]["near"] == 1
        _, rows, _ = run(capsys, "unknown", out)
        assert {row["group"] for row in rows} == {"unknown", "near", "unreadable"}
        assert all(row["path"] is None for row in rows)
        _, rows, _ = run(capsys, "unknown", out, "--show-names")
        assert {row["path"] for row in rows} == {"stranger.jpg", "copy.jpg", "cut.jpg"}
        page = tmp_path / "report.html"
        _, rows, _ = run(capsys, "report", out, "--html", page, "--language", "nl")
        assert rows[-1]["files"] == 4
        assert 'lang="nl"' in page.read_text(encoding="utf-8")
        assert "stranger" not in page.read_text(encoding="utf-8")
        code, rows, said = run(capsys, "scan", media / "found", "--list", known, "--out", out)
        assert (code, rows[0]["was_complete"]) == (0, True)
        assert "complete already" in said

    def test_a_result_of_other_lists_is_refused(self, media, known, capsys, tmp_path):
        out, other = tmp_path / "result", tmp_path / "other"
        run(capsys, "scan", media / "found", "--list", known, "--out", out)
        main(["list", "create", str(other), "--name", "o", "--from", str(media / "found" / "stranger.jpg")])
        code, _, said = run(capsys, "scan", media / "found", "--list", other, "--out", out)
        assert code == 5
        assert said.count("\n") == 1

    def test_a_scan_without_a_first_part_is_not_shown_as_empty(self, media, known, capsys, tmp_path, monkeypatch):
        monkeypatch.setattr(scans.Event, "is_set", lambda _: True)
        out = tmp_path / "result"
        code, rows, said = run(capsys, "scan", media / "found", "--list", known, "--out", out)
        assert (code, rows) == (130, [])
        assert "Go on with" in said
        monkeypatch.undo()
        for command in ("report", "unknown"):
            code, rows, said = run(capsys, command, out)
            assert (code, rows) == (5, [])
            assert "repeat its command" in said


class TestUsage:
    @pytest.mark.parametrize(
        "arguments", [[], ["list"], ["hash"], ["match", "x"], ["scan", "x"], ["report"], ["frobnicate"]]
    )
    def test_wrong_arguments_exit_with_2_and_say_the_usage(self, arguments, capsys):
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        assert stopped.value.code == 2
        assert "usage: vigie" in capsys.readouterr().err

    @pytest.mark.parametrize("workers", ["0", "-1", "1000"])
    def test_an_absurd_number_of_workers_is_refused(self, workers, media, capsys):
        assert run(capsys, "hash", media / "known.jpg", "--workers", workers)[0] == 2

    def test_every_command_has_help_with_an_example(self, capsys):
        for command in (["hash"], ["match"], ["scan"], ["report"], ["unknown"], ["demo"], ["list", "create"]):
            with pytest.raises(SystemExit) as stopped:
                main([*command, "--help"])
            assert stopped.value.code == 0
            assert "Example: vigie" in capsys.readouterr().out
