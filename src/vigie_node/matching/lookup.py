# SPDX-License-Identifier: Apache-2.0
"""The live index of this process: it follows the change log, finds candidates, and says when it is stale.

- It opens the latest published snapshot and applies what changed after it; where none was published yet, it reads the
  whole table once.
- A started index follows in a thread of its own, every FOLLOW_SECONDS; one that has not heard from the change log for
  STALE_AFTER_SECONDS answers nothing: `StaleIndexError`, which callers must treat as "try again", never as no match.
- One that was not started catches up before each answer: for processes that are seldom asked.
- What it finds are row numbers; what they mean is read from the database by the caller.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from django.conf import settings
from django.db import DatabaseError, connection
from numpy.typing import NDArray

from vigie.errors import UnavailableError, VigieError
from vigie.index.hamming import MAX_DISTANCE_BITS
from vigie.index.live import ExactBase, LiveIndex, NearBase
from vigie_node.changes import queries as changes
from vigie_node.changes.topics import Topic
from vigie_node.matching import tables
from vigie_node.matching.models import Snapshot
from vigie_node.matching.questions import Question
from vigie_node.matching.tables import PART_OF, PARTS, WIDTHS, Rows, Table

FOLLOW_SECONDS = 0.05
_AT_ONCE = 200  # changes applied before the position is told again
_log = logging.getLogger(__name__)


class StaleIndexError(UnavailableError):
    """The process has not heard from the change log for too long, or is not ready yet: ask again."""

    code = "matching.stale-index"


@dataclass(frozen=True, slots=True)
class Candidates:
    """What was found; arrays of the same length, ordered by question, distance, row."""

    question: NDArray[np.int64]
    row: NDArray[np.int64]
    distance: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.row)

    def without(self, rows: Sequence[int]) -> "Candidates":
        """Return the same without some rows."""
        kept = ~np.isin(self.row, np.asarray(rows, np.int64))
        return Candidates(self.question[kept], self.row[kept], self.distance[kept])


class Lookup:
    """One table's index in this process; it may be shared by threads."""

    def __init__(self, table: Table, *, folder: Path, stale_after_seconds: float) -> None:
        self.table = table
        self._folder = folder
        self._stale_after = stale_after_seconds
        self._parts: dict[str, LiveIndex] = {}
        self._heard: float | None = None
        self._following: threading.Thread | None = None
        self._stop = threading.Event()
        self._catching_up = threading.Lock()
        self._heeding: dict[Topic, Callable[[str], None]] = {}
        self._read_until = 0  # additions up to here may have been read with the table already
        self.position = 0

    def heed(self, topic: Topic, act: Callable[[str], None]) -> None:
        """Have something else of this process follow the log too: `act` is given the subject of each such change."""
        self._heeding[topic] = act

    def start(self) -> None:
        """Follow the change log from now on, in a thread."""
        self._following = threading.Thread(target=self._follow, name=f"follow-{self.table.name}", daemon=True)
        self._following.start()

    def stop(self) -> None:
        """Follow no more."""
        self._stop.set()
        if self._following is not None:
            self._following.join()

    def check_fresh(self) -> None:
        """Refuse to answer where this process cannot know what changed.

        Raises:  StaleIndexError.
        """
        if self._following is None:
            self.catch_up()
            return
        heard = self._heard
        if heard is None:
            raise StaleIndexError("the index is being loaded; ask again in a moment")
        if time.monotonic() - heard > self._stale_after:
            raise StaleIndexError("the index has lost touch with the change log; ask again in a moment")

    def candidates(self, questions: Sequence[Question], *, max_distance_bits: int = MAX_DISTANCE_BITS) -> Candidates:
        """Return every row near a perceptual value or equal to a digest.

        Raises:  StaleIndexError.
        """
        self.check_fresh()
        found: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]] = []
        places: dict[str, list[int]] = {}
        for place, one in enumerate(questions):
            places.setdefault(PART_OF[one.algorithm], []).append(place)
        parts = self._parts
        for part, asked in places.items():
            content = b"".join(questions[place].value for place in asked)
            values = np.frombuffer(content, np.uint8).reshape(-1, WIDTHS[part])
            hits = parts[part].search(values, max_distance_bits=max_distance_bits if part == "near" else 0)
            if len(hits.item):
                found.append((np.array(asked, np.int64)[hits.query], hits.item, hits.distance))
        return _joined(found)

    def catch_up(self) -> None:
        """Apply what changed since, now.

        Raises:  StaleIndexError if the database or an index file cannot be read.
        """
        with self._catching_up:
            try:
                if not self._parts:
                    self._open()
                while rows := changes.since(self.position, limit=_AT_ONCE):
                    if self._has_missed(rows):
                        self._begin_anew()
                    else:
                        self._apply(rows)
            except (DatabaseError, VigieError, OSError) as error:
                raise StaleIndexError("the change log cannot be read; ask again in a moment") from error
            self._heard = time.monotonic()

    def counts(self) -> dict[str, int]:
        """Count the rows of each part."""
        return {part: len(index) for part, index in self._parts.items()}

    def contents(self) -> dict[str, Rows]:
        """Return every row that counts, by part, to compare with the database."""
        return {part: Rows(*index.contents()) for part, index in self._parts.items()}

    def fold(self, folder: Path) -> int:
        """Write all that counts now into new files in a folder, answer from them, and return their position."""
        self.catch_up()
        with self._catching_up:  # so that every part holds the rows of one position
            folder.mkdir(mode=0o700, parents=True)
            for part, index in self._parts.items():
                index.fold(folder / f"{part}.vix")
            return self.position

    def read_anew(self) -> None:
        """Read the whole table again, in place of whatever the index holds.

        Raises:  StaleIndexError.
        """
        with self._catching_up:
            try:
                self._read_table()
            except (DatabaseError, VigieError, OSError) as error:
                raise StaleIndexError("the table cannot be read; try again in a moment") from error
        self.catch_up()

    def pending(self) -> int:
        """Count the rows that were added since the files were written."""
        return sum(index.added_count for index in self._parts.values())

    def _follow(self) -> None:
        complained = False
        while not self._stop.is_set():
            try:
                self.catch_up()
                complained = False
            except Exception:  # noqa: BLE001 - whatever it is, try again: without this thread nothing is answered, for good
                connection.close()
                if not complained:
                    _log.exception("the index of the %s cannot follow the change log", self.table.name)
                complained = True
            self._stop.wait(FOLLOW_SECONDS)
        connection.close()

    def _open(self) -> None:
        published = Snapshot.objects.filter(index=self.table.name).order_by("-position").first()
        if published is not None:
            self._parts, self.position = open_parts(self._folder / published.folder), published.position
            return
        self._read_table()

    def _begin_anew(self) -> None:
        """Read again everything that this process follows."""
        self._read_table()
        for act in self._heeding.values():
            act("")

    def _has_missed(self, rows: list[changes.ChangeRow]) -> bool:
        """Say whether this process stood still for so long that the log no longer tells what it missed."""
        return rows[0].position > self.position + 1 and changes.earliest() > self.position + 1

    def _read_table(self) -> None:
        position = changes.latest()
        with TemporaryDirectory(prefix="vigie-index-") as folder:
            parts = empty_parts(Path(folder))  # mapped: the files themselves are needed no more
        for rows in self.table.everything():
            _add(parts, rows)
        self._parts, self.position, self._read_until = parts, position, changes.latest()

    def _apply(self, rows: list[changes.ChangeRow]) -> None:
        """Apply changes in order."""
        read_until, self._read_until = self._read_until, max(self._read_until, rows[-1].position)
        # Where this is cut short the same changes come again, and the rows of some are in the index by then.
        added: list[int] = []
        for row in rows:
            if row.topic is self.table.added and row.position > read_until:
                added += row.items.tolist()
            elif row.topic in {self.table.added, self.table.removed}:
                self._add(added)
                for index in self._parts.values():
                    index.remove(row.items)
                added = row.items.tolist() if row.topic is self.table.added else []
            elif row.topic is Topic.SNAPSHOT and row.subject == self.table.name:
                self._add(added)
                added = []
                self._take_over(row.position)
            elif row.topic in self._heeding:
                self._heeding[row.topic](row.subject)
        self._add(added)
        self.position = rows[-1].position

    def _add(self, items: Sequence[int]) -> None:
        if items:
            _add(self._parts, self.table.rows(items))

    def _take_over(self, position: int) -> None:
        """Answer from the newest published files; what changed after them is applied anew."""
        published = Snapshot.objects.filter(index=self.table.name).order_by("-position").first()
        if published is None or published.folder == self._opened_folder():
            return
        if published.position > position:
            return  # it holds what comes after this change: taken over when its own change comes
        parts = open_parts(self._folder / published.folder)
        at = published.position
        while at < position:
            rows = changes.since(at, limit=_AT_ONCE)
            for row in rows:
                if row.position > position:
                    break
                if row.topic is self.table.added:
                    _add(parts, self.table.rows(row.items.tolist()))
                elif row.topic is self.table.removed:
                    for index in parts.values():
                        index.remove(row.items)
            at = rows[-1].position if rows else position
        self._parts = parts

    def _opened_folder(self) -> str:
        return next(iter(self._parts.values())).path.parent.name if self._parts else ""


def empty_parts(folder: Path) -> dict[str, LiveIndex]:
    """Write empty files and open them."""
    for part in PARTS:
        nothing = np.empty((0, WIDTHS[part]), np.uint8)
        LiveIndex.create(folder / f"{part}.vix", base=_base(part), values=nothing, items=np.empty(0, np.int64))
    return open_parts(folder)


def open_parts(folder: Path) -> dict[str, LiveIndex]:
    """Open the files of one snapshot."""
    return {part: LiveIndex(folder / f"{part}.vix", base=_base(part)) for part in PARTS}


def _base(part: str) -> type[NearBase] | type[ExactBase]:
    return NearBase if part == "near" else ExactBase


def _add(parts: dict[str, LiveIndex], rows: dict[str, Rows]) -> None:
    for part, more in rows.items():
        parts[part].add(more.values, more.items)


def _joined(found: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]]) -> Candidates:
    if not found:
        return _NONE
    question, row, distance = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
    order = np.lexsort((row, distance, question))
    return Candidates(question[order], row[order], distance[order])


_NONE = Candidates(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.uint8))
_own: dict[str, Lookup] = {}
_making = threading.Lock()


def of_catalogue() -> Lookup:
    """Return this process's index of what is known."""
    return _of(tables.CATALOGUE)


def of_seen() -> Lookup:
    """Return this process's index of what was seen."""
    return _of(tables.SEEN)


def forget() -> None:
    """Close this process's indexes; the next question opens them anew."""
    with _making:
        for one in _own.values():
            one.stop()
        _own.clear()


def _of(table: Table) -> Lookup:
    with _making:
        if table.name not in _own:
            _own[table.name] = Lookup(table, folder=settings.INDEXES, stale_after_seconds=settings.STALE_AFTER_SECONDS)
        return _own[table.name]
