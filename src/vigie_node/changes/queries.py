# SPDX-License-Identifier: Apache-2.0
"""Read the change log from a position on."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from vigie_node.changes.models import Change
from vigie_node.changes.topics import Topic

# In SQL, since each process asks for changes many times a second, and each look-up that matches waits for the answer.
_AFTER = "SELECT 1 FROM changes_change WHERE position > %s LIMIT 1"
_ANY = "SELECT 1 FROM changes_change WHERE position > %s AND topic IN ({})"


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One change; `items` are row numbers (int64)."""

    position: int
    topic: Topic
    subject: str
    items: NDArray[np.int64]
    at: datetime


def since(position: int, *, limit: int = 1000) -> list[ChangeRow]:
    """Return what changed after a position, in order."""
    with connection.cursor() as cursor:
        cursor.execute(_AFTER, [position])
        if cursor.fetchone() is None:
            return []
    rows = Change.objects.filter(position__gt=position).order_by("position")[:limit]
    return [
        ChangeRow(row.position, Topic(row.topic), row.subject, np.frombuffer(bytes(row.items), "<i8"), row.at)
        for row in rows
    ]


def any_since(position: int, *, topics: Collection[Topic], before: datetime | None = None) -> bool:
    """Say whether anything of these topics changed after a position, and before a time where one is given."""
    names = [one.value for one in topics]
    query = _ANY.format(", ".join(["%s"] * len(names)))
    asked: list[int | str] = [position, *names]
    if before is not None:
        query, asked = f"{query} AND at <= %s", [*asked, str(connection.ops.adapt_datetimefield_value(before))]
    with connection.cursor() as cursor:
        cursor.execute(f"{query} LIMIT 1", asked)
        return cursor.fetchone() is not None


def latest() -> int:
    """Return the last position, 0 where nothing changed yet."""
    return Change.objects.order_by("-position").values_list("position", flat=True).first() or 0


def earliest() -> int:
    """Return the first position still kept, 0 where there is none."""
    return Change.objects.order_by("position").values_list("position", flat=True).first() or 0
