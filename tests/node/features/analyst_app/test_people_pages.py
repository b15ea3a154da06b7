# SPDX-License-Identifier: Apache-2.0
"""The pages of people and of partners: what they show once, what they refuse, what they record."""

import re
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from node import people
from node.audited import events
from vigie_node.accounts import actions, queries, tokens
from vigie_node.accounts.roles import Role, Scope
from vigie_node.accounts.states import Access, KeyState
from vigie_node.base.actor import COMMAND

pytestmark = pytest.mark.django_db


@pytest.fixture
def administrator():
    return people.recruit(Role.ADMINISTRATOR, name="A. Administrator")


@pytest.fixture
def inside(client, administrator):
    return people.sign_in(client, administrator)


@pytest.fixture
def partner_manager():
    return people.sign_in(Client(), people.recruit(Role.PARTNER_MANAGER))


def text(response):
    return re.sub(r"\s+", " ", response.content.decode())


def invitation(**other):
    wanted = {
        "email": "new@example.org", "display_name": "N. Ew", "organisation": str(people.organisation()),
        "language": "fr", "roles": ["ANALYST", "VICTIM_OFFICER"],
    }  # fmt: skip
    return wanted | other


class TestInvite:
    def test_begins_with_ones_own_organisation_and_language(self, inside):
        people.organisation("A provider")
        inside.cookies["django_language"] = "de"
        page = text(inside.get("/people/invite"))
        assert f'<option value="{people.organisation()}" selected>' in page
        assert '<option value="de" selected>' in page

    def test_shows_the_link_once_and_the_link_works(self, inside, client):
        with events() as found:
            answer = inside.post("/people/invite", invitation())
        token = re.search(r"http://testserver/enrol#(vl_[A-Za-z0-9_-]{43})", text(answer))[1]
        person = queries.person_id_of("new@example.org")
        assert [one.event for one in found] == ["PERSON_CREATED", "ROLE_GRANTED", "ROLE_GRANTED", "ENROLMENT_ISSUED"]
        assert queries.roles_of(person) == {Role.ANALYST, Role.VICTIM_OFFICER}
        assert token not in text(inside.get(f"/people/{person}"))
        assert Client().post("/enrol", {"link": token}).headers["Location"] == "/enrol/choose"

    def test_keeps_what_was_typed_when_the_address_is_taken(self, inside):
        people.recruit(email="new@example.org")
        answer = inside.post("/people/invite", invitation())
        assert answer.status_code == 422
        assert "signs in with this address already" in text(answer)
        assert 'value="N. Ew"' in text(answer)

    @pytest.mark.parametrize(
        "wrong",
        [{"email": "nobody"}, {"email": "a@example.org\r\nBcc: x@example.org"}, {"display_name": ""},
         {"display_name": "\u202eevil"}, {"organisation": str(uuid.uuid4())}, {"organisation": "x"},
         {"language": "eo"}, {"roles": ["ROOT"]}],
    )  # fmt: skip
    def test_refuses_what_cannot_be_and_records_nothing(self, inside, wrong):
        before = len(queries.people())
        with events() as found:
            assert inside.post("/people/invite", invitation(**wrong)).status_code == 422
        assert found == []
        assert len(queries.people()) == before

    def test_escapes_names(self, inside):
        inside.post("/people/invite", invitation(display_name="<script>alert(1)</script>"))
        assert "<script>alert" not in text(inside.get("/people"))


class TestPeople:
    def test_are_listed_by_organisation_and_access(self, inside):
        there = people.organisation("There")
        people.recruit(Role.ANALYST, of=there, name="Somebody There")
        people.recruit(name="Somebody Here")
        shown = text(inside.get("/people", {"organisation": str(there)}))
        assert "Somebody There" in shown
        assert "Somebody Here" not in shown
        assert "Nobody like this" in text(inside.get("/people", {"access": "ENDED"}))

    def test_travel_as_csv_without_addresses_or_formulas(self, inside):
        people.recruit(email="private@example.org", name="=SUM(A1)")
        answer = inside.get("/people", {"format": "csv"})
        assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert "'=SUM(A1)" in answer.content.decode()
        assert "private@example.org" not in answer.content.decode()

    def test_in_french_for_who_speaks_it(self, client):
        people.sign_in(client, people.recruit(Role.ADMINISTRATOR, language="fr"))
        assert '<html lang="fr">' in text(client.get("/people"))
        client.cookies["django_language"] = "de"
        assert '<html lang="de">' in text(client.get("/people"))


class TestPerson:
    def test_shows_that_roles_conflict(self, inside):
        somebody = people.recruit(Role.ANALYST, Role.AUDITOR)
        assert "<li>Analyst and Auditor</li>" in text(inside.get(f"/people/{somebody}"))

    def test_is_given_and_loses_a_role(self, inside):
        somebody = people.recruit()
        inside.post(f"/people/{somebody}/roles/give", {"role": "ANALYST"})
        assert queries.roles_of(somebody) == {Role.ANALYST}
        inside.post(f"/people/{somebody}/roles/take", {"role": "ANALYST"})
        assert queries.roles_of(somebody) == frozenset()

    def test_cannot_change_their_own(self, inside, administrator):
        page = text(inside.get(f"/people/{administrator}"))
        assert "Nobody changes their own roles" in page
        assert "roles/give" not in page
        answer = inside.post(f"/people/{administrator}/roles/give", {"role": "ANALYST"}, follow=True)
        assert "nobody changes their own roles" in text(answer)
        assert queries.roles_of(administrator) == {Role.ADMINISTRATOR}

    def test_is_signed_out_and_their_access_ended_and_restored(self, inside):
        somebody = people.recruit(Role.ADMINISTRATOR)
        theirs = people.sign_in(Client(), somebody)
        inside.post(f"/people/{somebody}/sign-out")
        assert theirs.get("/people").status_code == 302
        people.sign_in(theirs, somebody)
        inside.post(f"/people/{somebody}/end-access")
        assert theirs.get("/people").status_code == 302
        assert queries.person(somebody).access is Access.ENDED
        inside.post(f"/people/{somebody}/restore-access")
        assert queries.person(somebody).access is Access.INVITED

    def test_of_ended_access_gets_no_link(self, inside):
        somebody = people.recruit()
        actions.end_access(somebody, by=COMMAND, now=datetime.now(UTC))
        assert "access has ended" in text(inside.post(f"/people/{somebody}/link", follow=True))

    def test_is_renamed(self, inside):
        somebody = people.recruit(name="Old")
        inside.post(f"/people/{somebody}/change", {"display_name": "New", "language": "nl"})
        assert (queries.person(somebody).display_name, queries.person(somebody).language) == ("New", "nl")
        answer = inside.post(f"/people/{somebody}/change", {"display_name": "", "language": "nl"})
        assert answer.status_code == 422

    @pytest.mark.parametrize("path", ["", "/link", "/sign-out", "/end-access", "/restore-access"])
    def test_of_nobody_is_not_found(self, inside, path):
        address = f"/people/{uuid.uuid4()}{path}"
        assert (inside.post(address) if path else inside.get(address)).status_code == 404

    def test_is_changed_by_forms_only(self, inside):
        somebody = people.recruit()
        for path in ("link", "sign-out", "end-access", "restore-access", "roles/give", "roles/take", "change"):
            assert inside.get(f"/people/{somebody}/{path}").status_code == 405

    def test_an_unknown_role_is_refused(self, inside):
        assert inside.post(f"/people/{people.recruit()}/roles/give", {"role": "ROOT"}).status_code == 422


class TestPartners:
    def test_are_added_once(self, partner_manager):
        answer = partner_manager.post("/partners/add", {"name": "Provider", "country": "nl", "kind": "PROVIDER"})
        assert answer.status_code == 302
        again = partner_manager.post("/partners/add", {"name": "Provider", "country": "NL", "kind": "PROVIDER"})
        assert again.status_code == 422
        assert "here already" in text(again)
        assert "Provider" in text(partner_manager.get("/partners"))
        assert "Provider,NL,PROVIDER,0,0" in partner_manager.get("/partners?format=csv").content.decode()

    @pytest.mark.parametrize("wrong", [{"name": ""}, {"country": "XYZ"}, {"country": "1A"}, {"kind": "CLUB"}])
    def test_refuse_what_cannot_be(self, partner_manager, wrong):
        wanted = {"name": "Provider", "country": "NL", "kind": "PROVIDER"} | wrong
        assert partner_manager.post("/partners/add", wanted).status_code == 422

    def test_begin_without_a_kind(self, partner_manager):
        assert '<option value="" selected>' in text(partner_manager.get("/partners/add"))

    def test_without_a_key_say_what_one_is_for(self, partner_manager):
        assert "No key yet" in text(partner_manager.get(f"/partners/{people.organisation()}"))

    def test_of_another_id_are_not_found(self, partner_manager):
        for path in (
            f"/partners/{uuid.uuid4()}",
            f"/partners/{uuid.uuid4()}/keys/add",
            f"/partners/keys/{uuid.uuid4()}",
        ):
            assert partner_manager.get(path).status_code == 404
        assert partner_manager.post(f"/partners/keys/{uuid.uuid4()}/revoke", {"reason": "x"}).status_code == 404
        quota = {"per_minute": 1, "values_per_day": 1}
        assert partner_manager.post(f"/partners/keys/{uuid.uuid4()}/quota", quota).status_code == 404


class TestKeys:
    def make(self, client, organisation, **other):
        wanted = {
            "name": "upload filter", "scopes": ["MATCH", "STATUS"], "expires_on": "2126-01-31", "per_minute": 60,
            "values_per_day": 1000,
        }  # fmt: skip
        return client.post(f"/partners/{organisation}/keys/add", wanted | other)

    def test_show_their_token_once_and_it_is_theirs(self, partner_manager):
        organisation = people.organisation("Provider")
        answer = self.make(partner_manager, organisation)
        token = re.search(r"vk_[0-9a-f]{8}_[A-Za-z0-9_-]{43}", text(answer))[0]
        record = queries.key_records()[0]
        assert tokens.is_same(token, record.secret_sha256)
        assert record.scopes == {Scope.MATCH, Scope.STATUS}
        assert record.expires_at == datetime(2126, 2, 1, tzinfo=UTC)
        assert answer.headers["Cache-Control"] == "no-store"
        for address in (f"/partners/{organisation}", f"/partners/keys/{record.id}"):
            assert token not in text(partner_manager.get(address))
            assert token[:11] in text(partner_manager.get(address))

    @pytest.mark.parametrize(
        "wrong",
        [{"name": ""}, {"scopes": []}, {"scopes": ["ROOT"]}, {"expires_on": "2020-01-01"}, {"expires_on": "soon"},
         {"per_minute": 0}, {"values_per_day": "many"}, {"values_per_day": 10**30}],
    )  # fmt: skip
    def test_refuse_what_cannot_be(self, partner_manager, wrong):
        assert self.make(partner_manager, people.organisation(), **wrong).status_code == 422
        assert queries.key_records() == []

    def test_may_never_expire(self, partner_manager):
        self.make(partner_manager, people.organisation(), expires_on="")
        assert queries.key_records()[0].expires_at is None

    def test_get_other_quotas_and_end_with_a_reason(self, partner_manager):
        self.make(partner_manager, people.organisation())
        key = queries.key_records()[0].id
        partner_manager.post(f"/partners/keys/{key}/quota", {"per_minute": 6, "values_per_day": 7})
        assert queries.key_record(key).values_per_day == 7
        assert partner_manager.post(f"/partners/keys/{key}/quota", {"per_minute": 0}).status_code == 422
        assert partner_manager.post(f"/partners/keys/{key}/revoke", {"reason": ""}).status_code == 422
        partner_manager.post(f"/partners/keys/{key}/revoke", {"reason": "the contract ended"})
        assert queries.key(key, now=datetime.now(UTC)).state is KeyState.REVOKED
        shown = text(partner_manager.get(f"/partners/keys/{key}"))
        assert "the contract ended" in shown
        again = partner_manager.post(f"/partners/keys/{key}/revoke", {"reason": "again"}, follow=True)
        assert "was revoked before" in text(again)
        again = partner_manager.post(f"/partners/keys/{key}/quota", {"per_minute": 1, "values_per_day": 1}, follow=True)
        assert "was revoked before" in text(again)

    def test_show_their_use_by_day(self, partner_manager):
        self.make(partner_manager, people.organisation())
        key, now = queries.key_records()[0].id, datetime.now(UTC)
        actions.note_key_used(key, requests=3, values=250, by=COMMAND, now=now - timedelta(days=1))
        actions.note_key_used(key, requests=4, values=500, by=COMMAND, now=now)
        assert 'value="50"' in text(partner_manager.get(f"/partners/keys/{key}"))
        rows = partner_manager.get(f"/partners/keys/{key}?format=csv").content.decode().splitlines()
        assert rows[0] == "day,requests,values"
        assert [row.partition(",")[2] for row in rows[1:]] == ["4,500", "3,250"]
