# SPDX-License-Identifier: Apache-2.0
"""An organisation's tools keep a bank: what that means for the catalogue, step by step.

- A bank is a list whose policy counts one word: this organisation's, that a content is in this bank.
- Putting a content in is that word; disabling it or taking it out revokes the word, which stops every match at once and
  opens what was done on it; enabling it again is a new word.
- Each step is one transaction, so a bank and the catalogue never disagree. What stood on a word that was taken back is
  undone right after, as wherever a word is revoked.
"""

import uuid
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from django.db import transaction

from vigie.fingerprints.values import Algorithm
from vigie_node.banks import actions as banks
from vigie_node.banks import queries, rules
from vigie_node.banks.queries import BankRow, ContentRow
from vigie_node.base import locks
from vigie_node.base.actor import NODE, Actor
from vigie_node.base.ids import new_id
from vigie_node.catalogue import actions as catalogue
from vigie_node.catalogue.actions import NewFingerprint
from vigie_node.catalogue.revoking import AlreadyRevokedError
from vigie_node.catalogue.states import Grade, Kind
from vigie_node.flows import revoke

_AT_ONCE = 50  # contents of one step of the worker


@transaction.atomic
def create(
    name: str, *, ratio: float, organisation_id: uuid.UUID, organisation: str, country: str, by: Actor, now: datetime
) -> BankRow:
    """Make a bank for an organisation.

    Raises:  UnfitNameError, UnfitRatioError; BankNameTakenError.
    """
    rules.check_name(name)
    locks.hold(locks.LISTS)
    source = catalogue.record_source(organisation, country=country, organisation_id=organisation_id, by=by, now=now)
    label = f"bank-{new_id(now).hex[-12:]}"
    off = queries.switched_off(organisation_id)
    policy = rules.policy_for(source=str(source), label=label, ratio=ratio, off=off)
    list_id = catalogue.create_list(
        label,
        title=_title(name, organisation),
        policy=policy,
        reason="made by the organisation's own tool",
        organisation_id=organisation_id,
        by=by,
        now=now,
    )
    bank = banks.record_bank(name, organisation_id=organisation_id, source_id=source, list_id=list_id, by=by, now=now)
    return queries.bank(bank)


@transaction.atomic
def change(
    bank: BankRow, *, organisation: str, name: str | None, ratio: float | None, by: Actor, now: datetime
) -> BankRow:
    """Rename a bank, change which part of it is in force, or both; its contents stay.

    Raises:  UnfitNameError, UnfitRatioError; BankNameTakenError; NoSuchBankError; WrongStateError where somebody else
             changed its list meanwhile.
    """
    locks.hold(locks.LISTS)
    new_name = None if name == bank.name else name
    if new_name is not None:
        banks.rename_bank(bank.id, name=new_name, by=by, now=now)
    new_ratio = bank.ratio if ratio is None else ratio
    if new_name is not None or new_ratio != bank.ratio:
        off = queries.switched_off(bank.organisation_id)
        title = None if new_name is None else _title(new_name, organisation)
        _set_policy(bank, ratio=new_ratio, off=off, title=title, by=by, now=now)
    return queries.bank(bank.id)


@transaction.atomic
def remove(bank: BankRow, *, by: Actor, now: datetime) -> None:
    """Take a bank out of force at once; the worker then takes back its words, a few at a time."""
    _set_policy(bank, ratio=0, off=(), by=by, now=now)
    banks.remove_bank(bank.id, by=by, now=now)


@transaction.atomic
def add(
    bank: BankRow,
    fingerprints: Sequence[NewFingerprint],
    *,
    kind: Kind,
    signals: Mapping[str, str],
    note: str = "",
    metadata: dict[str, Any] | None = None,
    by: Actor,
    now: datetime,
) -> int:
    """Put a content into a bank and return the number that it goes by; one that is in it already keeps its number.

    `signals` is what its organisation is told again of it.
    Raises:  UnfitNoteError; MalformedFingerprintError.
    """
    rules.check_note(note)
    depiction = catalogue.record_depiction(fingerprints, kind=kind, by=by, now=now)
    held = queries.content_of_depiction(depiction, bank_id=bank.id)
    if held is not None:
        return held.id
    word = _say(bank, depiction, by=by, now=now)
    return banks.record_content(
        bank.id,
        depiction_id=depiction,
        assertion_id=word,
        signals=signals,
        note=note,
        metadata=metadata,
        by=by,
        now=now,
    )


def set_disabled(
    bank: BankRow, content: ContentRow, *, until: int, note: str | None, by: Actor, now: datetime
) -> ContentRow:
    """Disable a content for good or until a time, or enable it again, and note what is said of it.

    Raises:  UnfitTimeError; UnfitNoteError; NoSuchContentError.
    """
    rules.check_disable_until(until, now=now)
    held, enabled = content.assertion_id, rules.is_enabled(until, now=now)
    with transaction.atomic():
        word = held if enabled else None
        if held is not None and not enabled:
            _take_back(held, reason="disabled in the bank by the organisation's own tool", by=by, now=now)
        elif held is None and enabled:
            word = _say(bank, content.depiction_id, by=by, now=now)
        banks.change_content(content.id, disable_until_ts=until, assertion_id=word, note=note, by=by, now=now)
    if held is not None and not enabled:
        revoke.undo_word(held, by=by, now=now)
    return queries.content(content.id, bank_id=bank.id)


def take_out(content: ContentRow, *, by: Actor, now: datetime) -> None:
    """Take a content out of its bank.

    Raises:  NoSuchContentError.
    """
    word = content.assertion_id
    with transaction.atomic():
        if word is not None:
            _take_back(word, reason="taken out of the bank by the organisation's own tool", by=by, now=now)
        banks.remove_content(content.id, by=by, now=now)
    if word is not None:
        revoke.undo_word(word, by=by, now=now)


@transaction.atomic
def switch_signal(algorithm: Algorithm, *, on: bool, organisation_id: uuid.UUID, by: Actor, now: datetime) -> None:
    """Switch a sort of fingerprint on or off for all of an organisation's banks, those to come too."""
    locks.hold(locks.LISTS)
    banks.switch_signal(algorithm, on=on, organisation_id=organisation_id, by=by, now=now)
    off = queries.switched_off(organisation_id)
    for bank in queries.banks_of(organisation_id):
        _set_policy(bank, ratio=bank.ratio, off=off, by=by, now=now)


def keep_up(now: datetime) -> bool:
    """Enable what is due, and take back the words of removed banks; the worker's step, True where more may be left."""
    due = queries.due_contents(now=now, limit=_AT_ONCE)
    for one in due:
        set_disabled(queries.bank(one.bank_id), one, until=rules.ENABLED, note=None, by=NODE, now=now)
    left = queries.contents_of_removed_banks(limit=_AT_ONCE)
    for one in left:
        take_out(one, by=NODE, now=now)
    return len(due) == _AT_ONCE or len(left) == _AT_ONCE


def _say(bank: BankRow, depiction: uuid.UUID, *, by: Actor, now: datetime) -> uuid.UUID:
    """Record the organisation's word that a depiction is in this bank."""
    return catalogue.record_assertion(
        depiction,
        source_id=bank.source_id,
        scheme=rules.SCHEME,
        label=bank.label,
        facts={},
        ground=Grade.SEEN,
        asserted_at=now,
        by=by,
        now=now,
    )


def _take_back(word: uuid.UUID, *, reason: str, by: Actor, now: datetime) -> None:
    """Revoke a word, unless a person did so before: what is wanted holds already."""
    with suppress(AlreadyRevokedError):
        catalogue.revoke(word, reason=reason, by=by, now=now)


def _set_policy(
    bank: BankRow, *, ratio: float, off: Collection[Algorithm], by: Actor, now: datetime, title: str | None = None
) -> None:
    policy = rules.policy_for(source=str(bank.source_id), label=bank.label, ratio=ratio, off=off)
    catalogue.change_list(
        bank.list_id,
        policy=policy,
        expected_version=bank.list_version,
        reason="changed by the organisation's own tool",
        title=title,
        by=by,
        now=now,
    )


def _title(name: str, organisation: str) -> str:
    return f"{name} ({organisation})"[:200]
