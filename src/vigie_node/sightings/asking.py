# SPDX-License-Identifier: Apache-2.0
"""Look up again what was seen: exactly as a look-up of the same content would be answered today.

- The decision is that of every look-up (matching.answers); nothing is decided here.
- A sighting of an organisation is answered from the node's own lists and from that organisation's.
- Too many candidates at once is no shortened answer: the sightings are asked about in halves.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from vigie_node.catalogue.rules import ListRule
from vigie_node.matching import answers, lookup
from vigie_node.matching.answers import Choose, Claim, TooManyCandidatesError
from vigie_node.matching.questions import Question
from vigie_node.sightings import queries


def matching_now(seen: Sequence[int]) -> Iterator[dict[int, Sequence[Claim]]]:
    """Look sightings up again, each as its organisation would be answered; leave out those that match nothing."""
    subjects = queries.subjects_of(seen)
    of_organisation: dict[uuid.UUID | None, list[int]] = defaultdict(list)
    for sighting, organisation in queries.organisations_of(seen).items():
        of_organisation[organisation].append(sighting)
    for organisation, group in of_organisation.items():
        for part, found in _answers(group, subjects, choose=_told_to(organisation)):
            claims = {one: answer.claims for one, answer in zip(part, found, strict=True) if answer.claims}
            if claims:
                yield claims


def _answers(
    group: Sequence[int], subjects: Mapping[int, Sequence[Question]], *, choose: Choose
) -> Iterator[tuple[Sequence[int], list[answers.Answer]]]:
    """Answer a group; one with too many candidates at once is answered in halves."""
    try:
        yield group, answers.answer(lookup.of_catalogue(), [subjects[one] for one in group], choose=choose)
    except TooManyCandidatesError:
        if len(group) == 1:
            raise
        middle = len(group) // 2
        yield from _answers(group[:middle], subjects, choose=choose)
        yield from _answers(group[middle:], subjects, choose=choose)


def _told_to(organisation: uuid.UUID | None) -> Choose:
    def choose(lists: Sequence[ListRule]) -> Sequence[ListRule]:
        return [one for one in lists if one.is_told_to(organisation)]

    return choose
