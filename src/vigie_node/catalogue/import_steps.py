# SPDX-License-Identifier: Apache-2.0
"""The worker's part of an import: a moment of staging, of looking for what a full file no longer holds, of clearing.

- Nobody waits for an import: each transaction is cut to last about TARGET_SECONDS, and on SQLite, which has one writer
  at a time, others get their turn in the pause between two.
- Killed at any moment it goes on where it was, and does nothing twice; two workers cannot both go on with it.
- A file that cannot be read to its end is failed with its reason. What may pass (a full disk, a database that is away)
  is tried again, with growing pauses, MAX_ATTEMPTS times.

Decisions: ADR 0081, ADR 0084.
"""

import functools
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
from django.db import DatabaseError, IntegrityError, connection, models, transaction
from django.db.models import Exists, OuterRef, Q

from vigie.errors import InvalidInputError, UntrustedError, VigieError
from vigie.lists.entries import Claim
from vigie_node.audit import actions as audit
from vigie_node.audit.events import Event
from vigie_node.base import locks
from vigie_node.base.actor import Actor
from vigie_node.base.ids import new_id
from vigie_node.catalogue import bulk, identity, importing, staging, standing, upstream_files
from vigie_node.catalogue.importing import Options
from vigie_node.catalogue.models import (
    Assertion,
    Depiction,
    Fingerprint,
    Import,
    ImportMark,
    Revocation,
    UpstreamRecord,
)
from vigie_node.catalogue.staging import Order, SomebodyElseError
from vigie_node.catalogue.states import ImportState
from vigie_node.catalogue.upstream_files import Item, LineSource, Place
from vigie_node.changes import actions as changes
from vigie_node.changes.topics import Topic

STEP_SECONDS = 2.0
TARGET_SECONDS = 0.035  # of one transaction; the limit is 0.1
PAUSE_SECONDS = 0.026  # a waiting writer of SQLite asks again every 25 ms at most in its first tenth of a second
LEASE = timedelta(seconds=60)
MAX_ATTEMPTS = 5
MAX_ROWS = 2000
_READ_LINES = 2000
_MAX_PRINTS = 10_000
_FOUND_AT_ONCE = 20_000  # rows to be taken out, in many transactions
_NO_LONGER_HELD = "its source no longer holds it: it is not in the full file that replaced the one before"


class UnreadableRowsError(InvalidInputError):
    """A full replacement has lines that cannot be read: what they said would be taken back."""

    code = "catalogue.full-with-refusals"


class LostFileError(UntrustedError):
    """The copy of the file is no more."""

    code = "catalogue.lost-file"


@dataclass(slots=True)
class Pace:
    """How many rows a transaction writes, so that it lasts about as long as it may: fewer at once, more by and by."""

    rows: int = 50

    def note(self, seconds: float, *, rows: int) -> None:
        """Learn from a transaction."""
        fitting = rows * TARGET_SECONDS / max(seconds, 0.001)
        self.rows = max(10, min(MAX_ROWS, int(min(fitting, self.rows * 1.5))))

    @staticmethod
    def pause() -> None:
        """Let others write, where only one can; meanwhile bring what was written from the log to the database."""
        if connection.vendor != "sqlite":
            return
        began = time.monotonic()
        with connection.cursor() as cursor:
            # In passing: it waits for nobody and keeps nobody out, unlike the one that a commit would else do.
            cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")
        time.sleep(max(0, PAUSE_SECONDS - (time.monotonic() - began)))


def claim(*, now: datetime, import_id: uuid.UUID | None = None) -> uuid.UUID | None:
    """Return the import to go on with (this one, where one is named), claimed; None where none waits or is free.

    A claim holds until it is released, and a minute at most after the last sign of life.
    """
    free = Q(claimed_at=None) | Q(claimed_at__lt=now - LEASE)
    waiting = Import.objects.filter(free, state__in=[ImportState.STAGING.value, ImportState.WAITING.value])
    named = waiting if import_id is None else waiting.filter(id=import_id)
    for found in named.order_by("created_at").values_list("id", flat=True)[:5]:
        if waiting.filter(id=found).update(claimed_at=now):
            return found
    return None


def release(import_id: uuid.UUID) -> None:
    """Let another go on with an import."""
    Import.objects.filter(id=import_id, attempts=0).update(claimed_at=None)


def stage_some(import_id: uuid.UUID, *, by: Actor, now: datetime) -> bool:
    """Go on with an import for a moment; return whether more is to be staged.

    Audit:   IMPORT_STAGED once, at the end; IMPORT_FAILED where the file cannot be taken in.
    Raises:  NoSuchImportError; VigieError once the import was failed for it.
    """
    try:
        going_on = _begin(import_id, now=now)
        return going_on and _go_on(import_id, by=by, now=now)
    except SomebodyElseError:
        return False
    except VigieError as error:
        importing.fail_import(import_id, problem=error.code, by=by, now=now)
        return False
    except (OSError, DatabaseError):
        _try_later(import_id, by=by, now=now)
        raise


def _begin(import_id: uuid.UUID, *, now: datetime) -> bool:
    """Move a waiting import on; return whether it is being staged."""
    Import.objects.filter(id=import_id, state=ImportState.WAITING.value).update(
        state=ImportState.STAGING.value, claimed_at=now
    )
    return Import.objects.filter(id=import_id, state=ImportState.STAGING.value).exists()


def _try_later(import_id: uuid.UUID, *, by: Actor, now: datetime) -> None:
    staged = Import.objects.get(id=import_id)
    if staged.attempts + 1 >= MAX_ATTEMPTS:
        importing.fail_import(import_id, problem="catalogue.import-stopped", by=by, now=now)
        return
    later = now - LEASE + timedelta(seconds=2**staged.attempts)
    Import.objects.filter(id=import_id).update(attempts=staged.attempts + 1, claimed_at=later)


def _go_on(import_id: uuid.UUID, *, by: Actor, now: datetime) -> bool:
    row = Import.objects.select_related("source").get(id=import_id)
    order = _order(row)
    until = time.monotonic() + STEP_SECONDS
    if not row.progress.get("is_read"):
        if _read_some(row, order, until=until, now=now):
            return True
        row.refresh_from_db()
    if order.is_full and not row.progress.get("is_swept"):
        if row.counts.get("unread", 0):
            raise UnreadableRowsError("a full replacement has to be readable to its last line")
        if _sweep_some(order, until=until, now=now):
            return True
    _end(import_id, by=by, now=now)
    return False


def _order(row: Import) -> Order:
    options = msgspec.convert({name: value for name, value in row.options.items() if name != "about"}, Options)
    return Order(
        id=row.id, source_id=row.source_id, source_name=row.source.name, created_at=row.created_at,
        created_by=row.created_by, is_full=options.full, relays=options.relays, bank=options.bank,
        scheme=options.scheme or None, label=options.label or None,
    )  # fmt: skip


@functools.lru_cache(maxsize=1)
def _opened(path: Path, kind: str, _made_at: float) -> LineSource:
    return upstream_files.open_source(path, kind=kind)


def _source_of(row: Import) -> LineSource:
    path = importing.file_of(row.id)
    try:
        return _opened(path, row.format, path.stat().st_mtime)
    except FileNotFoundError as error:
        raise LostFileError("the copy of the file is no more; import it again") from error


def _read_some(row: Import, order: Order, *, until: float, now: datetime) -> bool:
    """Stage lines until the moment is over; return whether more are left."""
    source = _source_of(row)
    claim = Claim(order.scheme, order.label, order.source_name)
    place = Place(row.progress.get("line", 1), row.progress.get("offset", 0))
    done, pace = row.rows_done, Pace(row.progress["pace"]) if "pace" in row.progress else Pace()
    items: list[Item] = []
    while time.monotonic() < until:
        if not items:
            items = upstream_files.read(source, place, given=claim, limit=max(200, min(_READ_LINES, 8 * pace.rows)))
        if not items:
            _note(order.id, is_read=True)
            return False
        portion, items = _cut(items, pace.rows)
        seconds = staging.stage(order, portion, done_before=done, now=now, pace=pace.rows)
        done, place = done + len(portion), portion[-1].after
        pace.note(seconds, rows=len(portion))
        pace.pause()
    return True


def _cut(items: list[Item], rows: int) -> tuple[list[Item], list[Item]]:
    """Cut off as many lines as one transaction takes, by rows and by fingerprints; at least one."""
    prints = 0
    for place, item in enumerate(items[:rows]):
        prints += 7 + (len(item.entry.frames) if item.entry else 0)
        if prints > _MAX_PRINTS and place:
            return items[:place], items[place:]
    return items[:rows], items[rows:]


@transaction.atomic
def _note(import_id: uuid.UUID, **progress: object) -> Import:
    """Note how far an import is.

    Raises:  SomebodyElseError.
    """
    row = importing.locked(import_id)
    if row.state != ImportState.STAGING.value:
        raise SomebodyElseError("the import was cancelled")
    row.progress = row.progress | progress
    row.save(update_fields=["progress"])
    return row


def _sweep_some(order: Order, *, until: float, now: datetime) -> bool:
    """Stage the revocation of what a full file no longer holds; return whether more has to be looked at."""
    pace = Pace()
    while time.monotonic() < until:
        after = uuid.UUID(Import.objects.get(id=order.id).progress.get("swept_to", str(uuid.UUID(int=0))))
        began = time.monotonic()
        looked_at = _sweep(order, after, limit=pace.rows, now=now)
        if not looked_at:
            return False
        pace.note(time.monotonic() - began, rows=looked_at)
        Pace.pause()
    return True


@transaction.atomic
def _sweep(order: Order, after: uuid.UUID, *, limit: int, now: datetime) -> int:
    """Look at the next words, whoever said them; return how many, 0 at the end."""
    window = list(Assertion.objects.filter(id__gt=after).order_by("id").values_list("id", "via_id")[:limit])
    if not window:
        _note(order.id, is_swept=True)
        return 0
    locks.hold(locks.WORDS)
    # Asked for by their ids alone: SQLite would else go over all that an import of the source brought.
    earlier = Import.objects.filter(source_id=order.source_id, state=ImportState.VISIBLE.value)
    of_source = frozenset(earlier.values_list("id", flat=True))
    found = _lost(order, [id for id, via in window if via in of_source])
    _take_over(order, found, now=now)
    rows = [(new_id(now), one, _NO_LONGER_HELD, now, order.created_by, order.id) for one in found]
    names = ("id", "assertion", "reason", "revoked_at", "revoked_by", "via")
    bulk.insert(bulk.ready(Revocation, names, rows), ignore_conflicts=True)
    row = _note(order.id, swept_to=str(window[-1][0]))
    row.counts = dict(sorted((Counter(row.counts) + Counter(revoking=len(found))).items()))
    row.claimed_at = now
    row.save(update_fields=["counts", "claimed_at"])
    return len(window)


def _lost(order: Order, words: list[uuid.UUID]) -> list[uuid.UUID]:
    """Return those of these words that the file does not hold, and that nothing ended before."""
    superseding = Assertion.objects.filter(supersedes=OuterRef("pk"))
    counts_or_will = Q(via=None) | Q(via__state=ImportState.VISIBLE.value) | Q(via=order.id)
    lost = (
        Assertion.objects.filter(id__in=words)
        .filter(~Exists(ImportMark.objects.filter(of_id=order.id, assertion=OuterRef("pk"))))
        .filter(~Exists(standing.visible(Revocation.objects.filter(assertion=OuterRef("pk")))))
        .filter(~Exists(superseding.filter(counts_or_will)))
    )
    return list(lost.values_list("id", flat=True))


def _take_over(order: Order, lost: list[uuid.UUID], *, now: datetime) -> None:
    """Make ours the revocations that an import left which counts no more: an assertion has but one."""
    for portion in identity.portions(lost):
        Revocation.objects.filter(
            assertion__in=portion, via__state__in=[ImportState.CANCELLED.value, ImportState.FAILED.value]
        ).update(via=order.id, revoked_at=now, revoked_by=order.created_by, reason=_NO_LONGER_HELD)


@transaction.atomic
def _end(import_id: uuid.UUID, *, by: Actor, now: datetime) -> None:
    row = importing.locked(import_id)
    if row.state != ImportState.STAGING.value:
        raise SomebodyElseError("the import was cancelled")
    row.state, row.claimed_at, row.rows_total = ImportState.STAGED.value, None, row.rows_done
    row.save(update_fields=["state", "claimed_at", "rows_total"])
    counts = {name: row.counts.get(name, 0) for name in ("new", "superseding", "unchanged", "revoking", "refused")}
    audit.record(Event.IMPORT_STAGED, subject=import_id, by=by, at=now, lines=row.rows_done, **counts)


def clear_some(*, now: datetime) -> bool:
    """Take out rows of an import that never became visible, and what a finished one no longer needs.

    It returns whether more is to be done. What the state of the import already hid is only tidied up here, so no event
    is recorded.
    """
    ended = [ImportState.CANCELLED.value, ImportState.FAILED.value, ImportState.VISIBLE.value]
    row = Import.objects.filter(state__in=ended).exclude(progress__has_key="is_cleared").order_by("created_at").first()
    if row is None:
        return False
    until = time.monotonic() + STEP_SECONDS
    pace = Pace()
    for take_out, left in _to_go(row, now=now):
        # Found before the transactions that take them out, in whatever order: nobody waits for a search or a sorting.
        while keys := list(left.values_list("pk", flat=True)[:_FOUND_AT_ONCE]):
            while keys:
                if time.monotonic() > until:
                    return True
                portion, keys = keys[: min(pace.rows, 500)], keys[min(pace.rows, 500) :]
                began = time.monotonic()
                take_out(portion)
                pace.note(time.monotonic() - began, rows=len(portion))
                pace.pause()
    importing.file_of(row.id).unlink(missing_ok=True)
    with transaction.atomic():
        ended_row = importing.locked(row.id)
        ended_row.progress = ended_row.progress | {"is_cleared": True}
        ended_row.save(update_fields=["progress"])
    return True


_TakeOut: TypeAlias = Callable[[list[Any]], object]


def _to_go(row: Import, *, now: datetime) -> Iterator[tuple[_TakeOut, "models.QuerySet[Any]"]]:
    """Yield what is left of an import to be taken out, in order, and what takes a portion of it out, by its keys."""
    yield functools.partial(_delete, ImportMark, "of", row.id), ImportMark.objects.filter(of=row)
    if row.visible_at is not None:
        return
    # Words of one file supersede one another: let go before they are deleted, in whatever order.
    yield _let_go, Assertion.objects.filter(via=row, supersedes__isnull=False)
    yield functools.partial(_delete_prints, row.id, now=now), Fingerprint.objects.filter(via=row)
    for model in (UpstreamRecord, Revocation, Assertion):
        yield functools.partial(_delete, model, "via", row.id), model._default_manager.filter(via=row)
    yield functools.partial(_delete_depictions, row.id), Depiction.objects.filter(via=row)


@transaction.atomic
def _delete(model: type[models.Model], of: str, import_id: uuid.UUID, portion: list[Any]) -> list[Any]:
    """Delete rows as the database sees them, without looking for what else refers to them; return their keys."""
    # Asked for by their keys alone: SQLite would else go over all that the import has left.
    held = model._default_manager.select_for_update().filter(pk__in=portion).values_list("pk", f"{of}_id")
    keys = [key for key, owner in held if owner == import_id]  # one that somebody made theirs meanwhile stays
    chosen = model._default_manager.filter(pk__in=keys)
    chosen._raw_delete(chosen.db)  # the database's own constraints hold
    return keys


def _let_go(portion: list[Any]) -> None:
    Assertion.objects.filter(pk__in=portion).update(supersedes=None)


@transaction.atomic
def _delete_prints(import_id: uuid.UUID, portion: list[Any], *, now: datetime) -> None:
    taken = _delete(Fingerprint, "via", import_id, portion)
    if taken:
        changes.append(Topic.FINGERPRINTS_REMOVED, subject=import_id, items=taken, now=now)


def _delete_depictions(import_id: uuid.UUID, portion: list[Any]) -> None:
    try:
        _delete(Depiction, "via", import_id, portion)
    except IntegrityError:
        # Somebody else refers to a depiction of it by now: those stay, as everybody's.
        Depiction.objects.filter(pk__in=portion).update(via=None)
