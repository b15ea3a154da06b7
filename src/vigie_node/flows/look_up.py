# SPDX-License-Identifier: Apache-2.0
"""Somebody asks about contents: answer, and keep a sighting of what matched.

- A look-up without a match leaves no trace of its value: nothing is written, logged or counted by value.
- One with a match is answered only after its sighting is in the database: what was told can be undone.
- A key hears of the node's own lists and of its organisation's banks, never of another organisation's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from vigie_node.base.actor import Actor, ActorKind
from vigie_node.catalogue.rules import ListRule
from vigie_node.matching import answers, lookup
from vigie_node.matching.answers import Answer, Choose
from vigie_node.matching.questions import Subject
from vigie_node.sightings import actions as sightings
from vigie_node.sightings.actions import LookUp
from vigie_node.sightings.states import Place


@dataclass(frozen=True, slots=True)
class Asked:
    """One content that is asked about, and the asker's own pseudonym for where it is."""

    subject: Subject
    reference: str = ""
    country: str = ""


def look_up(
    asked: Sequence[Asked],
    *,
    only: frozenset[str] | None = None,
    choose: Choose = list,
    place: Place = Place.UPLOAD,
    by: Actor,
    now: datetime,
) -> list[Answer]:
    """Answer each content, in order; `choose` picks among the lists that the asker may hear of.

    Audit:   SIGHTINGS_RECORDED, where something matched.
    Raises:  StaleIndexError, TooManyCandidatesError.
    """

    def told(lists: Sequence[ListRule]) -> Sequence[ListRule]:
        return choose([one for one in lists if by.kind is not ActorKind.KEY or one.is_told_to(by.organisation_id)])

    found = answers.answer(lookup.of_catalogue(), [one.subject for one in asked], only=only, choose=told)
    matched = [
        LookUp(one.subject, answer, place=place, reference=one.reference, country=one.country, seen_at=now)
        for one, answer in zip(asked, found, strict=True)
        if answer.claims
    ]
    if matched:
        sightings.record_look_ups(matched, by=by, now=now)
    return found
