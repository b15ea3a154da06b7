# SPDX-License-Identifier: Apache-2.0
"""Hostile requests to the partners' face as it is served: each gets a documented code, and the node goes on."""

import contextlib
import gzip
import json
import threading
import time
from collections import Counter
from datetime import timedelta

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from node import faces, partners, wires
from node.wires import Wire, ask, request
from vigie.fingerprints.values import Algorithm
from vigie_node.accounts import key_actions as keys
from vigie_node.accounts.roles import Scope
from vigie_node.base import arrivals
from vigie_node.base.actor import COMMAND
from vigie_node.partner_api import bodies, codes, hot
from vigie_node.project.faces import Face

ITEM = {"pdq": partners.value(1).hex()}


def code_of(body):
    told = json.loads(body)
    return told["error"]["code"] if "error" in told else told["code"]


@pytest.fixture
def node(serve):
    partners.make_list()
    partners.know((Algorithm.PDQ, partners.value(1)))
    return serve(Face.PARTNER)


@pytest.fixture
def token(node):
    made = partners.key(
        Scope.MATCH, Scope.MATCH_FILE, Scope.SIGHTINGS_WRITE, Scope.STATUS, Scope.COMPAT_HMA, Scope.COMPAT_ARACHNID
    )
    wait_until_known(node, made.token)
    return made.token


def wait_until_known(address, token):
    """Wait until the node has heard of a key: within a second."""
    until = time.monotonic() + 5
    while ask(address, "GET", "/v1/revocations", token=token)[0] in {401, 503}:
        assert time.monotonic() < until
        time.sleep(0.05)


def look_up(**item):
    return json.dumps({"items": [item or ITEM]}).encode()


OWN_NUMBER = "01a20184-7079-7748-8229-7beb3ed2e5b1"
DEEP = b"[" * 100_000
# What is sent with a good key, and what may come back.
CASES = {
    "a body too large for a look-up": (
        ("POST", "/v1/match", {"body": b"x" * (8 * 1024 * 1024 + 1)}), 413, "partners.too-large"),
    "a length too large to be believed": (
        ("POST", "/v1/match/file", {"Content_Length": str(10**15)}), 413, "partners.too-large"),
    "a length beyond all numbers": (("POST", "/v1/match", {"Content_Length": "9" * 18}), 413, "partners.too-large"),
    "sightings too large": (("POST", "/v1/sightings", {"body": b"x" * (17 * 2**20)}), 413, "partners.too-large"),
    "a form field too large": (
        ("POST", "/compat/hma/{token}/c/banks", {"body": b"x" * 2**21}), 413, "partners.too-large"),
    "no JSON": (("POST", "/v1/match", {"body": b"{"}), 422, "partners.malformed-request"),
    "JSON too deep": (("POST", "/v1/match", {"body": DEEP}), 422, "partners.malformed-request"),
    "JSON too deep in sightings": (("POST", "/v1/sightings", {"body": DEEP}), 422, "partners.malformed-request"),
    "JSON too deep for HMA": (
        ("POST", "/compat/hma/{token}/m/compare", {"body": DEEP}), 400, "partners.malformed-request"),
    "bytes that are no text": (
        ("POST", "/v1/match", {"body": b'{"items": "\xff"}'}), 422, "partners.malformed-request"),
    "a zero in a pseudonym that matches": (
        ("POST", "/v1/match", {"body": look_up(**ITEM, ref="a\0b")}), 422, "partners.malformed-request"),
    "half a character in a pseudonym that matches": (
        ("POST", "/v1/match", {"body": b'{"items": [{"pdq": "%s", "ref": "\\ud800"}]}' % ITEM["pdq"].encode()}),
        422, "partners.malformed-request"),
    "a value that is too short": (("POST", "/v1/match", {"body": look_up(pdq="00")}), 422, "fingerprints.malformed"),
    "MessagePack that is none": (
        ("POST", "/v1/match", {"body": b"\xc1", "Content_Type": "application/msgpack"}),
        422, "partners.malformed-request"),
    "no method of ours": (("BREW", "/v1/match", {}), 405, "partners.wrong-method"),
    "a look-up in the address": (("GET", "/v1/match?pdq=00", {}), 405, "partners.wrong-method"),
    "a wrong method": (("DELETE", "/v1/status", {}), 405, "partners.wrong-method"),
    "a path that climbs": (("GET", "/v1/../v1/status", {}), 404, "node.no-such-page"),
    "a path that climbs in code": (("GET", "/static/%2e%2e/%2e%2e/settings.py", {}), 404, "node.no-such-page"),
    "a path with a zero": (("GET", "/v1/status%00", {}), 404, "node.no-such-page"),
    "a path that is no text": (("GET", "/v1/%ff%fe", {}), 404, "node.no-such-page"),
    "a path too long to be one": (("GET", "/v1/" + "a" * 20_000, {}), 404, "node.no-such-page"),
    "a bank's name with a zero": (("GET", "/compat/hma/{token}/c/bank/A%00B", {}), 404, "banks.no-such-bank"),
    "a bank's name that climbs": (
        ("GET", "/compat/hma/{token}/c/bank/..%2f..%2fv1", {}), 404, "partners.no-such-operation"),
    "another host": (("GET", "/v1/status", {"Host": "example.org"}), 400, "node.malformed-request"),
    "another host with a line break": (("GET", "/v1/status", {"Host": "a%0d%0ab"}), 400, "node.malformed-request"),
    "a form without an end": (
        ("POST", "/compat/hma/{token}/h/hash", {
            "body": b'--b\r\nContent-Disposition: form-data; name="photo"; filename="a"\r\n\r\nxx',
            "Content_Type": "multipart/form-data; boundary=b",
        }), 400, "hma.unfit-file"),
    "a form of another kind": (
        ("POST", "/compat/hma/{token}/h/hash", {
            "body": b"photo=1", "Content_Type": "application/x-www-form-urlencoded",
        }), 400, "hma.unfit-form"),
    "a text as a file": (
        ("POST", "/compat/arachnid/v1/media/", {"body": b"a text that is longer than a trivial file is, much longer"}),
        415, "arachnid.unreadable-media"),
    "an empty file": (("POST", "/v1/match/file", {}), 422, "matching.empty-file"),
}  # fmt: skip


class TestRequests:
    def test_each_hostile_request_gets_its_code(self, node, token):
        documented = {one.code for one in codes.all_of_them()}
        wrong = {}
        for name, ((method, path, more), status, code) in CASES.items():
            found = ask(node, method, path.replace("{token}", token), token=token, **more)
            told = (found[0], code_of(found[2]) if found[2].startswith(b"{") else found[2][:80])
            if told != (status, code):
                wrong[name] = told
            assert code in documented
        assert wrong == {}
        assert ask(node, "GET", "/v1/status", token=token)[0] == 200

    def test_what_is_no_http_ends_without_harm(self, node, token):
        tls = b"\x16\x03\x01\x02\x00\x01\x00"
        for garbage in (b"\x00" * 500, b"GET\r\n\r\n", tls, b"POST /v1/match HTTP/9.9\r\n\r\n"):
            with Wire(node) as wire:
                wire.send(garbage)
                assert wire.answer()[0] in {0, 400, 505}
        for length in ("-1", "1e3", "0x10", "5, 6"):
            assert ask(node, "POST", "/v1/match", token=token, Content_Length=length)[0] == 400
        assert ask(node, "GET", "/v1/status", token=token)[0] == 200

    def test_two_lengths_are_refused(self, node, token):
        with Wire(node) as wire:
            wire.send(request("POST", "/v1/match", token=token, body=look_up(), Transfer_Encoding="chunked"))
            assert wire.answer()[0] in {400, 422}

    def test_nothing_sent_comes_back_in_a_header(self, node, token):
        for sent in ("a%0d%0aSet-Cookie: x=1", "0" * 64, "<script>", "a-name", OWN_NUMBER):
            _, headers, body = ask(node, "GET", "/v1/nothing", token=token, X_Request_Id=sent)
            assert "set-cookie" not in headers
            assert (sent in headers["x-request-id"]) is (sent == OWN_NUMBER)
            assert sent not in body.decode() or sent == OWN_NUMBER

    def test_a_body_without_a_length_is_taken(self, node, token):
        content = look_up()
        chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(content), content)
        head = request("POST", "/v1/match", token=token, Content_Length=None, Transfer_Encoding="chunked")
        with Wire(node) as wire:
            wire.send(head + chunked)
            status, _, body = wire.answer()
        assert (status, json.loads(body)["answers"][0]["verdict"]) == (200, "near")

    def test_no_cookie_is_ever_set(self, node, token):
        for path in ("/", "/v1/status", "/v1/errors", f"/compat/hma/{token}/status"):
            status, headers, _ = ask(node, "GET", path, token=token, Cookie="sessionid=1; csrftoken=2")
            assert status == 200
            assert "set-cookie" not in headers


BODIES = (
    "/v1/match", "/v1/match/file", "/v1/sightings", "/compat/hma/{token}/c/banks", "/compat/hma/{token}/h/hash",
    "/compat/arachnid/v1/media/", "/compat/arachnid/v1/pdq/",
)  # fmt: skip


class TestBodies:
    @pytest.mark.parametrize("coding", ["gzip", "identity, zstd"])
    def test_that_are_compressed_are_refused_wherever_one_is_read(self, node, token, coding):
        sent = {"body": gzip.compress(look_up()), "Content_Type": "multipart/form-data; boundary=b"}
        for path in BODIES:
            found = ask(node, "POST", path.replace("{token}", token), token=token, Content_Encoding=coding, **sent)
            assert (found[0], code_of(found[2])) == (415, "partners.encoded-body"), path
        assert ask(node, "POST", "/v1/match", token=token, body=look_up(), Content_Encoding="Identity")[0] == 200

    @pytest.mark.parametrize(
        ("path", "whole"),
        [("/v1/match", "{%s}"), ("/v1/match", '{"items": [{%s}]}'), ("/v1/match", '{"items": [{"frames": [{%s}]}]}'),
         ("/v1/sightings", "{%s}"), ("/v1/sightings", '{"sightings": [{%s}]}')],
    )  # fmt: skip
    def test_that_hold_a_value_for_a_name_have_it_not_repeated(self, node, token, path, whole):
        status, _, told = ask(node, "POST", path, token=token, body=(whole % f'"{ITEM["pdq"]}": 1').encode())
        assert (status, code_of(told)) == (422, "partners.malformed-request")
        assert ITEM["pdq"] not in told.decode()
        assert "unknown field" in told.decode()

    def test_that_are_malformed_count_as_requests(self, node):
        for path in BODIES:
            made = partners.key(*Scope, per_minute=3)
            wait_until_known(node, made.token)
            asked = path.replace("{token}", made.token)
            told = {
                ask(node, "POST", asked, token=made.token, body=b"[")[0] for _ in range(8)
            }  # in two minutes at most
            assert 429 in told, path


class TestKeys:
    def test_wrong_expired_revoked_and_spent_keys_are_refused_everywhere(self, node):
        every = (Scope.MATCH, Scope.STATUS, Scope.COMPAT_HMA, Scope.COMPAT_ARACHNID)
        good = partners.key(*every)
        expired = partners.key(*every, expires_at=partners.now() + timedelta(seconds=1))
        revoked = partners.key(*every)
        spent = partners.key(*every, per_minute=1)
        for made in (good, revoked):
            wait_until_known(node, made.token)
        keys.revoke_key(revoked.id, reason="a test", by=COMMAND, now=partners.now())
        time.sleep(1.2)
        wrong = good.token[:-1] + ("A" if good.token[-1] != "A" else "B")
        for token in (wrong, expired.token, revoked.token, "vk_", "é", ""):
            for method, path in (
                ("POST", "/v1/match"),
                ("GET", "/v1/status"),
                ("GET", f"/compat/hma/{token.replace('é', 'e') or 'none'}/status"),
                ("POST", "/compat/arachnid/v1/pdq/"),
            ):
                status, headers, body = ask(node, method, path, token=token, body=b"{}")
                assert (status, code_of(body)) == (401, "partners.unknown-caller"), (path, body)
                assert "www-authenticate" in headers
        assert 429 in [ask(node, "POST", "/v1/match", token=spent.token, body=look_up())[0] for _ in range(3)]

    def test_a_revoked_key_is_refused_within_a_second(self, node):
        made = partners.key(Scope.MATCH, Scope.COMPAT_HMA)
        wait_until_known(node, made.token)
        keys.revoke_key(made.id, reason="a test", by=COMMAND, now=partners.now())
        time.sleep(1)
        assert ask(node, "POST", "/v1/match", token=made.token, body=look_up())[0] == 401
        assert ask(node, "GET", f"/compat/hma/{made.token}/status")[0] == 401


class TestTheLog:
    def test_neither_a_key_nor_a_path_is_written(self, serve, monkeypatch, tmp_path):
        monkeypatch.setattr(faces.tempfile, "TemporaryFile", (tmp_path / "log").open)
        node = serve(Face.PARTNER)
        made = partners.key(Scope.COMPAT_HMA, Scope.MATCH)
        wait_until_known(node, made.token)
        asked = "m/lookup?signal_type=pdq&signal=" + ITEM["pdq"]
        for path in ("c/banks", "c/bank/NONE", "dev/x", "h/hash?url=a", asked):
            ask(node, "GET", f"/compat/hma/{made.token}/{path}")
            ask(node, "GET", f"/compat/hma/{made.token}/{path}", Host="example.org")
        ask(node, "POST", "/v1/match", token=made.token, body=b"{")
        written = (tmp_path / "log").read_text()
        for secret in (made.token, made.token[:11], made.token[12:], ITEM["pdq"], "/compat/", "example.org"):
            assert secret not in written


SOON_SECONDS = 5  # whoever is held up waits for far longer, and a busy machine is slow


def stall(stack, address, path, token, *, sent=b"{", length="1000"):
    """A request whose body begins, and does not go on."""
    wire = stack.enter_context(Wire(address))
    wire.send(request("POST", path, token=token, body=sent, Content_Length=length))
    return wire


def seconds_to_be_found(address, token):
    """How long somebody else waits for an answer meanwhile."""
    began = time.monotonic()
    status, _, body = ask(address, "POST", "/v1/match", token=token, body=look_up())
    assert (status, json.loads(body)["answers"][0]["verdict"]) == (200, "near")
    return time.monotonic() - began


class TestSlowBodies:
    PATHS = ("/v1/match", "/v1/match/file", "/v1/sightings", "/compat/hma/{token}/c/banks", "/compat/arachnid/v1/pdq/")

    def test_nobody_without_a_key_has_a_body_waited_for(self, node):
        paths = [*self.PATHS, "/", "/v1/openapi.json", "/v1/status", "/v1/nothing", "/healthz", "/static/x.css"]
        with contextlib.ExitStack() as stack:
            for token in ("none", ""):
                wires = [stall(stack, node, path.replace("{token}", "none"), token) for path in paths]
                assert {wire.answer()[0] for wire in wires} <= {200, 401, 403, 404, 405}  # 408 to whom it is waited for

    def test_a_body_that_stands_still_is_given_up(self, node, token):
        with contextlib.ExitStack() as stack:
            began = time.monotonic()
            wire = stall(stack, node, "/v1/match/file", token)
            status, _, body = wire.answer()
            assert (status, code_of(body)) == (408, "partners.slow-body")
            assert arrivals.STALL_SECONDS < time.monotonic() - began < arrivals.STALL_SECONDS + 2
            assert wire.ends()
        # For a moment whatever else the key sends is refused unread; then it may ask again.
        status, _, body = ask(node, "POST", "/v1/match", token=token, body=look_up())
        assert (status, code_of(body)) == (408, "partners.slow-body")
        time.sleep(bodies.PAUSE_SECONDS)
        assert seconds_to_be_found(node, token) < SOON_SECONDS

    def test_stalled_bodies_of_several_keys_do_not_keep_others_from_an_answer(self, node, token):
        hostile = [token, *(partners.key(Scope.MATCH, Scope.MATCH_FILE).token for _ in range(4))]
        other = partners.key(Scope.MATCH, of=partners.organisation("Another")).token
        for one in (*hostile, other):
            wait_until_known(node, one)
        with contextlib.ExitStack() as stack:
            for _ in range(3):
                for place in range(20):
                    one = hostile[place % len(hostile)]
                    path = self.PATHS[place % len(self.PATHS)] if one == token else self.PATHS[place % 2]
                    stall(stack, node, path.replace("{token}", token), one)
                assert seconds_to_be_found(node, other) < SOON_SECONDS

    def test_bodies_that_drip_give_way_to_others(self, node, token):
        second, other = partners.key(Scope.MATCH_FILE).token, partners.key(Scope.MATCH).token
        for one in (second, other):
            wait_until_known(node, one)
        with contextlib.ExitStack() as stack:
            wires = [
                stall(stack, node, "/v1/match/file", one, length=str(10**8))
                for one in (token, second)
                for _ in range(6)
            ]
            for _ in range(10):
                for wire in wires:
                    wire.send(b"x" * 2048)
                assert seconds_to_be_found(node, other) < SOON_SECONDS
                time.sleep(0.1)

    def test_a_slow_body_is_waited_for(self, node, token):
        content = look_up()
        with Wire(node) as wire:
            wire.send(request("POST", "/v1/match", token=token, Content_Length=str(len(content))))
            for place in range(0, len(content), 20):
                wire.send(content[place : place + 20])
                time.sleep(0.3)
            assert wire.answer()[0] == 200

    @pytest.mark.parametrize("path", ["/v1/match", "/v1/match/file", "/v1/sightings", "/compat/arachnid/v1/pdq/"])
    def test_a_key_that_is_revoked_while_its_body_comes_gets_no_answer(self, node, path):
        made = partners.key(Scope.MATCH, Scope.MATCH_FILE, Scope.SIGHTINGS_WRITE, Scope.COMPAT_ARACHNID)
        wait_until_known(node, made.token)
        content = look_up()
        with Wire(node) as wire:
            wire.send(request("POST", path, token=made.token, Content_Length=str(len(content))) + content[:-1])
            keys.revoke_key(made.id, reason="a test", by=COMMAND, now=partners.now())
            time.sleep(1)
            wire.send(content[-1:])
            status, _, body = wire.answer()
        assert (status, code_of(body)) == (401, "partners.unknown-caller")


@pytest.mark.filterwarnings("ignore")
class TestLanes:
    def test_many_large_requests_leave_a_thread_for_a_light_one(self, node, token):
        items = [{"pdq": partners.value(2).hex()}] * hot.MAX_VALUES
        large = request("POST", "/v1/match", token=token, body=json.dumps({"items": items}).encode())
        with contextlib.ExitStack() as stack:
            wires = [stack.enter_context(Wire(node)) for _ in range(20)]
            senders = [threading.Thread(target=wire.send, args=(large,)) for wire in wires]
            for one in senders:
                one.start()
            assert seconds_to_be_found(node, token) < SOON_SECONDS
            for one in senders:
                one.join()
            told = Counter(
                (status, "" if status == 200 else code_of(body))
                for status, _, body in (wire.answer() for wire in wires)
            )
        assert set(told) <= {(200, ""), (503, "partners.busy-lane")}
        assert told[200, ""]


class TestDescription:
    def test_nothing_that_follows_the_description_makes_a_server_error(self, node, token):
        schema = schemathesis.openapi.from_url(f"{node}/v1/openapi.json")
        failed = []

        for result in schema.get_all_operations():
            _call(result.ok(), token, failed)
        assert failed == []


def _call(operation, token, failed):
    """Call an operation with what follows its description and with what does not."""
    basic = (token[:11], token) if "/arachnid/" in operation.path else None

    @settings(
        max_examples=8, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
    )  # fmt: skip
    @given(case=operation.as_strategy())
    def calls(case):
        if "key" in (case.path_parameters or {}):
            case.path_parameters["key"] = token
        headers = {} if basic else {"Authorization": f"Bearer {token}"}
        response = case.call(headers=headers, auth=basic, timeout=wires.SECONDS)
        if response.status_code >= 500:
            failed.append((operation.label, response.status_code, response.text[:200]))

    calls()
