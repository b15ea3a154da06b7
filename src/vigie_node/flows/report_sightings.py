# SPDX-License-Identifier: Apache-2.0
"""A partner or a tool of our own tells what it saw: match it, and keep it, known or not.

- It is kept with what it matched at that moment; what becomes known later is found by looking back.
"""

from collections.abc import Sequence
from datetime import datetime

from vigie_node.base.actor import Actor
from vigie_node.catalogue.rules import ListRule
from vigie_node.matching import answers, lookup
from vigie_node.sightings import report_actions as sightings
from vigie_node.sightings.report_actions import Seen
from vigie_node.sightings.writing import OvertakenError

ATTEMPTS = 4  # the last is kept whatever changed meanwhile: the look-back waits for it (retracing.SETTLE)


def report(seen: Sequence[Seen], *, by: Actor, now: datetime) -> int:
    """Keep what was seen; return how many of it matched.

    Audit:   SIGHTINGS_REPORTED.
    Raises:  StaleIndexError, TooManyCandidatesError; UnfitTimesError.
    """

    def told(lists: Sequence[ListRule]) -> Sequence[ListRule]:
        return [one for one in lists if one.is_told_to(by.organisation_id)]

    index = lookup.of_catalogue()
    for attempt in range(ATTEMPTS):
        index.check_fresh()
        decided_at = index.position if attempt < ATTEMPTS - 1 else None
        found = answers.answer(index, [one.subject for one in seen], choose=told)
        try:
            return sightings.record_seen(seen, found, decided_at=decided_at, by=by, now=now)
        except OvertakenError:
            index.catch_up()
    raise AssertionError("the last attempt is not checked")
