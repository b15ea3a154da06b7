# SPDX-License-Identifier: Apache-2.0
"""Every change of the keys of organisations.

- The token is returned once, by the action that makes it; only its SHA-256 stays.
- Each change is appended to the change log, so that every process hears of it within a second.
- A key is never changed into another: what it may ask is fixed when it is made. A new scope is a new key.
- What a key asked is counted by day, never by value; of its use only the first of a day leaves an event.
"""

import unicodedata
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.db.models import F

from vigie.errors import InvalidInputError, NotFoundError, WrongStateError
from vigie_node.accounts import models, tokens
from vigie_node.accounts.roles import Scope, scopes_named
from vigie_node.audit import actions as audit
from vigie_node.audit.events import Event
from vigie_node.base.actor import Actor
from vigie_node.base.ids import new_id
from vigie_node.changes import actions as changes
from vigie_node.changes.topics import Topic

MAX_PER_MINUTE = 1_000_000
MAX_VALUES_PER_DAY = 1_000_000_000_000


class NoSuchKeyError(NotFoundError):
    """No key has this id."""

    code = "accounts.no-such-key"


class NoSuchKeyOwnerError(NotFoundError):
    """A key was to be made for no organisation."""

    code = "accounts.no-such-key-owner"


class KeyRevokedError(WrongStateError):
    """The key was revoked before."""

    code = "accounts.key-revoked"


class MalformedKeyError(InvalidInputError):
    """A name, a quota, an expiry or a reason that cannot be one."""

    code = "accounts.malformed-key"


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made; `token` is shown once and never again."""

    id: uuid.UUID
    token: str = field(repr=False)


@transaction.atomic
def create_key(
    organisation_id: uuid.UUID, *, name: str, scopes: Iterable[Scope], expires_at: datetime | None, per_minute: int,
    values_per_day: int, by: Actor, now: datetime,
) -> NewKey:  # fmt: skip
    """Make a key for an organisation.

    Audit:   KEY_CREATED, with its organisation and scopes.
    Raises:  NoSuchKeyOwnerError; MalformedKeyError; UnknownScopeError.
    """
    allowed = sorted(scopes_named(scopes))
    name = _text(name, at_most=100, what="a key's name")
    _check_quotas(per_minute, values_per_day)
    if expires_at is not None and expires_at <= now:
        raise MalformedKeyError("the key would have expired already: give a later date")
    if not models.Organisation.objects.filter(id=organisation_id).exists():
        raise NoSuchKeyOwnerError("there is no such organisation")
    token = tokens.new_key()
    while models.Key.objects.filter(prefix=token.prefix).exists():
        token = tokens.new_key()
    key = models.Key.objects.create(
        id=new_id(now), prefix=token.prefix, secret_sha256=token.sha256, organisation_id=organisation_id, name=name,
        scopes=[one.value for one in allowed], expires_at=expires_at, per_minute=per_minute,
        values_per_day=values_per_day, created_at=now, created_by=str(by),
    )  # fmt: skip
    audit.record(
        Event.KEY_CREATED, subject=key.id, by=by, at=now, organisation=organisation_id,
        scopes=[one.value for one in allowed],
    )  # fmt: skip
    changes.append(Topic.KEYS, subject=key.id, now=now)
    return NewKey(key.id, token.text)


@transaction.atomic
def revoke_key(key_id: uuid.UUID, *, reason: str, by: Actor, now: datetime) -> None:
    """End a key at once and for good.

    Audit:   KEY_REVOKED.
    Raises:  NoSuchKeyError; KeyRevokedError; MalformedKeyError without a reason.
    """
    key = _locked(key_id)
    key.revoked_reason = _text(reason, at_most=500, what="the reason")
    key.revoked_at, key.revoked_by = now, str(by)
    key.save(update_fields=["revoked_at", "revoked_by", "revoked_reason"])
    audit.record(Event.KEY_REVOKED, subject=key_id, by=by, at=now)
    changes.append(Topic.KEYS, subject=key_id, now=now)


@transaction.atomic
def change_key_quota(key_id: uuid.UUID, *, per_minute: int, values_per_day: int, by: Actor, now: datetime) -> None:
    """Change how much a key may ask.

    Audit:   KEY_QUOTA_CHANGED, with the new quotas.
    Raises:  NoSuchKeyError; KeyRevokedError; MalformedKeyError.
    """
    _check_quotas(per_minute, values_per_day)
    key = _locked(key_id)
    key.per_minute, key.values_per_day = per_minute, values_per_day
    key.save(update_fields=["per_minute", "values_per_day"])
    audit.record(
        Event.KEY_QUOTA_CHANGED, subject=key_id, by=by, at=now, per_minute=per_minute, values_per_day=values_per_day
    )
    changes.append(Topic.KEYS, subject=key_id, now=now)


@transaction.atomic
def note_key_used(key_id: uuid.UUID, *, requests: int, values: int, by: Actor, now: datetime) -> None:
    """Add to what a key asked today; called by each process now and then, not at each request.

    Audit:   KEY_USED, for the first use of a day (UTC) only.
    Raises:  NoSuchKeyError.
    """
    if not models.Key.objects.filter(id=key_id).update(last_used_at=now):
        raise NoSuchKeyError("there is no such key")
    day, is_first = models.KeyDay.objects.get_or_create(key_id=key_id, day=now.date())
    models.KeyDay.objects.filter(id=day.id).update(requests=F("requests") + requests, values=F("values") + values)
    if is_first:
        audit.record(Event.KEY_USED, subject=key_id, by=by, at=now)


def _locked(key_id: uuid.UUID) -> models.Key:
    key = models.Key.objects.select_for_update().filter(id=key_id).first()
    if key is None:
        raise NoSuchKeyError("there is no such key")
    if key.revoked_at is not None:
        raise KeyRevokedError("this key was revoked before; a new one can be made")
    return key


def _check_quotas(per_minute: int, values_per_day: int) -> None:
    if not (0 < per_minute <= MAX_PER_MINUTE and 0 < values_per_day <= MAX_VALUES_PER_DAY):
        raise MalformedKeyError(
            f"a key may ask 1 to {MAX_PER_MINUTE} times a minute, 1 to {MAX_VALUES_PER_DAY} values a day"
        )


def _text(text: str, *, at_most: int, what: str) -> str:
    text = unicodedata.normalize("NFC", text.strip())
    if not text or len(text) > at_most or any(unicodedata.category(one)[0] == "C" for one in text):
        raise MalformedKeyError(f"{what} has 1 to {at_most} characters, on one line")
    return text
