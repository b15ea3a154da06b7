# SPDX-License-Identifier: Apache-2.0
"""Open the tasks that follow from what stands; inside the caller's transaction, which holds the lock `STANDING`.

- A task stands once a sighting and depiction. The opposite one, where nobody took it, is closed by the node: its reason
  fell away.
- Tasks are numbered in the order of their commits, since who opens them holds the lock: whoever goes on from a number
  misses none.
"""

from collections.abc import Sequence
from datetime import datetime

from vigie_node.base.actor import NODE
from vigie_node.sightings.models import Match, Task
from vigie_node.sightings.states import TaskKind, TaskState

_OPPOSITE = {TaskKind.KNOWN_SINCE: TaskKind.NO_LONGER_KNOWN, TaskKind.NO_LONGER_KNOWN: TaskKind.KNOWN_SINCE}


def open_tasks(kind: TaskKind, matches: Sequence[Match], *, now: datetime) -> int:
    """Open a task for each match unless one stands, close the opposite one; return how many were opened."""
    about = {(match.sighting_id, match.depiction_id): match for match in matches}
    rows = Task.objects.filter(sighting__in={match.sighting_id for match in matches})
    standing_tasks = rows.exclude(state=TaskState.DONE.value)
    held = {
        (sighting, depiction, task_kind): (id, state)
        for id, sighting, depiction, task_kind, state in standing_tasks.values_list(
            "id", "sighting_id", "depiction_id", "kind", "state"
        )
    }
    closed = [
        held[(*pair, _OPPOSITE[kind].value)][0]
        for pair in about
        if held.get((*pair, _OPPOSITE[kind].value), (0, ""))[1] == TaskState.OPEN.value
    ]
    if closed:
        by_node = str(NODE)
        Task.objects.filter(id__in=closed).update(state=TaskState.DONE.value, finished_by=by_node, changed_at=now)
    tasks = [
        Task(
            kind=kind.value,
            match=match,
            sighting_id=match.sighting_id,
            depiction_id=match.depiction_id,
            organisation_id=match.sighting.organisation_id,
            case=match.sighting.case,
            created_at=now,
            changed_at=now,
        )
        for pair, match in about.items()
        if (*pair, kind.value) not in held
    ]
    Task.objects.bulk_create(tasks)
    return len(tasks)
