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


class LoadState(StrEnum):
    """Where a load of results stands."""

    WAITING = "WAITING"  # for the worker
    STAGING = "STAGING"  # its rows become sightings
    MATCHING = "MATCHING"  # its sightings are matched against what is known now
    DONE = "DONE"
    CANCELLED = "CANCELLED"  # its sightings are being taken out, or are
    FAILED = "FAILED"  # the results could not be read to their end; what was staged is taken out


LOAD_MOVES = {
    LoadState.WAITING: {LoadState.STAGING, LoadState.CANCELLED, LoadState.FAILED},
    LoadState.STAGING: {LoadState.MATCHING, LoadState.CANCELLED, LoadState.FAILED},
    LoadState.MATCHING: {LoadState.DONE, LoadState.CANCELLED},
    LoadState.DONE: set(),
    LoadState.CANCELLED: {LoadState.WAITING},  # the same results may be loaded again
    LoadState.FAILED: {LoadState.WAITING},
}


class SweepCause(StrEnum):
    """Why the look-back goes over depictions again."""

    STANDING = "STANDING"  # words, disputes or revocations of named depictions changed
    IMPORT = "IMPORT"  # an import became visible
    IMPORT_UNDONE = "IMPORT_UNDONE"
    LIST_WIDENED = "LIST_WIDENED"  # a list's new policy may match more: every depiction is looked at
    LIST_NARROWED = "LIST_NARROWED"  # it can only match less: what matched before is looked at
    OVERRIDE_MADE = "OVERRIDE_MADE"  # a value matches nothing from now on
    OVERRIDE_ENDED = "OVERRIDE_ENDED"  # a value was let go


class SimulationState(StrEnum):
    """Where a simulation stands."""

    WAITING = "WAITING"  # for the worker
    RUNNING = "RUNNING"
    DONE = "DONE"
    CANCELLED = "CANCELLED"


SIMULATION_MOVES = {
    SimulationState.WAITING: {SimulationState.RUNNING, SimulationState.CANCELLED},
    SimulationState.RUNNING: {SimulationState.DONE, SimulationState.CANCELLED},
    SimulationState.DONE: set(),
    SimulationState.CANCELLED: set(),
}
