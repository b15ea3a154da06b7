# SPDX-License-Identifier: Apache-2.0
"""Simulations: what another policy of a list would match among the sightings of late; kept with their result.

- Both policies are asked today: a simulation says what the change of policy would do, nothing else.
- It goes backwards from the latest sighting at its start, a slice at a time; killed or waiting it goes on there.
- Matches in shadow count as matches here: whoever simulates wants to see them.
"""

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import F

from vigie.errors import InvalidInputError, NotFoundError
from vigie_node.audit import actions as audit
from vigie_node.audit.events import Event
from vigie_node.base.actor import Actor
from vigie_node.base.ids import new_id
from vigie_node.catalogue import standing
from vigie_node.catalogue.rules import ListRule, Policy
from vigie_node.matching.answers import Claim
from vigie_node.sightings import rules
from vigie_node.sightings.models import Sighting, Simulation
from vigie_node.sightings.states import SimulationState

MAX_LAST = 1_000_000
SHOWN = 500  # of what would match more, and of what would match less


class NoSuchSimulationError(NotFoundError):
    """There is no such simulation."""

    code = "sightings.no-such-simulation"


class UnknownListError(NotFoundError):
    """There is no such list."""

    code = "sightings.no-such-list"


class HowManyError(InvalidInputError):
    """How many sightings are looked at is out of bounds."""

    code = "sightings.how-many"


@dataclass(frozen=True, slots=True)
class SimulationRow:
    """One simulation; `result` holds what it found so far: counts, and which (at most SHOWN of each sort)."""

    id: uuid.UUID
    list_id: uuid.UUID
    list_version: int
    policy: Policy
    last_n: int
    state: SimulationState
    before: int
    sightings_done: int
    sightings_total: int
    result: dict[str, Any]
    created_at: datetime
    created_by: str
    ended_at: datetime | None


@transaction.atomic
def start_simulation(list_id: uuid.UUID, *, policy: Policy, last_n: int, by: Actor, now: datetime) -> uuid.UUID:
    """Have the worker find out what a policy would match among the last sightings.

    Audit:   SIMULATION_STARTED, with the list's version and how many sightings.
    Raises:  UnknownListError, HowManyError.
    """
    if not 1 <= last_n <= MAX_LAST:
        raise HowManyError(f"a simulation looks at 1 to {MAX_LAST:,} sightings")
    held = next((one for one in standing.list_rules() if one.id == list_id), None)
    if held is None:
        raise UnknownListError("there is no such list")
    latest = Sighting.objects.order_by("-id").values_list("id", flat=True).first() or 0
    made = Simulation.objects.create(
        id=new_id(now), list_id=list_id, list_version=held.version, policy=msgspec.to_builtins(policy),
        policy_before=msgspec.to_builtins(held.policy), last_n=last_n, before=latest + 1,
        sightings_total=min(last_n, latest), created_at=now, created_by=str(by),
    )  # fmt: skip
    audit.record(
        Event.SIMULATION_STARTED, subject=made.pk, by=by, at=now, list=str(list_id), version=held.version, last=last_n
    )
    return made.pk


@transaction.atomic
def cancel_simulation(simulation_id: uuid.UUID, *, by: Actor, now: datetime) -> None:
    """Stop a simulation; what it found so far stays.

    Audit:   SIMULATION_CANCELLED.
    Raises:  NoSuchSimulationError, ImpossibleSimulationMoveError.
    """
    held = Simulation.objects.select_for_update().filter(id=simulation_id).first()
    if held is None:
        raise NoSuchSimulationError("there is no such simulation")
    rules.check_simulation_may_move(SimulationState(held.state), SimulationState.CANCELLED)
    Simulation.objects.filter(id=simulation_id).update(state=SimulationState.CANCELLED.value, ended_at=now)
    audit.record(Event.SIMULATION_CANCELLED, subject=simulation_id, by=by, at=now, sightings=held.sightings_done)


def next_simulation() -> SimulationRow | None:
    """Return the simulation to work on, the earliest first; None where there is none."""
    states = [SimulationState.WAITING.value, SimulationState.RUNNING.value]
    found = Simulation.objects.filter(state__in=states).order_by("created_at", "id").first()
    return None if found is None else _row(found)


def simulation(simulation_id: uuid.UUID) -> SimulationRow:
    """Return one simulation.

    Raises:  NoSuchSimulationError.
    """
    found = Simulation.objects.filter(id=simulation_id).first()
    if found is None:
        raise NoSuchSimulationError("there is no such simulation")
    return _row(found)


def simulations(list_id: uuid.UUID | None = None, *, limit: int = 20) -> list[SimulationRow]:
    """Return the simulations of a list, or of all, the latest first."""
    rows = Simulation.objects.all() if list_id is None else Simulation.objects.filter(list=list_id)
    return [_row(one) for one in rows.order_by("-created_at", "-id")[:limit]]


def rules_of(one: SimulationRow) -> tuple[list[ListRule], list[ListRule], frozenset[str] | None]:
    """Return the lists without and with the policy, and which to ask: all where a negative list is concerned."""
    row = Simulation.objects.get(id=one.id)
    before = msgspec.convert(row.policy_before, Policy)
    now = [_replaced(held, one.list_id, before) for held in standing.list_rules()]
    then = [_replaced(held, one.list_id, one.policy) for held in now]
    names = frozenset(held.name for held in now if held.id == one.list_id)
    return now, then, None if before.negative or one.policy.negative else names


def next_sightings(one: SimulationRow, *, limit: int) -> list[int]:
    """Return the next sightings to look at, backwards."""
    left = min(limit, one.last_n - one.sightings_done)
    rows = Sighting.objects.filter(id__lt=one.before).order_by("-id").values_list("id", flat=True)
    return list(rows[: max(0, left)])


@transaction.atomic
def note_simulated(
    one: SimulationRow,
    looked_at: Sequence[int],
    now_claims: Mapping[int, Sequence[Claim]],
    then_claims: Mapping[int, Sequence[Claim]],
) -> bool:
    """Keep what a slice would match more and less; False where the simulation was stopped or another was faster."""
    moved = Simulation.objects.filter(
        id=one.id, before=one.before, state__in=[SimulationState.WAITING.value, SimulationState.RUNNING.value]
    )
    return bool(
        moved.update(
            state=SimulationState.RUNNING.value,
            before=looked_at[-1],
            sightings_done=F("sightings_done") + len(looked_at),
            result=_with(one.result, now_claims, then_claims),
        )
    )


@transaction.atomic
def end_simulation(one: SimulationRow, *, by: Actor, now: datetime) -> None:
    """Note that a simulation is complete.

    Audit:   SIMULATION_MADE, with its counts.
    """
    running = Simulation.objects.filter(id=one.id, before=one.before, ended_at=None)
    if running.update(state=SimulationState.DONE.value, ended_at=now, sightings_total=one.sightings_done):
        counted = {name: int(one.result.get(name, 0)) for name in _COUNTED}
        audit.record(Event.SIMULATION_MADE, subject=one.id, by=by, at=now, sightings=one.sightings_done, **counted)


_COUNTED = ("matched_now", "would_match", "more", "fewer")


def _with(
    result: Mapping[str, Any], now_claims: Mapping[int, Sequence[Claim]], then_claims: Mapping[int, Sequence[Claim]]
) -> dict[str, Any]:
    counts: Counter[str] = Counter({name: result.get(name, 0) for name in _COUNTED})
    labels = {name: list(pair) for name, pair in result.get("by_label", {}).items()}
    which = {sort: list(result.get(f"which_{sort}", [])) for sort in ("more", "fewer")}
    counts["matched_now"] += len(now_claims)
    counts["would_match"] += len(then_claims)
    for sort, ours, theirs in (("more", then_claims, now_claims), ("fewer", now_claims, then_claims)):
        for sighting, claims in ours.items():
            known = {claim.depiction_id for claim in theirs.get(sighting, ())}
            differing = {claim.depiction_id: claim for claim in claims if claim.depiction_id not in known}
            counts[sort] += len(differing)
            for claim in differing.values():
                labels.setdefault(f"{claim.scheme}/{claim.label}", [0, 0])[sort == "fewer"] += 1
                if len(which[sort]) < SHOWN:
                    which[sort].append(_example(sighting, claim))
    return {**counts, "by_label": labels, "which_more": which["more"], "which_fewer": which["fewer"]}


def _example(sighting: int, claim: Claim) -> dict[str, Any]:
    return {
        "sighting": sighting,
        "depiction": str(claim.depiction_id),
        "algorithm": claim.algorithm.value,
        "distance_bits": claim.distance_bits,
        "scheme": claim.scheme,
        "label": claim.label,
    }


def _replaced(held: ListRule, list_id: uuid.UUID, policy: Policy) -> ListRule:
    return ListRule(held.id, held.name, held.version, policy, held.organisation) if held.id == list_id else held


def _row(one: Simulation) -> SimulationRow:
    return SimulationRow(
        one.pk, one.list_id, one.list_version, msgspec.convert(one.policy, Policy), one.last_n,
        SimulationState(one.state), one.before, one.sightings_done, one.sightings_total, dict(one.result),
        one.created_at, one.created_by, one.ended_at,
    )  # fmt: skip
