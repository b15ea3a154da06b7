# SPDX-License-Identifier: Apache-2.0
"""Something became known, or is known no longer: look back at everything seen before.

1. What changed since the last time becomes sweeps over depictions.
2. The next portion of the first sweep: what no longer holds is undone; what was seen near its values is looked up
   again, exactly as a look-up would be today; what matches now and did not before is noted, with a task for somebody.
3. The sweep moves on, in one piece, after all of its portion is written.

- Values are found in the index of what was seen; the decision is that of every look-up (matching.answers).
- What a negative list names matches nothing: what was seen near it before is undone, whatever brought it there.
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
from vigie.matching.verdicts import Outcome
from vigie_node.base.actor import Actor
from vigie_node.catalogue import standing, sweeping
from vigie_node.catalogue.rules import ListRule
from vigie_node.matching import lookup
from vigie_node.matching.questions import Question
from vigie_node.sightings import asking, retracing, rules, undoing
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
    return undone + _ask_again(portion, lists, until=until, by=by, now=now)


def _ask_again(portion: Portion, lists: Sequence[ListRule], *, until: float, by: Actor, now: datetime) -> int:
    """Ask again what rests on a ground in doubt: what matches by another value too goes on by that one."""
    doubted = undoing.doubt(portion, lists)
    if doubted is None:
        return 0
    lookup.of_catalogue().catch_up()
    as_they_judge = [rules.undisputed(one) for one in lists]
    after, undone = 0, 0
    while time.monotonic() < until and (asked := undoing.in_doubt(doubted, portion.depictions, after=after)):
        claims = asking.matching_now(sorted({one.sighting for one in asked}), lists=as_they_judge)
        undone += undoing.note_asked_again(asked, claims, subject=portion.subject, by=by, now=now)
        after = asked[-1].match
    return undone


def look_back(portion: Portion, *, by: Actor, now: datetime) -> tuple[int, int]:
    """Note what was seen near the values of a portion and matches now, and undo what may match nothing any more.

    Returns: how many sightings became known, and how many matches were undone since a negative list names them.
    """
    lookup.of_seen().catch_up()
    lookup.of_catalogue().catch_up()
    found = undone = 0
    for few in sweeping.by_fingerprints(portion.depictions, at_most=PRINTS):
        seen = _seen_near(few, with_held_back=portion.cause is SweepCause.OVERRIDE_MADE)
        for begin in range(0, len(seen), SLICE):
            answers = asking.answers_now(seen[begin : begin + SLICE])
            claims = {one: answer.claims for one, answer in answers.items() if answer.claims}
            found += retracing.note_found(claims, by=by, now=now)
            never = [one for one, answer in answers.items() if answer.verdict is Outcome.GATED]
            while never and (more := undoing.note_never(never, subject=portion.subject, by=by, now=now)):
                undone += more
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
