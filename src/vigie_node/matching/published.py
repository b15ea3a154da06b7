# SPDX-License-Identifier: Apache-2.0
"""Which index files are published, and whether new ones are due."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from vigie_node.changes import queries as changes
from vigie_node.matching.lookup import Lookup
from vigie_node.matching.models import Snapshot

ERASED_WITHIN = timedelta(days=1)
FOLD_ROWS = 20_000


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


def additions_due(lookup: Lookup) -> bool:
    """Say whether so much was added since the last files that new ones pay: FOLD_ROWS, or a tenth of the index."""
    lookup.catch_up()
    return lookup.pending() > max(FOLD_ROWS, sum(lookup.counts().values()) // 10)


def oldest_position() -> int | None:
    """Return the position from which on the change log is needed by whoever opens a published file; None: no file."""
    kept: dict[str, int] = {}
    for index, position in Snapshot.objects.order_by("-position").values_list("index", "position"):
        kept[index] = position
    return min(kept.values(), default=None)


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
