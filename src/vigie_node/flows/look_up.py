# SPDX-License-Identifier: Apache-2.0
"""Somebody asks about contents: answer, and keep a sighting of what matched.

- A look-up without a match leaves no trace of its value: nothing is written, logged or counted by value.
- One with a match is answered only after its sighting is in the database: what was told can be undone.
- What changes between the answer and its sighting has it answered again, so that the look-back misses neither.
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
from vigie_node.sightings.writing import OvertakenError

AT_ONCE = 500  # contents that are kept in one short transaction
ATTEMPTS = 4  # the last is kept whatever changed meanwhile: the look-back waits for it (retracing.SETTLE)


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

    asking = _Asking(asked, only, told, place, by, now)
    decided_at, found = asking.answers(range(len(asked)))
    answers_of = dict(enumerate(found))
    matched = [number for number, answer in answers_of.items() if answer.claims]
    for begin in range(0, len(matched), AT_ONCE):
        asking.keep(matched[begin : begin + AT_ONCE], answers_of, decided_at=decided_at)
    return list(answers_of.values())


@dataclass(frozen=True, slots=True)
class _Asking:
    """What is asked, by whom, of which lists."""

    asked: Sequence[Asked]
    only: frozenset[str] | None
    choose: Choose
    place: Place
    by: Actor
    now: datetime

    def answers(self, numbers: Sequence[int]) -> tuple[int, list[Answer]]:
        """Answer some of the contents; return the position of the change log up to which the answers hold, too."""
        index = lookup.of_catalogue()
        index.check_fresh()
        position = index.position
        subjects = [self.asked[number].subject for number in numbers]
        return position, answers.answer(index, subjects, only=self.only, choose=self.choose)

    def keep(self, numbers: Sequence[int], found: dict[int, Answer], *, decided_at: int) -> None:
        """Keep the sightings of some contents; where a change overtook their answers, answer them again first."""
        for _ in range(ATTEMPTS - 1):
            try:
                self._record(numbers, found, decided_at=decided_at)
            except OvertakenError:
                lookup.of_catalogue().catch_up()
                decided_at, again = self.answers(numbers)
                found.update(zip(numbers, again, strict=True))
            else:
                return
        self._record(numbers, found, decided_at=None)

    def _record(self, numbers: Sequence[int], found: dict[int, Answer], *, decided_at: int | None) -> None:
        look_ups = [
            LookUp(one.subject, found[number], self.place, self.now, one.reference, one.country)
            for number in numbers
            for one in (self.asked[number],)
        ]
        sightings.record_look_ups(look_ups, decided_at=decided_at, by=self.by, now=self.now)
