# SPDX-License-Identifier: Apache-2.0
"""What the actions on people do, refuse and record."""

import threading
import time
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from allauth.account.models import EmailAddress
from django.db import IntegrityError, connection, transaction

from node import people
from node.audited import events
from vigie_node.accounts import actions, models, queries, roles
from vigie_node.accounts.roles import Permission, Role
from vigie_node.accounts.states import Access
from vigie_node.base.actor import COMMAND, NODE

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def administrator():
    return people.recruit(Role.ADMINISTRATOR)


class TestCreateOrganisation:
    def test_records_one(self):
        with events() as found:
            made = actions.create_organisation(" Example hotline ", country="fr", kind="HOTLINE", by=COMMAND, now=NOW)
        row = queries.organisation(made)
        assert (row.name, row.country, row.kind.value, row.people, row.keys) == (
            "Example hotline",
            "FR",
            "HOTLINE",
            0,
            0,
        )
        assert [one.event for one in found] == ["ORGANISATION_CREATED"]
        assert "Example" not in str(found)

    def test_refuses_a_name_twice(self):
        people.organisation("Example")
        with pytest.raises(actions.OrganisationExistsError):
            actions.create_organisation("Example", country="FR", kind="HOTLINE", by=COMMAND, now=NOW)

    @pytest.mark.parametrize(
        ("name", "country", "kind"),
        [("", "FR", "HOTLINE"), ("Two\nlines", "FR", "HOTLINE"), ("x" * 201, "FR", "HOTLINE"), ("A", "FRA", "HOTLINE"),
         ("A", "É1", "HOTLINE"), ("A", "FR", "CLUB"), ("Zero\u200bwidth", "FR", "HOTLINE")],
    )  # fmt: skip
    def test_refuses_what_cannot_be(self, name, country, kind):
        with pytest.raises(actions.MalformedPersonError):
            actions.create_organisation(name, country=country, kind=kind, by=COMMAND, now=NOW)


class TestCreatePerson:
    def test_can_do_nothing_yet(self):
        with events() as found:
            made = actions.create_person(
                "B.Dubois@Example.org", display_name="B. Dubois", organisation_id=people.organisation(), by=COMMAND,
                now=NOW,
            )  # fmt: skip
        row = queries.person(made)
        assert row.email == "b.dubois@example.org"
        assert row.access is Access.INVITED
        assert queries.permissions_of(made) == frozenset()
        assert not models.Person.objects.get(id=made).has_usable_password()
        assert "PERSON_CREATED" in [one.event for one in found]
        assert "ubois" not in str(found)

    def test_its_address_counts_as_verified_by_whoever_invited(self):
        made = people.recruit()
        assert EmailAddress.objects.get(user_id=made).verified

    def test_refuses_an_address_in_any_case_of_letters(self):
        people.recruit(email="a@example.org")
        with pytest.raises(actions.AddressTakenError) as caught:
            people.recruit(email="A@EXAMPLE.org")
        assert "example.org" not in str(caught.value)

    @pytest.mark.parametrize(
        "email",
        ["", "nobody", "a@b", "a@example.org\nBcc: b@example.org", "a@example.org, b@example.org", "x" * 250 + "@b.org",
         "ä@example.org"],
    )  # fmt: skip
    def test_refuses_what_is_no_address(self, email):
        with pytest.raises(actions.MalformedPersonError):
            people.recruit(email=email or " ")

    @pytest.mark.parametrize("name", [" ", "x" * 101, "Line\r\nbreak", "\u202eright to left"])
    def test_refuses_what_is_no_name(self, name):
        with pytest.raises(actions.MalformedPersonError):
            people.recruit(name=name)

    def test_refuses_an_unknown_language_and_organisation(self):
        with pytest.raises(actions.MalformedPersonError):
            people.recruit(language="eo")
        with pytest.raises(actions.NoSuchOrganisationError):
            people.recruit(of=uuid.uuid4())

    def test_the_database_refuses_capitals_and_half_ended_access(self):
        made = models.Person.objects.get(id=people.recruit())
        for fields in ({"email": "Upper@example.org"}, {"is_active": False}, {"ended_at": NOW}):
            with pytest.raises(IntegrityError), transaction.atomic():
                models.Person.objects.filter(id=made.id).update(**fields)

    def test_its_repr_names_nobody(self):
        somebody = people.recruit()
        assert repr(models.Person.objects.get(id=somebody)) == f"<Person {somebody}>"
        assert "example" not in repr(queries.person(people.recruit()))


class TestGrantRole:
    def test_counts_at_once_and_says_who(self, administrator):
        somebody = people.recruit()
        with events() as found:
            actions.grant_role(somebody, role=Role.ANALYST, by=people.actor(administrator), now=NOW)
        assert Permission.CATALOGUE_READ in queries.permissions_of(somebody)
        assert [(one.event, one.details["role"]) for one in found] == [("ROLE_GRANTED", "ANALYST")]
        assert queries.grants_of(somebody)[0].granted_by == f"PERSON:{administrator}"

    def test_records_that_roles_conflict(self, administrator):
        somebody = people.recruit(Role.ANALYST)
        with events() as found:
            actions.grant_role(somebody, role=Role.AUDITOR, by=people.actor(administrator), now=NOW)
        assert found[0].details["conflicts"] == 1

    def test_refuses_ones_own(self, administrator):
        with pytest.raises(roles.OwnRoleError):
            actions.grant_role(administrator, role=Role.ANALYST, by=people.actor(administrator), now=NOW)

    def test_refuses_a_role_twice_and_the_database_too(self, administrator):
        somebody = people.recruit(Role.ANALYST)
        with pytest.raises(actions.RoleHeldError):
            actions.grant_role(somebody, role=Role.ANALYST, by=COMMAND, now=NOW)
        grant = models.RoleGrant.objects.get(person_id=somebody)
        grant.pk = uuid.uuid4()
        with pytest.raises(IntegrityError), transaction.atomic():
            grant.save(force_insert=True)

    def test_refuses_nobody_and_somebody_whose_access_ended(self):
        with pytest.raises(actions.NoSuchPersonError):
            actions.grant_role(uuid.uuid4(), role=Role.ANALYST, by=COMMAND, now=NOW)
        somebody = people.recruit()
        actions.end_access(somebody, by=COMMAND, now=NOW)
        with pytest.raises(actions.AccessEndedError):
            actions.grant_role(somebody, role=Role.ANALYST, by=COMMAND, now=NOW)


class TestRevokeRole:
    def test_counts_at_once(self, administrator):
        somebody = people.recruit(Role.ANALYST, Role.VICTIM_OFFICER)
        with events() as found:
            actions.revoke_role(somebody, role=Role.ANALYST, by=people.actor(administrator), now=NOW)
        assert queries.roles_of(somebody) == {Role.VICTIM_OFFICER}
        assert [one.event for one in found] == ["ROLE_REVOKED"]

    def test_may_be_given_again(self):
        somebody = people.recruit(Role.ANALYST)
        actions.revoke_role(somebody, role=Role.ANALYST, by=COMMAND, now=NOW)
        actions.grant_role(somebody, role=Role.ANALYST, by=COMMAND, now=NOW)
        assert [one.revoked_at is None for one in queries.grants_of(somebody)].count(True) == 1

    def test_refuses_a_role_that_is_not_held(self):
        with pytest.raises(actions.RoleHeldError):
            actions.revoke_role(people.recruit(), role=Role.ANALYST, by=COMMAND, now=NOW)

    def test_the_last_administrator_stays(self, administrator):
        other = people.recruit(Role.ADMINISTRATOR)
        actions.revoke_role(administrator, role=Role.ADMINISTRATOR, by=people.actor(other), now=NOW)
        third = people.actor(people.recruit(Role.ANALYST))
        for action, details in ((actions.revoke_role, {"role": Role.ADMINISTRATOR}), (actions.end_access, {})):
            with pytest.raises(actions.LastAdministratorError):
                action(other, **details, by=third, now=NOW)
        actions.revoke_role(other, role=Role.ADMINISTRATOR, by=COMMAND, now=NOW)
        assert queries.roles_of(other) == frozenset()


class TestEnrolment:
    def test_works_once(self):
        somebody = people.recruit()
        token = actions.issue_enrolment(somebody, by=COMMAND, now=NOW)
        with events() as found:
            assert actions.use_enrolment(token, by=NODE, now=NOW) == somebody
        assert [(one.event, one.subject) for one in found] == [("ENROLMENT_USED", str(somebody))]
        with pytest.raises(actions.EnrolmentSpentError):
            actions.use_enrolment(token, by=NODE, now=NOW)

    def test_lasts_two_days(self):
        somebody = people.recruit()
        token = actions.issue_enrolment(somebody, by=COMMAND, now=NOW)
        with pytest.raises(actions.EnrolmentSpentError):
            actions.use_enrolment(token, by=NODE, now=NOW + timedelta(hours=48))
        assert actions.use_enrolment(token, by=NODE, now=NOW + timedelta(hours=47)) == somebody

    def test_a_newer_link_ends_the_older(self):
        somebody = people.recruit()
        first, second = (actions.issue_enrolment(somebody, by=COMMAND, now=NOW) for _ in range(2))
        with pytest.raises(actions.EnrolmentSpentError):
            actions.use_enrolment(first, by=NODE, now=NOW)
        assert actions.use_enrolment(second, by=NODE, now=NOW) == somebody

    def test_ends_with_the_persons_access(self):
        somebody = people.recruit()
        token = actions.issue_enrolment(somebody, by=COMMAND, now=NOW)
        actions.end_access(somebody, by=COMMAND, now=NOW)
        with pytest.raises(actions.EnrolmentSpentError):
            actions.use_enrolment(token, by=NODE, now=NOW)
        with pytest.raises(actions.AccessEndedError):
            actions.issue_enrolment(somebody, by=COMMAND, now=NOW)

    def test_only_its_hash_is_stored_and_nothing_of_it_is_audited(self):
        with events() as found:
            token = actions.issue_enrolment(people.recruit(), by=COMMAND, now=NOW)
        assert token not in str(found)
        assert token not in str(list(models.EnrolmentLink.objects.values()))

    @pytest.mark.parametrize("token", ["", "vl_", "vl_" + "a" * 43, "x" * 10_000, "vl_\x00"])
    def test_refuses_anything_else_in_the_same_words(self, token):
        with pytest.raises(actions.EnrolmentSpentError) as caught:
            actions.use_enrolment(token, by=NODE, now=NOW)
        assert str(caught.value) == "this link was used or is too old: ask whoever invited you for a new one"

    def test_ends_the_sessions_of_before(self, client):
        somebody = people.recruit(Role.ADMINISTRATOR)
        people.sign_in(client, somebody)
        assert client.get("/people").status_code == 200
        actions.use_enrolment(actions.issue_enrolment(somebody, by=COMMAND, now=NOW), by=NODE, now=NOW)
        assert client.get("/people").status_code == 302


@pytest.mark.django_db(transaction=True)
class TestALinkUsedAtOnce:
    """Each attempt over a connection of its own; what becomes of it is told by the name of its error, "" for none."""

    def attempts(self, token, *, count):
        told = []

        def attempt():
            try:
                actions.use_enrolment(token, by=NODE, now=NOW)
                told.append("")
            except Exception as error:  # noqa: BLE001 - whichever it is, it is looked at
                told.append(type(error).__name__)
            connection.close()

        threads = [threading.Thread(target=attempt) for _ in range(count)]
        for thread in threads:
            thread.start()
        yield threads
        for thread in threads:
            thread.join()
        yield told

    def test_opens_once(self):
        *_, told = self.attempts(actions.issue_enrolment(people.recruit(), by=COMMAND, now=NOW), count=5)
        assert sorted(told) == ["", *["EnrolmentSpentError"] * 4]

    @pytest.mark.parametrize("end", [actions.issue_enrolment, actions.end_access])
    def test_opens_nothing_where_it_ends_meanwhile(self, end):
        somebody = people.recruit()
        attempts = self.attempts(actions.issue_enrolment(somebody, by=COMMAND, now=NOW), count=1)
        with transaction.atomic():
            models.Person.objects.select_for_update().get(id=somebody)  # where whatever ends a link begins
            next(attempts)
            time.sleep(0.3)
            end(somebody, by=COMMAND, now=NOW)
        assert next(attempts) == ["EnrolmentSpentError"]


class TestEndAccess:
    def test_takes_everything_at_once(self, client, administrator):
        somebody = people.recruit(Role.ADMINISTRATOR)
        people.sign_in(client, somebody)
        with events() as found:
            actions.end_access(somebody, by=people.actor(administrator), now=NOW)
        assert client.get("/people").status_code == 302
        assert queries.permissions_of(somebody) == frozenset()
        assert queries.person(somebody).access is Access.ENDED
        assert [(one.event, one.details["roles"]) for one in found] == [("PERSON_DISABLED", 1)]

    def test_refuses_ones_own_and_twice(self, administrator):
        people.recruit(Role.ADMINISTRATOR)
        with pytest.raises(roles.OwnRoleError):
            actions.end_access(administrator, by=people.actor(administrator), now=NOW)
        somebody = people.recruit()
        actions.end_access(somebody, by=COMMAND, now=NOW)
        with pytest.raises(actions.AccessEndedError):
            actions.end_access(somebody, by=COMMAND, now=NOW)

    def test_can_be_restored_without_what_was_taken(self):
        somebody = people.recruit(Role.ANALYST)
        actions.end_access(somebody, by=COMMAND, now=NOW)
        actions.restore_access(somebody, by=COMMAND, now=NOW)
        assert queries.person(somebody).access is Access.INVITED
        assert queries.roles_of(somebody) == frozenset()
        with pytest.raises(actions.AccessEndedError):
            actions.restore_access(somebody, by=COMMAND, now=NOW)


class TestEndSessions:
    def test_signs_out_everywhere(self, client):
        somebody = people.recruit(Role.ADMINISTRATOR)
        people.sign_in(client, somebody)
        actions.end_sessions(somebody, by=COMMAND, now=NOW)
        assert client.get("/people").status_code == 302
        people.sign_in(client, somebody)
        assert client.get("/people").status_code == 200

    def test_of_nobody_is_refused(self):
        with pytest.raises(actions.NoSuchPersonError):
            actions.end_sessions(uuid.uuid4(), by=COMMAND, now=NOW)


class TestChangePerson:
    def test_changes_name_and_language(self):
        somebody = people.recruit()
        actions.change_person(somebody, display_name="C. Dubois", language="fr", by=COMMAND, now=NOW)
        row = queries.person(somebody)
        assert (row.display_name, row.language) == ("C. Dubois", "fr")
        assert queries.display_names({somebody}) == {somebody: "C. Dubois"}
