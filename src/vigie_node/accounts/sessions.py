# SPDX-License-Identifier: Apache-2.0
"""The session behind a request: how it starts, what it showed, when it ends.

- A sign-in always gets a new session key; nothing of a stranger's session is carried into it but allauth's own records
  of how its person has just authenticated.
- A session knows when it began and when it was last seen; session_rules.py decides from that.
"""

import contextlib
import uuid
from collections.abc import Iterator
from datetime import datetime

from allauth.account.internal.flows.login import get_authentication_records, record_authentication
from django.contrib.auth import logout, update_session_auth_hash
from django.db import transaction
from django.http import HttpRequest

from vigie_node.accounts import adapters, models, session_rules, sign_in_actions
from vigie_node.base.actor import Actor, ActorKind

_SIGNED_IN_AT, _SEEN_AT, _ENROLLED = "signed_in_at", "seen_at", "factor_enrolled"


def actor_of(request: HttpRequest) -> Actor:
    """Return the signed-in person as an actor."""
    person = _person(request)
    return Actor(ActorKind.PERSON, person.id, person.organisation_id)


def begin(request: HttpRequest, *, now: datetime) -> None:
    """Note when a session began; called for every sign-in, whichever way it came."""
    request.session[_SIGNED_IN_AT] = request.session[_SEEN_AT] = now.timestamp()


def begin_enrolled(request: HttpRequest, *, person_id: uuid.UUID) -> None:
    """Sign in the person whose enrolment link was just used; the session can do nothing but enrol."""
    request.session.flush()
    person = models.Person.objects.get(id=person_id)
    adapters.AccountAdapter(request).login(request, person)
    record_authentication(request, person, "enrolment", reauthenticated=True)


def has_shown_second_factor(request: HttpRequest) -> bool:
    """Tell whether this session showed a second factor, or enrolled one."""
    return session_rules.has_shown_second_factor(
        get_authentication_records(request, _person(request)), enrolled_here=bool(request.session.get(_ENROLLED))
    )


def can_use_codes(request: HttpRequest) -> bool:
    """Tell whether a code would be a second factor for this person: whether there is a first one."""
    records = get_authentication_records(request, _person(request))
    return _person(request).has_usable_password() or any(one["method"] == "socialaccount" for one in records)


def factor_enrolled(request: HttpRequest) -> None:
    """Note that this session enrolled a second factor."""
    request.session[_ENROLLED] = True


@contextlib.contextmanager
def one_at_a_time(request: HttpRequest) -> Iterator[None]:
    """Let no other session change meanwhile how this person signs in: two at once could remove the last two ways."""
    with transaction.atomic():
        models.Person.objects.select_for_update().get(id=_person(request).id)
        yield


def renew(request: HttpRequest) -> None:
    """Keep this session when all others of its person end."""
    person = _person(request)
    person.refresh_from_db(fields=["session_epoch", "password"])
    update_session_auth_hash(request, person)


def password_set(request: HttpRequest) -> None:
    """Note that the person of this session has just typed a password: it need not be asked for again."""
    record_authentication(request, _person(request), "password", reauthenticated=True)


def why_ended(request: HttpRequest, *, now: datetime) -> session_rules.Ended | None:
    """Say why this session ended, or None while it stands; note that it was seen."""
    session, at = request.session, now.timestamp()
    ended = session_rules.why_ended(signed_in_at=session.get(_SIGNED_IN_AT), seen_at=session.get(_SEEN_AT), now=at)
    if ended is None and session_rules.is_worth_noting(seen_at=session[_SEEN_AT], now=at):
        session[_SEEN_AT] = at
    return ended


def end(request: HttpRequest, *, why: session_rules.Ended, now: datetime) -> None:
    """End this session because its time is over."""
    actor = actor_of(request)
    assert actor.id is not None
    sign_in_actions.note_signed_out(actor.id, why=why.value, by=actor, now=now)
    logout(request)


def methods_of(request: HttpRequest) -> list[str]:
    """Return the methods by which this session authenticated, such as password, totp, webauthn."""
    records = get_authentication_records(request, _person(request))
    return [str(record.get("type") or record["method"]) for record in records]


def _person(request: HttpRequest) -> models.Person:
    person = request.user
    if not isinstance(person, models.Person):
        raise TypeError("nobody is signed in: the view did not ask for it")
    return person
