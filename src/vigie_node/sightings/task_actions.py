# SPDX-License-Identifier: Apache-2.0
"""Work on tasks: take one, finish it with a note, give it back, open it again.

- Two who take the same task at once: one has it, the other is told so.
- A finished task keeps who finished it and what was noted; it may be opened again.
"""

from datetime import datetime

from django.db import transaction

from vigie.errors import InvalidInputError
from vigie_node.audit import actions as audit
from vigie_node.audit.events import Event
from vigie_node.base.actor import Actor
from vigie_node.sightings import rules
from vigie_node.sightings.inbox import NoSuchTaskError
from vigie_node.sightings.models import Task
from vigie_node.sightings.rules import EVERYWHERE, Reach
from vigie_node.sightings.states import TaskState

MAX_NOTE = 2000


class NoteTooLongError(InvalidInputError):
    """A note has a limit."""

    code = "sightings.note-too-long"


@transaction.atomic
def take_task(task_id: int, *, by: Actor, now: datetime, reach: Reach = EVERYWHERE) -> None:
    """Make a person the owner of an open task.

    Audit:   TASK_TAKEN.
    Raises:  NoSuchTaskError, ImpossibleTaskMoveError.
    """
    _move(task_id, TaskState.TAKEN, reach=reach, now=now, owner=by.id)
    audit.record(Event.TASK_TAKEN, subject=task_id, by=by, at=now)


@transaction.atomic
def finish_task(task_id: int, *, note: str, by: Actor, now: datetime, reach: Reach = EVERYWHERE) -> None:
    """Note that a task is done, and what was done.

    Audit:   TASK_FINISHED; the note stays out of it.
    Raises:  NoSuchTaskError, ImpossibleTaskMoveError, NoteTooLongError.
    """
    if len(note) > MAX_NOTE:
        raise NoteTooLongError(f"a note has at most {MAX_NOTE} characters")
    _move(task_id, TaskState.DONE, reach=reach, now=now, note=note, finished_by=str(by))
    audit.record(Event.TASK_FINISHED, subject=task_id, by=by, at=now)


@transaction.atomic
def reopen_task(task_id: int, *, by: Actor, now: datetime, reach: Reach = EVERYWHERE) -> None:
    """Put a task that was taken or done back among the open ones.

    Audit:   TASK_REOPENED.
    Raises:  NoSuchTaskError, ImpossibleTaskMoveError.
    """
    _move(task_id, TaskState.OPEN, reach=reach, now=now, owner=None, finished_by="")
    audit.record(Event.TASK_REOPENED, subject=task_id, by=by, at=now)


def _move(task_id: int, wanted: TaskState, *, reach: Reach, now: datetime, **changed: object) -> None:
    task = Task.objects.select_for_update().filter(id=task_id).first()
    if task is None or not reach.covers(case=task.case, organisation_id=task.organisation_id):
        raise NoSuchTaskError("there is no such task, or it is in a case that you may not look into")
    rules.check_task_may_move(TaskState(task.state), wanted)
    if wanted is TaskState.OPEN:
        _check_alone(task)
    Task.objects.filter(id=task_id).update(state=wanted.value, changed_at=now, **changed)


def _check_alone(task: Task) -> None:
    same = Task.objects.filter(kind=task.kind, sighting=task.sighting_id, depiction=task.depiction_id)
    if same.exclude(id=task.pk).exclude(state=TaskState.DONE.value).exists():
        raise rules.ImpossibleTaskMoveError("a later task about the same stands already: work on that one")
