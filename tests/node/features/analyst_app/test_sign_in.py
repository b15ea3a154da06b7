# SPDX-License-Identifier: Apache-2.0
"""Signing in: what lets somebody in, and what does not, however it is tried."""

import logging
import re
import time
from datetime import UTC, datetime, timedelta

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from axes.models import AccessAttempt
from django.core.cache import cache
from django.test import Client

from node import people
from node.audited import events
from vigie_node.accounts import actions, models, session_rules
from vigie_node.accounts.roles import Role
from vigie_node.base.actor import COMMAND

pytestmark = pytest.mark.django_db
ADDRESS, PASSWORD = "b.dubois@example.org", "four pale lanterns drift"

MADE_UP = [
    "", "{}", "[]", "[1]", "7", "null", '"text"', '{"id": 1}', '{"response": {"userHandle": "AAAA"}}',
    '{"id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": {"clientDataJSON": "e30", "userHandle": "_w"}}',
    '{"id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": {"clientDataJSON": "e30", '
    '"authenticatorData": "AAAA", "attestationObject": "AAAA", "signature": "AAAA", "userHandle": "AAAA"}}',
    "x" * 10_000, "[" * 2_000,
]  # fmt: skip


@pytest.fixture(autouse=True)
def nobody_tried_before(db):
    cache.clear()


@pytest.fixture
def somebody():
    return people.recruit(Role.ADMINISTRATOR, email=ADDRESS, name="B. Dubois")


@pytest.fixture
def with_password(somebody):
    person = models.Person.objects.get(id=somebody)
    person.set_password(PASSWORD)
    person.save()
    return somebody


@pytest.fixture
def secret(with_password):
    made = generate_totp_secret()
    TOTP.activate(models.Person.objects.get(id=with_password), made)
    return made


def code(secret, later=0):
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + later))


def give(client, address=ADDRESS, password=PASSWORD, **more):
    return client.post("/sign-in", {"login": address, "password": password, **more})


def sign_in(client, secret, later=0):
    give(client)
    return client.post("/sign-in/second-factor", {"code": code(secret, later)})


def is_in(client):
    return client.get("/people").status_code == 200


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


def scrubbed(response):
    text = re.sub(r'value="[A-Za-z0-9]{64}"', "", response.content.decode())
    return re.sub(r'value="[^"]*@example.org"', "", text)


class TestSession:
    def test_key_changes_with_every_sign_in(self, client, secret):
        client.get("/sign-in")
        client.session.save()
        fixed = client.session.session_key
        client.cookies["sessionid"] = fixed
        sign_in(client, secret)
        assert client.cookies["sessionid"].value != fixed
        thief = Client()
        thief.cookies["sessionid"] = fixed
        assert not is_in(thief)

    def test_of_a_stranger_is_not_taken_over(self, client, somebody, secret):
        session = Client().session
        session["factor_enrolled"] = True
        session.save()
        client.cookies["sessionid"] = session.session_key
        give(client)
        assert not is_in(client)

    def test_ends_when_idle(self, client, somebody):
        people.sign_in(client, somebody)
        move(client, seen_at=session_rules.IDLE)
        with events() as found:
            answer = client.get("/people?access=ENDED")
        assert answer.headers["Location"] == "/sign-in?why=idle&next=%2Fpeople%3Faccess%3DENDED"
        assert [(one.event, one.details["why"]) for one in found] == [("SESSION_ENDED", "IDLE")]
        assert "half an hour" in client.get(answer.headers["Location"]).content.decode()

    def test_ends_after_twelve_hours_however_busy(self, client, somebody):
        people.sign_in(client, somebody)
        move(client, signed_in_at=session_rules.ABSOLUTE)
        assert client.get("/people").headers["Location"].startswith("/sign-in?why=absolute")

    def test_goes_on_while_it_is_used(self, client, somebody):
        people.sign_in(client, somebody)
        for _ in range(3):
            move(client, seen_at=timedelta(minutes=29))
            assert is_in(client)

    def test_that_does_not_say_when_it_began_ends(self, client, somebody):
        people.sign_in(client, somebody)
        session = client.session
        del session["signed_in_at"]
        session.save()
        assert not is_in(client)

    def test_ends_for_a_script_with_the_way_to_sign_in(self, client, somebody):
        people.sign_in(client, somebody)
        move(client, seen_at=session_rules.IDLE)
        answer = client.get("/people", headers={"HX-Request": "true"})
        assert (answer.status_code, answer.headers["HX-Redirect"]) == (401, "/sign-in?why=idle")

    def test_ends_everywhere_on_request(self, client, somebody):
        other = people.sign_in(Client(), somebody)
        people.sign_in(client, somebody)
        with events() as found:
            assert client.post("/account/sign-out-everywhere").headers["Location"] == "/sign-in"
        assert not is_in(client)
        assert not is_in(other)
        assert [one.event for one in found] == ["SESSIONS_ENDED"]

    def test_ends_with_signing_out(self, client, somebody):
        people.sign_in(client, somebody)
        copied = Client()
        copied.cookies["sessionid"] = client.cookies["sessionid"].value
        with events() as found:
            client.post("/sign-out")
        assert not is_in(copied)
        assert [one.event for one in found] == ["SIGNED_OUT"]

    def test_cookie_is_out_of_reach_of_scripts_and_other_sites(self, client, secret):
        sign_in(client, secret)
        cookie = client.cookies["sessionid"]
        assert cookie["httponly"]
        assert cookie["samesite"] == "Lax"
        assert cookie["expires"] == ""  # it goes with the browser


def move(client, **back):
    session = client.session
    for name, by in back.items():
        session[name] = time.time() - by.total_seconds()
    session.save()


class TestForms:
    def test_of_another_site_are_refused(self, somebody):
        strict = people.sign_in(Client(enforce_csrf_checks=True), somebody)
        for address in ("/people/invite", "/account/sign-out-everywhere", "/sign-out", f"/people/{somebody}/link"):
            assert strict.post(address).status_code == 403
        assert is_in(strict)

    def test_signing_somebody_in_from_another_site_is_refused(self, secret):
        strict = Client(enforce_csrf_checks=True)
        assert give(strict).status_code == 403

    @pytest.mark.parametrize(
        "wanted",
        ["https://evil.example/", "//evil.example/", "/\\evil.example", "http:evil.example", "javascript:alert(1)",
         "https://localhost@evil.example/", "\thttps://evil.example", "/%0d%0aSet-Cookie:x=1", "https:///evil.example"],
    )  # fmt: skip
    def test_lead_back_to_this_site_only(self, client, secret, wanted):
        client.get("/sign-in", {"next": wanted})
        answer = client.post("/sign-in", {"login": ADDRESS, "password": PASSWORD, "next": wanted})
        answer = client.post("/sign-in/second-factor", {"code": code(secret)})
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith("/")
        assert "evil.example" not in answer.headers["Location"]
        assert "x" not in answer.cookies

    def test_lead_back_to_the_page_that_was_wanted(self, client, secret):
        client.post("/sign-in", {"login": ADDRESS, "password": PASSWORD, "next": "/people?access=ENDED"})
        answer = client.post("/sign-in/second-factor", {"code": code(secret)})
        assert answer.headers["Location"] == "/people?access=ENDED"

    @pytest.mark.parametrize("host", ["evil.example", "localhost:80\r\nX: 1", "localhost@evil.example", ""])
    def test_of_another_name_of_this_machine_are_refused(self, client, host):
        assert client.get("/sign-in", HTTP_HOST=host).status_code == 400

    @pytest.mark.parametrize("header", ["X-Forwarded-Host", "X-Forwarded-For", "X-Original-URL", "X-Rewrite-URL"])
    def test_headers_of_a_proxy_that_is_not_there_count_for_nothing(self, client, header, secret):
        answer = client.get("/sign-in", headers={header: "evil.example"})
        assert answer.status_code == 200
        assert "evil.example" not in answer.content.decode()

    def test_forged_addresses_do_not_get_around_the_lock(self, client, with_password):
        answers = [
            client.post(
                "/sign-in", {"login": ADDRESS, "password": "wrong"}, headers={"X-Forwarded-For": f"192.0.2.{number}"}
            ).status_code
            for number in range(5)
        ]
        assert answers[-1] == 429


class TestEnrolment:
    def enrol(self, client, person):
        token = actions.issue_enrolment(person, by=COMMAND, now=datetime.now(UTC))
        return client.post("/enrol", {"link": f"http://localhost/enrol#{token}"})

    def test_is_not_spent_by_opening_it(self, client, somebody):
        token = actions.issue_enrolment(somebody, by=COMMAND, now=datetime.now(UTC))
        assert client.get("/enrol").status_code == 200
        assert client.head("/enrol").status_code == 405
        assert client.post("/enrol", {"link": token}).headers["Location"] == "/enrol/choose"

    def test_a_password_comes_before_a_code_app(self, client, somebody):
        self.enrol(client, somebody)
        assert client.get("/account/code-app/add").headers["Location"] == "/account/password"
        answer = client.post("/account/password", {"password1": PASSWORD, "password2": PASSWORD})
        assert answer.headers["Location"] == "/account/code-app/add"
        assert client.get("/account/code-app/add").status_code == 200

    @pytest.mark.parametrize("link", ["", "hello", "vl_" + "a" * 43, "<script>vl_</script>"])
    def test_of_anything_else_is_refused_and_not_repeated(self, client, link):
        answer = client.post("/enrol", {"link": link})
        assert answer.status_code == 422
        assert "<script>vl_" not in answer.content.decode()

    def test_replaces_whoever_is_signed_in(self, client, somebody):
        other = people.recruit(Role.ADMINISTRATOR)
        people.sign_in(client, other)
        self.enrol(client, somebody)
        assert client.get("/people").headers["Location"] == "/enrol/choose"

    def test_ends_the_code_app_and_the_password_of_before(self, client, somebody, secret):
        self.enrol(client, somebody)
        assert not Authenticator.objects.filter(user_id=somebody).exists()
        other = Client()
        assert give(other).status_code == 200
        assert not is_in(other)


class TestLastWayIn:
    def test_the_code_app_stays_while_it_is_the_only_factor(self, client, somebody, secret):
        sign_in(client, secret)
        again(client)
        answer = client.post("/account/code-app/remove")
        assert "last way to sign in" in answer.content.decode()
        assert Authenticator.objects.filter(type="totp").exists()

    def test_the_passkey_stays_while_it_is_the_only_factor(self, client, somebody):
        key = Authenticator.objects.create(user_id=somebody, type="webauthn", data={"name": "Key", "credential": {}})
        people.sign_in(client, somebody)
        again(client)
        assert client.post(f"/account/passkeys/{key.pk}/remove").headers["Location"] == "/account"
        assert Authenticator.objects.filter(pk=key.pk).exists()

    def test_nobody_touches_anothers_passkey(self, client, somebody):
        other = people.recruit()
        key = Authenticator.objects.create(user_id=other, type="webauthn", data={"name": "Key", "credential": {}})
        people.sign_in(client, somebody)
        again(client)
        for address in (f"/account/passkeys/{key.pk}/remove", f"/account/passkeys/{key.pk}/rename"):
            assert client.get(address).status_code == 404

    def test_changes_ask_again_for_what_one_signs_in_with(self, client, secret):
        sign_in(client, secret)
        for address in ("/account/code-app/remove", "/account/passkeys/add", "/account/recovery-codes/new",
                        "/account/password/change"):  # fmt: skip
            assert client.get(address).headers["Location"].startswith("/sign-in/again")


def again(client):
    """Let the session have just been asked again."""
    session = client.session
    records = session.get("account_authentication_methods", [])
    session["account_authentication_methods"] = [
        *records, {"method": "mfa", "type": "totp", "at": time.time(), "reauthenticated": True},
    ]  # fmt: skip
    session["account_authentication_methods_user"] = session["_auth_user_id"]
    session.save()
