# SPDX-License-Identifier: Apache-2.0
"""How often, where and since when a depiction was seen: the figures that a victim is entitled to.

- Read from the tallies, never counted anew: a page costs the same however often something was seen.
- What is in shadow and what was undone does not count.
- Of several depictions, a sighting of two of them counts twice: each is an image of the person.
"""

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Max, Min

from vigie_node.sightings.models import Match, Tally
from vigie_node.sightings.states import Place

_PORTION = 500


@dataclass(frozen=True, slots=True)
class Figures:
    """What was seen of depictions.

    by_month    first day of the month (UTC), place, sightings; in order of time
    by_country  ISO 3166 code, sightings; the most first; empty code: not recorded
    cases       how many different cases are named
    """

    total: int
    first_at: datetime | None
    last_at: datetime | None
    by_month: tuple[tuple[date, Place, int], ...]
    by_country: tuple[tuple[str, int], ...]
    cases: int


def of(depictions: Sequence[uuid.UUID]) -> Figures:
    """Return what was seen of these depictions together."""
    months: Counter[tuple[date, str]] = Counter()
    countries: Counter[str] = Counter()
    cases: set[str] = set()
    moments: list[datetime] = []
    for begin in range(0, len(depictions), _PORTION):
        portion = depictions[begin : begin + _PORTION]
        rows = Tally.objects.filter(depiction__in=portion).values_list("month", "place_kind", "country", "case", "sightings")
        for month, place, country, case, count in rows.iterator():
            months[month, place] += count
            countries[country] += count
            cases.add(case)
        standing = Match.objects.filter(depiction__in=portion, undone_at=None, is_shadow=False)
        seen = standing.aggregate(first=Min("seen_at"), last=Max("seen_at"))
        moments += [moment for moment in seen.values() if moment is not None]
    return Figures(
        sum(countries.values()),
        min(moments, default=None),
        max(moments, default=None),
        tuple((month, Place(place), months[month, place]) for month, place in sorted(months)),
        tuple(sorted(countries.items(), key=lambda pair: (-pair[1], pair[0]))),
        len(cases - {""}),
    )
