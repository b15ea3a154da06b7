# SPDX-License-Identifier: Apache-2.0
"""Check a whole list: every byte, every number, and that its indexes find what it holds.

- Opening a list checks what is needed to trust each answer; this checks what no single answer shows.
- Every block is compared with its checksum, every table with every other, every digest is looked up.
- The near-match index is asked for a sample of values, some bits away, and compared with looking at every row.
"""

import numpy as np
from numpy.typing import NDArray

from vigie.errors import InvalidInputError
from vigie.fingerprints.gates import UNKNOWN_QUALITY
from vigie.index.hamming import MAX_DISTANCE_BITS, HammingIndex, brute_force
from vigie.index.snapshot import DamagedFileError
from vigie.lists.columns import Columns
from vigie.lists.entries import DIGEST_ALGORITHMS, check_claim, check_text, derived_key
from vigie.lists.file import OpenList, counts_of
from vigie.lists.layout import NOWHERE, check

_SAMPLE = 64
_BATCH_ROWS = 1_000_000


def verify(opened: OpenList) -> None:
    """Refuse a list of which any part is not what it should be.

    Raises:  DamagedFileError.
    """
    opened.snapshot.verify()
    columns = opened.columns()
    check(counts_of(columns) == opened.info.counts)
    _check_sayings(columns)
    _check_values(columns)
    _check_places(opened, columns)
    _check_digest_lookups(opened)
    for prefix, index in (("pictures", opened.pictures), ("frames", opened.frames)):
        if index is not None:
            _check_search(index, opened.snapshot.section(f"{prefix}.values"))


def _check_sayings(columns: Columns) -> None:
    try:
        for claim in columns.claims:
            check_claim(claim)
        for text in columns.texts:
            check_text(text, name="depiction")
    except InvalidInputError as error:
        raise DamagedFileError(f"the list holds what no list may: {error}") from error
    named = np.flatnonzero(columns.entries["text"] >= 0)
    for number in named:
        row = columns.entries[number]
        check(row["depiction"].tobytes() == derived_key(columns.texts[row["text"]].encode()))


def _check_values(columns: Columns) -> None:
    for table in (columns.pictures, columns.frames):
        check(bool(((table["quality"] <= 100) | (table["quality"] == UNKNOWN_QUALITY)).all()))
    roles = columns.pictures["entry"] * 8 + columns.pictures["role"]
    check(bool((np.diff(roles) > 0).all()))
    check(bool((columns.frames["at_ms"] <= columns.frames["until_ms"]).all()))
    found = np.zeros(len(columns), np.bool_)
    for table in (*columns.digests.values(), columns.pictures, columns.frames):
        found[table["entry"]] = True
    check(bool(found.all()))


def _check_places(opened: OpenList, columns: Columns) -> None:
    """Check the ways from an entry to its digests and frames against the ways back."""
    for algorithm in DIGEST_ALGORITHMS:
        if f"{algorithm}.rows" in opened.snapshot.names:
            places = opened.snapshot.section(f"entry.{algorithm}")
            there = places != NOWHERE
            entries = opened.snapshot.section(f"{algorithm}.entry")
            check(int(there.sum()) == len(entries) and bool((places[there] < len(entries)).all()))
            check(bool((entries[places[there]] == np.flatnonzero(there)).all()))
    if opened.frames is not None:
        numbers, starts = np.unique(columns.frames["entry"], return_index=True)
        check(np.array_equal(opened.snapshot.section("video.entry"), numbers))
        check(np.array_equal(opened.snapshot.section("video.start"), np.append(starts, len(columns.frames))))


def _check_digest_lookups(opened: OpenList) -> None:
    for algorithm, index in opened.exact.items():
        rows = opened.snapshot.section(f"{algorithm}.rows")
        for start in range(0, len(rows), _BATCH_ROWS):
            batch = np.ascontiguousarray(rows[start : start + _BATCH_ROWS])
            first, count = index.lookup(batch)
            own = np.arange(start, start + len(batch))
            check(bool(((first <= own) & (own < first + count)).all()))


def _check_search(index: HammingIndex, values: NDArray[np.uint8]) -> None:
    random = np.random.default_rng(0)
    sample = np.unpackbits(values[random.integers(0, len(values), _SAMPLE)], axis=1)
    for number, bits in enumerate(sample):
        bits[random.permutation(bits.size)[: number % (MAX_DISTANCE_BITS + 1)]] ^= 1
    queries = np.packbits(sample, axis=1)
    found = index.search(queries, max_distance_bits=MAX_DISTANCE_BITS)
    expected = brute_force(values, queries, max_distance_bits=MAX_DISTANCE_BITS)
    for name in ("query", "row", "distance"):
        check(np.array_equal(getattr(found, name), getattr(expected, name)))
