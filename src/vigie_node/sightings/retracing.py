# SPDX-License-Identifier: Apache-2.0
"""The look-back: follow what became known, and write what it means for what was seen before (ADR 0087).

- Every change that can make a depiction match, or match no more, becomes a sweep: in the transaction in which the point
  in the change log moves. A sweep goes over its depictions in order; it stands until the last is worked off.
- What is written twice is written once: a match stands once a sighting, depiction and list, a task once a sighting and
  depiction. So a sweep that was killed does its last portion again, and nothing is lost or doubled.
- A task is opened where a sighting had no match with the depiction before: "seen before, known since".
- What no longer holds is undone by undoing.py.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from django.db import transaction
from django.db.models import F

from vigie_node.audit import actions as audit
from vigie_node.audit.events import Event
from vigie_node.base import locks
from vigie_node.base.actor import Actor
from vigie_node.catalogue import sweeping
from vigie_node.changes import queries as changes
from vigie_node.changes.queries import ChangeRow
from vigie_node.changes.topics import Topic
from vigie_node.matching.answers import Claim
from vigie_node.sightings import rules, tallies, writing
from vigie_node.sightings.models import Load, Match, RetracePoint, SeenValue, Sighting, Sweep
from vigie_node.sightings.opening import open_tasks
from vigie_node.sightings.states import FoundBy, LoadState, SweepCause, TaskKind

SETTLE = timedelta(seconds=2)  # a look-up decided just before a change is in the database by then
PORTION = 5000  # depictions worked off at a time
SLICE = 300  # sightings, or matches, in one transaction
_CHANGES = 1000
_NO_SUBJECT = ""


@dataclass(frozen=True, slots=True)
class Portion:
    """The next depictions of a sweep; none are left where `depictions` is empty."""

    sweep: int
    cause: SweepCause
    subject: str
    after: uuid.UUID | None
    depictions: tuple[uuid.UUID, ...]


@transaction.atomic
def follow(*, by: Actor, now: datetime) -> bool:
    """Turn what changed since into sweeps, and say whether anything did.

    Audit:   RETRACE_ADVANCED, where there is something to look back for.
    """
    point = RetracePoint.objects.select_for_update().get_or_create(id=1)[0]
    rows = _settled(changes.since(point.position, limit=_CHANGES), now=now)
    if not rows:
        return False
    wanted = list(_sweeps(rows))
    if point.position + 1 < changes.earliest():
        wanted.append((SweepCause.LIST_WIDENED, _NO_SUBJECT, ()))  # what changed meanwhile is no longer told: all of it
    for cause, subject, named in wanted:
        _plan(cause, subject, named, position=rows[-1].position, now=now)
    RetracePoint.objects.filter(id=1).update(position=rows[-1].position)
    if wanted:
        audit.record(Event.RETRACE_ADVANCED, subject=rows[-1].position, by=by, at=now, sweeps=len(wanted))
    return True


def next_portion(*, besides: int | None = None) -> Portion | None:
    """Return what is to be worked off next, or None where nothing is.

    That is of the oldest sweep; `besides` it, of the one of which least is done: a revocation does not wait until a
    sweep over the whole catalogue is at its end.
    """
    standing_sweeps = Sweep.objects.filter(ended_at=None)
    if besides is None:
        sweep = standing_sweeps.order_by("id").first()
    else:
        sweep = standing_sweeps.exclude(id=besides).order_by("depictions_done", "id").first()
    if sweep is None:
        return None
    cause = SweepCause(sweep.cause)
    return Portion(sweep.pk, cause, sweep.subject, sweep.after, tuple(_depictions(sweep, cause)))


def sightings_with(values: Iterable[int]) -> list[int]:
    """Return the sightings of these values, ascending; not those that a load under way will match itself."""
    wanted = sorted(set(values))
    under_way = dict(
        Load.objects.filter(state__in=[LoadState.STAGING.value, LoadState.MATCHING.value]).values_list(
            "id", "matched_to"
        )
    )
    found: set[int] = set()
    for begin in range(0, len(wanted), 500):
        rows = SeenValue.objects.filter(id__in=wanted[begin : begin + 500])
        if under_way:
            for sighting, load in rows.values_list("sighting_id", "sighting__load_id"):
                if load not in under_way or sighting <= under_way[load]:
                    found.add(sighting)
        else:
            found.update(rows.values_list("sighting_id", flat=True))
    return sorted(found)


@transaction.atomic
def note_found(claims: Mapping[int, Sequence[Claim]], *, by: Actor, now: datetime) -> int:
    """Note what earlier sightings match now, open a task for each that matched nothing of it before; return how many.

    Audit:   TASKS_OPENED, with how many; none where nothing is new.
    """
    locks.hold(locks.STANDING)
    matches, known = _new_matches(claims, now=now)
    if not matches:
        return 0
    Match.objects.bulk_create(matches)
    first: dict[tuple[int, uuid.UUID], Match] = {}
    for match in matches:
        if not match.is_shadow and (match.sighting_id, match.depiction_id) not in known:
            first.setdefault((match.sighting_id, match.depiction_id), match)
    tallies.add(tallies.sort_of(match.sighting, match.depiction_id) for match in first.values())
    opened = open_tasks(TaskKind.KNOWN_SINCE, list(first.values()), now=now)
    audit.record(Event.TASKS_OPENED, subject=TaskKind.KNOWN_SINCE, by=by, at=now, matches=len(matches), tasks=opened)
    return len(first)


@transaction.atomic
def advance(portion: Portion, *, found: int, undone: int, by: Actor, now: datetime) -> bool:
    """Note that a portion is worked off, or that the sweep is at its end; False where another process did so first.

    Audit:   RETRACE_ADVANCED.
    """
    unchanged = Sweep.objects.filter(id=portion.sweep, after=portion.after, ended_at=None)
    done = len(portion.depictions)
    changed = unchanged.update(
        after=portion.depictions[-1] if done else portion.after,
        depictions_done=F("depictions_done") + done,
        found=F("found") + found,
        undone=F("undone") + undone,
        ended_at=None if done else now,
    )
    if changed:
        audit.record(
            Event.RETRACE_ADVANCED, subject=portion.sweep, by=by, at=now, depictions=done, found=found, undone=undone
        )
    return bool(changed)


def _settled(rows: Sequence[ChangeRow], *, now: datetime) -> list[ChangeRow]:
    """Return the changes up to the first that is too fresh; one from the future, after a jump of the clock, is not."""
    kept: list[ChangeRow] = []
    for row in rows:
        if timedelta(0) <= now - row.at < SETTLE:
            break
        kept.append(row)
    return kept


def _sweeps(rows: Sequence[ChangeRow]) -> Iterable[tuple[SweepCause, str, tuple[uuid.UUID, ...]]]:
    named = {uuid.UUID(row.subject) for row in rows if row.topic is Topic.STANDING}
    if named:
        yield SweepCause.STANDING, _NO_SUBJECT, tuple(sorted(named))
    for subject in dict.fromkeys(row.subject for row in rows if row.topic is Topic.IMPORT):
        visible = sweeping.is_visible(uuid.UUID(subject))
        yield (SweepCause.IMPORT if visible else SweepCause.IMPORT_UNDONE), subject, ()
    changed: dict[str, set[int]] = {}
    for row in rows:
        if row.topic is Topic.LISTS:
            changed.setdefault(row.subject, set()).update(row.items.tolist())
    for subject, versions in changed.items():
        policies = sweeping.policies(uuid.UUID(subject), versions=versions)
        widened = any(rules.may_match_more(before, after) for before, after in policies)
        yield (SweepCause.LIST_WIDENED if widened else SweepCause.LIST_NARROWED), subject, ()
    for subject in dict.fromkeys(row.subject for row in rows if row.topic is Topic.OVERRIDES):
        found = sweeping.overridden_value(uuid.UUID(subject))
        if found is not None:
            yield (SweepCause.OVERRIDE_MADE if found[2] else SweepCause.OVERRIDE_ENDED), subject, ()


def _plan(cause: SweepCause, subject: str, named: Sequence[uuid.UUID], *, position: int, now: datetime) -> None:
    """Make a sweep; one that stands for the same cause and subject begins anew instead."""
    if cause is not SweepCause.STANDING:
        under_way = Sweep.objects.filter(cause=cause.value, subject=subject, ended_at=None)
        if under_way.update(position=position, after=None, depictions_done=0):
            return
    Sweep.objects.create(
        cause=cause.value,
        subject=subject,
        named=b"".join(one.bytes for one in named),
        position=position,
        depictions_total=_total(cause, named),
        created_at=now,
    )


def _total(cause: SweepCause, named: Sequence[uuid.UUID]) -> int | None:
    if cause is SweepCause.STANDING:
        return len(named)
    return sweeping.depiction_count() if cause is SweepCause.LIST_WIDENED else None


def _depictions(sweep: Sweep, cause: SweepCause) -> list[uuid.UUID]:
    match cause:
        case SweepCause.STANDING:
            packed = bytes(sweep.named)
            named = [uuid.UUID(bytes=packed[at : at + 16]) for at in range(0, len(packed), 16)]
            return [one for one in named if sweep.after is None or one > sweep.after][:PORTION]
        case SweepCause.IMPORT:
            return sweeping.depictions_of_import(uuid.UUID(sweep.subject), after=sweep.after, limit=PORTION)
        case SweepCause.LIST_WIDENED:
            return sweeping.every_depiction(after=sweep.after, limit=PORTION)
        case SweepCause.IMPORT_UNDONE:
            back = sweeping.depictions_of_import(uuid.UUID(sweep.subject), after=sweep.after, limit=PORTION)
            return sorted({*back, *_matched_depictions(sweep.after)})[:PORTION]  # what it had taken back matches again
        case SweepCause.LIST_NARROWED:
            return _matched_depictions(sweep.after)
        case SweepCause.OVERRIDE_MADE | SweepCause.OVERRIDE_ENDED:
            return sweeping.depictions_of_override(uuid.UUID(sweep.subject), after=sweep.after, limit=PORTION)
    assert_never(cause)


def _matched_depictions(after: uuid.UUID | None) -> list[uuid.UUID]:
    query = Match.objects.all() if after is None else Match.objects.filter(depiction__gt=after)
    return list(query.order_by("depiction_id").values_list("depiction_id", flat=True).distinct()[:PORTION])


def _new_matches(
    claims: Mapping[int, Sequence[Claim]], *, now: datetime
) -> tuple[list[Match], set[tuple[int, uuid.UUID]]]:
    """Make the matches that do not stand yet; return them, and the pairs that were known to each other before."""
    rows = Match.objects.filter(sighting__in=list(claims), undone_at=None)
    held = set(rows.values_list("sighting_id", "depiction_id", "list_id", "is_shadow"))
    sightings = Sighting.objects.in_bulk(list(claims))
    matches = [
        match
        for id, of_sighting in claims.items()
        if id in sightings  # it may have expired since
        for match in writing.matches_of(sightings[id], of_sighting, found_by=FoundBy.RETRACE, now=now)
        if (id, match.depiction_id, match.list_id, match.is_shadow) not in held
    ]
    return matches, {(sighting, depiction) for sighting, depiction, _, is_shadow in held if not is_shadow}
