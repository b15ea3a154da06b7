# SPDX-License-Identifier: Apache-2.0
"""Read the change log from a position on."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from vigie_node.changes.models import Change
from vigie_node.changes.topics import Topic


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
    rows = Change.objects.filter(position__gt=position).order_by("position")[:limit]
    return [
        ChangeRow(row.position, Topic(row.topic), row.subject, np.frombuffer(bytes(row.items), "<i8"), row.at)
        for row in rows
    ]


def any_since(position: int, *, topics: Collection[Topic], before: datetime | None = None) -> bool:
    """Say whether anything of these topics changed after a position, and before a time where one is given."""
    rows = Change.objects.filter(position__gt=position, topic__in=[one.value for one in topics])
    return (rows if before is None else rows.filter(at__lte=before)).exists()


def latest() -> int:
    """Return the last position, 0 where nothing changed yet."""
    return Change.objects.order_by("-position").values_list("position", flat=True).first() or 0


def earliest() -> int:
    """Return the first position still kept, 0 where there is none."""
    return Change.objects.order_by("position").values_list("position", flat=True).first() or 0
