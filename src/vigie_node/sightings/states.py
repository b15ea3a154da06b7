# SPDX-License-Identifier: Apache-2.0
"""The kinds and states of what was seen."""

from enum import StrEnum


class Place(StrEnum):
    """What sort of place something was seen at."""

    URL = "URL"
    REPORT = "REPORT"
    EXHIBIT = "EXHIBIT"  # a file of a seized source
    UPLOAD = "UPLOAD"  # at a provider, by pseudonym


class FoundBy(StrEnum):
    """How a match came about."""

    LOOK_UP = "LOOK_UP"  # a partner or a tool asked
    LOADED = "LOADED"  # a scan's results were loaded and matched
    RETRACE = "RETRACE"  # it became known after it was seen


class TaskKind(StrEnum):
    """What somebody has to look at."""

    KNOWN_SINCE = "KNOWN_SINCE"  # seen before, known since
    NO_LONGER_KNOWN = "NO_LONGER_KNOWN"  # acted on before, revoked since


class TaskState(StrEnum):
    """Where a task stands."""

    OPEN = "OPEN"
    TAKEN = "TAKEN"
    DONE = "DONE"


TASK_MOVES = {
    TaskState.OPEN: {TaskState.TAKEN, TaskState.DONE},
    TaskState.TAKEN: {TaskState.OPEN, TaskState.DONE},
    TaskState.DONE: {TaskState.OPEN},
}
