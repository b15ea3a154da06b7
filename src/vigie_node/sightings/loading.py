# SPDX-License-Identifier: Apache-2.0
"""Load the results of a scan as sightings: stage them, then match them against what is known now.

- A load needs a legal basis that is in force and an expiry that it covers; a result is loaded once.
- Staging goes row by row of the result, in small transactions, each of which also moves the load on: killed at any
  moment it goes on where it stood, and nothing is twice.
- Matching begins when all is staged, by an index of what is known that has caught up with it: what becomes known before
  that is found here, what becomes known after by the look-back (ADR 0087).
- A slice whose answers were overtaken by a change is answered again.
- A load is one event of the audit when it begins and one when it ends, however many transactions it took.
"""

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from django.db import transaction
from django.db.models import F

from vigie.errors import InvalidInputError, WrongStateError
from vigie.evidence import manifest
from vigie_node.audit import actions as audit
from vigie_node.audit.events import Event
from vigie_node.base.actor import Actor
from vigie_node.base.ids import new_id
from vigie_node.changes import actions as changes
from vigie_node.changes import queries as what_changed
from vigie_node.changes.topics import Topic
from vigie_node.matching.answers import Claim
from vigie_node.sightings import erasing, legal_bases, rules, tallies, writing
from vigie_node.sightings.cases import MAX_NAME
from vigie_node.sightings.models import Load, Match, Sighting
from vigie_node.sightings.queries import NoSuchLoadError
from vigie_node.sightings.scanned import Seen
from vigie_node.sightings.states import FoundBy, LoadState, Place

MAX_REFERENCE = MAX_NAME  # characters of a case or an exhibit
ENDED = frozenset({LoadState.CANCELLED, LoadState.FAILED})


class MissingCaseError(InvalidInputError):
    """A load belongs to a case."""

    code = "sightings.missing-case"


class IncompleteResultsError(WrongStateError):
    """The scan is not finished."""

    code = "sightings.incomplete-results"


class LoadedElsewhereError(WrongStateError):
    """The same results were loaded in another case."""

    code = "sightings.loaded-elsewhere"


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A load as its worker needs it; `folder` is where its results lie."""

    id: uuid.UUID
    state: LoadState
    folder: str = field(repr=False)
    keeps_names: bool
    organisation_id: uuid.UUID | None
    rows_done: int
    matched_to: int


@transaction.atomic
def start_load(
    results: Path,
    *,
    case: str,
    basis: str,
    expires_at: datetime,
    exhibit: str = "",
    country: str = "",
    keeps_names: bool = False,
    by: Actor,
    now: datetime,
) -> uuid.UUID:
    """Have the results of a scan loaded; the same results again in the same case are the same load.

    Audit:   LOAD_STARTED, with case, basis and expiry.
    Raises:  MissingCaseError; UnknownBasisError, BasisNotInForceError, ExpiryOutOfBoundsError; IncompleteResultsError;
             LoadedElsewhereError; NoResultError, DamagedResultError.
    """
    if not case.strip() or max(len(case), len(exhibit)) > MAX_REFERENCE:
        raise MissingCaseError(f"name the case that the results belong to, in at most {MAX_REFERENCE} characters")
    legal_bases.check(basis, expires_at=expires_at, now=now)
    about = manifest.read(results)
    if not about.complete:
        raise IncompleteResultsError("the scan is not finished: let it run to its end, then load its results")
    digest = hashlib.sha256((results / manifest.FILE_NAME).read_bytes()).hexdigest()
    held = Load.objects.select_for_update().filter(results_digest=digest).first()
    if held is not None and LoadState(held.state) not in ENDED:
        if held.case != case:
            raise LoadedElsewhereError("these results were loaded already, in another case")
        return held.pk
    if held is not None:
        erasing.check_empty(held.pk)
        held.delete()
    load = Load.objects.create(
        id=new_id(now), organisation_id=by.organisation_id, case=case, exhibit=exhibit, country=country,
        legal_basis=basis, expires_at=expires_at, folder=str(results.absolute()), keeps_names=keeps_names,
        results_digest=digest, rows_total=sum(part.rows for part in about.parts),
        seen_at=datetime.fromisoformat(about.started_at), created_at=now, created_by=str(by),
    )  # fmt: skip
    audit.record(
        Event.LOAD_STARTED, subject=load.pk, by=by, at=now, basis=basis, expires_on=expires_at.date().isoformat()
    )
    return load.pk


@transaction.atomic
def cancel_load(load_id: uuid.UUID, *, by: Actor, now: datetime) -> None:
    """Stop a load; what it brought is taken out again, step by step.

    Audit:   LOAD_CANCELLED.
    Raises:  NoSuchLoadError, ImpossibleLoadMoveError.
    """
    load = _locked(load_id)
    rules.check_load_may_move(LoadState(load.state), LoadState.CANCELLED)
    _end(load, LoadState.CANCELLED, now=now)
    audit.record(Event.LOAD_CANCELLED, subject=load_id, by=by, at=now, rows=load.rows_done)


@transaction.atomic
def fail_load(load_id: uuid.UUID, *, problem: str, by: Actor, now: datetime) -> None:
    """Note that the results could not be read to their end; `problem` is the code of the error.

    Audit:   LOAD_FAILED, with the code.
    Raises:  NoSuchLoadError, ImpossibleLoadMoveError.
    """
    load = _locked(load_id)
    rules.check_load_may_move(LoadState(load.state), LoadState.FAILED)
    load.problem = problem
    _end(load, LoadState.FAILED, now=now)
    audit.record(Event.LOAD_FAILED, subject=load_id, by=by, at=now, code=problem)


def under_way(load_id: uuid.UUID | None = None) -> UnderWay | None:
    """Return a load that is to be worked on, the earliest unless one is named; None where there is none."""
    states = [LoadState.WAITING.value, LoadState.STAGING.value, LoadState.MATCHING.value]
    query = Load.objects.filter(state__in=states)
    load = (query if load_id is None else query.filter(id=load_id)).order_by("created_at", "id").first()
    if load is None:
        return None
    return UnderWay(
        load.pk, LoadState(load.state), load.folder, load.keeps_names, load.organisation_id, load.rows_done,
        load.matched_to,
    )  # fmt: skip


@transaction.atomic
def stage(load: UnderWay, seen: Sequence[Seen | None], *, now: datetime) -> bool:
    """Keep the next rows of a load; False where another process did so first, or the load was stopped.

    `seen` is what is kept of each row from `load.rows_done` on; the last is followed by none where it is empty.
    """
    kept = [one for one in seen if one is not None]
    moved = Load.objects.filter(id=load.id, rows_done=load.rows_done, state=load.state.value)
    if not moved.update(rows_done=F("rows_done") + len(seen), state=LoadState.STAGING.value):
        return False
    row = Load.objects.get(id=load.id)
    _count(row, kept=len(kept), frames_left_out=sum(one.frames_left_out for one in kept))
    if kept:
        sightings = [_sighting(row, one, now=now) for one in kept]
        values = writing.insert_sightings(sightings, [one.questions for one in kept])
    row.save(update_fields=["counts"])
    if kept:
        changes.append(Topic.SEEN_ADDED, items=values, now=now)
    return True


def moved_on(load: UnderWay, *, rows: int = 0, matched_to: int | None = None) -> UnderWay:
    """Return the load as it is after a step that was written."""
    state = LoadState.STAGING if load.state is LoadState.WAITING else load.state
    return replace(load, state=state, rows_done=load.rows_done + rows, matched_to=matched_to or load.matched_to)


def position() -> int:
    """Return how far the change log is."""
    return what_changed.latest()


@transaction.atomic
def end_staging(load: UnderWay) -> bool:
    """Note that every row is staged."""
    moved = Load.objects.filter(id=load.id, state=load.state.value, rows_done=load.rows_done)
    return bool(moved.update(state=LoadState.MATCHING.value, folder=""))


def next_to_match(load: UnderWay, *, limit: int) -> list[int]:
    """Return the next sightings of a load that are to be matched."""
    query = Sighting.objects.filter(load=load.id, id__gt=load.matched_to).order_by("id")
    return list(query.values_list("id", flat=True)[:limit])


@transaction.atomic
def note_matched(
    load: UnderWay, slice_: Sequence[int], claims: Mapping[int, Sequence[Claim]], *, decided_at: int, now: datetime
) -> bool:
    """Keep what the next sightings of a load matched; False where it has to be answered again.

    `decided_at` is the position of the change log before the answers were made.
    """
    if what_changed.any_since(decided_at, topics=writing.RELEVANT):
        return False
    moved = Load.objects.filter(id=load.id, matched_to=load.matched_to, state=LoadState.MATCHING.value)
    if not moved.update(matched_to=slice_[-1]):
        return False
    sightings = Sighting.objects.in_bulk(list(claims))
    matches = [
        match
        for id, of_sighting in claims.items()
        if id in sightings
        for match in writing.matches_of(sightings[id], of_sighting, found_by=FoundBy.LOADED, now=now)
    ]
    Match.objects.bulk_create(matches)
    pairs = {(match.sighting_id, match.depiction_id): match for match in matches if not match.is_shadow}
    tallies.add(tallies.sort_of(match.sighting, match.depiction_id) for match in pairs.values())
    row = Load.objects.get(id=load.id)
    _count(row, matched=len({sighting for sighting, _ in pairs}))
    row.save(update_fields=["counts"])
    return True


@transaction.atomic
def end_load(load_id: uuid.UUID, *, by: Actor, now: datetime) -> None:
    """Note that a load is complete.

    Audit:   SIGHTINGS_LOADED, with its counts.
    Raises:  NoSuchLoadError, ImpossibleLoadMoveError.
    """
    load = _locked(load_id)
    rules.check_load_may_move(LoadState(load.state), LoadState.DONE)
    _end(load, LoadState.DONE, now=now)
    audit.record(Event.SIGHTINGS_LOADED, subject=load_id, by=by, at=now, rows=load.rows_done, **load.counts)


def _locked(load_id: uuid.UUID) -> Load:
    load = Load.objects.select_for_update().filter(id=load_id).first()
    if load is None:
        raise NoSuchLoadError("there is no such load")
    return load


def _end(load: Load, state: LoadState, *, now: datetime) -> None:
    load.state, load.finished_at, load.folder = state.value, now, ""
    load.save(update_fields=["state", "finished_at", "folder", "problem"])


def _count(load: Load, **more: int) -> None:
    load.counts = {**load.counts, **{name: load.counts.get(name, 0) + number for name, number in more.items()}}


def _sighting(load: Load, one: Seen, *, now: datetime) -> Sighting:
    return Sighting(
        seen_at=load.seen_at, place_kind=Place.EXHIBIT.value, place=one.place, source=load.created_by,
        organisation_id=load.organisation_id, case=load.case, country=load.country, legal_basis=load.legal_basis,
        expires_at=load.expires_at, load=load, created_at=now,
    )  # fmt: skip
