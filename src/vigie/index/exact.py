# SPDX-License-Identifier: Apache-2.0
"""The exact index: sorted digests, a table over their leading bits, binary search.

- Rows are sorted; equal digests are adjacent rows, in the order in which they were given.
- The table costs about a byte a row; the whole stays within 1.1 times the raw size of the digests.
- The plain numpy path serves platforms without kernels, and the tests.
"""

import ctypes
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vigie import kernels
from vigie.errors import InvalidInputError
from vigie.index.snapshot import DamagedFileError, Snapshot

_ROWS_A_BUCKET = 4
_MAX_TABLE_BITS = 28
MAX_ROWS = 2**32 - 1

Sections = dict[str, NDArray[Any]]


class WrongShapeError(InvalidInputError):
    """The array does not hold fingerprints of the right length."""

    code = "index.wrong-shape"


class TooManyRowsError(InvalidInputError):
    """One index holds at most some two or four thousand million rows."""

    code = "index.too-many-rows"


def sorted_order(values: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the order that sorts rows of bytes; equal rows keep theirs.

    Shapes:  (n, size) uint8; answer (n,) int64.
    """
    library = kernels.library()
    if library is None:
        return sorted_order_plain(values)
    rows = np.ascontiguousarray(values)
    order = np.empty(len(rows), np.uint32)
    if len(rows) and library.vigie_sorted_order(rows.ctypes.data, len(rows), rows.shape[1], order.ctypes.data):
        raise MemoryError("no memory to sort these rows")
    return order.astype(np.int64)


def sorted_order_plain(values: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Do the same as `sorted_order` with numpy's own stable sort."""
    return np.lexsort(tuple(values[:, column] for column in reversed(range(values.shape[1])))).astype(np.int64)


def build(digests: NDArray[np.uint8]) -> tuple[Sections, NDArray[np.int64]]:
    """Build the sections of an index over digests, and the order of its rows.

    Shapes:  digests (n, size) uint8, size 16, 20 or 32; order (n,) int64: order[row] is the position given.
    Raises:  WrongShapeError, TooManyRowsError.
    """
    _check_shape(digests)
    if len(digests) > MAX_ROWS:
        raise TooManyRowsError(f"an exact index holds at most {MAX_ROWS} rows; split the list")
    order = sorted_order(digests)
    rows = digests[order]
    bits = max(0, min(_MAX_TABLE_BITS, (len(rows) // _ROWS_A_BUCKET).bit_length()))
    lead = _big_endian(rows[:, :8]) >> np.uint64(64 - bits) if bits else np.zeros(len(rows), int)
    starts = np.searchsorted(lead, np.arange((1 << bits) + 1, dtype=lead.dtype)).astype(np.uint32)
    return {"rows": rows, "table": starts}, order


class ExactIndex:
    """The index over the sections `PREFIX.rows` and `PREFIX.table` of a snapshot."""

    def __init__(self, snapshot: Snapshot, prefix: str) -> None:
        self._snapshot = snapshot
        self._names = (f"{prefix}.rows", f"{prefix}.table")
        self._rows, self._table = (snapshot.unchecked(name) for name in self._names)
        self._bits = (self._table.size - 1).bit_length() - 1
        has_table = self._table.dtype == np.uint32 and 0 <= self._bits <= _MAX_TABLE_BITS
        if not _are_digests(self._rows) or not has_table or self._table.shape != ((1 << self._bits) + 1,):
            raise DamagedFileError("the exact index is not consistent; get the file again from its issuer")

    def __len__(self) -> int:
        return len(self._rows)

    def lookup(self, queries: NDArray[np.uint8], *, threads: int = 1) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return, for each query, the first row that equals it and how many rows do.

        Shapes:  (q, size) uint8 in; two times (q,) int64 out, -1 and 0 where no row equals.
        Raises:  WrongShapeError; DamagedFileError.
        """
        asked = np.ascontiguousarray(queries)
        _check_shape(asked)
        if asked.shape[1] != self._rows.shape[1]:
            raise WrongShapeError(f"this index holds digests of {self._rows.shape[1]} bytes")
        first, count = np.full(len(asked), -1, np.int64), np.zeros(len(asked), np.int64)
        if len(self._rows) == 0 or len(asked) == 0:
            return first, count
        parts = [part for part in np.array_split(np.arange(len(asked)), max(1, threads)) if len(part)]
        with ThreadPoolExecutor(max_workers=len(parts)) if len(parts) > 1 else _Inline() as pool:
            list(pool.map(lambda part: self._lookup_part(asked, first, count, part[0], part[-1] + 1), parts))
        return first, count

    def _lookup_part(
        self, asked: NDArray[np.uint8], first: NDArray[np.int64], count: NDArray[np.int64], start: int, end: int
    ) -> None:
        library = kernels.library()
        if library is None:
            first[start:end], count[start:end] = lookup_plain(self._snapshot.section(self._names[0]), asked[start:end])
            return
        failed = library.vigie_exact_lookup(
            self._rows.ctypes.data, len(self._rows), self._rows.shape[1], self._table.ctypes.data, self._bits,
            asked[start:end].ctypes.data, end - start, ctypes.byref(self._snapshot.guard),
            first[start:end].ctypes.data, count[start:end].ctypes.data,
        )  # fmt: skip
        if failed:
            raise DamagedFileError("the file is damaged; get it again from its issuer")


class _Inline:
    """Runs the one part in this thread: starting a pool costs more than a single look-up."""

    def __enter__(self) -> "_Inline":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    map = staticmethod(map)


def lookup_plain(rows: NDArray[np.uint8], queries: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Do the same as `ExactIndex.lookup` with numpy's own search over sorted rows."""
    kind = np.dtype((np.void, rows.shape[1]))
    table = np.ascontiguousarray(rows).view(kind).ravel()
    asked = np.ascontiguousarray(queries).view(kind).ravel()
    first = np.searchsorted(table, asked, side="left").astype(np.int64)
    count = np.searchsorted(table, asked, side="right").astype(np.int64) - first
    first[count == 0] = -1
    return first, count


def _big_endian(part: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Read up to eight bytes a row as one number, shorter parts filled with zeros."""
    if part.shape[1] < 8:
        part = np.pad(part, ((0, 0), (0, 8 - part.shape[1])))
    return np.ascontiguousarray(part).view(np.uint64).ravel().byteswap()


def _are_digests(array: NDArray[Any]) -> bool:
    return array.ndim == 2 and array.dtype == np.uint8 and array.shape[1] in (16, 20, 32)


def _check_shape(digests: NDArray[np.uint8]) -> None:
    if not _are_digests(digests):
        raise WrongShapeError("digests come as rows of 16, 20 or 32 bytes")
