# SPDX-License-Identifier: Apache-2.0
"""Signing in: what lets somebody in, and what does not, however it is tried."""

import logging
import time
from datetime import UTC, datetime, timedelta

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from axes.models import AccessAttempt
from django.core.cache import cache
from django.test import Client

from node import people
from node.audited import events
from node.entrance import ADDRESS, PASSWORD, again, code, give, is_in, scrubbed, sign_in
from vigie_node.accounts import actions, models
from vigie_node.base.actor import COMMAND

pytestmark = pytest.mark.django_db


MADE_UP = [
    "", "{}", "[]", "[1]", "7", "null", '"text"', '{"id": 1}', '{"response": {"userHandle": "AAAA"}}',
    '{"id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": {"clientDataJSON": "e30", "userHandle": "_w"}}',
    '{"id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": {"clientDataJSON": "e30", '
    '"authenticatorData": "AAAA", "attestationObject": "AAAA", "signature": "AAAA", "userHandle": "AAAA"}}',
    "x" * 10_000, "[" * 2_000,
]  # fmt: skip


class TestPassword:
    def test_with_a_code_lets_in(self, client, secret):
        with events() as found:
            answer = give(client)
            assert answer.headers["Location"] == "/sign-in/second-factor"
            assert not is_in(client)
            assert client.post("/sign-in/second-factor", {"code": code(secret)}).headers["Location"] == "/"
        assert is_in(client)
        assert [(one.event, one.details["methods"]) for one in found] == [("SIGNED_IN", ["password", "totp"])]

    def test_alone_opens_enrolment_only(self, client, with_password):
        assert give(client).status_code == 302
        for address in ("/", "/people", "/account"):
            assert client.get(address).headers["Location"] == "/enrol/choose"
        assert client.get("/enrol/choose").status_code == 200
        assert client.post("/people/invite").headers["Location"] == "/enrol/choose"

    def test_is_argon2_and_long(self, with_password):
        assert models.Person.objects.get(id=with_password).password.startswith("argon2$argon2id$")

    @pytest.mark.parametrize("bad", ["short", "password1234", "123456789012345", "b.dubois@example.org", PASSWORD[:11]])
    def test_that_is_easy_to_guess_is_refused(self, client, somebody, bad):
        people.sign_in(client, somebody, with_factor=False)
        session = client.session
        session.save()
        answer = client.post("/account/password", {"password1": bad, "password2": bad})
        assert answer.status_code == 200
        assert not models.Person.objects.get(id=somebody).has_usable_password()

    def test_a_session_of_before_the_factor_stays_shut_when_another_enrols_one(self, client, with_password):
        # A thief who has the password waits in a session; its person then sets up a code app elsewhere.
        give(client)
        TOTP.activate(models.Person.objects.get(id=with_password), generate_totp_secret())
        assert client.get("/people").headers["Location"] == "/enrol/choose"


class TestCode:
    def test_is_refused_a_second_time(self, client, secret):
        assert sign_in(client, secret).status_code == 302
        other = Client()
        give(other)
        answer = other.post("/sign-in/second-factor", {"code": code(secret)})
        assert "used before" in answer.content.decode()
        assert not is_in(other)

    def test_is_refused_a_second_time_even_one_window_later(self, client, secret, monkeypatch):
        used = code(secret)
        assert client.post("/sign-in", {"login": ADDRESS, "password": PASSWORD}).status_code == 302
        assert client.post("/sign-in/second-factor", {"code": used}).status_code == 302
        now = time.time()
        monkeypatch.setattr("allauth.mfa.totp.internal.auth.time.time", lambda: now + 30)
        other = Client()
        give(other)
        assert "used before" in other.post("/sign-in/second-factor", {"code": used}).content.decode()

    def test_of_a_clock_half_a_minute_wrong_counts(self, client, secret):
        assert sign_in(client, secret, later=1).status_code == 302
        assert is_in(client)

    def test_of_another_time_does_not(self, client, secret):
        assert "wrong, too old" in sign_in(client, secret, later=5).content.decode()

    def test_cannot_be_guessed(self, client, secret):
        give(client)
        for _ in range(6):
            answer = client.post("/sign-in/second-factor", {"code": "000000"})
        assert "Too many attempts" in answer.content.decode()
        assert client.post("/sign-in/second-factor", {"code": code(secret)}).status_code == 200
        assert not is_in(client)

    def test_cannot_be_guessed_while_many_others_try(self, client, secret):
        give(client)
        for _ in range(6):
            client.post("/sign-in/second-factor", {"code": "000000"})
        for number in range(400):  # what a stranger's attempts on made-up addresses leave, from many places
            cache.set(f"zz-attempts-{number}", [0.0], 300)
        assert "Too many attempts" in client.post("/sign-in/second-factor", {"code": "000000"}).content.decode()

    def test_its_secret_is_encrypted_in_the_table(self, secret):
        stored = Authenticator.objects.get(type="totp").data["secret"]
        assert secret not in stored
        assert stored.startswith("gAAAA")

    def test_recovery_codes_work_once_and_are_encrypted(self, client, with_password, secret):
        wrapper = RecoveryCodes.activate(models.Person.objects.get(id=with_password))
        one = wrapper.get_unused_codes()[0]
        assert one not in str(wrapper.instance.data)
        give(client)
        assert client.post("/sign-in/second-factor", {"code": one}).status_code == 302
        assert is_in(client)
        other = Client()
        give(other)
        assert other.post("/sign-in/second-factor", {"code": one}).status_code == 200


class TestLockOut:
    def test_comes_with_the_fifth_wrong_password(self, client, with_password):
        with events() as found:
            answers = [give(client, password="wrong").status_code for _ in range(5)]
        assert answers == [200, 200, 200, 200, 429]
        assert [one.event for one in found] == ["SIGN_IN_FAILED"] * 4 + ["PERSON_LOCKED_OUT"]
        assert {one.subject for one in found} == {str(with_password)}

    def test_holds_against_the_right_password(self, client, secret):
        for _ in range(5):
            give(client, password="wrong")
        cache.clear()  # the slower limit of the sign-in form is not what is tested
        assert give(client).status_code == 429
        assert not is_in(client)

    def test_from_one_place_leaves_the_person_the_others(self, client, secret):
        for _ in range(5):
            give(client, password="wrong")
        cache.clear()
        elsewhere = Client(REMOTE_ADDR="192.0.2.7")
        assert sign_in(elsewhere, secret).status_code == 302

    def test_ends_after_a_quarter_of_an_hour(self, client, secret):
        for _ in range(5):
            give(client, password="wrong")
        cache.clear()
        AccessAttempt.objects.update(attempt_time=datetime.now(UTC) - timedelta(minutes=16))
        assert sign_in(client, secret).status_code == 302

    def test_spreading_the_guesses_over_many_places_meets_the_limit_of_the_person(self, secret):
        for number in range(5):
            give(Client(REMOTE_ADDR=f"192.0.2.{number}"), password="wrong")
        answer = give(Client(REMOTE_ADDR="192.0.2.99"))
        assert "Too many attempts" in answer.content.decode()

    def test_keeps_and_logs_no_address_of_anybody(self, client, with_password, caplog):
        caplog.set_level(logging.DEBUG)
        for _ in range(5):
            give(client, password="wrong password", next="/people?q=secret")
        kept = str(list(AccessAttempt.objects.values()))
        for text in (kept, caplog.text):
            assert ADDRESS not in text
            assert "dubois" not in text.lower()
            assert "wrong password" not in text
            assert "q=secret" not in text


class TestStrangers:
    def test_learn_nothing_about_who_is_here(self, client, secret):
        known, unknown = (give(client, address=one, password="wrong") for one in (ADDRESS, "nobody@example.org"))
        assert known.status_code == unknown.status_code
        assert scrubbed(known) == scrubbed(unknown)

    def test_learn_nothing_from_the_invited_or_the_ended(self, client, somebody):
        invited = give(client)
        actions.end_access(somebody, by=COMMAND, now=datetime.now(UTC))
        assert scrubbed(invited) == scrubbed(give(client)) == scrubbed(give(client, address="nobody@example.org"))

    def test_learn_nothing_from_passkeys(self, client, secret):
        answer = client.get("/sign-in/passkey", headers={"Accept": "application/json"}).json()
        assert answer["request_options"]["publicKey"].get("allowCredentials", []) == []

    def test_a_failed_attempt_on_nobody_is_noted_as_such(self, client):
        with events() as found:
            give(client, address="nobody@example.org")
        assert [(one.event, one.subject, one.actor) for one in found] == [("SIGN_IN_FAILED", "unknown", "NODE")]

    @pytest.mark.parametrize("credential", MADE_UP)
    def test_get_nowhere_with_a_made_up_passkey(self, client, secret, credential):
        client.get("/sign-in/passkey", headers={"Accept": "application/json"})
        answer = client.post("/sign-in/passkey", {"credential": credential})
        assert answer.status_code == 302
        assert not is_in(client)

    @pytest.mark.parametrize("credential", MADE_UP)
    def test_get_nowhere_with_one_after_a_password_or_as_a_new_one(self, client, secret, credential):
        give(client)
        assert client.post("/sign-in/second-factor", {"credential": credential}).status_code == 200
        assert not is_in(client)
        sign_in(client, secret)
        again(client)
        client.get("/account/passkeys/add")
        assert client.post("/account/passkeys/add", {"name": "Key", "credential": credential}).status_code == 200
        assert not Authenticator.objects.filter(type="webauthn").exists()
