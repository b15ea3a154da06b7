# SPDX-License-Identifier: Apache-2.0
"""How much waits for people, and what the day brought: counts for the first page."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from vigie_node.base.actor import Actor
from vigie_node.sightings import inbox
from vigie_node.sightings.models import Simulation, Task
from vigie_node.sightings.rules import Reach
from vigie_node.sightings.states import SimulationState, TaskKind, TaskState


@dataclass(frozen=True, slots=True)
class Waiting:
    """Open tasks of one kind: how many, and since when the oldest waits."""

    kind: TaskKind
    count: int
    oldest_at: datetime


def open_tasks(*, reach: Reach) -> list[Waiting]:
    """Return the tasks that nobody took and that may be seen, by kind, the one that waits longest first."""
    found = []
    for kind in TaskKind:
        wanted = inbox.Wanted(states=(TaskState.OPEN,), kind=kind)
        oldest = inbox.oldest_task(wanted, reach=reach)
        if oldest is not None:
            found.append(Waiting(kind, inbox.task_count(wanted, reach=reach), oldest))
    return sorted(found, key=lambda one: one.oldest_at)


@dataclass(frozen=True, slots=True)
class Ended:
    """A simulation that came to its end, of a policy that a list had at `list_version`."""

    id: uuid.UUID
    list_id: uuid.UUID
    list_version: int
    ended_at: datetime


def ended_simulations(by: Actor, *, since: datetime, limit: int) -> list[Ended]:
    """Return the simulations of somebody that ended since a moment, the latest first."""
    rows = Simulation.objects.filter(created_by=str(by), state=SimulationState.DONE.value, ended_at__gte=since)
    return [
        Ended(one.id, one.list_id, one.list_version, one.ended_at)
        for one in rows.order_by("-ended_at")[:limit]
        if one.ended_at is not None
    ]


def waiting_count(*, reach: Reach) -> int:
    """Count the tasks that nobody took and that may be seen, up to inbox.COUNTED_TO."""
    return inbox.task_count(inbox.Wanted(states=(TaskState.OPEN,)), reach=reach)


def taken_by(person_id: uuid.UUID) -> int:
    """Count the tasks that a person took and has not finished."""
    return Task.objects.filter(owner=person_id, state=TaskState.TAKEN.value).count()
