# SPDX-License-Identifier: Apache-2.0
"""Which depictions a content is or resembles, for a person who searches: whatever the lists say of them.

- A depiction comes once, by its strongest ground: an equal digest before a near value, the nearest first.
- What no list claims, what is overridden and what is of low quality is found too: a person judges it.
- A search that finds more than it shows says so.
"""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from vigie.fingerprints.values import Algorithm
from vigie_node.catalogue import standing
from vigie_node.catalogue.rules import Word
from vigie_node.catalogue.standing import Print
from vigie_node.matching.lookup import Lookup
from vigie_node.matching.questions import Question

SHOWN = 50
MAX_ROWS = 20_000
_DIGESTS = (Algorithm.SHA256, Algorithm.SHA1, Algorithm.MD5)  # the strongest first


@dataclass(frozen=True, slots=True)
class Near:
    """One depiction that was found; `distance_bits` is None for an equal digest, `frames` counts equal or near ones."""

    depiction_id: uuid.UUID
    algorithm: Algorithm
    distance_bits: int | None
    transform: str
    frames: int
    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Nearest:
    """The depictions that were found, the nearest first; `is_cut` where there are more."""

    rows: tuple[Near, ...]
    is_cut: bool


def nearest(lookup: Lookup, subject: Sequence[Question], *, limit: int = SHOWN) -> Nearest:
    """Find the depictions that a content is or resembles.

    Raises:  StaleIndexError.
    """
    found = lookup.candidates(subject)
    places, rows, bits = (found.question.tolist(), found.row.tolist(), found.distance.tolist())
    prints = standing.fingerprints(rows[:MAX_ROWS])
    hits: dict[uuid.UUID, list[tuple[tuple[int, int], Question, Print, int]]] = defaultdict(list)
    for place, row, distance in zip(places, rows, bits, strict=True):
        if (known := prints.get(row)) is not None:
            hits[known.depiction].append((_rank(known.algorithm, distance), subject[place], known, distance))
    order = sorted(hits, key=lambda one: (min(hit[0] for hit in hits[one]), str(one)))
    shown = order[:limit]
    words = standing.words(shown)
    near = tuple(_near(one, hits[one], words.get(one, ())) for one in shown)
    return Nearest(near, is_cut=len(order) > limit or len(rows) > MAX_ROWS)


def _near(
    depiction: uuid.UUID, hits: Sequence[tuple[tuple[int, int], Question, Print, int]], words: tuple[Word, ...]
) -> Near:
    _, question, known, distance = min(hits, key=lambda hit: hit[0])
    frames = {hit[2].row for hit in hits if hit[2].algorithm is Algorithm.PDQ_FRAMES}
    is_exact = known.algorithm in _DIGESTS
    return Near(
        depiction, known.algorithm, None if is_exact else distance, question.transform, len(frames), words
    )  # fmt: skip


def _rank(algorithm: Algorithm, distance: int) -> tuple[int, int]:
    place = _DIGESTS.index(algorithm) if algorithm in _DIGESTS else len(_DIGESTS)
    return place, distance
