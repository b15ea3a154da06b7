# SPDX-License-Identifier: Apache-2.0
"""The append-only store of results in Parquet parts, and the questions it answers.

- A part is written whole, made durable, and only then named; it is never changed afterwards.
- Reading begins with the manifest and the checksum of every part: a damaged result answers nothing.
- DuckDB stays inside this module, in bounded memory and threads, and fetches nothing from any network.
- A file is a row; a content is a distinct SHA-256. Counts say which of the two they count.
- Answers come in a fixed order.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

import duckdb

from vigie.errors import InvalidInputError
from vigie.evidence import manifest
from vigie.evidence.ledger import DiskFullError, storage_told
from vigie.evidence.manifest import Manifest, Part

MAX_ROW_BYTES = 1 << 25  # JSON of one row: a day of video at a frame a second has half of this
READ_MEMORY = "1GB"
WRITE_MEMORY = "512MB"

_MATCH = (
    "STRUCT(list VARCHAR, list_version BIGINT, depiction VARCHAR, algorithm VARCHAR, collision_prone BOOLEAN, "
    "distance_bits USMALLINT, transform VARCHAR, scheme VARCHAR, label VARCHAR, asserted_by VARCHAR, "
    "asserted_at TIMESTAMP, share_of_query DOUBLE, share_of_known DOUBLE, "
    "time_ranges STRUCT(query STRUCT(start_seconds DOUBLE, end_seconds DOUBLE)[], "
    "known STRUCT(start_seconds DOUBLE, end_seconds DOUBLE)[]))[]"
)

COLUMNS: dict[str, str] = {
    "path": "VARCHAR",
    "path_bytes": "BLOB",
    "container": "VARCHAR[]",
    "container_bytes": "BLOB[]",
    "kind": "VARCHAR",
    "format": "VARCHAR",
    "size_bytes": "BIGINT",
    "md5": "BLOB",
    "sha1": "BLOB",
    "sha256": "BLOB",
    "pdq": "BLOB",
    "pdq_quality": "UTINYINT",
    "pdq_upright": "BLOB",
    "pdq_borderless": "BLOB",
    "recipe": "VARCHAR",
    "frames": "STRUCT(at_seconds DOUBLE, until_seconds DOUBLE, pdq BLOB, pdq_quality UTINYINT)[]",
    "verdict": "VARCHAR",
    "matches": _MATCH,
    "reason": "VARCHAR",
    "problem_code": "VARCHAR",
    "problem_message": "VARCHAR",
    "modified_at": "TIMESTAMP",
    "confinement": "VARCHAR[]",
}

_FROM_JSON = {
    "container_bytes": "list_transform(container_bytes, lambda name: from_base64(name))",
    "frames": (
        "list_transform(frames, lambda f: {'at_seconds': f.at_seconds, 'until_seconds': f.until_seconds, "
        "'pdq': from_base64(f.pdq), 'pdq_quality': f.pdq_quality})"
    ),
    "modified_at": "make_timestamp(modified_us)",
}


class UnsuitableFolderNameError(InvalidInputError):
    """The path of the result folder is not valid UTF-8."""

    code = "results.folder-name"


class Group(StrEnum):
    """Contents that a person may have to look at, by why; the most pressing first."""

    UNKNOWN = "unknown"
    NEAR = "near"
    UNREADABLE = "unreadable"
    NOT_EXAMINED = "not-examined"
    GATED = "gated"


TO_LOOK_AT = (Group.UNKNOWN, Group.NEAR, Group.UNREADABLE, Group.NOT_EXAMINED)


@dataclass(frozen=True, slots=True)
class Amount:
    """So many files, holding so many distinct contents, of so many bytes: each file counted, None where none told."""

    files: int
    contents: int
    size_bytes: int | None


@dataclass(frozen=True, slots=True)
class Labelled:
    """Files that match entries of one list under one label."""

    list_name: str
    scheme: str | None
    label: str | None
    verdict: str
    files: int
    contents: int


@dataclass(frozen=True, slots=True)
class OfKind:
    """Files of one kind and format."""

    kind: str | None
    format: str | None
    amount: Amount


@dataclass(frozen=True, slots=True)
class Reasoned:
    """Files for which one reason or problem was noted, with its sentence."""

    verdict: str
    code: str
    sentence: str | None
    files: int


@dataclass(frozen=True, slots=True)
class Grouped:
    """Distinct contents of one kind that a person should look at, and the files that hold them."""

    group: Group
    kind: str | None
    contents: int
    files: int


@dataclass(frozen=True, slots=True)
class ToLookAt:
    """A distinct content that a person should look at: its first row but for `frames`, why, and in how many files."""

    group: Group
    copies: int
    row: dict[str, Any]


def check_folder_name(folder: Path) -> None:
    """Refuse a result folder that the store could not open.

    Raises:  UnsuitableFolderNameError.
    """
    try:
        str(folder.absolute()).encode()
    except UnicodeEncodeError as error:
        raise UnsuitableFolderNameError("the path of the result folder is not valid UTF-8: name another") from error


def write_part(lines: Iterable[bytes], *, folder: Path, number: int) -> Part:
    """Write one part from rows as JSON lines; a part of that number left by a crash is replaced.

    Raises:  DiskFullError; nothing but what was there before is left then.
    """
    parts = folder / "parts"
    parts.mkdir(mode=0o700, exist_ok=True)
    name = f"part-{number:06d}.parquet"
    rows_file, new = parts / f"{name}.rows", parts / f"{name}.new"
    try:
        with storage_told():
            with open(rows_file, "wb", opener=_private) as file:
                file.writelines(lines)
            new.unlink(missing_ok=True)
            count = _to_parquet(rows_file, new)
            with new.open("rb+") as file:
                os.fchmod(file.fileno(), 0o600)
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                os.fsync(file.fileno())
            size_bytes = new.stat().st_size
            new.replace(parts / name)
            manifest.sync_folder(parts)
    finally:
        for temporary in (rows_file, new):
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
    return Part(name, count, size_bytes, digest)


def _to_parquet(rows_file: Path, new: Path) -> int:
    json_columns = {**COLUMNS, "modified_us": "BIGINT"}
    del json_columns["modified_at"]
    types = ", ".join(f"{name}: '{kind.replace('BLOB', 'VARCHAR')}'" for name, kind in json_columns.items())
    chosen = ", ".join(f"{_expression(name, kind)} AS {name}" for name, kind in COLUMNS.items())
    statement = (
        f"COPY (SELECT {chosen} FROM read_json({_quoted(rows_file)}, format='newline_delimited', "  # noqa: S608
        f"maximum_object_size={MAX_ROW_BYTES}, columns={{{types}}})) "
        f"TO {_quoted(new)} (FORMAT parquet, COMPRESSION zstd)"
    )
    with _connect(memory=WRITE_MEMORY, threads=1, spill="") as connection:
        try:
            return int(connection.execute(statement).fetchall()[0][0])
        except duckdb.IOException as error:
            raise DiskFullError(
                "a part of the result could not be written: free some disk space, then repeat the command to go on"
            ) from error


class Results:
    """A result folder that was checked, open for questions. Use it as a context."""

    def __init__(self, folder: Path, about: Manifest, *, threads: int) -> None:
        """Bind the view of the rows; `open` checks first."""
        self.manifest = about
        self._spill = tempfile.TemporaryDirectory(prefix="vigie-")
        self._connection = _connect(memory=READ_MEMORY, threads=threads, spill=self._spill.name)
        self._parts = [str((folder / "parts" / part.name).absolute()) for part in about.parts]
        columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
        self._connection.execute(f"CREATE TABLE nothing ({columns})")
        if self._parts:
            self._connection.read_parquet(self._parts).create_view("files")
        else:
            self._connection.execute("CREATE VIEW files AS FROM nothing")

    @classmethod
    def open(cls, folder: Path, *, threads: int = 2) -> Self:
        """Open a result and check all of it.

        Raises:  NoResultError; ForeignResultError; NewerResultError; DamagedResultError; UnsuitableFolderNameError.
        """
        check_folder_name(folder)
        about = manifest.read(folder)
        manifest.check_parts(folder, about)
        return cls(folder, about, threads=threads)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self._spill.cleanup()

    def total(self) -> Amount:
        """Count all files."""
        return self._amounts("'all'").get("all", Amount(0, 0, 0))

    def by_verdict(self) -> dict[str, Amount]:
        """Count the files of each verdict that occurs."""
        return self._amounts("verdict")

    def by_label(self) -> list[Labelled]:
        """Count known and near files by list and label; a file that matches under several labels counts in each."""
        return [
            Labelled(*found)
            for found in self._ask(
                "SELECT m.list, m.scheme, m.label, verdict, count(DISTINCT file), count(DISTINCT sha256) FROM "
                "(SELECT row_number() OVER () AS file, verdict, sha256, unnest(matches) AS m FROM files) "
                "GROUP BY ALL ORDER BY ALL NULLS LAST"
            )
        ]

    def by_kind(self) -> list[OfKind]:
        """Count files by kind and format, the most frequent first."""
        return [
            OfKind(kind, form, Amount(*amount))
            for kind, form, *amount in self._ask(
                f"SELECT kind, format, {_AMOUNT} FROM files "  # noqa: S608  (our own text)
                "GROUP BY ALL ORDER BY 3 DESC, 1 NULLS LAST, 2 NULLS LAST"
            )
        ]

    def by_reason(self, verdict: str) -> list[Reasoned]:
        """Count the files of one verdict by their problem, or by their reason where there is none."""
        return [
            Reasoned(*found)
            for found in self._ask(
                "SELECT verdict, coalesce(problem_code, reason, '') AS code, min(problem_message), count(*) "
                "FROM files WHERE verdict = ? GROUP BY ALL ORDER BY 4 DESC, 2",
                [verdict],
            )
        ]

    def by_problem(self) -> list[Reasoned]:
        """Count files by problem, whatever their verdict."""
        return [
            Reasoned(*found)
            for found in self._ask(
                "SELECT verdict, problem_code, min(problem_message), count(*) FROM files "
                "WHERE problem_code IS NOT NULL GROUP BY ALL ORDER BY 4 DESC, 1, 2"
            )
        ]

    def confinement(self) -> list[tuple[list[str], int]]:
        """Give the levels of confinement reached, each with the number of files decoded under it."""
        return self._ask(
            "SELECT confinement, count(*) FROM files WHERE len(confinement) > 0 GROUP BY ALL ORDER BY 2 DESC, 1"
        )

    def groups(self, *, groups: Sequence[Group] = TO_LOOK_AT) -> list[Grouped]:
        """Count the distinct contents that `unknown` gives, by group and kind."""
        found = self._ask(
            f"SELECT verdict, kind, count(DISTINCT {_CONTENT}), count(*) FROM files "  # noqa: S608  (our own text)
            f"WHERE {_OF_FILES} GROUP BY ALL ORDER BY 3 DESC, 2"
        )
        counted = [Grouped(Group(verdict), *rest) for verdict, *rest in found if verdict in groups]
        return sorted(counted, key=lambda one: groups.index(one.group))

    def unknown(self, *, groups: Sequence[Group] = TO_LOOK_AT) -> Iterator[ToLookAt]:
        """Give each distinct content that a person should look at, once.

        Order:   by group as asked; then the most copies, the largest, and by place.
        """
        for group in groups:
            for row in self._stream(_LOOK_AT, [group.value]):
                yield ToLookAt(group, row.pop("copies"), row)

    def matched(self) -> Iterator[dict[str, Any]]:
        """Give the rows of known and near files, the known first, then by place."""
        yield from self._stream(
            "FROM files WHERE verdict IN ('known', 'near') ORDER BY verdict <> 'known', container, path, sha256"
        )

    def rows(self, *, start: int = 0) -> Iterator[dict[str, Any]]:
        """Give every row from a number on, in the order of the walk, with its columns by name."""
        for part, about in zip(self._parts, self.manifest.parts, strict=True):
            if start < about.rows:
                yield from self._stream("FROM read_parquet(?) OFFSET ?", [[part], start])
            start = max(0, start - about.rows)

    def _stream(self, query: str, values: Sequence[Any] = ()) -> Iterator[dict[str, Any]]:
        cursor = self._connection.cursor()
        cursor.execute(query, list(values))
        names = [column[0] for column in cursor.description]
        while found := cursor.fetchmany(500):
            yield from (_in_utc(dict(zip(names, values, strict=True))) for values in found)

    def _amounts(self, by: str) -> dict[str, Amount]:
        found = self._ask(f"SELECT {by} AS k, {_AMOUNT} FROM files GROUP BY k ORDER BY k")  # noqa: S608  (ours)
        return {key: Amount(*amount) for key, *amount in found}

    def _ask(self, query: str, values: Sequence[str] = ()) -> list[Any]:
        return self._connection.execute(query, list(values)).fetchall()


_AMOUNT = "count(*), count(DISTINCT sha256), sum(size_bytes)::BIGINT"

# Without a digest nothing says that two rows hold the same content, so each stands for itself.
_CONTENT = "coalesce(sha256, encode(concat_ws('/', container, path)))"
_OF_FILES = "coalesce(kind, '') NOT IN ('folder', 'link', 'fifo', 'socket', 'device', 'unnamed')"

_LOOK_AT = f"""
SELECT count(*) OVER same AS copies, * EXCLUDE (frames) FROM files
WHERE verdict = ? AND {_OF_FILES}
WINDOW same AS (PARTITION BY {_CONTENT})
QUALIFY row_number() OVER (same ORDER BY container, path) = 1
ORDER BY copies DESC, size_bytes DESC NULLS LAST, container, path
"""  # noqa: S608  (our own column names)


def _in_utc(row: dict[str, Any]) -> dict[str, Any]:
    """Give the times of a row their zone, which the store has no room for."""
    if row["modified_at"] is not None:
        row["modified_at"] = row["modified_at"].replace(tzinfo=UTC)
    for match in row["matches"]:
        match["asserted_at"] = match["asserted_at"].replace(tzinfo=UTC)
    return row


def _connect(*, memory: str, threads: int, spill: str) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(
        ":memory:",
        config={
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "memory_limit": memory,
            "threads": threads,
            "temp_directory": spill,
        },
    )


def _expression(name: str, kind: str) -> str:
    if name in _FROM_JSON:
        return _FROM_JSON[name]
    return f"from_base64({name})" if kind == "BLOB" else name


def _quoted(path: Path) -> str:
    return "'" + str(path.absolute()).replace("'", "''") + "'"


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
