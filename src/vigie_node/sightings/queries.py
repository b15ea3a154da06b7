# SPDX-License-Identifier: Apache-2.0
"""Read what was seen: figures, tasks, loads, look-backs, simulations.

- Nothing here gives a value or a place away but `subjects_of`, which the look-back asks with.
- What a person may not see is left out or marked as hidden, by the reach that is passed in: never by a guess.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F

from vigie.errors import NotFoundError
from vigie.fingerprints.gates import UNKNOWN_QUALITY
from vigie.fingerprints.values import Algorithm
from vigie.fingerprints.video import FrameSpan
from vigie_node.matching.questions import PLAIN, Question
from vigie_node.sightings.figures import counts, figures, last_seen
from vigie_node.sightings.inbox import Wanted, done_on_the_strength_of, oldest_task, task, task_count, tasks
from vigie_node.sightings.models import Load, RetracePoint, SeenValue, Sighting, Sweep
from vigie_node.sightings.rules import EVERYWHERE, Reach
from vigie_node.sightings.simulating import simulation, simulations
from vigie_node.sightings.states import LoadState, SweepCause

__all__ = [
    "LoadRow",
    "NoSuchLoadError",
    "SweepRow",
    "Wanted",
    "counts",
    "done_on_the_strength_of",
    "figures",
    "followed_to",
    "last_seen",
    "load",
    "loads",
    "oldest_task",
    "organisations_of",
    "simulation",
    "simulations",
    "subjects_of",
    "sweeps",
    "task",
    "task_count",
    "tasks",
]


class NoSuchLoadError(NotFoundError):
    """There is no such load, or not for this person."""

    code = "sightings.no-such-load"


@dataclass(frozen=True, slots=True)
class SweepRow:
    """One look-back: why, how far it is, what it found and undid; `ended_at` is None while it stands."""

    id: int
    cause: SweepCause
    subject: str
    depictions_total: int | None
    depictions_done: int
    found: int
    undone: int
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class LoadRow:
    """One load: what of, on which ground, how far; `problem` is the code of what stopped it."""

    id: uuid.UUID
    case: str
    exhibit: str
    country: str
    legal_basis: str
    expires_at: datetime
    organisation_id: uuid.UUID | None
    state: LoadState
    rows_total: int
    rows_done: int
    counts: dict[str, int]
    problem: str
    created_at: datetime
    created_by: str
    finished_at: datetime | None


def load(load_id: uuid.UUID, *, reach: Reach = EVERYWHERE) -> LoadRow:
    """Return one load.

    Raises:  NoSuchLoadError.
    """
    found = Load.objects.filter(id=load_id).first()
    if found is None or not reach.covers(case=found.case, organisation_id=found.organisation_id):
        raise NoSuchLoadError("there is no such load, or it is in a case that you may not look into")
    return _load(found)


def loads(*, reach: Reach, limit: int = 50) -> list[LoadRow]:
    """Return the loads that may be seen, the latest first."""
    rows = Load.objects.order_by("-created_at", "-id")
    if not reach.across_cases:
        rows = rows.filter(organisation=reach.organisation_id)
    return [_load(one) for one in rows[:limit]]


def _load(one: Load) -> LoadRow:
    return LoadRow(
        one.pk, one.case, one.exhibit, one.country, one.legal_basis, one.expires_at, one.organisation_id,
        LoadState(one.state), one.rows_total, one.rows_done, dict(one.counts), one.problem, one.created_at,
        one.created_by, one.finished_at,
    )  # fmt: skip


def sweeps(*, limit: int = 50) -> list[SweepRow]:
    """Return the look-backs, those that stand first, then the latest."""
    rows = Sweep.objects.order_by(F("ended_at").desc(nulls_first=True), "-id")[:limit]
    return [
        SweepRow(
            one.pk, SweepCause(one.cause), one.subject, one.depictions_total, one.depictions_done, one.found,
            one.undone, one.created_at, one.ended_at,
        )
        for one in rows
    ]  # fmt: skip


def subjects_of(sightings: Sequence[int]) -> dict[int, list[Question]]:
    """Return what was seen in each sighting as questions, to ask about it again."""
    fields = ("sighting_id", "algorithm", "value", "quality", "transform", "start_ms", "end_ms")
    rows = SeenValue.objects.filter(sighting__in=sightings).order_by("sighting_id", "id").values_list(*fields)
    found: dict[int, list[Question]] = {one: [] for one in sightings}
    for sighting, algorithm, value, quality, transform, start_ms, end_ms in rows:
        content = bytes(value)
        frame = None if start_ms is None else FrameSpan(start_ms / 1000, end_ms / 1000, content)
        known = UNKNOWN_QUALITY if quality is None else quality
        found[sighting].append(Question(Algorithm(algorithm), content, known, transform or PLAIN, frame))
    return found


def followed_to() -> int:
    """Return up to which position of the change log the look-back has followed."""
    return RetracePoint.objects.values_list("position", flat=True).first() or 0


def organisations_of(sightings: Sequence[int]) -> dict[int, uuid.UUID | None]:
    """Return whose each sighting is; None for the node's own. One that is no more is left out."""
    return dict(Sighting.objects.filter(id__in=sightings).order_by("id").values_list("id", "organisation_id"))
