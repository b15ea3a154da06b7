# SPDX-License-Identifier: Apache-2.0
"""A snapshot plus what changed since: additions and removals count at once, readers never wait.

- Each row carries the number of its item (whatever the caller calls by that number). An item may have several rows;
  removing an item removes all of them; an item that was removed may be added again with other values.
- A reader takes the current state once and answers from it; a writer makes the next state and swaps it in. Nothing
  that a reader can see is ever changed in place.
- What was added is compared row by row: half a millisecond for a million rows. `fold` builds a new snapshot from the
  state of its start, in the caller's thread and without a lock, then carries over what changed meanwhile.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vigie.errors import InvalidInputError, WrongStateError
from vigie.index import exact, hamming, snapshot

KIND = "vigie-live-index"
_NO_ITEMS = np.empty(0, np.int64)


class ItemsDoNotFitError(InvalidInputError):
    """Values and item numbers must come in pairs."""

    code = "index.items-do-not-fit"


class FoldUnderWayError(WrongStateError):
    """One fold at a time."""

    code = "index.fold-under-way"


@dataclass(frozen=True, slots=True)
class Found:
    """What was found; arrays of the same length, ordered by query, distance, item."""

    query: NDArray[np.int64]
    item: NDArray[np.int64]
    distance: NDArray[np.uint8]


_NOTHING = Found(_NO_ITEMS, _NO_ITEMS, np.empty(0, np.uint8))


class Base(Protocol):
    """A published index, exact or near, as the live layer uses it."""

    items: NDArray[np.int64]
    width: int

    def values(self) -> NDArray[np.uint8]:
        """Return every row's value, checked."""

    def find(self, queries: NDArray[np.uint8], max_distance_bits: int) -> hamming.Hits:
        """Return the rows near each query."""

    def find_among(self, values: NDArray[np.uint8], queries: NDArray[np.uint8], max_distance_bits: int) -> hamming.Hits:
        """Return the rows near each query among these values, compared one by one."""


class NearBase:
    """A published near-match index with the items of its rows."""

    def __init__(self, opened: snapshot.Snapshot) -> None:
        self._opened = opened
        self._index = hamming.HammingIndex(opened, "near")
        self.items = _items_of(opened, rows=len(self._index))
        self.width = hamming.BITS // 8

    def values(self) -> NDArray[np.uint8]:
        """Return every row's value, checked."""
        return self._opened.section("near.values")

    def find(self, queries: NDArray[np.uint8], max_distance_bits: int) -> hamming.Hits:
        """Return the rows near each query."""
        return self._index.search(queries, max_distance_bits=max_distance_bits)

    def find_among(self, values: NDArray[np.uint8], queries: NDArray[np.uint8], max_distance_bits: int) -> hamming.Hits:
        """Return the rows near each query among these values, compared one by one."""
        return hamming.brute_force(values, queries, max_distance_bits=max_distance_bits)

    @staticmethod
    def build(values: NDArray[np.uint8]) -> tuple[dict[str, NDArray[Any]], NDArray[np.int64]]:
        """Build the sections over these values, and the order of the rows."""
        sections, order = hamming.build(values)
        return {f"near.{name}": array for name, array in sections.items()}, order


class ExactBase:
    """A published exact index with the items of its rows; its only distance is 0."""

    def __init__(self, opened: snapshot.Snapshot) -> None:
        self._opened = opened
        self._index = exact.ExactIndex(opened, "exact")
        self.items = _items_of(opened, rows=len(self._index))
        self.width = opened.unchecked("exact.rows").shape[1]

    def values(self) -> NDArray[np.uint8]:
        """Return every row's value, checked."""
        return self._opened.section("exact.rows")

    def find(self, queries: NDArray[np.uint8], max_distance_bits: int) -> hamming.Hits:
        """Return the rows equal to each query."""
        _only_equal(max_distance_bits)
        first, count = self._index.lookup(queries)
        return _spread(first, count)

    def find_among(self, values: NDArray[np.uint8], queries: NDArray[np.uint8], max_distance_bits: int) -> hamming.Hits:
        """Return the rows equal to each query among these values."""
        _only_equal(max_distance_bits)
        order = exact.sorted_order(values)
        hits = _spread(*exact.lookup_plain(values[order], queries))
        return hamming.Hits(hits.query, order[hits.row], hits.distance)

    @staticmethod
    def build(values: NDArray[np.uint8]) -> tuple[dict[str, NDArray[Any]], NDArray[np.int64]]:
        """Build the sections over these values, and the order of the rows."""
        sections, order = exact.build(values)
        return {f"exact.{name}": array for name, array in sections.items()}, order


@dataclass(frozen=True, slots=True)
class _State:
    base: Base
    removed: NDArray[np.int64]  # items of the base that no longer count, ascending
    values: NDArray[np.uint8]
    items: NDArray[np.int64]
    alive: NDArray[np.bool_]


class LiveIndex:
    """The index that a process answers from while it changes."""

    def __init__(self, path: Path, *, base: type[NearBase] | type[ExactBase]) -> None:
        self._kind = base
        self.path = path
        self._writing = threading.Lock()
        self._state = self._opened(path)
        self._changes: list[Callable[[_State], _State]] | None = None  # since the fold under way began

    @staticmethod
    def create(
        path: Path, *, base: type[NearBase] | type[ExactBase], values: NDArray[np.uint8], items: NDArray[np.int64]
    ) -> None:
        """Publish the first snapshot.

        Shapes:  values (n, size) uint8; items (n,) int64.
        """
        _check_pairs(values, items)
        sections, order = base.build(values)
        snapshot.write(path, kind=KIND, meta={}, sections={**sections, "items": items[order]})

    def __len__(self) -> int:
        state = self._state
        gone = int(np.isin(state.base.items, state.removed).sum()) if len(state.removed) else 0
        return len(state.base.items) - gone + int(state.alive.sum())

    def search(self, queries: NDArray[np.uint8], *, max_distance_bits: int = 0) -> Found:
        """Return every item with a row near each query.

        Order:   query, then distance, then item.
        """
        state = self._state
        hits = state.base.find(queries, max_distance_bits)
        if not len(hits) and not len(state.values):
            return _NOTHING
        items = state.base.items[hits.row]
        kept = ~_is_in(items, state.removed)
        late = state.base.find_among(state.values, queries, max_distance_bits)
        alive = state.alive[late.row]
        query = np.concatenate([hits.query[kept], late.query[alive]])
        item = np.concatenate([items[kept], state.items[late.row][alive]])
        distance = np.concatenate([hits.distance[kept], late.distance[alive]])
        order = np.lexsort((item, distance, query))
        return Found(query[order], item[order], distance[order])

    @property
    def added_count(self) -> int:
        """Count the rows that were added since the snapshot."""
        return len(self._state.values)

    def contents(self) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Return every row that counts with its item, in no order."""
        return _contents(self._state)

    def add(self, values: NDArray[np.uint8], items: NDArray[np.int64]) -> None:
        """Make these rows count from now on.

        Shapes:  values (n, size) uint8; items (n,) int64.
        Raises:  ItemsDoNotFitError.
        """
        _check_pairs(values, items)
        width = self._state.base.width
        if values.dtype != np.uint8 or values.shape[1] != width:
            raise ItemsDoNotFitError(f"the values of this index are rows of {width} bytes")
        # A fold makes the change a second time, when the caller may have put other numbers in its arrays.
        values, items = values.copy(), items.copy()
        self._change(lambda state: _added(state, values, items))

    def remove(self, items: NDArray[np.int64]) -> None:
        """Make every row of these items count no more."""
        gone = np.unique(items)
        self._change(lambda state: _removed(state, gone))

    def fold(self, path: Path) -> None:
        """Publish a new snapshot of all that counts, and answer from it.

        Readers and writers go on meanwhile.
        Raises:  FoldUnderWayError.
        """
        with self._writing:
            if self._changes is not None:
                raise FoldUnderWayError("a fold is under way; wait for it")
            state, self._changes = self._state, []
        try:
            values, items = _contents(state)
            self.create(path, base=self._kind, values=values, items=items)
            folded = self._opened(path)
            with self._writing:
                for change in self._changes:
                    folded = change(folded)
                self._state, self._changes, self.path = folded, None, path
        except BaseException:
            with self._writing:
                self._changes = None
            raise

    def _change(self, change: Callable[[_State], _State]) -> None:
        with self._writing:
            self._state = change(self._state)
            if self._changes is not None:
                self._changes.append(change)

    def _opened(self, path: Path) -> _State:
        opened = snapshot.open_file(path, kind=KIND)
        base = self._kind(opened)
        return _State(base, _NO_ITEMS, np.empty((0, base.width), np.uint8), _NO_ITEMS, np.empty(0, np.bool_))


def _contents(state: _State) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    kept = ~_is_in(state.base.items, state.removed)
    values = np.concatenate([state.base.values()[kept], state.values[state.alive]])
    return values, np.concatenate([state.base.items[kept], state.items[state.alive]])


def _added(state: _State, values: NDArray[np.uint8], items: NDArray[np.int64]) -> _State:
    return replace(
        state,
        values=_appended(state.values, values),
        items=_appended(state.items, items),
        alive=np.concatenate([state.alive, np.ones(len(items), np.bool_)]),
    )


def _appended(rows: NDArray[Any], more: NDArray[Any]) -> NDArray[Any]:
    """Return the rows and more, in the room that was left behind them where it suffices.

    Only the latest state is ever added to, so nobody reads the room behind its rows.
    """
    end = len(rows) + len(more)
    room = rows if rows.base is None else rows.base
    if not isinstance(room, np.ndarray) or len(room) < end:
        room = np.empty((max(1024, 2 * end), *rows.shape[1:]), rows.dtype)
        room[: len(rows)] = rows
    room[len(rows) : end] = more
    return room[:end]


def _removed(state: _State, gone: NDArray[np.int64]) -> _State:
    return replace(state, removed=np.union1d(state.removed, gone), alive=state.alive & ~_is_in(state.items, gone))


def _items_of(opened: snapshot.Snapshot, *, rows: int) -> NDArray[np.int64]:
    items = opened.section("items")
    if items.dtype != np.int64 or items.shape != (rows,):
        raise snapshot.DamagedFileError("the index is not consistent; build it anew")
    return items


def _is_in(items: NDArray[np.int64], ascending: NDArray[np.int64]) -> NDArray[np.bool_]:
    if not len(ascending):
        return np.zeros(len(items), np.bool_)
    at = np.minimum(np.searchsorted(ascending, items), len(ascending) - 1)
    return np.asarray(ascending[at] == items)


def _spread(first: NDArray[np.int64], count: NDArray[np.int64]) -> hamming.Hits:
    """Turn runs of rows into one hit a row."""
    query = np.repeat(np.arange(len(first)), count)
    start = np.repeat(first - np.cumsum(count) + count, count)
    row = start + np.arange(len(query))
    return hamming.Hits(query, row, np.zeros(len(query), np.uint8))


def _only_equal(max_distance_bits: int) -> None:
    if max_distance_bits:
        raise hamming.DistanceOutOfRangeError("an exact index answers distance 0 only")


def _check_pairs(values: NDArray[np.uint8], items: NDArray[np.int64]) -> None:
    if values.ndim != 2 or items.shape != (len(values),) or items.dtype != np.int64:
        raise ItemsDoNotFitError("values and item numbers must come in pairs, the numbers as int64")
