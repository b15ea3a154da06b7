# SPDX-License-Identifier: Apache-2.0
"""Read the audit; who reads it for people goes through `actions.read_page`, which records the reading.

- Pages are read by keyset, the latest first: a page costs the same wherever it is, and is never shifted by new events.
"""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from vigie_node.audit import heads, merkle, models, records

PAGE_ROWS = 50
_COLUMNS = ("sequence", "event_id", "event", "subject", "actor", "organisation", "at", "record", "leaf_hash")


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events; what is empty or None does not restrict. `until` is exclusive."""

    event: str = ""
    actor: str = ""
    subject: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event in its place."""

    sequence: int
    id: uuid.UUID
    event: str
    subject: str
    actor: str
    organisation_id: uuid.UUID | None
    at: datetime
    details: Mapping[str, records.Plain]


@dataclass(frozen=True, slots=True)
class Page:
    """Events, the latest first; `older` is where the next page begins, None on the last."""

    rows: tuple[EventRow, ...]
    older: int | None


@dataclass(frozen=True, slots=True)
class Verified:
    """What the last verification found."""

    at: datetime
    size: int
    faults: int


@dataclass(frozen=True, slots=True)
class State:
    """How the audit stands."""

    head: heads.Head | None
    pending: int
    verified: Verified | None


@dataclass(frozen=True, slots=True)
class Proof:
    """That a record is in the audit at its place, to be checked with nothing but the head."""

    sequence: int
    record: bytes
    path: tuple[bytes, ...]
    head: heads.SignedHead


def pending_count() -> int:
    """Count the events that wait to be put in order."""
    return models.PendingEvent.objects.count()


def oldest_pending() -> int | None:
    """Return the number of the event that waits longest, None where none waits."""
    return models.PendingEvent.objects.order_by("number").values_list("number", flat=True).first()


def latest_head() -> heads.SignedHead | None:
    """Return the last signed head, None where nothing was ever sequenced."""
    row = models.TreeHead.objects.order_by("-size").first()
    if row is None:
        return None
    head = heads.Head(row.size, bytes(row.root), bytes(row.chain_hash), row.signed_at, row.key_id)
    return heads.SignedHead(head, bytes(row.signature))


def state() -> State:
    """Return how the audit stands."""
    head = latest_head()
    last = models.Verification.objects.order_by("-number").first()
    return State(
        head=head.head if head else None,
        pending=pending_count(),
        verified=Verified(last.at, last.size, last.faults) if last else None,
    )


def page(wanted: Filter, *, before: int | None = None, limit: int = PAGE_ROWS) -> Page:
    """Return the events before a sequence number, the latest first."""
    rows = _filtered(wanted)
    if before is not None:
        rows = rows.filter(sequence__lt=before)
    found = [_event(one) for one in rows.order_by("-sequence").values_list(*_COLUMNS)[: limit + 1]]
    shown = tuple(found[:limit])
    return Page(shown, shown[-1].sequence if len(found) > limit else None)


def each(wanted: Filter, *, up_to: int, page_rows: int = 2000) -> Iterator[EventRow]:
    """Yield the events in order, a page at a time."""
    after = 0
    while True:
        rows = _filtered(wanted).filter(sequence__gt=after, sequence__lte=up_to).order_by("sequence")
        found = [_event(one) for one in rows.values_list(*_COLUMNS)[:page_rows]]
        if not found:
            return
        yield from found
        after = found[-1].sequence


def sequence_of(event_id: uuid.UUID) -> int | None:
    """Return the place of an event, None where there is none in order."""
    rows = models.Event.objects.filter(event_id=event_id).order_by("sequence")
    return rows.values_list("sequence", flat=True).first()


def inclusion(sequence: int) -> Proof | None:
    """Return the proof that an event is in the audit, under the last head; None where there is no such event.

    It reads every leaf hash up to the head: about a second for each million.
    """
    head = latest_head()
    row = models.Event.objects.filter(sequence=sequence).values_list("record", flat=True).first()
    if head is None or row is None or sequence > head.head.size:
        return None
    ranges = merkle.inclusion_ranges(sequence - 1, head.head.size)
    return Proof(sequence, bytes(row), tuple(merkle.proof(ranges, leaves=_leaves)), head)


def consistency(old_size: int) -> tuple[heads.SignedHead, tuple[bytes, ...]] | None:
    """Return the last head with the proof that it grew from an earlier size; None where it is no larger."""
    head = latest_head()
    if head is None or not 0 < old_size <= head.head.size:
        return None
    return head, tuple(merkle.proof(merkle.consistency_ranges(old_size, head.head.size), leaves=_leaves))


def _leaves(start: int, end: int) -> Iterator[bytes]:
    """Yield the leaf hashes of places start to end, which are sequences start + 1 to end."""
    rows = models.Event.objects.filter(sequence__gt=start, sequence__lte=end).order_by("sequence")
    for leaf in rows.values_list("leaf_hash", flat=True).iterator(chunk_size=5000):
        yield bytes(leaf)


def _filtered(wanted: Filter) -> QuerySet[models.Event]:
    rows = models.Event.objects.all()
    for name in ("event", "actor", "subject"):
        if value := getattr(wanted, name):
            rows = rows.filter(**{name: value})
    if wanted.since:
        rows = rows.filter(at__gte=wanted.since)
    if wanted.until:
        rows = rows.filter(at__lt=wanted.until)
    return rows


def _event(values: tuple) -> EventRow:  # type: ignore[type-arg]  # the columns above
    sequence, event_id, event, subject, actor, organisation, at, record, leaf = values
    details = records.read(bytes(record), leaf=bytes(leaf)).details
    return EventRow(sequence, event_id, event, subject, actor, organisation, at, details)
