# SPDX-License-Identifier: Apache-2.0
"""Every view of the analysts' face against the people who may stand before it.

- The test walks the addresses: a view that does not say who may open it fails here, and is refused to everybody.
- The same five stand before every view: an analyst, a colleague of the same team, an analyst of another country, a
  provider's key, a member of the public. So does one person for every role.
"""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, path

from node import people
from vigie_node.accounts import actions
from vigie_node.accounts.roles import PERMISSIONS, Permission, Role
from vigie_node.analyst_app import access, urls
from vigie_node.analyst_app.access import Access, Openness
from vigie_node.base.actor import COMMAND

EXAMPLES = {
    "UUIDConverter": str(uuid.UUID(int=7)),
    "IntConverter": "7",
    "SlugConverter": "seven",
    "StringConverter": "seven",
    "PathConverter": "se/ven",
}


@dataclass(frozen=True)
class Door:
    """One address and the view behind it."""

    address: str
    view: object

    @property
    def access(self):
        return access.declared_by(self.view)


def doors(patterns, before="/"):
    for one in patterns:
        address = before + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from doors(one.url_patterns, address)
        elif isinstance(one, URLPattern):
            for name, converter in one.pattern.converters.items():
                kind = type(converter).__name__
                prefix = {
                    "UUIDConverter": "uuid",
                    "IntConverter": "int",
                    "SlugConverter": "slug",
                    "PathConverter": "path",
                }
                example = EXAMPLES.get(kind, "7")
                for shape in (f"<{prefix.get(kind, 'str')}:{name}>", f"<{name}>"):
                    address = address.replace(shape, example)
            yield Door(address, one.callback)


DOORS = list(doors(urls.urlpatterns))


def is_sent_to_sign_in(response):
    return response.status_code in {302, 401} and "/sign-in" in (
        response.headers.get("Location") or response.headers.get("HX-Redirect", "")
    )


def outcome(client, door, **more):
    """Say how somebody fared before a view: sent to sign in, refused, or let through to what the view says."""
    client.raise_request_exception = False
    response = client.get(door.address, **more)
    if is_sent_to_sign_in(response):
        return "sign in"
    if response.status_code == 403 and b"accounts.missing-permission" in response.content:
        return "refused"
    if response.status_code == 302 and response.headers["Location"] == "/enrol/choose":
        return "enrol"
    return "through"


def expected(door, permissions):
    """Say what must become of a person with these permissions, None for who is no person."""
    if door.access.openness is Openness.ALL:
        return {"through", "sign in"}  # signing out, for one, leads there
    if permissions is None:
        return {"sign in"}
    if door.access.openness is Openness.PERMITTED and door.access.permission not in permissions:
        return {"refused"}
    return {"through"}


class TestEveryView:
    def test_says_who_may_open_it(self):
        undeclared = []
        for door in DOORS:
            try:
                access.declared_by(door.view)
            except access.UndeclaredViewError:
                undeclared.append(door.address)
        assert undeclared == []
        assert all("<" not in door.address for door in DOORS), [door.address for door in DOORS if "<" in door.address]

    @pytest.mark.django_db
    def test_before_the_five_accounts(self):
        here, there = people.organisation("Here"), people.organisation("There", country="DE")
        analyst = PERMISSIONS[Role.ANALYST]
        accounts = {
            "an analyst": (people.sign_in(Client(), people.recruit(Role.ANALYST, of=here)), analyst, {}),
            "a colleague": (people.sign_in(Client(), people.recruit(Role.ANALYST, of=here)), analyst, {}),
            "of another country": (people.sign_in(Client(), people.recruit(Role.ANALYST, of=there)), analyst, {}),
            "a key": (Client(), None, {"headers": {"Authorization": f"Bearer vk_01234567_{'a' * 43}"}}),
            "the public": (Client(), None, {}),
        }
        # People first: what is open to all may sign somebody out.
        order = sorted(DOORS, key=lambda door: door.access.openness is Openness.ALL)
        wrong = [
            (name, door.address, found)
            for name, (client, permissions, more) in accounts.items()
            for door in order
            if (found := outcome(client, door, **more)) not in expected(door, permissions)
        ]
        assert wrong == []

    @pytest.mark.django_db
    def test_before_a_person_of_each_role(self):
        guarded = [door for door in DOORS if door.access.openness is Openness.PERMITTED]
        wrong = []
        for role in Role:
            client = people.sign_in(Client(), people.recruit(role))
            wrong += [
                (role, door.address, found)
                for door in guarded
                if (found := outcome(client, door)) not in expected(door, PERMISSIONS[role])
            ]
        assert wrong == []

    @pytest.mark.django_db
    def test_refuses_a_form_as_it_refuses_the_page(self):
        client = people.sign_in(Client(), people.recruit())
        guarded = [door for door in DOORS if door.access.openness is Openness.PERMITTED]
        assert [door.address for door in guarded if client.post(door.address).status_code != 403] == []
        stranger = Client()
        assert [door.address for door in guarded if not is_sent_to_sign_in(stranger.post(door.address))] == []

    @pytest.mark.django_db
    def test_before_a_second_factor_only_enrolment_opens(self):
        client = people.sign_in(Client(), people.recruit(*set(Role) - {Role.AUDITOR}), with_factor=False)
        closed = [door for door in DOORS if door.access.openness in {Openness.SIGNED_IN, Openness.PERMITTED}]
        assert [door.address for door in closed if outcome(client, door) != "enrol"] == []
        assert client.get("/enrol/choose").status_code == 200


class TestAddresses:
    @pytest.mark.parametrize(
        "address", ["/admin/", "/accounts/signup/", "/sign-up", "/password/reset", "/account/email"]
    )
    @pytest.mark.django_db
    def test_of_what_nobody_may_do_are_not_served(self, client, address):
        assert client.get(address).status_code == 404

    @pytest.mark.parametrize(
        "address", ["/people/../partners", "/people/%2e%2e/partners", "/%2fpeople", "/people%00", "/people/7"]
    )
    @pytest.mark.django_db
    def test_tricks_with_paths_lead_nowhere(self, client, address):
        people.sign_in(client, people.recruit(Role.ANALYST))
        assert client.get(address).status_code in {403, 404}


class TestRequires:
    def test_a_view_that_lost_its_declaration_is_refused_to_everybody(self, rf: RequestFactory):
        with pytest.raises(access.UndeclaredViewError):
            access.declared_by(lambda request: HttpResponse())
        assert path("", access.open_to_all(lambda request: HttpResponse())).callback.access == Access(Openness.ALL)

    @pytest.mark.django_db
    def test_a_role_that_was_taken_counts_at_the_next_request(self, client):
        somebody = people.recruit(Role.PARTNER_MANAGER)
        people.sign_in(client, somebody)
        assert client.get("/partners").status_code == 200
        actions.revoke_role(somebody, role=Role.PARTNER_MANAGER, by=COMMAND, now=datetime.now(UTC))
        assert client.get("/partners").status_code == 403

    @pytest.mark.django_db
    def test_a_script_is_told_where_to_sign_in(self, client):
        answer = client.get("/people", headers={"HX-Request": "true"})
        assert (answer.status_code, answer.headers["HX-Redirect"]) == (401, "/sign-in")

    @pytest.mark.django_db
    def test_a_refusal_says_what_would_help(self, client):
        people.sign_in(client, people.recruit(Role.ANALYST))
        answer = client.get("/people")
        assert answer.status_code == 403
        assert "None of your roles allows this" in answer.content.decode()

    def test_may_is_asked_by_permission(self, rf):
        request = rf.get("/")
        assert not access.may(request, Permission.REVOKE)
        request.permissions = frozenset({Permission.REVOKE})
        assert access.may(request, Permission.REVOKE)
