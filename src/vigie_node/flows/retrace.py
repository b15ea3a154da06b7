# SPDX-License-Identifier: Apache-2.0
"""Something became known, or is known no longer: look back at everything seen before.

1. What changed since the last time becomes sweeps over depictions.
2. The next portion of the first sweep: what no longer holds is undone; what was seen near its values is looked up
   again, exactly as a look-up would be today; what matches now and did not before is noted, with a task for somebody.
3. The sweep moves on, in one piece, after all of its portion is written.

- Values are found in the index of what was seen; the decision is that of every look-up (matching.answers).
- So is what stands: a match that a look-up of the same content would not give now is undone. That goes for what a
  negative list has come to name, whatever brought it there.
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
from vigie_node.sightings import asking, retracing, rules, undoing
from vigie_node.sightings.retracing import SLICE, Portion
from vigie_node.sightings.states import SweepCause
from vigie_node.sightings.undoing import Resting

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
            found, never = look_back(portion, by=by, now=now)
            retracing.advance(portion, found=found, undone=undone + never, by=by, now=now)
    return True


def undo(portion: Portion, *, until: float = math.inf, by: Actor, now: datetime) -> int:
    """Undo the matches of a portion that no longer hold, and return how many; at a time (time.monotonic) stop.

    Raises:  StaleIndexError, where some have to be asked again.
    """
    matched = undoing.matched_among(portion.depictions)
    if not matched:
        return 0
    portion = replace(portion, depictions=tuple(matched))
    words, lists = standing.words(matched), standing.list_rules()
    undone = 0
    while time.monotonic() < until and (more := undoing.note_undone(portion, words, lists, by=by, now=now)):
        undone += more
    doubted = undoing.doubt(portion)
    if doubted is None:
        return undone
    lookup.of_catalogue().catch_up()
    after = 0
    while time.monotonic() < until and (asked := undoing.in_doubt(doubted, portion.depictions, after=after)):
        undone += _ask_again(asked, subject=portion.subject, by=by, now=now)
        after = asked[-1].match
    return undone


def _ask_again(asked: Sequence[Resting], *, subject: str, by: Actor, now: datetime) -> int:
    """Undo those of these matches that asking again does not give; an open dispute undoes none."""
    lists = [rules.undisputed(one) for one in standing.list_rules()]
    claims = asking.matching_now(sorted({one.sighting for one in asked}), lists=lists)
    return undoing.note_asked_again(asked, claims, subject=subject, by=by, now=now)


def look_back(portion: Portion, *, by: Actor, now: datetime) -> tuple[int, int]:
    """Look up again what was seen near the values of a portion: note what matches now, undo what does no more.

    Returns: how many sightings became known, and how many matches were undone.
    """
    lookup.of_seen().catch_up()
    lookup.of_catalogue().catch_up()
    found = undone = 0
    for few in sweeping.by_fingerprints(portion.depictions, at_most=PRINTS):
        seen = _seen_near(few, with_held_back=portion.cause is SweepCause.OVERRIDE_MADE)
        for begin in range(0, len(seen), SLICE):
            few_seen = seen[begin : begin + SLICE]
            claims = asking.matching_now(few_seen)
            found += retracing.note_found(claims, by=by, now=now)
            lost = undoing.not_given(claims, few_seen)
            for at in range(0, len(lost), SLICE):
                undone += _ask_again(lost[at : at + SLICE], subject=portion.subject, by=by, now=now)
    return found, undone


def _seen_near(depictions: Sequence[uuid.UUID], *, with_held_back: bool) -> list[int]:
    """Return the sightings near the values of depictions.

    A value that is held back is asked about where it was just then: one of a negative list may have kept something
    from matching until now.
    """
    questions = _questions(depictions, with_held_back=with_held_back)
    return retracing.sightings_with(lookup.of_seen().candidates(questions).row.tolist()) if questions else []


def _questions(depictions: Sequence[uuid.UUID], *, with_held_back: bool) -> list[Question]:
    """Return the values of depictions that may match, as questions about what was seen."""
    held = standing.fingerprints_of(depictions, list(Algorithm))
    prints = [one for of_depiction in held.values() for one in of_depiction]
    overridden = () if with_held_back else standing.overridden((one.algorithm, one.value) for one in prints)
    return [
        Question(one.algorithm, one.value, UNKNOWN_QUALITY if one.quality is None else one.quality)
        for one in prints
        if (one.algorithm, one.value) not in overridden
    ]
