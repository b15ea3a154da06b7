# SPDX-License-Identifier: Apache-2.0
"""Which index files are published, and whether one still holds what was erased."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from vigie_node.changes import queries as changes
from vigie_node.matching.lookup import Lookup
from vigie_node.matching.models import Snapshot

ERASED_WITHIN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Published:
    """The newest files of one index: up to which change, how many rows of each algorithm."""

    index: str
    position: int
    rows: int
    published_at: datetime


def newest() -> list[Published]:
    """Return the newest published files of each index, by its name."""
    found: dict[str, Published] = {}
    for one in Snapshot.objects.order_by("index", "position"):
        rows = sum(count for count, *_checksum in one.rows.values())
        found[one.index] = Published(one.index, one.position, rows, one.published_at)
    return list(found.values())


def erasure_due(lookup: Lookup, *, now: datetime) -> bool:
    """Say whether a file still holds rows that were erased a day ago or more; at most one new file a day for that.

    Two files are kept, so what was erased is in no file any more two days and two publications later (ADR 0088).
    """
    kept = list(
        Snapshot.objects.filter(index=lookup.table.name).order_by("position").values_list("position", "published_at")
    )
    if not kept or kept[-1][1] > now - ERASED_WITHIN:
        return False
    return changes.any_since(kept[0][0], topics=[lookup.table.removed], before=now - ERASED_WITHIN)
