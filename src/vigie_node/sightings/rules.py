# SPDX-License-Identifier: Apache-2.0
"""When a task, a load or a simulation may move; when a match still holds; what a new policy can change.

- Each moves only along its table. Who took a task, or whoever may work tasks, may finish it: work is never stuck with
  somebody who is away.
- A match still holds while its list, as it is now, would claim the depiction for the same content. A word under dispute
  is not withdrawn: an open dispute stops new matches and undoes none.
- A policy that can only match less need not be looked back for.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace

from msgspec import structs

from vigie.errors import WrongStateError
from vigie_node.catalogue.rules import ListRule, Mode, Policy, Word, is_in_share, words_that_count
from vigie_node.sightings.states import (
    LOAD_MOVES,
    SIMULATION_MOVES,
    TASK_MOVES,
    LoadState,
    SimulationState,
    TaskState,
)


class ImpossibleTaskMoveError(WrongStateError):
    """The task is not in a state from which this can be done."""

    code = "sightings.impossible-task-move"


class ImpossibleLoadMoveError(WrongStateError):
    """The load is not in a state from which this can be done."""

    code = "sightings.impossible-load-move"


class ImpossibleSimulationMoveError(WrongStateError):
    """The simulation has ended."""

    code = "sightings.impossible-simulation-move"


@dataclass(frozen=True, slots=True)
class Reach:
    """What a person may see of cases: those of the own organisation, or with the permission for it all of them."""

    across_cases: bool
    organisation_id: uuid.UUID | None

    def covers(self, *, case: str, organisation_id: uuid.UUID | None) -> bool:
        """Say whether the particulars of a sighting may be seen; one outside of any case belongs to the node."""
        return (
            self.across_cases or not case or (organisation_id is not None and organisation_id == self.organisation_id)
        )


EVERYWHERE = Reach(across_cases=True, organisation_id=None)


def check_task_may_move(current: TaskState, wanted: TaskState) -> None:
    """Refuse a move that the table does not list.

    Raises:  ImpossibleTaskMoveError.
    """
    if wanted not in TASK_MOVES[current]:
        raise ImpossibleTaskMoveError(f"this task is {current.lower()} and cannot become {wanted.lower()}: look again")


def check_load_may_move(current: LoadState, wanted: LoadState) -> None:
    """Refuse a move that the table does not list.

    Raises:  ImpossibleLoadMoveError.
    """
    if wanted not in LOAD_MOVES[current]:
        raise ImpossibleLoadMoveError(f"this load is {current.lower()} and cannot become {wanted.lower()}")


def check_simulation_may_move(current: SimulationState, wanted: SimulationState) -> None:
    """Refuse a move that the table does not list.

    Raises:  ImpossibleSimulationMoveError.
    """
    if wanted not in SIMULATION_MOVES[current]:
        raise ImpossibleSimulationMoveError(f"this simulation is {current.lower()} and cannot become {wanted.lower()}")


def undisputed(rule: ListRule) -> ListRule:
    """Return the list as it judges what stands already: an open dispute stops new matches and undoes none."""
    if rule.policy.negative:
        return rule
    return replace(rule, policy=structs.replace(rule.policy, dispute_suspends=False))


def still_stands(rule: ListRule, words: Sequence[Word], *, depiction: uuid.UUID) -> bool:
    """Say whether a list that claimed a depiction would claim it on today's words and in today's mode."""
    if rule.policy.negative or not is_in_share(rule, depiction):
        return False
    return bool(words_that_count(undisputed(rule).policy, words))


def may_match_more(before: Policy | None, after: Policy) -> bool:
    """Say whether a policy can match anything that the one before it did not."""
    if after.negative or (before is not None and before.negative):
        return before is not None and before != after  # what it no longer names may match elsewhere
    if after.mode is Mode.OFF:
        return False
    if before is None or _reach_of(before) < _reach_of(after):
        return True
    narrowed = (
        _includes(before.sources, after.sources)
        and _classes_include(before, after)
        and set(after.algorithms) <= set(before.algorithms)
        and after.quorum >= before.quorum
        and after.threshold_bits <= before.threshold_bits
        and after.min_quality >= before.min_quality
        and after.dispute_suspends >= before.dispute_suspends
        and after.veto >= before.veto
    )
    # A veto needs its source to be heard: with fewer sources fewer veto.
    return not narrowed or (after.veto and after.sources != before.sources)


def _reach_of(policy: Policy) -> tuple[int, float]:
    place = {Mode.OFF: 0, Mode.SHADOW: 1, Mode.SHARE: 2, Mode.ON: 3}[policy.mode]
    return place, policy.share if policy.mode is Mode.SHARE else 0.0


def _includes(before: Sequence[str], after: Sequence[str]) -> bool:
    return not before or (bool(after) and set(after) <= set(before))


def _classes_include(before: Policy, after: Policy) -> bool:
    if not before.classes:
        return True
    return bool(after.classes) and all(
        set(codes) <= set(before.classes.get(scheme, ())) for scheme, codes in after.classes.items()
    )
