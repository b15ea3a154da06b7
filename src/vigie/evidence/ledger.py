# SPDX-License-Identifier: Apache-2.0
"""What a scan has to do and what it has done, in one SQLite file that survives power loss at any moment.

- One process writes a result folder at a time: the folder itself is locked.
- A unit of work is done or not done: its rows, what was learnt of its contents and its end are one transaction.
  Rows of a unit too large for that wait as chunks; those of a unit that was never finished are dropped.
- Parts follow the order of the units, and where one part ends depends on the rows alone: the same source and lists
  give the same parts, however often the scan was stopped.
- A ledger belongs to one source, its lists, versions and options; anything else is refused, and what differs is said.
"""

import fcntl
import os
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from errno import EDQUOT, EFBIG, ENOSPC
from pathlib import Path
from typing import Self

import msgspec
from msgspec import Struct

from vigie.errors import InvalidInputError, UnavailableError, UntrustedError, WrongStateError
from vigie.evidence.manifest import Part
from vigie.evidence.walk import Entry

FILE_NAME = "ledger.sqlite"
_FULL = (ENOSPC, EDQUOT, EFBIG)
LAYOUT = 1  # of the tables below; a ledger of another layout is refused

_TABLES = """
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE units (
  id INTEGER PRIMARY KEY, files INTEGER NOT NULL, size_bytes INTEGER NOT NULL,
  entries BLOB,           -- dropped when the unit is done
  rows INTEGER,           -- null until the unit is done
  counts TEXT             -- rows by verdict
);
CREATE TABLE chunks (unit INTEGER NOT NULL, number INTEGER NOT NULL, lines BLOB NOT NULL, PRIMARY KEY (unit, number));
CREATE TABLE contents (sha256 BLOB NOT NULL UNIQUE, statement BLOB NOT NULL);
CREATE TABLE parts (number INTEGER PRIMARY KEY, last_unit INTEGER NOT NULL, part TEXT NOT NULL);
"""


class FolderInUseError(WrongStateError):
    """Another scan writes to the result folder."""

    code = "ledger.folder-in-use"


class ForeignFolderError(WrongStateError):
    """The result folder holds something else."""

    code = "ledger.foreign-folder"


class UnusableFolderError(InvalidInputError):
    """The result folder cannot be made or opened."""

    code = "ledger.unusable-folder"


class OtherScanError(WrongStateError):
    """The result folder belongs to a scan of another source, with other lists, versions or options."""

    code = "ledger.other-scan"


class DamagedLedgerError(UntrustedError):
    """The ledger cannot be read as one."""

    code = "ledger.damaged"


class DiskFullError(UnavailableError):
    """The disk of the result folder takes no more."""

    code = "ledger.disk-full"


class Work(Struct, frozen=True):
    """Work done or to do: entries of the walk, their bytes, and the result's rows by verdict where it is done."""

    files: int
    size_bytes: int
    verdicts: dict[str, int] = {}


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make the result folder where it is missing, readable by its owner alone, and keep others from writing to it.

    Raises:  UnusableFolderError; FolderInUseError; ForeignFolderError if it holds files that are no scan's.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in _FULL:
            raise _disk_full() from error
        raise UnusableFolderError("the result folder cannot be made or opened: name another") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FolderInUseError("another scan writes to this result folder: wait for it or name another") from error
        if not (folder / FILE_NAME).exists() and any(folder.iterdir()):
            raise ForeignFolderError("the result folder holds other files: name an empty or a new one")
        os.fchmod(descriptor, 0o700)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def storage_told() -> Iterator[None]:
    """Turn every way in which a full disk or a damaged ledger shows into one error that says what to do.

    Raises:  DiskFullError; DamagedLedgerError.
    """
    try:
        yield
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorname.startswith(("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN")):
            raise _disk_full() from error
        if error.sqlite_errorname.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
            raise _damaged() from error
        raise
    except OSError as error:
        if error.errno in _FULL:
            raise _disk_full() from error
        raise


class Ledger:
    """The ledger of one scan, for the one thread that writes it. Use it as a context; `reader` serves the others."""

    def __init__(self, folder: Path, *, identity: dict[str, str], started_at: str) -> None:
        """Open or begin the ledger in a locked result folder.

        Raises:  OtherScanError, which says what differs; DamagedLedgerError; DiskFullError.
        """
        self._path = folder / FILE_NAME
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        with storage_told():
            self._connection = _connect(self._path)
            self._begin(identity, started_at)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    @property
    def started_at(self) -> str:
        """When the scan was first started, as it was given then."""
        return self._about("started_at") or ""

    @property
    def walked(self) -> bool:
        """Whether every entry of the source is in a unit."""
        return self._about("walked") is not None

    def add_units(self, units: Sequence[Sequence[Entry]]) -> None:
        """Append units of work, in their order."""
        with self._transaction():
            self._connection.executemany(
                "INSERT INTO units (files, size_bytes, entries) VALUES (?, ?, ?)",
                [(len(unit), sum(e.size_bytes for e in unit), msgspec.msgpack.encode(unit)) for unit in units],
            )

    def end_walk(self) -> None:
        """Note that the walk is complete."""
        with self._transaction():
            self._connection.execute("INSERT INTO about VALUES ('walked', 'yes')")

    def stage(self, unit: int, *, number: int, lines: bytes, contents: Sequence[tuple[bytes, bytes]]) -> None:
        """Set some rows of an unfinished unit aside; they count once the unit is finished."""
        with self._transaction():
            self._take_in(unit, number, lines, contents)

    def finish(
        self,
        unit: int,
        *,
        number: int,
        lines: bytes,
        contents: Sequence[tuple[bytes, bytes]],
        verdicts: dict[str, int],
    ) -> None:
        """Note a unit as done, with its last rows and what was learnt of its contents."""
        with self._transaction():
            self._take_in(unit, number, lines, contents)
            self._connection.execute(
                "UPDATE units SET entries = NULL, rows = ?, counts = ? WHERE id = ?",
                (sum(verdicts.values()), _text(verdicts), unit),
            )

    def next_part(self, *, min_rows: int) -> tuple[int, int] | None:
        """Give the first and last unit of the next part, or None while too few rows are finished in order.

        The last part may be smaller: it is given once every unit is done.
        """
        first = self._value("SELECT coalesce(max(last_unit), 0) FROM parts") + 1
        gathered, last = 0, 0
        for unit, rows in self._connection.execute("SELECT id, rows FROM units WHERE id >= ? ORDER BY id", (first,)):
            if rows is None:
                return None
            gathered, last = gathered + rows, unit
            if gathered >= min_rows:
                break
        return (first, last) if gathered else None

    def lines(self, first: int, last: int) -> Iterator[bytes]:
        """Give the rows of finished units as JSON lines, in order, some thousand at a time."""
        query = "SELECT lines FROM chunks WHERE unit BETWEEN ? AND ? ORDER BY unit, number"
        for (lines,) in self._connection.execute(query, (first, last)):
            yield lines

    def record_part(self, part: Part, *, number: int, last_unit: int) -> None:
        """Note a part as written and let go of its rows."""
        with self._transaction():
            self._connection.execute("INSERT INTO parts VALUES (?, ?, ?)", (number, last_unit, _text(part)))
            self._connection.execute("DELETE FROM chunks WHERE unit <= ?", (last_unit,))

    def parts(self) -> list[Part]:
        """List the parts that are written, in order."""
        found = self._connection.execute("SELECT part FROM parts ORDER BY number")
        return [msgspec.json.decode(part, type=Part) for (part,) in found]

    def note_confinement(self, layers: Sequence[str]) -> None:
        """Note what held around some decoders; the layers that held around all of them are kept."""
        known = self.confinement()
        held = [layer for layer in (layers if known is None else known) if layer in layers]
        if held != known:
            with self._transaction():
                self._connection.execute("REPLACE INTO about VALUES ('confinement', ?)", (_text(held),))

    def confinement(self) -> list[str] | None:
        """Give the layers that held around every decoder; None where none ran."""
        known = self._about("confinement")
        return None if known is None else msgspec.json.decode(known, type=list[str])

    def done(self) -> Work:
        """Count what is done."""
        return self._work("WHERE rows IS NOT NULL")

    def to_do(self) -> Work:
        """Count all there is to do, done or not."""
        return self._work("")

    def compact(self) -> None:
        """Drop what only an unfinished scan needs."""
        with self._transaction():
            self._connection.execute("DELETE FROM contents")
        with storage_told():
            self._connection.execute("VACUUM")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def reader(self) -> "Reader":
        """Open a second view of the ledger for another thread."""
        return Reader(self._path)

    def _begin(self, identity: dict[str, str], started_at: str) -> None:
        self._connection.execute("PRAGMA journal_mode = WAL")
        tables = {name for (name,) in self._connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        if not tables:
            with self._transaction():
                for statement in _TABLES.strip().split(";\n"):
                    self._connection.execute(statement)
                about = {**identity, "layout": str(LAYOUT), "started_at": started_at}
                self._connection.executemany("INSERT INTO about VALUES (?, ?)", about.items())
            return
        if "about" not in tables:
            raise _damaged()
        known = dict(self._connection.execute("SELECT key, value FROM about"))
        expected = {**identity, "layout": str(LAYOUT)}
        differs = sorted(key for key, value in expected.items() if known.get(key) != value)
        if differs:
            raise OtherScanError(
                f"the result folder belongs to another scan (it differs in: {', '.join(differs)}): "
                "name another folder, or repeat that scan's command"
            )
        with self._transaction():
            self._connection.execute("DELETE FROM chunks WHERE unit IN (SELECT id FROM units WHERE rows IS NULL)")
            if not self.walked:
                self._connection.execute("DELETE FROM units")

    def _take_in(self, unit: int, number: int, lines: bytes, contents: Sequence[tuple[bytes, bytes]]) -> None:
        self._connection.execute("INSERT INTO chunks VALUES (?, ?, ?)", (unit, number, lines))
        self._connection.executemany("INSERT OR IGNORE INTO contents VALUES (?, ?)", contents)

    def _work(self, where: str) -> Work:
        files, size = 0, 0
        verdicts: Counter[str] = Counter()
        query = f"SELECT files, size_bytes, counts FROM units {where}"  # noqa: S608  (both ends are ours)
        for unit_files, unit_size, counts in self._connection.execute(query):
            files += unit_files
            size += unit_size
            verdicts.update(msgspec.json.decode(counts, type=dict[str, int]) if counts else {})
        return Work(files, size, dict(verdicts))

    def _about(self, key: str) -> str | None:
        found = self._connection.execute("SELECT value FROM about WHERE key = ?", (key,)).fetchone()
        return str(found[0]) if found else None

    def _value(self, query: str) -> int:
        return int(self._connection.execute(query).fetchone()[0])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with storage_told():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.OperationalError):  # a full disk may have rolled it back already
                    self._connection.execute("ROLLBACK")
                raise


class Reader:
    """The ledger as a worker's thread sees it: units to do, and contents seen before."""

    def __init__(self, path: Path) -> None:
        self._connection = _connect(path)

    def close(self) -> None:
        """Close this view."""
        self._connection.close()

    def unit_after(self, unit: int) -> tuple[int, list[Entry]] | None:
        """Give the next unit that is not done, in order."""
        query = "SELECT id, entries FROM units WHERE id > ? AND rows IS NULL ORDER BY id LIMIT 1"
        found = self._connection.execute(query, (unit,)).fetchone()
        return (found[0], msgspec.msgpack.decode(found[1], type=list[Entry])) if found else None

    def statement(self, sha256: bytes) -> bytes | None:
        """Give what was learnt of this content, or None where it was not seen yet."""
        found = self._connection.execute("SELECT statement FROM contents WHERE sha256 = ?", (sha256,)).fetchone()
        return bytes(found[0]) if found else None


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=20, check_same_thread=False)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA temp_store = MEMORY")  # names never reach a shared temporary folder
    return connection


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _disk_full() -> DiskFullError:
    return DiskFullError(
        "the disk of the result folder is full or fails: free some space, then repeat the command to go on"
    )


def _damaged() -> DamagedLedgerError:
    return DamagedLedgerError("the ledger in the result folder is damaged: scan into a new folder")
