# SPDX-License-Identifier: Apache-2.0
"""`vigie list` as its users meet it: what is refused, what is kept, what each change does."""

import os
import zipfile

import numpy as np
import pytest

from features.commands import run
from vigie.cli.main import main

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
