# SPDX-License-Identifier: Apache-2.0
"""People for the tests of the node: made by the real actions, signed in with a second factor, nothing else skipped."""

import itertools
from datetime import UTC, datetime

from django.conf import settings
from django.test import Client

from vigie_node.accounts import actions, models
from vigie_node.base.actor import COMMAND, Actor, ActorKind

_numbers = itertools.count(1)


def organisation(name="Hotline", *, country="FR", kind="HOTLINE"):
    """Return the organisation of this name; record it if it is not here."""
    found = models.Organisation.objects.filter(name=name).values_list("id", flat=True).first()
    return found or actions.create_organisation(name, country=country, kind=kind, by=COMMAND, now=datetime.now(UTC))


def recruit(*roles, of=None, email=None, name="A. Person", language="en"):
    """Record a person with these roles and return their id."""
    now, email = datetime.now(UTC), email or f"person-{next(_numbers)}@example.org"
    person = actions.create_person(
        email, display_name=name, organisation_id=of or organisation(), language=language, by=COMMAND, now=now
    )
    for role in roles:
        actions.grant_role(person, role=role, by=COMMAND, now=now)
    return person


def actor(person_id):
    """Return a person as an actor."""
    person = models.Person.objects.get(id=person_id)
    return Actor(ActorKind.PERSON, person.id, person.organisation_id)


def sign_in(client, person_id, *, with_factor=True):
    """Sign a test client in, as if the session had shown a second factor; return the client."""
    client.force_login(models.Person.objects.get(id=person_id), backend=settings.AUTHENTICATION_BACKENDS[1])
    session = client.session
    if with_factor:
        session["factor_enrolled"] = True
    session.save()
    return client


def cookies(person_id, address):
    """Return the cookies of a signed-in session, for a browser's `add_cookies`."""
    client = sign_in(Client(), person_id)
    value = client.cookies[settings.SESSION_COOKIE_NAME].value
    return [{"name": settings.SESSION_COOKIE_NAME, "value": value, "url": address}]
