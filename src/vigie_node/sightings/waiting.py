# SPDX-License-Identifier: Apache-2.0
"""How much waits for people, and what the day brought: counts for the first page."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Min

from vigie_node.sightings.models import Sighting, Task
from vigie_node.sightings.states import TaskKind, TaskState

AT_MOST = 10_000  # beyond this a count of the day says "more than"


@dataclass(frozen=True, slots=True)
class Waiting:
    """Open tasks of one kind: how many, and since when the oldest waits."""

    kind: TaskKind
    count: int
    oldest_at: datetime


def open_tasks() -> list[Waiting]:
    """Return the tasks that nobody took, by kind, the one that waits longest first."""
    rows = (
        Task.objects.filter(state=TaskState.OPEN.value)
        .values("kind")
        .annotate(count=Count("id"), oldest=Min("created_at"))
    )
    found = [Waiting(TaskKind(one["kind"]), one["count"], one["oldest"]) for one in rows]
    return sorted(found, key=lambda one: one.oldest_at)


def taken_by(person_id: uuid.UUID) -> int:
    """Count the tasks that a person took and has not finished."""
    return Task.objects.filter(owner=person_id, state=TaskState.TAKEN.value).count()


def recorded_since(moment: datetime) -> int:
    """Count the sightings recorded since a moment, AT_MOST + 1 at most: rows are numbered in the order of time."""
    latest = Sighting.objects.order_by("-id").values_list("created_at", flat=True)[: AT_MOST + 1]
    return sum(created_at >= moment for created_at in latest)
