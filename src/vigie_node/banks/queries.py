# SPDX-License-Identifier: Apache-2.0
"""Read banks and their contents, one organisation's at a time."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from django.db.models import Max, Q

from vigie.fingerprints.values import Algorithm
from vigie_node.banks import rules
from vigie_node.banks.actions import NoSuchBankError, NoSuchContentError
from vigie_node.banks.models import Bank, BankContent, SignalSwitch
from vigie_node.catalogue.rules import Policy

_PORTION = 500


@dataclass(frozen=True, slots=True)
class BankRow:
    """One bank; `label` is what the words of its contents carry."""

    id: uuid.UUID
    organisation_id: uuid.UUID
    source_id: uuid.UUID
    list_id: uuid.UUID
    list_version: int
    label: str
    name: str = field(repr=False)
    policy: Policy

    @property
    def ratio(self) -> float:
        """Which part of it is in force, 0 to 1."""
        return rules.ratio_of(self.policy)


@dataclass(frozen=True, slots=True)
class ContentRow:
    """One content of a bank; `assertion_id` is None while it is disabled."""

    id: int
    bank_id: uuid.UUID
    depiction_id: uuid.UUID
    assertion_id: uuid.UUID | None
    disable_until_ts: int
    note: str = field(repr=False)
    metadata: dict[str, Any] = field(repr=False)
    signals: dict[str, str] = field(repr=False)


def banks_of(organisation_id: uuid.UUID) -> list[BankRow]:
    """Return an organisation's banks, by name."""
    rows = Bank.objects.filter(organisation_id=organisation_id, removed_at=None).select_related("list")
    return [_bank(row) for row in rows.order_by("name")]


def bank_named(name: str, *, organisation_id: uuid.UUID) -> BankRow:
    """Return one bank.

    Raises:  NoSuchBankError.
    """
    row = None
    if rules.may_be_name(name):
        rows = Bank.objects.filter(organisation_id=organisation_id, name=name, removed_at=None)
        row = rows.select_related("list").first()
    if row is None:
        raise NoSuchBankError("there is no bank of this name")
    return _bank(row)


def content(content_id: int, *, bank_id: uuid.UUID) -> ContentRow:
    """Return one content of a bank.

    Raises:  NoSuchContentError.
    """
    # SQLite's and PostgreSQL's largest row number; a larger one is no number of ours.
    row = None
    if content_id < 1 << 63:
        row = BankContent.objects.filter(id=content_id, bank_id=bank_id, removed_at=None).first()
    if row is None:
        raise NoSuchContentError("the bank holds no such content")
    return _content(row)


def content_of_depiction(depiction_id: uuid.UUID, *, bank_id: uuid.UUID) -> ContentRow | None:
    """Return the content that a depiction is in a bank, or None."""
    row = BankContent.objects.filter(depiction_id=depiction_id, bank_id=bank_id, removed_at=None).first()
    return _content(row) if row else None


def contents_by_depiction(
    pairs: Iterable[tuple[uuid.UUID, uuid.UUID]],
) -> dict[tuple[uuid.UUID, uuid.UUID], int]:
    """Return the number of each content, by its list and its depiction."""
    asked = sorted(set(pairs))
    found: dict[tuple[uuid.UUID, uuid.UUID], int] = {}
    for begin in range(0, len(asked), _PORTION):
        portion = asked[begin : begin + _PORTION]
        lists, depictions = {pair[0] for pair in portion}, {pair[1] for pair in portion}
        rows = BankContent.objects.filter(bank__list_id__in=lists, depiction_id__in=depictions, removed_at=None)
        for list_id, depiction_id, id in rows.values_list("bank__list_id", "depiction_id", "id"):
            found[list_id, depiction_id] = id
    return found


def switched_off(organisation_id: uuid.UUID) -> frozenset[Algorithm]:
    """Return the sorts of fingerprints that an organisation switched off."""
    rows = SignalSwitch.objects.filter(organisation_id=organisation_id).values_list("algorithm", flat=True)
    return frozenset(Algorithm(one) for one in rows)


def size_of(algorithm: Algorithm, *, organisation_id: uuid.UUID) -> tuple[int, datetime | None]:
    """Count the contents of an organisation's banks that have a fingerprint of a sort; and when the last was added."""
    held = BankContent.objects.filter(
        bank__organisation_id=organisation_id, bank__removed_at=None, removed_at=None
    ).filter(depiction__fingerprints__algorithm=algorithm.value)
    return held.values("id").distinct().count(), held.aggregate(last=Max("added_at"))["last"]


def due_contents(*, now: datetime, limit: int) -> list[ContentRow]:
    """Return contents whose time of being disabled is over, the earliest first."""
    due = BankContent.objects.filter(
        removed_at=None, assertion=None, disable_until_ts__gt=rules.ENABLED, disable_until_ts__lte=int(now.timestamp())
    )
    return [_content(row) for row in due.filter(bank__removed_at=None).order_by("disable_until_ts", "id")[:limit]]


def contents_of_removed_banks(*, limit: int) -> list[ContentRow]:
    """Return contents that still stand in banks that are no more."""
    rows = BankContent.objects.filter(~Q(bank__removed_at=None), removed_at=None).order_by("id")[:limit]
    return [_content(row) for row in rows]


def bank(bank_id: uuid.UUID) -> BankRow:
    """Return one bank by its id, removed or not.

    Raises:  NoSuchBankError.
    """
    row = Bank.objects.select_related("list").filter(id=bank_id).first()
    if row is None:
        raise NoSuchBankError("there is no such bank")
    return _bank(row)


def _bank(row: Bank) -> BankRow:
    return BankRow(
        id=row.id,
        organisation_id=row.organisation_id,
        source_id=row.source_id,
        list_id=row.list_id,
        list_version=row.list.version,
        label=row.list.name,
        name=row.name,
        policy=msgspec.convert(row.list.policy, Policy),
    )


def _content(row: BankContent) -> ContentRow:
    return ContentRow(
        id=row.id,
        bank_id=row.bank_id,
        depiction_id=row.depiction_id,
        assertion_id=row.assertion_id,
        disable_until_ts=row.disable_until_ts,
        note=row.note,
        metadata=row.metadata,
        signals=row.signals,
    )
