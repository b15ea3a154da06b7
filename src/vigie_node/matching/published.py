# SPDX-License-Identifier: Apache-2.0
"""Which index files are published, for the page that says how the node is."""

from dataclasses import dataclass
from datetime import datetime

from vigie_node.matching.models import Snapshot


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
