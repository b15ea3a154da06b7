# SPDX-License-Identifier: Apache-2.0
"""Write the rows of banks; flows/bank.py writes what they stand for in the catalogue, in the same transaction."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from vigie.errors import NotFoundError, WrongStateError
from vigie.fingerprints.values import Algorithm
from vigie_node.audit import actions as audit
from vigie_node.audit.events import Event
from vigie_node.banks import rules
from vigie_node.banks.models import Bank, BankContent, SignalSwitch
from vigie_node.base.actor import Actor
from vigie_node.base.ids import new_id


class BankNameTakenError(WrongStateError):
    """The organisation has a bank of this name."""

    code = "banks.name-taken"


class NoSuchBankError(NotFoundError):
    """The organisation has no such bank."""

    code = "banks.no-such-bank"


class NoSuchContentError(NotFoundError):
    """The bank holds no such content."""

    code = "banks.no-such-content"


@transaction.atomic
def record_bank(
    name: str, *, organisation_id: uuid.UUID, source_id: uuid.UUID, list_id: uuid.UUID, by: Actor, now: datetime
) -> uuid.UUID:
    """Note that a list is a bank.

    Audit:   BANK_CREATED.
    Raises:  UnfitNameError; BankNameTakenError.
    """
    rules.check_name(name)
    id = new_id(now)
    try:
        with transaction.atomic():
            Bank.objects.create(
                id=id, name=name, organisation_id=organisation_id, source_id=source_id, list_id=list_id, created_at=now
            )
    except IntegrityError as error:
        raise BankNameTakenError("there is a bank of this name") from error
    audit.record(Event.BANK_CREATED, subject=id, by=by, at=now, list=str(list_id))
    return id


@transaction.atomic
def rename_bank(bank_id: uuid.UUID, *, name: str, by: Actor, now: datetime) -> None:
    """Call a bank otherwise; its contents stay.

    Audit:   BANK_RENAMED.
    Raises:  UnfitNameError; BankNameTakenError; NoSuchBankError.
    """
    rules.check_name(name)
    bank = _standing(bank_id)
    bank.name = name
    try:
        with transaction.atomic():
            bank.save(update_fields=["name"])
    except IntegrityError as error:
        raise BankNameTakenError("there is a bank of this name") from error
    audit.record(Event.BANK_RENAMED, subject=bank_id, by=by, at=now)


@transaction.atomic
def remove_bank(bank_id: uuid.UUID, *, by: Actor, now: datetime) -> None:
    """Note that a bank is no more; its name is free again.

    Audit:   BANK_REMOVED.
    Raises:  NoSuchBankError.
    """
    bank = _standing(bank_id)
    bank.removed_at = now
    bank.save(update_fields=["removed_at"])
    audit.record(Event.BANK_REMOVED, subject=bank_id, by=by, at=now)


@transaction.atomic
def record_content(
    bank_id: uuid.UUID,
    *,
    depiction_id: uuid.UUID,
    assertion_id: uuid.UUID,
    signals: Mapping[str, str],
    note: str = "",
    metadata: dict[str, Any] | None = None,
    by: Actor,
    now: datetime,
) -> int:
    """Note what was put into a bank, and return the number that it goes by.

    Audit:   BANK_CONTENT_ADDED.
    Raises:  UnfitNoteError.
    """
    rules.check_note(note)
    row = BankContent.objects.create(
        bank_id=bank_id,
        depiction_id=depiction_id,
        assertion_id=assertion_id,
        note=note,
        metadata=metadata or {},
        signals=dict(signals),
        added_at=now,
    )
    audit.record(Event.BANK_CONTENT_ADDED, subject=bank_id, by=by, at=now, content=row.id, depiction=str(depiction_id))
    return row.id


@transaction.atomic
def change_content(
    content_id: int,
    *,
    disable_until_ts: int,
    assertion_id: uuid.UUID | None,
    note: str | None = None,
    by: Actor,
    now: datetime,
) -> None:
    """Note that a content was enabled, disabled or described otherwise; `assertion_id` is the word it stands on now.

    Audit:   BANK_CONTENT_CHANGED.
    Raises:  UnfitNoteError; NoSuchContentError.
    """
    content = _held(content_id)
    if note is not None:
        rules.check_note(note)
        content.note = note
    content.disable_until_ts = disable_until_ts
    content.assertion_id = assertion_id
    content.save(update_fields=["note", "disable_until_ts", "assertion"])
    enabled = assertion_id is not None
    audit.record(
        Event.BANK_CONTENT_CHANGED, subject=content.bank_id, by=by, at=now, content=content_id, enabled=enabled
    )


@transaction.atomic
def remove_content(content_id: int, *, by: Actor, now: datetime) -> None:
    """Note that a content was taken out; what was said of it is emptied.

    Audit:   BANK_CONTENT_REMOVED.
    Raises:  NoSuchContentError.
    """
    content = _held(content_id)
    content.removed_at, content.note, content.metadata, content.signals, content.assertion = now, "", {}, {}, None
    content.save(update_fields=["removed_at", "note", "metadata", "signals", "assertion"])
    audit.record(Event.BANK_CONTENT_REMOVED, subject=content.bank_id, by=by, at=now, content=content_id)


@transaction.atomic
def switch_signal(algorithm: Algorithm, *, on: bool, organisation_id: uuid.UUID, by: Actor, now: datetime) -> None:
    """Switch a sort of fingerprint on or off for an organisation's banks.

    Audit:   BANK_SIGNAL_SWITCHED.
    """
    if on:
        SignalSwitch.objects.filter(organisation_id=organisation_id, algorithm=algorithm.value).delete()
    else:
        SignalSwitch.objects.get_or_create(organisation_id=organisation_id, algorithm=algorithm.value)
    audit.record(
        Event.BANK_SIGNAL_SWITCHED, subject=organisation_id, by=by, at=now, algorithm=algorithm.value, is_on=on
    )


def _standing(bank_id: uuid.UUID) -> Bank:
    bank = Bank.objects.select_for_update().filter(id=bank_id, removed_at=None).first()
    if bank is None:
        raise NoSuchBankError("there is no such bank")
    return bank


def _held(content_id: int) -> BankContent:
    content = BankContent.objects.select_for_update().filter(id=content_id, removed_at=None).first()
    if content is None:
        raise NoSuchContentError("the bank holds no such content")
    return content
