# SPDX-License-Identifier: Apache-2.0
"""The matching service before Django: what it tells whom, what it refuses, what it leaves behind."""

import io
import json
import time
import tracemalloc
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
import pytest
from django.apps import apps
from PIL import Image

from node.partners import value
from vigie.fingerprints.values import Algorithm
from vigie_node.accounts import actions as accounts
from vigie_node.accounts import key_actions as keys
from vigie_node.accounts.roles import Scope
from vigie_node.alarms import queries as alarms
from vigie_node.base.actor import COMMAND
from vigie_node.catalogue import actions as catalogue
from vigie_node.catalogue import list_actions as lists
from vigie_node.catalogue.identity import NewFingerprint
from vigie_node.catalogue.rules import Mode, Policy
from vigie_node.catalogue.states import Grade, Kind
from vigie_node.matching import lookup, uploads
from vigie_node.partner_api import bodies, hot
from vigie_node.partner_api.callers import MissingScopeError, UnknownCallerError
from vigie_node.partner_api.quotas import OverQuotaError

NOW = datetime.now(UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture
def service(settings, tmp_path):
    settings.INDEXES, settings.HOME = tmp_path / "indexes", tmp_path
    lookup.forget()
    yield hot.Service()
    lookup.forget()


@pytest.fixture
def organisation():
    return accounts.create_organisation("A provider", country="BE", kind="PROVIDER", by=COMMAND, now=NOW)


@pytest.fixture
def listed():
    """One depiction on one list; its value is that of seed 1."""
    lists.create_list("baseline", title="Baseline", policy=Policy(mode=Mode.ON), reason="a test", by=COMMAND, now=NOW)
    source = catalogue.record_source("hotline one", country="BE", organisation_id=None, by=COMMAND, now=NOW)
    shown = catalogue.record_depiction(
        [NewFingerprint(Algorithm.PDQ, value(1))], kind=Kind.PICTURE, by=COMMAND, now=NOW
    )
    catalogue.record_assertion(
        shown, source_id=source, scheme="inhope", label="baseline", facts={}, ground=Grade.SEEN, asserted_at=NOW,
        by=COMMAND, now=NOW,
    )  # fmt: skip
    return shown


def make_key(organisation, *scopes, **more):
    quota = {"per_minute": 1000, "values_per_day": 100_000, "expires_at": None, **more}
    return keys.create_key(organisation, name="a key", scopes=set(scopes), by=COMMAND, now=NOW, **quota)


def post(service, body, token, *, path="/v1/match", **more):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    environ = {
        "REQUEST_METHOD": "POST", "PATH_INFO": path, "CONTENT_LENGTH": str(len(content)),
        "CONTENT_TYPE": "application/json", "HTTP_AUTHORIZATION": f"Bearer {token}",
        "wsgi.input": io.BytesIO(content), **more,
    }  # fmt: skip
    reply = service.respond(environ)
    decode = msgspec.msgpack.decode if reply.content_type == hot.MSGPACK else json.loads
    return decode(reply.content)


def item(seed=1, **more):
    return {"pdq": value(seed).hex(), "pdq_quality": 90, **more}


class TestWhatIsTold:
    def test_a_provider_gets_verdict_label_and_reason(self, service, organisation, listed):
        token = make_key(organisation, Scope.MATCH).token
        found = post(service, {"items": [item(ref="their own")]}, token)
        assert found["position"] > 0
        (answer,) = found["answers"]
        assert answer.pop("reason")
        assert answer == {"verdict": "near", "ref": "their own", "scheme": "inhope", "label": "baseline"}

    def test_a_trusted_key_gets_the_reasons(self, service, organisation, listed):
        token = make_key(organisation, Scope.MATCH, Scope.MATCH_TRUSTED).token
        (answer,) = post(service, {"items": [item()]}, token)["answers"]
        (claim,) = answer["matches"]
        assert (claim["depiction"], claim["list"], claim["distance_bits"]) == (str(listed), "baseline", 0)
        assert claim["asserted_by"] == "hotline one"

    def test_a_scheme_in_which_nothing_was_said_has_no_label(self, service, organisation, listed):
        token = make_key(organisation, Scope.MATCH).token
        (answer,) = post(service, {"items": [item()], "scheme": "uk"}, token)["answers"]
        assert (answer["scheme"], answer.get("label")) == ("uk", None)

    def test_only_the_lists_that_are_asked_answer(self, service, organisation, listed):
        token = make_key(organisation, Scope.MATCH).token
        policy = Policy(mode=Mode.ON, classes={"uk": ("A",)})
        lists.create_list("another", title="Another", policy=policy, reason="a test", by=COMMAND, now=NOW)
        for names, verdict in (["another"], "unknown"), (["another", "baseline"], "near"):
            (answer,) = post(service, {"items": [item()], "lists": names}, token)["answers"]
            assert answer["verdict"] == verdict

    def test_a_list_that_is_not_there_is_an_error_and_never_no_match(self, service, organisation, listed):
        token = make_key(organisation, Scope.MATCH).token
        quiet = Policy(mode=Mode.SHADOW)
        lists.create_list("quiet", title="Quiet", policy=quiet, reason="a test", by=COMMAND, now=NOW)
        for names in (["a slip"], ["baseline", "a slip"], ["quiet"]):
            with pytest.raises(hot.UnknownListError):
                post(service, {"items": [item()], "lists": names}, token)
        with pytest.raises(hot.MalformedRequestError):
            post(service, {"items": [item()], "lists": []}, token)

    def test_messagepack_is_spoken_both_ways(self, service, organisation, listed):
        token = make_key(organisation, Scope.MATCH).token
        body = msgspec.msgpack.encode({"items": [item()]})
        found = post(service, body, token, CONTENT_TYPE=hot.MSGPACK, HTTP_ACCEPT=hot.MSGPACK)
        assert found["answers"][0]["verdict"] == "near"


class TestTraces:
    def test_a_look_up_without_a_match_leaves_none(self, service, organisation, listed):
        token = make_key(organisation, Scope.MATCH).token
        before = _rows()
        assert post(service, {"items": [item(2)]}, token)["answers"][0]["verdict"] == "unknown"
        assert _rows() == before

    def test_one_with_a_match_is_a_sighting(self, service, organisation, listed):
        token = make_key(organisation, Scope.MATCH).token
        post(service, {"items": [item(1, ref="upload 7", country="FR"), item(2)]}, token)
        (sighting,) = apps.get_model("sightings.Sighting").objects.all()
        assert (sighting.place, sighting.country, sighting.organisation_id) == ("upload 7", "FR", organisation)


def _rows():
    return {model._meta.label: model._default_manager.count() for model in apps.get_models()}


class TestCallers:
    def test_wrong_expired_and_revoked_keys_look_the_same(self, service, organisation):
        good = make_key(organisation, Scope.MATCH)
        expired = make_key(organisation, Scope.MATCH, expires_at=NOW + timedelta(seconds=1))
        wrong = good.token[:-1] + ("A" if good.token[-1] != "A" else "B")
        keys.revoke_key(good.id, reason="a test", by=COMMAND, now=NOW)
        time.sleep(1.1)
        messages = set()
        for token in (good.token, expired.token, wrong, "vk_nothing", ""):
            with pytest.raises(UnknownCallerError) as refused:
                post(service, {"items": [item()]}, token)
            messages.add(str(refused.value))
        assert len(messages) <= 2  # one for a missing header, one for every key

    def test_a_revoked_key_is_refused_from_the_next_request_on(self, service, organisation):
        made = make_key(organisation, Scope.MATCH)
        post(service, {"items": [item()]}, made.token)
        keys.revoke_key(made.id, reason="a test", by=COMMAND, now=NOW)
        with pytest.raises(UnknownCallerError):
            post(service, {"items": [item()]}, made.token)

    def test_a_key_does_only_what_its_scopes_say(self, service, organisation):
        token = make_key(organisation, Scope.STATUS).token
        with pytest.raises(MissingScopeError, match="MATCH"):
            post(service, {"items": [item()]}, token)

    def test_how_often_a_key_asked_is_recorded_now_and_then(self, service, organisation):
        made = make_key(organisation, Scope.MATCH)
        post(service, {"items": [item(), item(2)]}, made.token)
        post(service, {"items": [item()]}, made.token)
        service.ring.note_used(now=NOW)
        service.ring.note_used(now=NOW)
        (day,) = apps.get_model("accounts.KeyDay").objects.all()
        assert (day.key_id, day.requests, day.values) == (made.id, 2, 3)

    def test_quotas_count_requests_and_values(self, service, organisation):
        token = make_key(organisation, Scope.MATCH, per_minute=100_000, values_per_day=3).token
        post(service, {"items": [item(), item(2)]}, token)
        with pytest.raises(OverQuotaError, match="values a day"):
            post(service, {"items": [item(), item(2)]}, token)
        post(service, {"items": [item()]}, token)
        service.ring.note_used(now=NOW)
        assert [(one.code, one.count) for one in alarms.standing()] == [("OVER_QUOTA", 1)]
        assert apps.get_model("accounts.KeyDay").objects.get().values == 3

    def test_a_request_that_is_malformed_is_counted(self, service, organisation):
        token = make_key(organisation, Scope.MATCH).token
        with pytest.raises(hot.MalformedRequestError):
            post(service, b"[", token)
        service.ring.note_used(now=NOW)
        day = apps.get_model("accounts.KeyDay").objects.get()
        assert (day.requests, day.values) == (1, 0)

    def test_the_minute_is_counted_once_for_all_processes(self, service, organisation, settings):
        token = make_key(organisation, Scope.MATCH, per_minute=2).token
        other = hot.Service()
        began = datetime.now(UTC).minute
        post(service, {"items": [item()]}, token)
        post(other, {"items": [item()]}, token)
        if datetime.now(UTC).minute == began:
            with pytest.raises(OverQuotaError, match="a minute"):
                post(service, {"items": [item()]}, token)


MALFORMED = {
    "no items": {"items": []},
    "no fingerprint": {"items": [{"ref": "a"}]},
    "an unknown field": {"items": [{"pdq": value(1).hex(), "phash": "00"}]},
    "a short value": {"items": [{"pdq": "00ff"}]},
    "no hexadecimal": {"items": [{"md5": "z" * 32}]},
    "a quality of 200": {"items": [{"pdq": value(1).hex(), "pdq_quality": 200}]},
    "a long pseudonym": {"items": [item(ref="x" * 300)]},
    "another type": {"items": "all"},
    "no JSON": b"{",
    "bytes that are no text": b"\xff\xfe{}",
    "nothing": b"",
    "too deep": b"[" * 100_000,
}


class TestMalformedRequests:
    @pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
    def test_each_gets_a_clear_refusal(self, service, organisation, body):
        token = make_key(organisation, Scope.MATCH).token
        with pytest.raises(Exception) as refused:  # noqa: PT011 - whichever it is, it has a code
            post(service, body, token)
        assert refused.value.code in {"partners.malformed-request", "fingerprints.malformed"}

    def test_too_many_values_are_refused(self, service, organisation):
        token = make_key(organisation, Scope.MATCH, values_per_day=10**6).token
        body = {"items": [item(sha256="ab" * 32) for _ in range(6000)]}
        with pytest.raises(hot.TooLargeError):
            post(service, body, token)

    def test_a_body_that_ended_early_is_refused(self, service, organisation):
        token = make_key(organisation, Scope.MATCH).token
        with pytest.raises(bodies.UnfinishedBodyError):
            post(service, {"items": [item()]}, token, CONTENT_LENGTH="100000")

    def test_a_get_request_is_refused(self, service):
        with pytest.raises(hot.WrongMethodError):
            service.respond({"REQUEST_METHOD": "GET", "PATH_INFO": "/v1/match"})

    def test_other_paths_are_left_to_django(self, service):
        assert service.respond({"REQUEST_METHOD": "POST", "PATH_INFO": "/v1/match/other"}) is None


class TestStaleness:
    def test_a_process_that_cannot_follow_refuses(self, service, organisation, listed):
        token = make_key(organisation, Scope.MATCH).token
        index = lookup.of_catalogue()
        index.catch_up()
        index._following = object()
        index._heard = time.monotonic() - 1.5
        with pytest.raises(lookup.StaleIndexError):
            post(service, {"items": [item()]}, token)
        index._following = None


class TestFiles:
    @pytest.fixture
    def picture(self):
        rng = np.random.default_rng(3)
        small = rng.integers(0, 256, (12, 16, 3), np.uint8)
        content = io.BytesIO()
        Image.fromarray(small).resize((640, 480), Image.Resampling.BICUBIC).save(content, "PNG")
        return content.getvalue()

    def test_a_turned_copy_of_a_listed_picture_is_near(self, service, organisation, picture):
        lists.create_list("all", title="All", policy=Policy(mode=Mode.ON), reason="a test", by=COMMAND, now=NOW)
        source = catalogue.record_source("hotline one", country="BE", organisation_id=None, by=COMMAND, now=NOW)
        found = uploads.examine(picture)
        plain = next(one for one in found.questions if one.algorithm is Algorithm.PDQ)
        shown = catalogue.record_depiction(
            [NewFingerprint(Algorithm.PDQ, plain.value, plain.quality)], kind=Kind.PICTURE, by=COMMAND, now=NOW
        )
        catalogue.record_assertion(
            shown, source_id=source, scheme="inhope", label="national", facts={}, ground=Grade.SEEN, asserted_at=NOW,
            by=COMMAND, now=NOW,
        )  # fmt: skip
        turned = io.BytesIO()
        Image.open(io.BytesIO(picture)).rotate(90, expand=True).save(turned, "JPEG", quality=90)
        token = make_key(organisation, Scope.MATCH_FILE, Scope.MATCH_TRUSTED).token
        (answer,) = post(service, turned.getvalue(), token, path="/v1/match/file")["answers"]
        assert answer["verdict"] == "near"
        assert answer["matches"][0]["transform"] == "rotated-270"

    def test_a_damaged_file_is_unreadable_and_never_no_match(self, service, organisation, picture):
        token = make_key(organisation, Scope.MATCH_FILE).token
        (answer,) = post(service, picture[:2000], token, path="/v1/match/file")["answers"]
        assert answer["verdict"] == "unreadable"
        assert answer["problem"]["code"]

    def test_what_is_no_picture_or_video_is_said_to_be_none(self, service, organisation):
        token = make_key(organisation, Scope.MATCH_FILE).token
        words = b"just some words, longer than a trivial file " * 4
        (answer,) = post(service, words, token, path="/v1/match/file")["answers"]
        assert answer["verdict"] == "not-media"

    def test_an_empty_file_is_refused(self, service, organisation):
        token = make_key(organisation, Scope.MATCH_FILE).token
        with pytest.raises(uploads.EmptyFileError):
            post(service, b"", token, path="/v1/match/file")


class Long:
    """A body of words, and no more of it in memory than is read at once."""

    def __init__(self, size):
        self._left = size

    def read(self, size):
        size = min(size, self._left)
        self._left -= size
        return (b"words " * size)[:size]


class TestLongFiles:
    SIZE = 64 * 1024 * 1024

    @pytest.mark.parametrize("length", [str(SIZE), ""])
    def test_are_never_in_memory_twice(self, service, organisation, length):
        token = make_key(organisation, Scope.MATCH_FILE).token
        tracemalloc.start()
        try:
            body = {"CONTENT_LENGTH": length, "wsgi.input": Long(self.SIZE)}
            (answer,) = post(service, b"", token, path="/v1/match/file", **body)["answers"]
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert answer["verdict"] == "not-media"
        assert most < self.SIZE // 16

    def test_leave_no_descriptor_behind(self, service, organisation):
        token = make_key(organisation, Scope.MATCH_FILE).token
        post(service, b"some words that are no picture, but long enough", token, path="/v1/match/file")
        before = len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(3):
            with pytest.raises(bodies.UnfinishedBodyError):
                post(service, b"x" * 100, token, path="/v1/match/file", CONTENT_LENGTH="1000")
            post(service, b"some words that are no picture, but long enough", token, path="/v1/match/file")
        assert len(list(Path("/proc/self/fd").iterdir())) == before


class TestProbing:
    def test_many_variants_of_one_listed_picture_raise_an_alarm(self, service, organisation, listed):

        made = make_key(organisation, Scope.MATCH)
        flat = np.unpackbits(np.frombuffer(value(1), np.uint8))
        ones, zeros = np.flatnonzero(flat == 1), np.flatnonzero(flat == 0)
        for place in range(25):
            variant = flat.copy()
            variant[ones[place]], variant[zeros[place]] = 0, 1
            post(service, {"items": [{"pdq": np.packbits(variant).tobytes().hex()}]}, made.token)
        (alarm,) = alarms.standing()
        assert (alarm.code, alarm.subject) == ("PROBING", str(made.id))
