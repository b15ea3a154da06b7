# SPDX-License-Identifier: Apache-2.0
"""What would another policy have matched? Ask about the last sightings twice, as the list is and as it would be."""

import time
from datetime import datetime

from vigie_node.base.actor import Actor
from vigie_node.sightings import asking, simulating

STEP_SECONDS = 5.0
SLICE = 300


def step(*, by: Actor, now: datetime) -> bool:
    """Work on a simulation for a few seconds, and say whether more is to be done.

    Raises:  StaleIndexError, TooManyCandidatesError.
    """
    until = time.monotonic() + STEP_SECONDS
    while (one := simulating.next_simulation()) is not None:
        looked_at = simulating.next_sightings(one, limit=SLICE)
        if not looked_at:
            simulating.end_simulation(one, by=by, now=now)
            continue
        lists_now, lists_then, only = simulating.rules_of(one)
        found_now = asking.matching_now(looked_at, lists=lists_now, only=only)
        found_then = asking.matching_now(looked_at, lists=lists_then, only=only)
        simulating.note_simulated(one, looked_at, found_now, found_then)
        if time.monotonic() > until:
            return True
    return False
