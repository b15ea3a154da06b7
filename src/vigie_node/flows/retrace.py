# SPDX-License-Identifier: Apache-2.0
"""Something became known, or is known no longer: look back at everything seen before.

1. What changed since the last time becomes sweeps over depictions.
2. The next portion of the first sweep: what no longer holds is undone; what was seen near its values is looked up
   again, exactly as a look-up would be today; what matches now and did not before is noted, with a task for somebody.
3. The sweep moves on, in one piece, after all of its portion is written.

- Values are found in the index of what was seen; the decision is that of every look-up (matching.answers).
- Killed at any moment it goes on where it stood; what is written twice counts once.
"""

import math
import time
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from vigie.fingerprints.gates import UNKNOWN_QUALITY
from vigie.fingerprints.values import Algorithm
from vigie_node.base.actor import Actor
from vigie_node.catalogue import standing, sweeping
from vigie_node.matching import lookup
from vigie_node.matching.questions import Question
from vigie_node.sightings import asking, retracing, undoing
from vigie_node.sightings.retracing import SLICE, Portion
from vigie_node.sightings.states import SweepCause

PRINTS = 50_000  # fingerprints asked about at a time: a portion of films has thousands each


def step(*, by: Actor, now: datetime) -> bool:
    """Do the next portion of work, and one of a younger sweep beside it; say whether there was any.

    Raises:  StaleIndexError.
    """
    changed = retracing.follow(by=by, now=now)
    oldest = retracing.next_portion()
    if oldest is None:
        return changed
    for portion in (retracing.next_portion(besides=oldest.sweep), oldest):
        if portion is not None:
            undone = undo(portion, by=by, now=now)
            found = look_back(portion.depictions, by=by, now=now)
            retracing.advance(portion, found=found, undone=undone, by=by, now=now)
    return True


def undo(portion: Portion, *, until: float = math.inf, by: Actor, now: datetime) -> int:
    """Undo every match of a portion that no longer holds, and return how many; at a time (time.monotonic) stop.

    Raises:  StaleIndexError, where values that are held back have to be asked about.
    """
    matched = undoing.matched_among(portion.depictions)
    if not matched:
        return 0
    portion = replace(portion, depictions=tuple(matched))
    if portion.cause is SweepCause.OVERRIDE_MADE:
        return _undo_held_back(portion, until=until, by=by, now=now)
    words, lists = standing.words(matched), standing.list_rules()
    undone = 0
    while time.monotonic() < until and (more := undoing.note_undone(portion, words, lists, by=by, now=now)):
        undone += more
    return undone


def _undo_held_back(portion: Portion, *, until: float, by: Actor, now: datetime) -> int:
    """Ask again what rests on a value that is held back: what matches by another value too goes on by that one."""
    lookup.of_catalogue().catch_up()
    override_id, after, undone = uuid.UUID(portion.subject), 0, 0
    while time.monotonic() < until and (asked := undoing.resting_on(override_id, portion.depictions, after=after)):
        claims = asking.matching_now(sorted({one.sighting for one in asked}))
        undone += undoing.note_asked_again(asked, claims, subject=portion.subject, by=by, now=now)
        after = asked[-1].match
    return undone


def look_back(depictions: Sequence[uuid.UUID], *, by: Actor, now: datetime) -> int:
    """Note what was seen of these depictions before and matches now; return how many sightings became known."""
    lookup.of_seen().catch_up()
    lookup.of_catalogue().catch_up()
    return sum(_look_back(few, by=by, now=now) for few in sweeping.by_fingerprints(depictions, at_most=PRINTS))


def _look_back(depictions: Sequence[uuid.UUID], *, by: Actor, now: datetime) -> int:
    questions = _questions(depictions)
    if not questions:
        return 0
    hits = lookup.of_seen().candidates(questions)
    seen = retracing.sightings_with(hits.row.tolist())
    found = 0
    for begin in range(0, len(seen), SLICE):
        claims = asking.matching_now(seen[begin : begin + SLICE])
        found += retracing.note_found(claims, by=by, now=now)
    return found


def _questions(depictions: Sequence[uuid.UUID]) -> list[Question]:
    """Return the values of depictions that may match, as questions about what was seen."""
    held = standing.fingerprints_of(depictions, list(Algorithm))
    prints = [one for of_depiction in held.values() for one in of_depiction]
    overridden = standing.overridden((one.algorithm, one.value) for one in prints)
    return [
        Question(one.algorithm, one.value, UNKNOWN_QUALITY if one.quality is None else one.quality)
        for one in prints
        if (one.algorithm, one.value) not in overridden
    ]
