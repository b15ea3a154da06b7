# SPDX-License-Identifier: Apache-2.0
"""Note what people do about signing in.

- What is noted is who, when and by which method; never an address, a browser or a password.
- A new or removed factor ends every other session of its person.
"""

import uuid
from datetime import datetime

from django.db import transaction
from django.db.models import F

from vigie_node.accounts import models
from vigie_node.audit import actions as audit
from vigie_node.audit.events import Event
from vigie_node.base.actor import Actor

UNKNOWN = "unknown"  # the address that somebody tried belongs to nobody


@transaction.atomic
def note_signed_in(person_id: uuid.UUID, *, methods: list[str], by: Actor, now: datetime) -> None:
    """Note a sign-in and by which methods.

    Audit:   SIGNED_IN.
    """
    audit.record(Event.SIGNED_IN, subject=person_id, by=by, at=now, methods=methods)


@transaction.atomic
def note_signed_out(person_id: uuid.UUID, *, why: str, by: Actor, now: datetime) -> None:
    """Note the end of a session: SIGNED_OUT by its person, SESSION_ENDED by a limit.

    Audit:   SIGNED_OUT or SESSION_ENDED.
    """
    if why:
        audit.record(Event.SESSION_ENDED, subject=person_id, by=by, at=now, why=why)
    else:
        audit.record(Event.SIGNED_OUT, subject=person_id, by=by, at=now)


@transaction.atomic
def note_sign_in_failed(person_id: uuid.UUID | None, *, is_locked_out: bool, by: Actor, now: datetime) -> None:
    """Note a failed sign-in, and that it was one too many.

    Audit:   SIGN_IN_FAILED or PERSON_LOCKED_OUT.
    """
    event = Event.PERSON_LOCKED_OUT if is_locked_out else Event.SIGN_IN_FAILED
    audit.record(event, subject=person_id or UNKNOWN, by=by, at=now)


@transaction.atomic
def note_password_set(person_id: uuid.UUID, *, by: Actor, now: datetime) -> None:
    """Note a new password; its person's other sessions ended with the old one.

    Audit:   PASSWORD_SET.
    """
    audit.record(Event.PASSWORD_SET, subject=person_id, by=by, at=now)


@transaction.atomic
def note_factor_changed(person_id: uuid.UUID, *, kind: str, is_added: bool, by: Actor, now: datetime) -> None:
    """Note a second factor added or removed and end the person's sessions; the caller renews its own.

    Audit:   SECOND_FACTOR_ADDED or SECOND_FACTOR_REMOVED, with its kind.
    """
    models.Person.objects.filter(id=person_id).update(session_epoch=F("session_epoch") + 1)
    event = Event.SECOND_FACTOR_ADDED if is_added else Event.SECOND_FACTOR_REMOVED
    audit.record(event, subject=person_id, by=by, at=now, kind=kind)
