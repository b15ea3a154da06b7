# SPDX-License-Identifier: Apache-2.0
"""Look up again what was seen: exactly as a look-up of the same content would be answered today.

- The decision is that of every look-up (matching.answers); nothing is decided here.
- A sighting of an organisation is answered from the node's own lists and from that organisation's.
- Too many candidates at once is no shortened answer: the sightings are asked about in halves. Nobody waits here, so a
  single one may have many more: a long video that a list holds often must not hold everything behind it up.
"""

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeAlias

from vigie_node.catalogue.rules import ListRule
from vigie_node.matching import answers, lookup
from vigie_node.matching.answers import Answer, Claim, TooManyCandidatesError
from vigie_node.sightings import queries

MAX_CANDIDATES_OF_ONE = 2_000_000
_Ask: TypeAlias = Callable[[Sequence[int]], list[Answer]]


def matching_now(
    seen: Sequence[int], *, lists: Sequence[ListRule] | None = None, only: frozenset[str] | None = None
) -> dict[int, Sequence[Claim]]:
    """Look sightings up again and return what claims each; those that match nothing are left out.

    `lists` replaces the lists as they stand, `only` names those that are asked.
    Raises:  StaleIndexError, TooManyCandidatesError.
    """
    subjects = queries.subjects_of(seen)
    of_organisation: dict[uuid.UUID | None, list[int]] = defaultdict(list)
    for sighting, organisation in queries.organisations_of(seen).items():
        of_organisation[organisation].append(sighting)

    def ask(organisation: uuid.UUID | None, group: Sequence[int]) -> list[Answer]:
        return answers.answer(
            lookup.of_catalogue(),
            [subjects[one] for one in group],
            lists=lists,
            only=only,
            choose=lambda held: [one for one in held if one.is_told_to(organisation)],
            max_candidates=MAX_CANDIDATES_OF_ONE if len(group) == 1 else answers.MAX_CANDIDATES,
        )

    claims: dict[int, Sequence[Claim]] = {}
    for organisation, group in of_organisation.items():
        for one, answer in _in_halves(group, ask=partial(ask, organisation)):
            if answer.claims:
                claims[one] = answer.claims
    return claims


def _in_halves(group: Sequence[int], *, ask: _Ask) -> Iterator[tuple[int, Answer]]:
    """Answer a group, in halves where it has too many candidates at once."""
    try:
        yield from zip(group, ask(group), strict=True)
    except TooManyCandidatesError:
        if len(group) == 1:
            raise
        middle = len(group) // 2
        yield from _in_halves(group[:middle], ask=ask)
        yield from _in_halves(group[middle:], ask=ask)
