# SPDX-License-Identifier: Apache-2.0
"""Keep count of the sightings of each depiction, in the transaction that adds or takes away a match (ADR 0085).

- A sighting counts once for a depiction, however many lists say so, as long as one match of the two stands that is not
  in shadow.
- Counts are changed by addition in the database, in one order: two writers never wait for each other in a circle.
"""

import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from django.db import connection

from vigie_node.sightings import cases
from vigie_node.sightings.models import Sighting, Tally

_COLUMNS = 6
_AT_ONCE = 150  # rows in one statement: SQLite counts variables


@dataclass(frozen=True, slots=True, order=True)
class Sort:
    """What is counted apart: which depiction, in which month, at what sort of place, where, in whose case."""

    depiction: uuid.UUID
    month: date
    place_kind: str
    country: str
    case: str


def sort_of(sighting: Sighting, depiction: uuid.UUID) -> Sort:
    """Say among which sightings of a depiction this one counts."""
    case = cases.key_of(sighting.case, sighting.organisation_id)
    return Sort(depiction, month_of(sighting.seen_at), sighting.place_kind, sighting.country, case)


def add(sorts: Iterable[Sort]) -> None:
    """Count one sighting more of each sort, as often as it is named."""
    _change(Counter(sorts))


def take_away(sorts: Iterable[Sort]) -> None:
    """Count one sighting less of each sort, as often as it is named."""
    fewer = Counter(sorts)
    _change(Counter({sort: -count for sort, count in fewer.items()}))
    if fewer:
        Tally.objects.filter(depiction__in={sort.depiction for sort in fewer}, sightings__lte=0).delete()


def month_of(moment: datetime) -> date:
    """Return the first day of the month of a moment, in UTC."""
    return moment.astimezone(UTC).date().replace(day=1)


def _change(by: Counter[Sort]) -> None:
    rows = sorted(by.items())
    for begin in range(0, len(rows), _AT_ONCE):
        _upsert(rows[begin : begin + _AT_ONCE])


def _upsert(rows: list[tuple[Sort, int]]) -> None:
    depiction_of = Tally._meta.get_field("depiction")
    first_day_of = Tally._meta.get_field("month")
    values: list[Any] = []
    for sort, count in rows:
        depiction = depiction_of.get_db_prep_value(sort.depiction, connection)
        month = first_day_of.get_db_prep_value(sort.month, connection)
        values += [depiction, month, sort.place_kind, sort.country, sort.case, count]
    places = ", ".join(["(" + ", ".join(["%s"] * _COLUMNS) + ")"] * len(rows))
    statement = (
        'INSERT INTO sightings_tally (depiction_id, month, place_kind, country, "case", sightings) '  # noqa: S608  (ours)
        f'VALUES {places} ON CONFLICT (depiction_id, month, place_kind, country, "case") '
        "DO UPDATE SET sightings = sightings_tally.sightings + excluded.sightings"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
