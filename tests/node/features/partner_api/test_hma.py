# SPDX-License-Identifier: Apache-2.0
"""HMA's interface as its own tests and clients use it, and the defects of HMA that must not be here."""

import hashlib
import json
from datetime import timedelta

import pytest
from django.apps import apps

from node import partners
from node.hma_client import BANK, Hma
from vigie.fingerprints.values import Algorithm
from vigie_node.accounts.roles import Scope
from vigie_node.base.actor import COMMAND
from vigie_node.catalogue import actions as catalogue
from vigie_node.flows import bank as flow


@pytest.fixture
def hma(face):
    return Hma(face, partners.key(Scope.COMPAT_HMA).token)


class TestBanks:
    def test_there_are_none_at_first(self, hma):
        assert hma.get("c/banks").json() == []

    @pytest.mark.parametrize("name", ["01_TEST_BANK", "my_test_bank", "", "A" * 200, "A B", "É"])
    def test_a_name_has_capitals_digits_and_underscores(self, hma, name):
        refused = hma.post("c/banks", {"name": name})
        assert (refused.status_code, refused.json()["code"]) == (400, "banks.unfit-name")

    def test_one_is_made_and_listed(self, hma):
        assert hma.bank("MY_TEST_BANK_01") == {"matching_enabled_ratio": 1.0, "name": "MY_TEST_BANK_01"}
        assert hma.get("c/banks").json() == [{"matching_enabled_ratio": 1.0, "name": "MY_TEST_BANK_01"}]
        assert hma.get("c/bank/MY_TEST_BANK_01").json()["name"] == "MY_TEST_BANK_01"

    def test_a_name_is_taken_once(self, hma):
        hma.bank()
        assert hma.post("c/banks", {"name": BANK}).status_code == 403

    def test_it_is_renamed_switched_off_and_put_in_part(self, hma):
        hma.bank()
        assert hma.put(f"c/bank/{BANK}", {"name": "1_invalid"}).status_code == 400
        assert hma.put(f"c/bank/{BANK}", {"name": "RENAMED"}).json()["name"] == "RENAMED"
        assert hma.put("c/bank/RENAMED", {"enabled": False}).json()["matching_enabled_ratio"] == 0
        assert hma.put("c/bank/RENAMED", {"enabled_ratio": "0.5"}).json()["matching_enabled_ratio"] == 0.5
        assert hma.get("c/banks").json() == [{"name": "RENAMED", "matching_enabled_ratio": 0.5}]

    @pytest.mark.parametrize("ratio", [-0.1, 1.1, "nan", "much", [1], 1e400])
    def test_a_part_is_a_number_from_0_to_1(self, hma, ratio):
        text = json.dumps({"name": BANK, "enabled_ratio": ratio}).replace("Infinity", "1e400")
        made = hma._face.generic("POST", f"{hma._base}/c/banks", text, "application/json")
        assert made.status_code == 400

    def test_deleting_one_that_is_not_there_is_no_error(self, hma):
        hma.bank()
        assert hma.delete(f"c/bank/{BANK}").json() == {"message": "Done"}
        assert hma.delete(f"c/bank/{BANK}").json() == {"message": "Done"}
        assert hma.get(f"c/bank/{BANK}").status_code == 404

    def test_a_deleted_bank_matches_nothing_and_its_words_are_taken_back(self, hma):
        hma.bank()
        hma.signal(partners.value(1))
        hma.delete(f"c/bank/{BANK}")
        assert hma.lookup(partners.value(1), bypass_coinflip="true") == {}
        assert not flow.keep_up(partners.now())
        assert apps.get_model("catalogue.Revocation").objects.count() == 1

    def test_its_name_is_free_again(self, hma):
        hma.bank()
        hma.signal(partners.value(1))
        hma.delete(f"c/bank/{BANK}")
        hma.bank()
        assert hma.lookup(partners.value(1)) == {}


class TestContents:
    def test_every_value_put_in_is_found(self, hma):
        """HMA's own end-to-end test: raw values in, the index holds them, the last one matches."""
        hma.bank()
        values = [partners.value(seed) for seed in range(17)]
        numbers = [hma.signal(value) for value in values]
        status = hma.get("m/index/status", signal_type="pdq").json()["pdq"]
        assert (status["present"], status["size"]) == (True, 17)
        assert status["built_to"] > 1_700_000_000
        assert hma.lookup(values[-1]) == {BANK: [{"bank_content_id": numbers[-1], "distance": "0"}]}
        assert hma.lookup(bytes([0x55]) * 32) == {}

    def test_a_bank_of_exactly_one_value_matches(self, hma):
        hma.bank()
        number = hma.signal(partners.value(1))
        assert hma.raw(partners.value(1)) == [number]

    def test_a_file_is_hashed_and_matched(self, hma):
        hma.bank()
        content = partners.picture()
        pdq = hma.upload("h/hash", content).json()["pdq"]
        added = hma.upload(f"c/bank/{BANK}/content", content, note="a note", metadata='{"content_id": "4711"}').json()
        assert added["signals"] == {"pdq": pdq}
        found = hma.upload("m/lookup", partners.picture(format="JPEG")).json()
        assert [one["bank_content_id"] for one in found["pdq"][BANK]] == [added["id"]]
        told = hma.get(f"c/bank/{BANK}/content/{added['id']}", include_signals="true").json()
        assert told["signals"]["pdq"] == pdq
        assert (told["note"], told["metadata"]) == ("a note", {"content_id": "4711"})
        assert told["bank"] == {"name": BANK, "matching_enabled_ratio": 1.0}

    def test_only_the_signal_that_was_put_in_is_told_again(self, hma):
        """Of a file others know more: its digest put in here is no way to learn their values."""
        content, md5 = partners.picture(), hashlib.md5(partners.picture()).digest()
        partners.know_picture(content, also=[(Algorithm.MD5, md5)])
        hma.bank()
        number = hma.post(f"c/bank/{BANK}/signal", {"video_md5": md5.hex()}).json()["id"]
        path = f"c/bank/{BANK}/content/{number}"
        assert hma.get(path, include_signals="true").json()["signals"] == {"video_md5": md5.hex()}
        assert "metadata" not in hma.get(path).json()

    def test_a_file_is_never_kept(self, hma, tmp_path, monkeypatch):
        monkeypatch.setenv("TMPDIR", str(tmp_path))
        before = set(tmp_path.rglob("*"))
        hma.bank()
        hma.upload(f"c/bank/{BANK}/content", partners.picture(size=(3000, 2000)))
        assert not [one for one in set(tmp_path.rglob("*")) - before if "quotas" not in one.name and one.is_file()]

    def test_what_is_not_there_is_404(self, hma):
        assert hma.get(f"c/bank/{BANK}/content/1").status_code == 404
        hma.bank()
        assert hma.get(f"c/bank/{BANK}/content/1").status_code == 404
        assert hma.get(f"c/bank/{BANK}/content/one").status_code == 404
        assert hma.get(f"c/bank/{BANK}/content/{10**17}").status_code == 404

    def test_it_is_taken_out_once(self, hma):
        hma.bank()
        number = hma.signal(partners.value(1))
        assert hma.delete(f"c/bank/{BANK}/content/{number}").json() == {"deleted": 1}
        assert hma.raw(partners.value(1)) == []
        assert hma.delete(f"c/bank/{BANK}/content/{number}").json() == {"deleted": 0}

    def test_what_is_put_in_again_keeps_its_number(self, hma):
        hma.bank()
        assert hma.signal(partners.value(1)) == hma.signal(partners.value(1))

    def test_a_near_value_is_told_with_its_distance(self, hma):
        hma.bank()
        number = hma.signal(partners.value(1))
        near = partners.moved(partners.value(1), 8)
        assert hma.raw(near, include_distance="true") == [{"bank_content_id": number, "distance": "8"}]
        assert hma.lookup(partners.moved(partners.value(1), 32)) == {}

    def test_only_the_banks_that_are_asked_answer(self, hma):
        hma.bank()
        hma.bank("ANOTHER")
        hma.signal(partners.value(1))
        hma.signal(partners.value(1), bank="ANOTHER")
        assert set(hma.lookup(partners.value(1))) == {BANK, "ANOTHER"}
        assert set(hma.lookup(partners.value(1), banks="ANOTHER")) == {"ANOTHER"}
        assert set(hma.lookup(partners.value(1), banks=f"ANOTHER, {BANK},")) == {BANK, "ANOTHER"}

    @pytest.mark.parametrize("banks", ["NONE", "my_test_bank", f"{BANK},NONE", f"{BANK};NONE", ","])
    def test_a_bank_that_is_not_there_is_an_error_and_never_no_match(self, hma, banks):
        hma.bank()
        hma.signal(partners.value(1))
        signal = {"signal": partners.value(1).hex(), "signal_type": "pdq"}
        for refused in (
            hma.get("m/lookup", **signal, banks=banks),
            hma.get("m/raw_lookup", **signal, banks=banks),
            hma.upload(f"m/lookup?banks={banks}", partners.picture()),
        ):
            assert (refused.status_code, refused.json()["code"]) == (404, "banks.no-such-bank")

    def test_a_bank_that_was_renamed_is_no_longer_asked_by_its_old_name(self, hma):
        hma.bank()
        hma.put(f"c/bank/{BANK}", {"name": "RENAMED"})
        asked = {"signal": partners.value(1).hex(), "signal_type": "pdq", "banks": BANK}
        assert hma.get("m/lookup", **asked).status_code == 404

    @pytest.mark.parametrize(
        "body",
        [{}, {"pdq": "00"}, {"pdq": 5}, {"sha512": "00"}, {"pdq": "0" * 64}, {"note": "only"}, [], "text", None],
        ids=str,
    )
    def test_unfit_signals_are_refused(self, hma, body):
        hma.bank()
        assert hma.post(f"c/bank/{BANK}/signal", body).status_code == 400

    @pytest.mark.parametrize("note", ["x" * 256, "two\nlines", "zero\0"])
    def test_an_unfit_note_is_refused(self, hma, note):
        hma.bank()
        refused = hma.post(f"c/bank/{BANK}/signal", {"pdq": partners.value(1).hex(), "note": note})
        assert (refused.status_code, refused.json()["code"]) == (400, "banks.unfit-note")

    def test_metadata_of_another_shape_is_kept_as_json(self, hma):
        """Coop sends an object of its own where HMA wants three fields, and HMA refuses it."""
        hma.bank()
        added = hma.upload(
            f"c/bank/{BANK}/content", partners.picture(), content_id="7", metadata='{"reviewer": "team 2"}'
        ).json()
        told = hma.get(f"c/bank/{BANK}/content/{added['id']}").json()
        assert told["metadata"] == {"content_id": "7", "json": {"reviewer": "team 2"}}

    @pytest.mark.parametrize("metadata", ["[1]", "{", '{"a": "\\u0000"}', '{"a": "' + "x" * 5000 + '"}'])
    def test_unfit_metadata_are_refused(self, hma, metadata):
        hma.bank()
        refused = hma.upload(f"c/bank/{BANK}/content", partners.picture(), metadata=metadata)
        assert refused.status_code == 400


class TestDisabling:
    @pytest.fixture
    def number(self, hma):
        hma.bank()
        return hma.signal(partners.value(1))

    def test_a_disabled_content_matches_nothing_at_once_and_raw_lookup_honours_it(self, hma, number):
        """HMA's raw_lookup goes on telling contents that were disabled."""
        told = hma.put(f"c/bank/{BANK}/content/{number}", {"disable_until_ts": 0}).json()
        assert told["disable_until_ts"] == 0
        assert hma.lookup(partners.value(1)) == {}
        assert hma.raw(partners.value(1)) == []

    def test_enabled_again_it_matches_again(self, hma, number):
        hma.put(f"c/bank/{BANK}/content/{number}", {"disable_until_ts": 0})
        hma.put(f"c/bank/{BANK}/content/{number}", {"disable_until_ts": 1})
        assert hma.raw(partners.value(1)) == [number]

    @pytest.mark.parametrize("taken_out", [False, True])
    def test_what_was_matched_on_a_content_that_is_withdrawn_is_told_at_once(self, face, taken_out):
        token = partners.key(Scope.COMPAT_HMA, Scope.MATCH).token
        hma = Hma(face, token)
        hma.bank()
        number = hma.signal(partners.value(1))
        assert hma.raw(partners.value(1)) == [number]
        if taken_out:
            hma.delete(f"c/bank/{BANK}/content/{number}")
        else:
            hma.put(f"c/bank/{BANK}/content/{number}", {"disable_until_ts": 0})
        told = face.get("/v1/revocations", headers={"Authorization": f"Bearer {token}"}).json()
        assert [one["scheme"] for one in told["revocations"]] == ["bank"]

    def test_disabled_until_a_time_it_is_enabled_by_the_worker_then(self, hma, number):
        until = int((partners.now() + timedelta(days=365)).timestamp())
        told = hma.put(f"c/bank/{BANK}/content/{number}", {"disable_until_ts": until}).json()
        assert told["disable_until_ts"] == until
        flow.keep_up(partners.now())
        assert hma.raw(partners.value(1)) == []
        flow.keep_up(partners.now() + timedelta(days=366))
        assert hma.raw(partners.value(1)) == [number]

    @pytest.mark.parametrize("until", [-1, 9_999_999_999, 1.5, "soon", None, [], 10**30])
    def test_an_unfit_time_is_refused(self, hma, number, until):
        assert hma.put(f"c/bank/{BANK}/content/{number}", {"disable_until_ts": until}).status_code == 400

    def test_one_whose_word_a_person_revoked_is_disabled_and_taken_out_all_the_same(self, hma, number):
        word = apps.get_model("banks.BankContent").objects.get(id=number).assertion_id
        catalogue.revoke(word, reason="for the test", by=COMMAND, now=partners.now())
        assert hma.put(f"c/bank/{BANK}/content/{number}", {"disable_until_ts": 0}).status_code == 200
        assert hma.put(f"c/bank/{BANK}/content/{number}", {"disable_until_ts": 1}).status_code == 200
        word = apps.get_model("banks.BankContent").objects.get(id=number).assertion_id
        catalogue.revoke(word, reason="for the test", by=COMMAND, now=partners.now())
        hma.delete(f"c/bank/{BANK}")
        flow.keep_up(partners.now())
        assert not apps.get_model("banks.BankContent").objects.filter(removed_at=None).exists()

    def test_of_one_that_is_taken_out_nothing_stays_that_was_sent(self, hma, number):
        kept = apps.get_model("banks.BankContent").objects.filter(id=number).values_list("note", "metadata", "signals")
        assert kept.get()[2] == {"pdq": partners.value(1).hex()}
        hma.delete(f"c/bank/{BANK}/content/{number}")
        assert kept.get() == ("", {}, {})

    def test_being_disabled_survives_what_is_put_in_again(self, hma, number):
        """HMA forgets it: what comes again from upstream matches again."""
        hma.put(f"c/bank/{BANK}/content/{number}", {"disable_until_ts": 0})
        assert hma.signal(partners.value(1)) == number
        assert hma.raw(partners.value(1)) == []


class TestDefects:
    def test_renaming_a_bank_keeps_its_contents(self, hma):
        """Coop makes a new bank and deletes the old one, with what was in it."""
        hma.bank()
        number = hma.signal(partners.value(1))
        hma.put(f"c/bank/{BANK}", {"name": "RENAMED"})
        assert hma.lookup(partners.value(1)) == {"RENAMED": [{"bank_content_id": number, "distance": "0"}]}
        assert hma.get(f"c/bank/RENAMED/content/{number}").status_code == 200

    def test_bypass_coinflip_works_by_get_and_by_post(self, hma):
        """HMA ignores it on GET although it is documented."""
        hma.bank(enabled_ratio=0)
        content = partners.picture()
        number = hma.upload(f"c/bank/{BANK}/content", content).json()["id"]
        pdq = bytes.fromhex(hma.upload("h/hash", content).json()["pdq"])
        assert hma.lookup(pdq) == {}
        assert hma.lookup(pdq, bypass_coinflip="true")[BANK][0]["bank_content_id"] == number
        assert hma.upload("m/lookup", content).json() == {"pdq": {}}
        told = hma.upload("m/lookup?bypass_coinflip=true", content).json()
        assert told["pdq"][BANK][0]["bank_content_id"] == number

    def test_a_part_in_force_is_the_same_contents_at_every_look_up(self, hma):
        hma.bank(enabled_ratio=0.5)
        values = [partners.value(seed) for seed in range(40)]
        for value in values:
            hma.signal(value)
        first = [bool(hma.lookup(value)) for value in values]
        assert first == [bool(hma.lookup(value, seed="another")) for value in values]
        assert 8 < sum(first) < 32

    def test_a_signal_type_that_is_switched_off_is_off(self, hma):
        """HMA's switch does nothing: a ratio of 0 is enabled."""
        hma.bank()
        hma.signal(partners.value(1))
        assert hma.put("c/signal_type/pdq", {"enabled_ratio": 0}).status_code == 204
        assert {"name": "pdq", "enabled_ratio": 0.0} in hma.get("c/signal_type").json()
        for refused in (
            hma.get("m/lookup", signal_type="pdq", signal=partners.value(1).hex()),
            hma.get("m/raw_lookup", signal_type="pdq", signal=partners.value(1).hex()),
            hma.upload("h/hash", partners.picture()),
            hma.post(f"c/bank/{BANK}/signal", {"pdq": partners.value(2).hex()}),
            hma.post("m/compare", {"pdq": ["0" * 64, "0" * 64]}),
        ):
            assert (refused.status_code, refused.json()["code"]) == (400, "hma.unknown-signal-type")
        hma.put("c/signal_type/pdq", {"enabled_ratio": 1})
        assert hma.lookup(partners.value(1))

    def test_nothing_is_fetched_from_an_address(self, hma):
        """HMA fetches whatever host it is given."""
        hma.bank()
        url = "http://127.0.0.1:1/a.jpg"
        for refused in (
            hma.get("h/hash", url=url),
            hma.get("m/lookup", url=url, content_type="photo"),
            hma.post(f"c/bank/{BANK}/content?url={url}", {"metadata": {}}),
        ):
            assert (refused.status_code, refused.json()["code"]) == (403, "partners.no-fetching")

    def test_an_empty_file_never_matches_and_is_never_put_in(self, hma):
        """The sample lists of HMA's library hold the digest of the empty file."""
        hma.bank()
        empty = "d41d8cd98f00b204e9800998ecf8427e"
        assert hma.post(f"c/bank/{BANK}/signal", {"video_md5": empty}).status_code == 400
        assert hma.get("m/lookup", signal_type="video_md5", signal=empty).json() == {}
        assert hma.upload("m/lookup", b"").status_code == 400

    @pytest.mark.parametrize("token", ["", "vk_00000000_" + "A" * 43, "nothing", "vk_00000000_" + "A" * 42 + "%00"])
    def test_nothing_is_answered_without_a_key(self, face, token):
        """HMA asks nobody who they are."""
        for path in ("status", "c/banks", "m/lookup"):
            assert face.get(f"/compat/hma/{token}/{path}").status_code == 401
