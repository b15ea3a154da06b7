# SPDX-License-Identifier: Apache-2.0
"""The two tables that have an index: what the catalogue knows, and what was seen.

- An index holds every row of its table, also those that may not match now: the database decides at the answer.
- A fingerprint row is never changed, so an index follows additions and erasures and nothing else.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.apps import apps
from django.db.models import QuerySet
from numpy.typing import NDArray

from vigie.fingerprints.values import Algorithm
from vigie_node.changes.topics import Topic

_PORTION = 500
_CHUNK = 50_000

PARTS: dict[str, tuple[Algorithm, ...]] = {
    "near": (Algorithm.PDQ, Algorithm.PDQ_FRAMES),
    "md5": (Algorithm.MD5,),
    "sha1": (Algorithm.SHA1,),
    "sha256": (Algorithm.SHA256,),
}
WIDTHS = {"near": 32, "md5": 16, "sha1": 20, "sha256": 32}
PART_OF = {algorithm: part for part, algorithms in PARTS.items() for algorithm in algorithms}


@dataclass(frozen=True, slots=True)
class Rows:
    """Values of one part with their row numbers.

    Shapes:  values (n, width) uint8, items (n,) int64.
    """

    values: NDArray[np.uint8]
    items: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Table:
    """A table with an index: its name, its model, and the changes that say what came and went."""

    name: str
    model: str
    added: Topic
    removed: Topic

    def rows(self, items: Sequence[int]) -> dict[str, Rows]:
        """Return the rows of these numbers that are there, by part."""
        found: list[tuple[int, str, bytes]] = []
        for begin in range(0, len(items), _PORTION):
            portion = items[begin : begin + _PORTION]
            found += self._objects().filter(id__in=list(portion)).values_list("id", "algorithm", "value")
        return _by_part(found)

    def everything(self) -> Iterator[dict[str, Rows]]:
        """Return every row, in portions, by part; bounded memory whatever the table's size."""
        last = 0
        while True:
            query = self._objects().filter(id__gt=last).order_by("id").values_list("id", "algorithm", "value")
            found = list(query[:_CHUNK])
            if not found:
                return
            yield _by_part(found)
            last = found[-1][0]

    def _objects(self) -> "QuerySet[Any]":
        found: QuerySet[Any] = apps.get_model(self.model)._default_manager.all()
        return found


CATALOGUE = Table("catalogue", "catalogue.Fingerprint", Topic.FINGERPRINTS_ADDED, Topic.FINGERPRINTS_REMOVED)
SEEN = Table("seen", "sightings.SeenValue", Topic.SEEN_ADDED, Topic.SEEN_REMOVED)


def mixed(rows: Rows) -> NDArray[np.uint64]:
    """Mix each row's number and value into 64 bits (multiply and shift, as in SplitMix64).

    Their sum (modulo 2**64) is a checksum of a set of rows. It finds drift; it is no protection against malice.
    """
    content = np.ascontiguousarray(rows.values)
    padded = np.zeros((len(content), -(-content.shape[1] // 8) * 8), np.uint8)
    padded[:, : content.shape[1]] = content
    mixes = _mix(rows.items.astype(np.uint64))
    for word in padded.view("<u8").T:
        mixes = _mix(mixes ^ word)
    return mixes


def _mix(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    words = words + np.uint64(0x9E3779B97F4A7C15)
    words = (words ^ words >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ words >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return words ^ words >> np.uint64(31)


def _by_part(found: Sequence[tuple[int, str, bytes]]) -> dict[str, Rows]:
    parts: dict[str, tuple[list[int], list[bytes]]] = {}
    for item, algorithm, value in found:
        items, values = parts.setdefault(PART_OF[Algorithm(algorithm)], ([], []))
        items.append(item)
        values.append(bytes(value))
    return {
        part: Rows(np.frombuffer(b"".join(values), np.uint8).reshape(-1, WIDTHS[part]), np.array(items, np.int64))
        for part, (items, values) in parts.items()
    }
