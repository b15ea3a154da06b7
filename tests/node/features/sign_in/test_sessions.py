# SPDX-License-Identifier: Apache-2.0
"""Sessions, forms and enrolment: how long they last, where they lead, what they end."""

import contextlib
import threading
from datetime import UTC, datetime, timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import connection
from django.test import Client

from node import people
from node.audited import events
from node.entrance import ADDRESS, PASSWORD, again, code, give, is_in, move, sign_in
from vigie_node.accounts import actions, adapters, factor_secrets, models, session_rules
from vigie_node.accounts.roles import Role
from vigie_node.base.actor import COMMAND

pytestmark = pytest.mark.django_db


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

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize("kind", ["totp", "webauthn"])
    def test_stays_when_the_last_two_are_removed_at_once(self, with_password, kind, monkeypatch):
        data = {"name": "Key", "credential": {}, "secret": factor_secrets.encrypt("A" * 32, keys=settings.FIELD_KEY)}
        one, other = (
            Authenticator.objects.create(user_id=with_password, type=of, data=data) for of in (kind, "webauthn")
        )
        road = "/account/code-app/remove" if kind == "totp" else f"/account/passkeys/{one.pk}/remove"
        both, may_go = threading.Barrier(2), adapters.MFAAdapter.can_delete_authenticator

        def may_go_after_a_look_at_both(adapter, authenticator):
            found = may_go(adapter, authenticator)
            with contextlib.suppress(threading.BrokenBarrierError):
                both.wait(1)
            return found

        monkeypatch.setattr(adapters.MFAAdapter, "can_delete_authenticator", may_go_after_a_look_at_both)

        def remove(address):
            client = people.sign_in(Client(), with_password)
            again(client)
            client.post(address)
            connection.close()

        threads = [threading.Thread(target=remove, args=[at]) for at in (road, f"/account/passkeys/{other.pk}/remove")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert Authenticator.objects.filter(user_id=with_password).count() == 1

    def test_nobody_touches_anothers_passkey(self, client, somebody):
        other = people.recruit()
        key = Authenticator.objects.create(user_id=other, type="webauthn", data={"name": "Key", "credential": {}})
        people.sign_in(client, somebody)
        again(client)
        for address in (f"/account/passkeys/{key.pk}/remove", f"/account/passkeys/{key.pk}/rename"):
            assert client.get(address).status_code == 404

    def test_who_has_a_passkey_is_asked_for_it_before_a_code(self):
        person = models.Person.objects.get(id=people.recruit(Role.ADMINISTRATOR))
        for kind in (Authenticator.Type.RECOVERY_CODES, Authenticator.Type.WEBAUTHN):
            Authenticator.objects.create(user=person, type=kind, data={})
        ways = adapters.AccountAdapter().get_reauthentication_methods(person)
        assert str(ways[0]["description"]) == "Use your passkey"
        assert [way["url"] for way in ways] == ["/sign-in/again/passkey", "/sign-in/again/code"]

    def test_changes_ask_again_for_what_one_signs_in_with(self, client, secret):
        sign_in(client, secret)
        for address in ("/account/code-app/remove", "/account/passkeys/add", "/account/recovery-codes/new",
                        "/account/password/change"):  # fmt: skip
            assert client.get(address).headers["Location"].startswith("/sign-in/again")
