# SPDX-License-Identifier: Apache-2.0
"""Who may ask what through HMA's interface, which paths there are, and files that are not what they say."""

import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile

from node import partners
from node.hma_client import BANK, Hma
from vigie.fingerprints.values import Algorithm
from vigie.matching.verdicts import Outcome
from vigie_node.accounts.roles import Scope
from vigie_node.base.actor import COMMAND
from vigie_node.catalogue import actions as catalogue
from vigie_node.catalogue.rules import Mode, Policy
from vigie_node.matching import answers, lookup
from vigie_node.matching.questions import Question


@pytest.fixture
def hma(face):
    return Hma(face, partners.key(Scope.COMPAT_HMA).token)


class TestKeys:
    def test_a_key_for_look_ups_cannot_keep_banks(self, face):
        hma = Hma(face, partners.key(Scope.MATCH, Scope.STATUS).token)
        refused = hma.get("c/banks")
        assert (refused.status_code, refused.json()["code"]) == (403, "partners.missing-scope")

    def test_a_key_for_banks_can_do_nothing_else(self, face):
        token = partners.key(Scope.COMPAT_HMA).token
        for path in ("/v1/status", "/v1/lists", "/v1/revocations"):
            refused = face.get(path, headers={"Authorization": f"Bearer {token}"})
            assert (refused.status_code, refused.json()["error"]["code"]) == (403, "partners.missing-scope")

    def test_an_organisation_neither_sees_nor_matches_anothers_banks(self, face, hma):
        hma.bank()
        number = hma.signal(partners.value(1))
        other = Hma(face, partners.key(Scope.COMPAT_HMA, Scope.MATCH_TRUSTED, of=partners.organisation("B")).token)
        assert other.get("c/banks").json() == []
        assert other.lookup(partners.value(1)) == {}
        assert other.get(f"c/bank/{BANK}/content/{number}").status_code == 404
        other.bank()
        assert other.get(f"c/bank/{BANK}/content/{number}").status_code == 404
        assert other.delete(f"c/bank/{BANK}/content/{number}").json() == {"deleted": 0}
        assert hma.raw(partners.value(1)) == [number]

    def test_what_a_tool_puts_into_its_bank_is_on_no_list_of_the_node(self, face, hma):
        """A list of any class takes the words of sources, not what each partner's tool keeps for itself."""
        catalogue.create_list(
            "any", title="Any", policy=Policy(mode=Mode.ON), reason="a test", by=COMMAND, now=partners.now()
        )
        hma.bank()
        hma.signal(partners.value(1))
        trusted = Hma(face, partners.key(Scope.COMPAT_HMA, Scope.MATCH_TRUSTED, of=partners.organisation("B")).token)
        assert trusted.lookup(partners.value(1)) == {}
        assert list(hma.lookup(partners.value(1))) == [BANK]

    def test_lists_of_the_node_are_told_to_trusted_keys_only(self, face, hma):
        partners.make_list()
        partners.know((Algorithm.PDQ, partners.value(5)))
        assert hma.lookup(partners.value(5)) == {}
        trusted = Hma(face, partners.key(Scope.COMPAT_HMA, Scope.MATCH_TRUSTED).token)
        ((name, (one,)),) = trusted.lookup(partners.value(5)).items()
        assert (name, one["distance"]) == ("baseline", "0")
        assert one["bank_content_id"] < 0

    def test_a_revoked_word_of_the_node_is_told_no_more(self, face):
        partners.make_list()
        _, word = partners.know((Algorithm.PDQ, partners.value(5)))
        trusted = Hma(face, partners.key(Scope.COMPAT_HMA, Scope.MATCH_TRUSTED).token)
        assert trusted.lookup(partners.value(5))
        catalogue.revoke(word, reason="a test", by=COMMAND, now=partners.now())
        assert trusted.lookup(partners.value(5)) == {}

    def test_a_match_is_a_sighting_and_a_miss_leaves_nothing(self, hma):
        hma.bank()
        hma.signal(partners.value(1))
        hma.lookup(partners.value(2))
        sightings = apps.get_model("sightings.Sighting").objects
        assert sightings.count() == 0
        hma.lookup(partners.value(1))
        assert sightings.count() == 1


class TestPaths:
    def test_slashes_too_many_are_read_as_one(self, hma):
        """Coop's own default address ends in a slash, and its paths begin with one."""
        assert hma.get("/c/banks").json() == []
        assert hma.get("/c//banks/").json() == []

    def test_unknown_paths_and_wrong_methods_are_told_as_hma_does(self, hma):
        refused = hma.get("dev/factory_reset")
        assert (refused.status_code, refused.json()["code"]) == (404, "partners.no-such-operation")
        refused = hma.delete("m/lookup")
        assert (refused.status_code, refused.json()["code"]) == (405, "hma.wrong-method")

    def test_status_is_alive(self, hma):
        assert hma.get("status").content == b"I-AM-ALIVE"
        assert hma.get("status/live").content == b"I-AM-ALIVE"

    def test_compare_says_how_far(self, hma):
        one, other = partners.value(1), partners.moved(partners.value(1), 9)
        told = hma.post("m/compare", {"pdq": [one.hex(), other.hex()], "video_md5": ["0" * 32, "1" * 32]}).json()
        assert told == {"pdq": [True, {"distance": 9}], "video_md5": [False, {}]}

    @pytest.mark.parametrize("body", [[], {"pdq": "00"}, {"pdq": ["0" * 64]}, {"pdq": [1, 2]}, {"x": ["0", "0"]}])
    def test_unfit_comparisons_are_refused(self, hma, body):
        assert hma.post("m/compare", body).status_code == 400

    def test_no_exchanges_are_kept_here(self, hma):
        assert hma.get("c/exchanges").json() == hma.get("c/exchanges/apis").json() == []
        assert hma.get(f"c/exchange/{BANK}").status_code == 404


class TestValuesPutInByHand:
    def test_ties_no_value_to_what_others_know_by_its_digest(self, hma):
        """Else any picture could be made to match, on the word of those who list something of a known digest."""
        partners.make_list()
        partners.know((Algorithm.MD5, b"m" * 16))
        hma.bank()
        refused = hma.post(f"c/bank/{BANK}/signal", {"pdq": partners.value(7).hex(), "video_md5": (b"m" * 16).hex()})
        assert (refused.status_code, refused.json()["code"]) == (400, "hma.unfit-form")
        found = answers.answer(lookup.of_catalogue(), [[Question(Algorithm.PDQ, partners.value(7))]])
        assert [one.verdict for one in found] == [Outcome.UNKNOWN]


LIES = {
    "a text as a photo": ("photo", b"just some words, not a picture at all"),
    "a photo as a video": ("video", partners.picture()),
    "a photo as a document": ("document", partners.picture()),
    "a truncated photo": ("photo", partners.picture()[:3000]),
    "a blank photo": ("photo", partners.picture(size=(20, 20))),
    "nothing": ("photo", b""),
}


class TestLyingUploads:
    @pytest.mark.parametrize(("field", "content"), LIES.values(), ids=LIES)
    def test_each_is_refused_and_never_no_match(self, hma, field, content):
        for path in ("h/hash", "m/lookup"):
            refused = hma.upload(path, content, field=field)
            assert refused.status_code == 400, refused.content
            assert refused.json()["message"]

    def test_two_files_are_refused(self, hma):
        files = {name: SimpleUploadedFile("a", partners.picture()) for name in ("photo", "video")}
        assert hma._face.post(f"{hma._base}/h/hash", files).status_code == 400

    def test_a_body_that_is_no_form_is_refused(self, hma):
        refused = hma._face.generic("POST", f"{hma._base}/h/hash", b"x", "multipart/form-data; boundary=")
        assert refused.status_code == 400
        assert hma.post("h/hash", {"photo": "x"}).json()["code"] == "hma.unfit-form"
