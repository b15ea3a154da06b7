# SPDX-License-Identifier: Apache-2.0
"""The tasks: what somebody has to look at, and what was done on the strength of a word.

- A task in a case of another organisation is not there for whoever may not look across cases.
- Pages go by number, so that what comes in meanwhile moves nothing; a count stops at COUNTED_TO.
"""

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from vigie.errors import NotFoundError
from vigie_node.catalogue import sweeping
from vigie_node.sightings.figures import SeenRow, seen_row
from vigie_node.sightings.models import Match, Task
from vigie_node.sightings.rules import Reach
from vigie_node.sightings.states import TaskKind, TaskState

COUNTED_TO = 10_000


class NoSuchTaskError(NotFoundError):
    """There is no such task, or not for this person."""

    code = "sightings.no-such-task"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which tasks are asked for; what is None does not matter."""

    states: tuple[TaskState, ...] = (TaskState.OPEN, TaskState.TAKEN)
    kind: TaskKind | None = None
    owner: uuid.UUID | None = None
    case: str | None = None
    depiction: uuid.UUID | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class TaskRow:
    """One task, with the sighting and the match that it is about; `note` is the worker's own words."""

    id: int
    kind: TaskKind
    state: TaskState
    owner: uuid.UUID | None
    note: str = field(repr=False)
    finished_by: str
    case: str
    organisation_id: uuid.UUID | None
    created_at: datetime
    changed_at: datetime
    seen: SeenRow


@dataclass(frozen=True, slots=True)
class Relied:
    """A match that relied on a word; `undone_at` is None where it still stands."""

    match: int
    seen: SeenRow
    is_shadow: bool
    undone_at: datetime | None


def tasks(wanted: Wanted, *, reach: Reach, after: int | None = None, limit: int = 50) -> list[TaskRow]:
    """Return the next tasks after a number, the one that waits longest first."""
    rows: list[Task] = []
    for part in _asked(wanted, reach):
        rows += part.filter(id__gt=after or 0).select_related("match__sighting").order_by("id")[:limit]
    rows.sort(key=lambda one: one.pk)
    return [_row(one, reach=reach) for one in rows[:limit]]


def task(task_id: int, *, reach: Reach) -> TaskRow:
    """Return one task.

    Raises:  NoSuchTaskError.
    """
    found = Task.objects.select_related("match__sighting").filter(id=task_id).first()
    if found is None or not reach.covers(case=found.case, organisation_id=found.organisation_id):
        raise NoSuchTaskError("there is no such task, or it is in a case that you may not look into")
    return _row(found, reach=reach)


def task_count(wanted: Wanted, *, reach: Reach) -> int:
    """Count tasks, up to COUNTED_TO."""
    return min(COUNTED_TO, sum(part.order_by()[:COUNTED_TO].count() for part in _asked(wanted, reach)))


def oldest_task(wanted: Wanted, *, reach: Reach) -> datetime | None:
    """Return since when the task that waits longest waits."""
    firsts = [part.order_by("id").values_list("created_at", flat=True).first() for part in _asked(wanted, reach)]
    return min((one for one in firsts if one is not None), default=None)


def done_on_the_strength_of(assertion_id: uuid.UUID, *, reach: Reach, after: int = 0, limit: int = 100) -> list[Relied]:
    """Return the next matches, standing or undone, that relied on an assertion; after a match's number."""
    depiction = sweeping.depiction_of_assertion(assertion_id)
    rows = (
        Match.objects.filter(depiction=depiction, assertions__icontains=str(assertion_id), id__gt=after)
        .select_related("sighting")
        .order_by("id")[:limit]
    )
    return [Relied(one.pk, seen_row(one, reach=reach), one.is_shadow, one.undone_at) for one in rows]


def _asked(wanted: Wanted, reach: Reach) -> list[QuerySet[Task]]:
    """Return queries that share no task and are each read in the order of an index: a state and a scope each."""
    scopes = [Q()]
    if not reach.across_cases:
        scopes = [Q(case="")]
        if reach.organisation_id is not None:
            scopes.append(Q(organisation=reach.organisation_id) & ~Q(case=""))
    other: dict[str, Any] = {
        "kind": wanted.kind,
        "owner": wanted.owner,
        "case": wanted.case,
        "depiction": wanted.depiction,
    }
    asked = {name: value for name, value in other.items() if value is not None}
    if wanted.since is not None:
        asked["created_at__gte"] = wanted.since
    return [Task.objects.filter(scope, state=state.value, **asked) for state in wanted.states for scope in scopes]


def _row(one: Task, *, reach: Reach) -> TaskRow:
    return TaskRow(
        one.pk, TaskKind(one.kind), TaskState(one.state), one.owner, one.note, one.finished_by, one.case,
        one.organisation_id, one.created_at, one.changed_at, seen_row(one.match, reach=reach),
    )  # fmt: skip
