# SPDX-License-Identifier: Apache-2.0
import base64
import hashlib
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from node.append_only import lifted
from node.audited import events
from node.features.audit.audit_building import record, sequence
from vigie_node.audit import actions, heads, merkle, models, queries
from vigie_node.cli import main

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(capsys):
    def run(*arguments):
        capsys.readouterr()
        code = main.main(["audit", *map(str, arguments)])
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def audit():
    record(5)
    sequence()


def lines(text):
    return [json.loads(one) for one in text.splitlines()]


class TestHead:
    def test_is_a_small_file_that_can_be_checked_alone(self, run, audit, tmp_path):
        assert run("head", "--out", tmp_path / "head.json") == (0, "", "")
        text = (tmp_path / "head.json").read_text()
        assert len(text) < 1500
        signed = heads.load(text)
        heads.check(signed, trusted=heads.keyring([heads.public_key(json.loads(text)["public_key"])]))
        assert signed == queries.latest_head()
        assert [one.name for one in tmp_path.iterdir()] == ["head.json"]

    def test_is_also_a_signed_note_for_other_programs(self, run, audit):
        found = json.loads(run("head")[1])
        text, _, signatures = found["note"].partition("\n\n")
        dash, name, signature = signatures.split()
        raw = base64.b64decode(signature)
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(found["public_key"].partition(":")[2]))
        assert (dash, name) == ("—", text.splitlines()[0])
        assert text.splitlines()[1:3] == ["5", base64.b64encode(queries.latest_head().head.root).decode()]
        assert raw[:4] == hashlib.sha256(name.encode() + b"\n\x01" + key.public_bytes_raw()).digest()[:4]
        key.verify(raw[4:], text.encode() + b"\n")

    def test_says_when_there_is_none_yet(self, run):
        code, out, err = run("head")
        assert (code, out) == (3, "")
        assert "[audit.no-head]" in err

    def test_signed_by_another_key_is_not_given_away(self, run, audit, settings):
        settings.SIGNING_KEY = heads.new_signing_key()
        code, out, err = run("head")
        assert (code, out) == (6, "")
        assert "[audit.false-head]" in err


class TestVerify:
    def test_says_what_is_whole(self, run, audit):
        record(2)
        code, out, err = run("verify")
        assert (code, err) == (0, "")
        assert lines(out) == [{"events": 5, "heads": 1, "unsequenced": 2, "against": 0, "faults": 0, "is_whole": True}]

    def test_lists_what_is_wrong_and_fails(self, run, audit):
        with lifted():
            models.Event.objects.filter(sequence=3).delete()
        code, out, err = run("verify")
        assert code == 6
        assert lines(out)[0] == {"fault": "DROPPED", "sequence": 3, "last": 3}
        assert lines(out)[-1]["faults"] == 1
        assert "[audit.faults]" in err

    def test_tells_a_person_in_words(self, run, audit, monkeypatch):
        monkeypatch.setattr("vigie_node.cli.output.is_for_a_person", lambda: True)
        with lifted():
            models.Event.objects.filter(sequence=3).delete()
        out = run("verify")[1]
        assert "rows are missing" in out
        assert "4 events" not in out.splitlines()[0]

    def test_compares_with_heads_given_away_earlier(self, run, audit, tmp_path):
        run("head", "--out", tmp_path / "head.json")
        run("prove", 2, "--out", tmp_path / "proof.json")
        record(3)
        sequence()
        against = ("--against", tmp_path / "head.json", "--against", tmp_path / "proof.json")
        code, out, _ = run("verify", *against)
        assert (code, lines(out)[-1]["against"]) == (0, 2)

    def test_takes_an_earlier_key(self, run, audit, settings, tmp_path):
        key = tmp_path / "former.pub"
        key.write_text(heads.public_line(actions.signer().public_key))
        settings.SIGNING_KEY = heads.new_signing_key()
        record(1)
        sequence()
        assert run("verify")[0] == 6
        assert run("verify", "--key", key)[0] == 0

    @pytest.mark.parametrize("text", ["", "{}", "[]", "nothing", '{"format": "vigie-audit-head/1", "size": "5"}'])
    def test_refuses_what_is_no_head_or_key(self, run, audit, tmp_path, text):
        (tmp_path / "file").write_text(text)
        for option in ("--against", "--key"):
            code, _, err = run("verify", option, tmp_path / "file")
            assert code == 2
            assert "[audit.malformed-head]" in err

    def test_refuses_a_file_that_is_no_text(self, run, audit, tmp_path):
        (tmp_path / "file").write_bytes(b"\x7fELF\xd0\xff")
        for option in (("verify", "--against"), ("verify", "--key"), ("prove", 3, "--since")):
            assert run(*option, tmp_path / "file")[0] == 2

    def test_says_when_a_file_is_not_there(self, run, audit, tmp_path):
        assert run("verify", "--against", tmp_path / "absent.json")[0] == 3


class TestProve:
    def test_can_be_checked_without_the_node(self, run, audit, tmp_path):
        run("head", "--out", tmp_path / "head.json")
        record(4)
        sequence()
        code, _, _ = run("prove", 3, "--since", tmp_path / "head.json", "--out", tmp_path / "proof.json")
        assert code == 0
        proof = json.loads((tmp_path / "proof.json").read_text())
        size, root = proof["head"]["size"], base64.b64decode(proof["head"]["root"])
        leaf = hashlib.sha256(b"\x00" + base64.b64decode(proof["record_base64"])).digest()
        path = [base64.b64decode(one) for one in proof["path"]]
        merkle.check_inclusion(leaf, index=proof["sequence"] - 1, size=size, path=path, root=root)
        since = proof["since"]
        merkle.check_consistency(
            old_size=since["size"], old_root=base64.b64decode(since["root"]), size=size, root=root,
            path=[base64.b64decode(one) for one in since["path"]],
        )  # fmt: skip
        assert json.loads(proof["record"])["subject"] == "3"

    def test_finds_an_event_by_its_id(self, run, audit):
        event = models.Event.objects.get(sequence=4)
        with events() as found:
            assert json.loads(run("prove", event.event_id)[1])["sequence"] == 4
        assert [(one.event, one.subject, one.details) for one in found] == [("AUDIT_EXPORTED", "4", {"up_to": 5})]

    @pytest.mark.parametrize("event", ["0", "6", "9" * 12, "9" * 40, "018f0000-0000-7000-8000-000000000001", "x"])
    def test_says_when_there_is_no_such_event(self, run, audit, event):
        code, out, err = run("prove", event)
        assert (code, out) == (3, "")
        assert "[audit.unknown-event]" in err

    def test_is_not_made_of_an_altered_row(self, run, audit):
        with lifted():
            models.Event.objects.filter(sequence=3).update(record=b"{}")
        code, out, err = run("prove", 3)
        assert (code, out) == (6, "")
        assert "[audit.false-proof]" in err

    def test_is_not_made_for_a_head_of_another_history(self, run, audit, tmp_path):
        head = json.loads(run("head")[1])
        (tmp_path / "other.json").write_text(json.dumps(head | {"size": 4}))
        (tmp_path / "later.json").write_text(json.dumps(head | {"size": 9}))
        for name in ("other.json", "later.json"):
            assert run("prove", 3, "--since", tmp_path / name)[0] == 6


class TestHelp:
    @pytest.mark.parametrize("command", [(), ("head",), ("verify",), ("prove",)])
    def test_has_an_example(self, run, command, capsys):
        with pytest.raises(SystemExit):
            main.main(["audit", *command, "--help"])
        assert "Example: vigie-node audit" in " ".join(capsys.readouterr().out.split())
