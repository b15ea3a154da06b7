# SPDX-License-Identifier: Apache-2.0
"""How often, where and since when a depiction or a series was seen: the figures that a person depicted is entitled to.

- Counted are the sightings that are kept and that match today; one that expired or was undone counts no more.
- Counts come from the tallies (ADR 0085), first and last from an index: no figure reads every row.
- How many cases there are is told to whoever may read figures; which they are, only to whoever may see them.
"""

import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise

from django.db.models import OuterRef, QuerySet, Subquery

from vigie_node.sightings.cases import Case, of_key
from vigie_node.sightings.models import Match, Tally
from vigie_node.sightings.rules import Reach
from vigie_node.sightings.states import FoundBy, Place

RETURN_AFTER_MONTHS = 3  # seen again after so many months without a sighting is a return
_PORTION = 500


@dataclass(frozen=True, slots=True)
class Figures:
    """What is known of how something spread.

    `by_month` has the months in which it was seen, in order; `returns` counts how often it was seen again after
    RETURN_AFTER_MONTHS without. `seen_in` are the cases that the asker may see; `cases` counts all of them.
    """

    sightings: int
    first_at: datetime | None
    last_at: datetime | None
    by_place: dict[Place, int]
    by_country: dict[str, int]
    by_month: tuple[tuple[date, int], ...]
    returns: int
    cases: int
    seen_in: tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class SeenRow:
    """One sighting of a depiction and why it matches; `case` is empty where there is none or it may not be seen."""

    sighting: int
    depiction: uuid.UUID
    seen_at: datetime
    place_kind: Place
    country: str
    case: str
    is_hidden: bool  # it lies in a case that the asker may not look into
    list_id: uuid.UUID
    algorithm: str
    distance_bits: int | None
    scheme: str
    label: str
    found_by: FoundBy
    matched_at: datetime


def figures(depictions: Sequence[uuid.UUID], *, reach: Reach) -> Figures:
    """Return the figures of a depiction, or of all those of a series taken together.

    A sighting that matches two depictions of a series counts for each.
    """
    rows = [row for query in _tallies(depictions) for row in query.values_list(
        "month", "place_kind", "country", "case", "sightings"
    )]  # fmt: skip
    places: Counter[Place] = Counter()
    countries: Counter[str] = Counter()
    months: Counter[date] = Counter()
    cases: set[str] = set()
    for month, place, country, case, count in rows:
        places[Place(place)] += count
        countries[country] += count
        months[month] += count
        cases.add(case)
    cases.discard("")
    by_month = tuple(sorted(months.items()))
    return Figures(
        sightings=months.total(),
        first_at=min(_ends(depictions, order="seen_at", month=by_month[0][0]).values()) if by_month else None,
        last_at=max(_ends(depictions, order="-seen_at", month=by_month[-1][0]).values()) if by_month else None,
        by_place=dict(places.most_common()),
        by_country=dict(sorted(countries.items(), key=lambda pair: (-pair[1], pair[0]))),
        by_month=by_month,
        returns=_returns([month for month, _ in by_month]),
        cases=len(cases),
        seen_in=tuple(sorted(_covered(cases, reach), key=lambda one: (one.name, str(one.organisation_id)))),
    )


def last_seen(depictions: Sequence[uuid.UUID], *, reach: Reach, limit: int = 20) -> list[SeenRow]:
    """Return the last sightings of a depiction or of a series, the latest first."""
    months: dict[uuid.UUID, date] = {}
    for query in _tallies(depictions):
        for depiction, month in query.values_list("depiction_id", "month").distinct():
            months[depiction] = max(month, months.get(depiction, month))
    # Only the depictions seen last, so many as rows are wanted, can have one of the last sightings.
    recent = sorted(months.values(), reverse=True)[:limit]
    ends = _ends([one for one, month in months.items() if month >= recent[-1]], order="-seen_at") if recent else {}
    chosen = sorted(ends, key=lambda one: ends[one], reverse=True)[:limit]
    found = [row for depiction in chosen for row in _last_of(depiction, reach=reach, limit=limit)]
    return sorted(found, key=lambda row: (row.seen_at, row.sighting), reverse=True)[:limit]


def counts(depictions: Sequence[uuid.UUID]) -> dict[uuid.UUID, int]:
    """Count the sightings of each depiction; one that was never seen is left out."""
    found: Counter[uuid.UUID] = Counter()
    for query in _tallies(depictions):
        for depiction, count in query.values_list("depiction_id", "sightings"):
            found[depiction] += count
    return dict(found)


def _last_of(depiction: uuid.UUID, *, reach: Reach, limit: int) -> list[SeenRow]:
    rows = _standing().filter(depiction=depiction).select_related("sighting").order_by("-seen_at", "-sighting_id")
    found: dict[int, SeenRow] = {}
    for match in rows[: limit * 3]:  # several lists may say the same of one sighting
        found.setdefault(match.sighting_id, seen_row(match, reach=reach))
    return list(found.values())[:limit]


def seen_row(match: Match, *, reach: Reach) -> SeenRow:
    """Say what a match tells of its sighting, as far as the asker may see it."""
    sighting = match.sighting
    covered = reach.covers(case=sighting.case, organisation_id=sighting.organisation_id)
    return SeenRow(
        match.sighting_id, match.depiction_id, match.seen_at, Place(sighting.place_kind), sighting.country,
        sighting.case if covered else "", not covered, match.list_id, match.algorithm, match.distance_bits,
        match.scheme, match.label, FoundBy(match.found_by), match.matched_at,
    )  # fmt: skip


def _standing() -> QuerySet[Match]:
    return Match.objects.filter(undone_at=None, is_shadow=False)


def _tallies(depictions: Sequence[uuid.UUID]) -> list[QuerySet[Tally]]:
    return [
        Tally.objects.filter(depiction__in=depictions[begin : begin + _PORTION])
        for begin in range(0, len(depictions), _PORTION)
    ]


def _ends(depictions: Sequence[uuid.UUID], *, order: str, month: date | None = None) -> dict[uuid.UUID, datetime]:
    """Return when each depiction, or each that was seen in a month, was seen first or last: a step in an index each."""
    end = _standing().filter(depiction=OuterRef("depiction_id")).order_by(order).values("seen_at")[:1]
    found: dict[uuid.UUID, datetime] = {}
    for query in _tallies(depictions):
        rows = (query if month is None else query.filter(month=month)).values("depiction_id").distinct()
        found |= dict(rows.annotate(at=Subquery(end)).values_list("depiction_id", "at"))
    return {depiction: at for depiction, at in found.items() if at is not None}


def _returns(months: Sequence[date]) -> int:
    places = [12 * month.year + month.month for month in months]
    return sum(later - earlier > RETURN_AFTER_MONTHS for earlier, later in pairwise(places))


def _covered(keys: Iterable[str], reach: Reach) -> list[Case]:
    found = [of_key(key) for key in keys]
    return [one for one in found if reach.covers(case=one.name, organisation_id=one.organisation_id)]
