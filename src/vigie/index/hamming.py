# SPDX-License-Identifier: Apache-2.0
"""The near-match index: every 256-bit value within a Hamming distance of 0 to 31 bits, none missed.

- Rows are sorted by value; equal values are adjacent rows, in the order in which they were given.
- Small indexes are compared row by row. Larger ones are cut into chunks of bits: two values within R bits are within
  r_c bits in some chunk c as soon as the sum of (r_c + 1) exceeds R, so only rows near in one chunk are compared.
  How many chunks, how wide, with which radius: the plan, chosen by cost for the number of rows and stored with them.
- A smaller distance asks fewer buckets: radii are lowered as far as the sum allows.
- Every search comes in the same order: query, distance, row.

Source: Norouzi, Punjani, Fleet: Fast exact search in Hamming space with multi-index hashing (2014); ADR-0007.
"""

import ctypes
import functools
import itertools
import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vigie import kernels
from vigie.errors import InvalidInputError
from vigie.index.exact import Sections, TooManyRowsError, WrongShapeError, sorted_order
from vigie.index.snapshot import DamagedFileError, Snapshot

BITS = 256
MAX_DISTANCE_BITS = 31
MAX_ROWS = 2**31 - 1
_BRUTE_ROWS = 20_000
_GROUP = 32
_MIN_WIDTH, _MAX_WIDTH, _MAX_RADIUS = 12, 27, 3

# Costs that the plan weighs, in nanoseconds: a group of buckets read, a bucket looked at, a row compared.
_GROUP_NS, _BUCKET_NS, _ROW_NS = 6.0, 1.5, 7.0


class DistanceOutOfRangeError(InvalidInputError):
    """The index answers distances of 0 to 31 bits."""

    code = "index.distance-out-of-range"


@dataclass(frozen=True, slots=True)
class Hits:
    """What a search found; arrays of the same length, ordered by query, distance, row."""

    query: NDArray[np.int64]
    row: NDArray[np.int64]
    distance: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.row)


_NONE = Hits(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.uint8))


@dataclass(frozen=True, slots=True)
class PlannedChunk:
    """Bits [start, start + width) counted from the most significant, and how many of them may differ."""

    start: int
    width: int
    radius: int


def plan(rows: int) -> tuple[PlannedChunk, ...]:
    """Choose the chunks for this many rows; none where comparing row by row is quicker."""
    if rows <= _BRUTE_ROWS:
        return ()
    candidates = (
        (_plan_cost(shape, rows), shape)
        for counts in _radius_counts()
        for shape in _shapes(counts)
        if sum(2**width for width, _ in shape) * 9 / 8 <= max(24 * rows, 2**21)
    )
    _, best = min(candidates, key=lambda pair: (pair[0], pair[1]))
    starts = itertools.accumulate((width for width, _ in best), initial=0)
    return tuple(PlannedChunk(start, *shape) for start, shape in zip(starts, best, strict=False))


Shape = tuple[tuple[int, int], ...]
Masks = NDArray[np.uint32]


def _radius_counts() -> list[tuple[int, ...]]:
    """How many chunks of radius 1, 2, 3 just keep the pigeonhole for the largest distance."""
    found: list[tuple[int, ...]] = []
    for twos, threes in itertools.product(range(12), range(9)):
        ones = max(0, math.ceil((MAX_DISTANCE_BITS + 1 - 3 * twos - 4 * threes) / 2))
        if 3 * twos + 4 * threes <= MAX_DISTANCE_BITS + 3:
            found.append((ones, twos, threes))
    return found


def _shapes(counts: tuple[int, ...]) -> list[Shape]:
    """Divide the 256 bits among the chunks: the wider, the larger the radius, in every proportion that fits."""
    ones, twos, threes = counts
    shapes = []
    for wide, wider in itertools.product(range(7), range(7) if threes else [0]):
        total = ones + twos + threes
        base = (BITS - wide * twos - wider * threes) // total
        widths = [base] * ones + [base + wide] * twos + [base + wider] * threes
        left = BITS - sum(widths)
        if base < _MIN_WIDTH or left < 0 or left > total:
            continue
        widths = [width + (index >= total - left) for index, width in enumerate(widths)]
        if max(widths) <= _MAX_WIDTH:
            radii = [1] * ones + [2] * twos + [3] * threes
            # The widest first: its rows need no table of row numbers.
            shapes.append(tuple(sorted(zip(widths, radii, strict=True), reverse=True)))
    return shapes


def _plan_cost(shape: Shape, rows: int) -> float:
    return math.fsum(
        _GROUP_NS * _ball(max(0, width - 5), radius)
        + _BUCKET_NS * _ball(width, radius)
        + _ROW_NS * _ball(width, radius) * rows / 2**width
        for width, radius in shape
    )


@functools.cache
def _ball(width: int, radius: int) -> int:
    return sum(math.comb(width, bits) for bits in range(radius + 1))


@functools.cache
def _masks(width: int, radius: int) -> Masks:
    """All ways to flip at most `radius` of `width` bits, ascending, so that masks of one group stand together."""
    flips = (
        sum(1 << bit for bit in bits)
        for count in range(radius + 1)
        for bits in itertools.combinations(range(width), count)
    )
    return np.array(sorted(flips), np.uint32)


def radii_for(chunks: Sequence[PlannedChunk], max_distance_bits: int) -> tuple[int, ...]:
    """Lower the planned radii as far as the pigeonhole allows for this distance; -1 where a chunk need not be asked."""
    radii = [chunk.radius for chunk in chunks]
    spare = sum(radius + 1 for radius in radii) - (max_distance_bits + 1)
    while spare > 0:
        at = max(range(len(radii)), key=lambda index: (_ball(chunks[index].width, max(0, radii[index])), radii[index]))
        radii[at] -= 1
        spare -= 1
    return tuple(radii)


def build(values: NDArray[np.uint8], *, threads: int = 2) -> tuple[Sections, NDArray[np.int64]]:
    """Build the sections of an index over values, and the order of its rows.

    Shapes:  values (n, 32) uint8; order (n,) int64: order[row] is the position given.
    Raises:  WrongShapeError, TooManyRowsError.
    """
    _check_shape(values)
    if len(values) > MAX_ROWS:
        raise TooManyRowsError(f"a near-match index holds at most {MAX_ROWS} rows; split the list")
    order = sorted_order(values)
    rows = np.ascontiguousarray(values[order])
    chunks = plan(len(rows)) if kernels.library() is not None else ()
    sections: Sections = {
        "values": rows,
        "plan": np.array([[c.start, c.width, c.radius] for c in chunks], np.int64).reshape(-1, 3),
    }
    with ThreadPoolExecutor(max_workers=max(1, threads)) as pool:
        for part in pool.map(lambda pair: _build_chunk(rows, *pair), enumerate(chunks)):
            sections |= part
    return sections, order


def _build_chunk(rows: NDArray[np.uint8], number: int, chunk: PlannedChunk) -> Sections:
    library = kernels.library()
    if library is None:
        raise WrongShapeError("chunks are built by the compiled kernels only")
    buckets = 1 << chunk.width
    offsets = np.empty(buckets + 1, np.uint32)
    ids = np.empty(len(rows) if number else 0, np.uint32)
    bases, ends = np.empty(buckets // _GROUP, np.uint32), np.empty(buckets, np.uint8)
    room = 1024
    while True:
        overflow = np.zeros((room, _GROUP + 1), np.uint32)
        needed = library.vigie_hamming_chunk(
            rows.ctypes.data, len(rows), chunk.start, chunk.width, offsets.ctypes.data,
            ids.ctypes.data if number else None, bases.ctypes.data, ends.ctypes.data, overflow.ctypes.data, room,
        )  # fmt: skip
        if needed <= room:
            break
        room = int(needed)
    parts: Sections = {f"bases{number}": bases, f"ends{number}": ends, f"overflow{number}": overflow[:needed]}
    return parts | ({f"ids{number}": ids} if number else {})


class HammingIndex:
    """The index over the sections `PREFIX.values`, `PREFIX.plan`, … of a snapshot."""

    def __init__(self, snapshot: Snapshot, prefix: str) -> None:
        self._snapshot, self._prefix = snapshot, prefix
        self._values = snapshot.unchecked(f"{prefix}.values")
        self._plan = _plan_of(snapshot.section(f"{prefix}.plan"))
        if not _are_values(self._values):
            raise _inconsistent()
        self._tables = [self._tables_of(number, chunk) for number, chunk in enumerate(self._plan)]
        self._chunks: dict[int, tuple[ctypes.Array[kernels.Chunk], list[Masks]]] = {}
        self._address = self._values.ctypes.data

    def __len__(self) -> int:
        return len(self._values)

    def search(self, queries: NDArray[np.uint8], *, max_distance_bits: int, threads: int = 1) -> Hits:
        """Return every row near each query.

        Shapes:  queries (q, 32) uint8, one value a row.
        Units:   distance in bits, 0 to 31.
        Order:   query, then distance, then row; the same on every run.
        Raises:  WrongShapeError, DistanceOutOfRangeError; DamagedFileError.
        """
        _check_shape(queries)
        if not 0 <= max_distance_bits <= MAX_DISTANCE_BITS:
            raise DistanceOutOfRangeError(f"a distance is 0 to {MAX_DISTANCE_BITS} bits, not {max_distance_bits}")
        asked = np.ascontiguousarray(queries)
        if kernels.library() is None:
            return search_plain(self._snapshot.section(f"{self._prefix}.values"), asked, max_distance_bits)
        if not self._plan:
            values = self._snapshot.section(f"{self._prefix}.values")
            return _in_parts(asked, threads, lambda part: _brute(values, part, max_distance_bits))
        return _in_parts(asked, threads, lambda part: self._search_part(part, max_distance_bits))

    def _tables_of(self, number: int, chunk: PlannedChunk) -> dict[str, NDArray[Any] | None]:
        names = ("ids", "bases", "ends", "overflow")
        tables = {
            name: self._snapshot.unchecked(f"{self._prefix}.{name}{number}") if name != "ids" or number else None
            for name in names
        }
        buckets = 1 << chunk.width
        overflow = tables["overflow"]
        shapes = {
            "ids": (len(self),),
            "bases": (buckets // _GROUP,),
            "ends": (buckets,),
            "overflow": (0 if overflow is None else overflow.size // (_GROUP + 1), _GROUP + 1),
        }
        kinds = {"ids": np.uint32, "bases": np.uint32, "ends": np.uint8, "overflow": np.uint32}
        there = {name: table for name, table in tables.items() if table is not None}
        if any(table.shape != shapes[name] or table.dtype != kinds[name] for name, table in there.items()):
            raise _inconsistent()
        return tables

    def _chunks_for(self, max_distance_bits: int) -> "tuple[ctypes.Array[kernels.Chunk], list[Masks]]":
        """Describe the chunks to the kernel, once a distance, with the masks that their addresses point into.

        Two threads that are first at the same time each make their own: whoever searches must hold both.
        """
        known = self._chunks.get(max_distance_bits)
        if known is None:
            radii = radii_for(self._plan, max_distance_bits)
            masks = [_masks(chunk.width, radius) for chunk, radius in zip(self._plan, radii, strict=True)]
            chunks = (kernels.Chunk * len(self._plan))(
                *(
                    kernels.Chunk(
                        chunk.start, chunk.width, radius, len(flips), flips.ctypes.data,
                        *(None if table is None else table.ctypes.data for table in tables.values()),
                        0 if tables["overflow"] is None else len(tables["overflow"]),
                    )
                    for chunk, radius, flips, tables in zip(self._plan, radii, masks, self._tables, strict=True)
                )
            )  # fmt: skip
            known = self._chunks[max_distance_bits] = chunks, masks
        return known

    def _search_part(self, asked: NDArray[np.uint8], max_distance_bits: int) -> Hits:
        library = kernels.library()
        if library is None:
            raise DamagedFileError("the kernels were unloaded")
        chunks, _held = self._chunks_for(max_distance_bits)
        hits = kernels.Hits()
        failed = library.vigie_hamming_search(
            self._address, len(self), chunks, len(chunks), asked.ctypes.data, len(asked), max_distance_bits,
            ctypes.byref(self._snapshot.guard), ctypes.byref(hits),
        )  # fmt: skip
        return _taken(library, hits, failed)


def search_plain(values: NDArray[np.uint8], queries: NDArray[np.uint8], max_distance_bits: int) -> Hits:
    """Do the same as `HammingIndex.search` by comparing every row in numpy.

    Shapes:  values (n, 32), queries (q, 32) uint8.
    """
    found: list[tuple[int, NDArray[np.int64], NDArray[np.uint8]]] = []
    words = np.ascontiguousarray(values).view(np.uint64)
    for number, query in enumerate(np.ascontiguousarray(queries).view(np.uint64)):
        distances = np.bitwise_count(words ^ query).sum(axis=1, dtype=np.int64)
        rows = np.flatnonzero(distances <= max_distance_bits)
        found.append((number, rows, distances[rows].astype(np.uint8)))
    return _ordered(
        np.concatenate([np.full(len(rows), number, np.int64) for number, rows, _ in found] or [np.empty(0, np.int64)]),
        np.concatenate([rows for _, rows, _ in found] or [np.empty(0, np.int64)]),
        np.concatenate([distances for _, _, distances in found] or [np.empty(0, np.uint8)]),
    )


def brute_force(values: NDArray[np.uint8], queries: NDArray[np.uint8], *, max_distance_bits: int) -> Hits:
    """Compare every query with every row, in the kernel where there is one.

    Shapes:  values (n, 32), queries (q, 32) uint8, contiguous.
    Order:   query, then distance, then row.
    """
    _check_shape(values)
    _check_shape(queries)
    if kernels.library() is None:
        return search_plain(values, queries, max_distance_bits)
    return _brute(np.ascontiguousarray(values), np.ascontiguousarray(queries), max_distance_bits)


def _brute(values: NDArray[np.uint8], queries: NDArray[np.uint8], max_distance_bits: int) -> Hits:
    library = kernels.library()
    if library is None:
        return search_plain(values, queries, max_distance_bits)
    hits = kernels.Hits()
    failed = library.vigie_hamming_brute(
        values.ctypes.data, len(values), queries.ctypes.data, len(queries), max_distance_bits, ctypes.byref(hits)
    )
    return _taken(library, hits, failed)


def _in_parts(asked: NDArray[np.uint8], threads: int, search: Callable[[NDArray[np.uint8]], Hits]) -> Hits:
    if threads <= 1 or len(asked) < 2 * threads:
        return search(asked)
    parts = np.array_split(asked, threads)
    starts = np.cumsum([0, *(len(part) for part in parts[:-1])])
    with ThreadPoolExecutor(max_workers=threads) as pool:
        found = list(pool.map(search, parts))
    return Hits(
        np.concatenate([hits.query + start for hits, start in zip(found, starts, strict=True)]),
        np.concatenate([hits.row for hits in found]),
        np.concatenate([hits.distance for hits in found]),
    )


def _taken(library: ctypes.CDLL, hits: kernels.Hits, failed: int) -> Hits:
    """Copy the kernel's hits into arrays and give its memory back."""
    try:
        if failed == -1:
            raise MemoryError("no memory for the hits of this search")
        if failed:
            raise DamagedFileError("the file is damaged; get it again from its issuer")
        if not hits.count:
            return _NONE
        buffer = (ctypes.c_int64 * (3 * hits.count)).from_address(hits.hits)
        table = np.frombuffer(buffer, np.int64).reshape(-1, 3).copy()
    finally:
        library.vigie_free(hits.hits)
    return _ordered(table[:, 0], table[:, 1], table[:, 2].astype(np.uint8))


def _ordered(query: NDArray[np.int64], row: NDArray[np.int64], distance: NDArray[np.uint8]) -> Hits:
    order = np.lexsort((row, distance, query))
    return Hits(query[order], row[order], distance[order])


def _plan_of(table: NDArray[Any]) -> tuple[PlannedChunk, ...]:
    """Read a stored plan; one by which a search could miss a row, or leave the tables, is refused."""
    if table.dtype != np.int64 or table.ndim != 2 or table.shape[1] != 3 or len(table) > BITS:
        raise _inconsistent()
    chunks = tuple(PlannedChunk(*row) for row in table.tolist())
    next_start = 0
    for chunk in chunks:
        fits = 5 <= chunk.width <= _MAX_WIDTH and 0 <= chunk.radius <= _MAX_RADIUS
        if not fits or chunk.start != next_start:
            raise _inconsistent()
        next_start += chunk.width
    misses = next_start != BITS or sum(chunk.radius + 1 for chunk in chunks) <= MAX_DISTANCE_BITS
    if chunks and misses:
        raise _inconsistent()
    return chunks


def _inconsistent() -> DamagedFileError:
    return DamagedFileError("the near-match index is not consistent; get the file again from its issuer")


def _are_values(array: NDArray[Any]) -> bool:
    return array.ndim == 2 and array.dtype == np.uint8 and array.shape[1] == BITS // 8


def _check_shape(values: NDArray[np.uint8]) -> None:
    if not _are_values(values):
        raise WrongShapeError("values of 256 bits come as rows of 32 bytes")
