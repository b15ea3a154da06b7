# SPDX-License-Identifier: Apache-2.0
"""The command line as its users meet it: what it prints, what it refuses, with which exit status."""

import base64
import json
import os
import zipfile
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from PIL import Image

from vigie.cli import output, samples
from vigie.cli import scan as scans
from vigie.cli.main import main

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    """A folder with a benign landscape, a compressed copy, a stranger, a text and a cut picture."""
    folder = tmp_path_factory.mktemp("media")
    scene = Image.fromarray(samples.landscape(1))
    scene.save(folder / "known.jpg", quality=92)
    (folder / "found").mkdir()
    scene.save(folder / "found" / "copy.jpg", quality=40)
    Image.fromarray(samples.landscape(2)).save(folder / "found" / "stranger.jpg", quality=90)
    (folder / "found" / "notes.txt").write_text("Apples and bread, and some more text to read.\n" * 3, encoding="utf-8")
    (folder / "found" / "cut.jpg").write_bytes((folder / "known.jpg").read_bytes()[:4000])
    return folder


@pytest.fixture(scope="module")
def known(media):
    path = media / "known.vigie"
    claim = ["--scheme", "demonstration", "--label", "sample", "--by", "Test unit"]
    assert main(["list", "create", str(path), "--name", "test", "--from", str(media / "known.jpg"), *claim]) == 0
    return path


def run(capsys, *arguments):
    """Run a command; return its exit code, its lines as JSON, and what it said."""
    capsys.readouterr()
    code = main([str(argument) for argument in arguments])
    printed = capsys.readouterr()
    return code, [json.loads(line) for line in printed.out.splitlines()], printed.err


def schema(name):
    return jsonschema.Draft202012Validator(json.loads((REFERENCE / name).read_text(encoding="utf-8")))


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


LIST_REFUSALS = {
    "missing": (None, 3, "cli.missing-list"),
    "empty": (lambda whole: b"", 2, "snapshot.foreign"),
    "another-kind": (lambda whole: b"not a list" * 1000, 2, "snapshot.foreign"),
    "truncated": (lambda whole: whole[: len(whole) // 2], 6, "snapshot.damaged"),
    "newer": (lambda whole: whole[:8] + b"\x09" + whole[9:], 2, "snapshot.newer-format"),
}


class TestRefusedLists:
    @pytest.mark.parametrize("defect", LIST_REFUSALS)
    def test_is_refused_in_one_line(self, defect, media, known, capsys, tmp_path):
        change, code, name = LIST_REFUSALS[defect]
        path = tmp_path / "list"
        if change is not None:
            path.write_bytes(change(known.read_bytes()))
        found = run(capsys, "match", "--list", path, media / "known.jpg")
        assert found[0] == code
        assert found[1] == []
        assert f"[{name}]" in found[2]
        assert found[2].count("\n") == 1

    def test_a_stale_list_is_refused(self, media, capsys, tmp_path):
        path = tmp_path / "list"
        main(["list", "create", str(path), "--name", "t", "--from", str(media), "--valid-until", "2020-01-01"])
        code, rows, said = run(capsys, "match", "--list", path, media / "known.jpg")
        assert (code, rows) == (6, [])
        assert "validity has passed" in said

    def test_a_list_of_another_issuer_is_refused_when_a_key_is_given(self, media, known, capsys, tmp_path):
        for name in ("own", "other"):
            assert main(["list", "keygen", str(tmp_path / f"{name}.key"), str(tmp_path / f"{name}.pub")]) == 0
        signed = tmp_path / "signed"
        main(["list", "create", str(signed), "--name", "t", "--from", str(known), "--sign", str(tmp_path / "own.key")])
        asked = ["match", "--list", signed, "--key"]
        assert run(capsys, *asked, tmp_path / "own.pub", media / "known.jpg")[0] == 0
        code, rows, said = run(capsys, *asked, tmp_path / "other.pub", media / "known.jpg")
        assert (code, rows) == (6, [])
        assert "lists.unknown-issuer" in said
        code, _, said = run(capsys, "match", "--list", known, "--key", tmp_path / "own.pub", media / "known.jpg")
        assert code == 6
        assert "not signed" in said

    def test_a_signed_list_is_changed_only_after_its_signature_was_checked(self, media, capsys, tmp_path):
        own, public, path = (tmp_path / name for name in ("own.key", "own.pub", "signed"))
        assert main(["list", "keygen", str(own), str(public)]) == 0
        source, stranger = media / "known.jpg", media / "found" / "stranger.jpg"
        main(["list", "create", str(path), "--name", "t", "--from", str(source), "--sign", str(own)])
        change = ["list", "add", path, "--from", stranger, "--sign", own]
        assert run(capsys, *change)[0] == 4
        assert run(capsys, *change, "--key", public)[0] == 0
        assert run(capsys, "match", "--list", path, "--key", public, stranger)[1][0]["verdict"] == "known"

    def test_an_encrypted_list_opens_with_its_passphrase_alone(self, media, known, capsys, tmp_path):
        (tmp_path / "words").write_text("a long passphrase\n", encoding="utf-8")
        (tmp_path / "wrong").write_text("another one\n", encoding="utf-8")
        sealed = tmp_path / "sealed"
        main(
            [
                "list",
                "create",
                str(sealed),
                "--name",
                "t",
                "--from",
                str(known),
                "--encrypt-with",
                str(tmp_path / "words"),
            ]
        )
        assert b"Test unit" not in sealed.read_bytes()
        asked = ["match", "--list", sealed, media / "known.jpg"]
        code, rows, _ = run(capsys, *asked, "--passphrase", tmp_path / "words")
        assert (code, rows[0]["verdict"]) == (0, "known")
        assert run(capsys, *asked, "--passphrase", tmp_path / "wrong")[0] == 6
        assert run(capsys, *asked)[0] == 4


SOURCES = {
    "wrong-columns": "md5,colour\n" + "0" * 32 + ",blue\n",
    "odd-length-of-hex": "md5\n" + "0" * 31 + "\n",
    "not-hex": "sha256\n" + "z" * 64 + "\n",
    "empty": "",
}


class TestListSources:
    @pytest.mark.parametrize("defect", SOURCES)
    def test_a_table_that_is_no_table_of_fingerprints_is_refused_whole(self, defect, capsys, tmp_path):
        (tmp_path / "table.csv").write_text(SOURCES[defect], encoding="utf-8")
        code, _, said = run(capsys, "list", "create", tmp_path / "l", "--name", "t", "--from", tmp_path / "table.csv")
        assert code == 2
        assert "[lists." in said
        assert not (tmp_path / "l").exists()

    def test_bad_lines_may_be_left_out_and_are_counted(self, capsys, tmp_path):
        digest = np.random.default_rng(0).integers(0, 256, 32, dtype=np.uint8).tobytes().hex()
        (tmp_path / "table.csv").write_text(f"sha256\n{digest}\nzz\n", encoding="utf-8")
        source = ["--from", tmp_path / "table.csv"]
        code, rows, _ = run(capsys, "list", "create", tmp_path / "l", "--name", "t", *source, "--skip-bad")
        assert code == 0
        assert rows[0]["entries"] == 1
        assert sum(remark["count"] for remark in rows[0]["remarks"]) == 1

    def test_what_is_exported_makes_the_same_list_again(self, known, media, capsys, tmp_path):
        for form in ("jsonl", "csv"):
            table, again = tmp_path / f"known.{form}", tmp_path / f"again-{form}"
            assert run(capsys, "list", "export", known, "--to", table, "--format", form)[0] == 0
            assert run(capsys, "list", "create", again, "--name", "test", "--from", table)[0] == 0
            _, first, _ = run(capsys, "list", "export", known)
            _, second, _ = run(capsys, "list", "export", again)
            assert first == second

    def test_an_existing_list_is_never_overwritten(self, known, media, capsys):
        before = known.read_bytes()
        code, _, said = run(capsys, "list", "create", known, "--name", "t", "--from", media)
        assert code == 5
        assert "[lists.exists]" in said
        assert known.read_bytes() == before


class TestListChanges:
    def test_each_change_counts_up_the_version_and_takes_effect(self, known, media, capsys, tmp_path):
        path = tmp_path / "list"
        path.write_bytes(known.read_bytes())
        stranger = media / "found" / "stranger.jpg"
        code, rows, _ = run(capsys, "list", "add", path, "--from", stranger)
        assert (code, rows[0]["version"], rows[0]["added"]) == (0, 2, 1)
        _, matched, _ = run(capsys, "match", "--list", path, stranger)
        assert matched[0]["verdict"] == "known"
        digest = run(capsys, "hash", stranger)[1][0]["sha256"]
        code, rows, _ = run(capsys, "list", "remove", path, "--fingerprint", digest)
        assert (code, rows[0]["version"], rows[0]["entries"]) == (0, 3, 1)
        _, matched, _ = run(capsys, "match", "--list", path, stranger)
        assert matched[0]["verdict"] == "unknown"
        code, _, said = run(capsys, "list", "remove", path, "--fingerprint", digest)
        assert code == 3
        assert "not on the list" in said

    def test_a_negative_list_gates_what_it_names(self, known, media, capsys, tmp_path):
        negative = tmp_path / "negative"
        main(["list", "create", str(negative), "--name", "n", "--from", str(media / "known.jpg"), "--negative"])
        _, rows, _ = run(capsys, "match", "--list", known, "--list", negative, media / "found" / "copy.jpg")
        assert rows[0]["verdict"] == "gated"
        assert rows[0]["matches"] == []

    def test_verify_reads_every_byte(self, known, capsys, tmp_path):
        code, rows, _ = run(capsys, "list", "verify", known)
        assert (code, rows[0]["verified"]) == (0, True)
        whole = bytearray(known.read_bytes())
        whole[-5000] ^= 1
        (tmp_path / "bad").write_bytes(whole)
        assert run(capsys, "list", "verify", tmp_path / "bad")[0] == 6


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


class TestSources:
    def test_a_link_that_leads_nowhere_costs_only_itself(self, media, capsys, tmp_path):
        (tmp_path / "loop").symlink_to("loop")
        code, rows, _ = run(capsys, "hash", tmp_path / "loop", media / "known.jpg")
        assert code == 0
        assert [row["problem"] is None for row in rows] == [False, True]

    @pytest.mark.parametrize("name", ["pipe", "bundle.zip"])
    def test_a_list_is_not_made_from_a_pipe_or_an_archive(self, name, capsys, tmp_path):
        os.mkfifo(tmp_path / "pipe")
        with zipfile.ZipFile(tmp_path / "bundle.zip", "w") as bundle:
            bundle.writestr("a", b"b" * 100)
        code, _, said = run(capsys, "list", "create", tmp_path / "l", "--name", "t", "--from", tmp_path / name)
        assert code == 2
        assert "[cli.unusable-source]" in said

    def test_a_list_of_nothing_is_refused(self, capsys, tmp_path):
        (tmp_path / "table.csv").write_text("sha256\n", encoding="utf-8")
        code, _, said = run(capsys, "list", "create", tmp_path / "l", "--name", "t", "--from", tmp_path / "table.csv")
        assert code == 2
        assert "[cli.nothing-to-list]" in said

    def test_a_negative_list_does_not_become_one_that_matches(self, media, capsys, tmp_path):
        negative = tmp_path / "negative"
        main(["list", "create", str(negative), "--name", "n", "--from", str(media / "known.jpg"), "--negative"])
        code, _, said = run(capsys, "list", "create", tmp_path / "l", "--name", "t", "--from", negative)
        assert code == 2
        assert "negative" in said

    def test_a_list_given_twice_is_refused(self, media, known, capsys):
        code, rows, said = run(capsys, "match", "--list", known, "--list", known, media / "known.jpg")
        assert (code, rows) == (2, [])
        assert "[cli.repeated-list]" in said

    def test_the_validity_of_a_list_can_be_renewed(self, media, capsys, tmp_path):
        path = tmp_path / "list"
        source = media / "known.jpg"
        main(["list", "create", str(path), "--name", "t", "--from", str(source), "--valid-until", "2020-01-01"])
        assert run(capsys, "match", "--list", path, source)[0] == 6
        assert run(capsys, "list", "add", path, "--from", source, "--valid-until", "2999-01-01")[0] == 0
        assert run(capsys, "match", "--list", path, source)[0] == 0


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
