# SPDX-License-Identifier: Apache-2.0
"""The files that an import reads: lists of the engine, CSV, JSON lines, bare columns; a portion of lines at a time.

- A place says how far the file was read; reading goes on from any place, in bounded memory.
- A list of the engine is read as the JSON lines that `vigie list export` writes of it, so every kind of file is held to
  the same checks, and each record is kept word for word as a line.
- A file whose last line is cut off is refused as a whole: what would have followed nobody knows.
"""

import hashlib
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from vigie.errors import UntrustedError
from vigie.index.snapshot import ForeignFileError
from vigie.lists import columns, exporting, reading
from vigie.lists import file as list_file
from vigie.lists.columns import Columns
from vigie.lists.entries import Claim, Entry
from vigie.lists.file import Keys
from vigie.lists.portions import Portions
from vigie.lists.reading import MAX_LINE_BYTES, EmptySourceError, Form
from vigie.lists.rows import Given, Remark

LIST = "list"
LINES = "lines"
NO_TIME = datetime.min.replace(tzinfo=UTC)  # stands for: the line states no time
_BOM = b"\xef\xbb\xbf"
_BLOCK_BYTES = 4 * 1024 * 1024
_COPY_BYTES = 1024 * 1024
_CUT = frozenset(  # how a line that was cut off is refused
    f"lists.{code}"
    for code in ("malformed-json", "malformed-quotes", "field-count", "hex-length", "not-utf8", "malformed-time")
)


class TruncatedFileError(UntrustedError):
    """The file ends in the middle of a line."""

    code = "catalogue.truncated-file"


@dataclass(frozen=True, slots=True)
class Place:
    """How far a file was read: the line that comes next, and where it begins."""

    line: int = 1
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Item:
    """One line: its number, where the next begins, its text, and the entry it is or why it is none."""

    line: int
    after: Place
    document: str
    entry: Entry | None
    refused: Remark | None = None
    left_out: int = 0  # values of it that may never match


class LineSource(Protocol):
    """Where lines come from."""

    form: Form

    def lines(self, place: Place, *, limit: int) -> list[tuple[int, Place, bytes | None]]:
        """Return the next lines, each with its number and where the next begins; none at the end."""
        ...


def open_source(path: Path, *, kind: str) -> LineSource:
    """Open a file that was taken in before.

    Raises:  EmptySourceError, UnknownColumnsError, AmbiguousHexError; those of `vigie.lists.file.open_list`.
    """
    return _ListFile(path) if kind == LIST else _TextFile(path)


def read(source: LineSource, place: Place, *, given: Claim, limit: int) -> list[Item]:
    """Read the next lines.

    `given` is the class and the source of lines that state none.
    Raises:  TruncatedFileError; DamagedFileError.
    """
    found = source.lines(place, limit=limit)
    asked = Given(given, NO_TIME)
    part = reading.part_of([(number, content) for number, _, content in found], form=source.form, given=asked)
    entries = dict(zip(part.lines, columns.to_entries(part.columns), strict=True))
    refused: dict[int, Remark] = {}
    for remark in part.refused:
        refused.setdefault(remark.line, remark)
    left_out: dict[int, int] = {}
    for remark in part.left_out:
        left_out[remark.line] = left_out.get(remark.line, 0) + 1
    return [
        Item(
            number, after, "" if number in refused else (content or b"").decode(), entries.get(number),
            refused.get(number), left_out.get(number, 0),
        )
        for number, after, content in found
    ]  # fmt: skip


def kind_of(path: Path, *, keys: Keys, now: datetime) -> tuple[str, int | None, dict[str, object]]:
    """Tell what a file is, how many entries it says it has, and what else it says of itself.

    A list is opened, its signature and validity checked.

    Raises:  EmptySourceError, UnknownColumnsError, AmbiguousHexError; those of `vigie.lists.file.open_list`.
    """
    try:
        opened = list_file.open_list(path, now=now, keys=keys)
    except ForeignFileError:
        form = _TextFile(path).form
        return LINES, None, {"form": form.source, "columns": list(form.names)}
    info = opened.info
    about = {"list": info.name, "issuer": info.issuer, "version": info.version, "signed": opened.is_signed}
    return LIST, len(opened), about


def copy(path: Path, to: Path) -> tuple[str, int]:
    """Copy a file to where only we change it; return its SHA-256 and how many lines it has."""
    digest, lines, last = hashlib.sha256(), 0, b""
    descriptor = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with path.open("rb") as source, os.fdopen(descriptor, "wb") as target:
        while block := source.read(_COPY_BYTES):
            digest.update(block)
            lines += block.count(b"\n")
            last = block[-1:]
            target.write(block)
        target.flush()
        os.fsync(target.fileno())
    return digest.hexdigest(), lines + (last not in {b"", b"\n"})


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of text; the last of a file may lack its end."""

    number: int
    after: Place
    content: bytes | None
    has_end: bool


class _TextFile:
    """Lines of text, from a byte of the file on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        first = next(iter(self._read(Place(), limit=1)), None)
        if first is None:
            raise EmptySourceError(reading.EMPTY)
        self.form = reading.form_of(first.content or b"")
        self._rows_begin = Place() if self.form.has_row_first else first.after

    def lines(self, place: Place, *, limit: int) -> list[tuple[int, Place, bytes | None]]:
        """Return the next lines that are not blank.

        Raises:  TruncatedFileError.
        """
        found = self._read(max(place, self._rows_begin, key=lambda one: one.offset), limit=limit)
        if found and not found[-1].has_end:
            self._check_whole(found[-1])
        return [(one.number, one.after, one.content) for one in found]

    def _read(self, place: Place, *, limit: int) -> list[_Line]:
        found: list[_Line] = []
        number, size = place.line, 0
        with self._path.open("rb") as file:
            file.seek(place.offset)
            while len(found) < limit and size < _BLOCK_BYTES:
                line = file.readline(MAX_LINE_BYTES + 1)
                if not line:
                    break
                is_over = len(line) > MAX_LINE_BYTES
                while is_over and line and not line.endswith(b"\n"):
                    line = file.readline(MAX_LINE_BYTES)
                has_end = line.endswith(b"\n")
                content = line.removesuffix(b"\n").removesuffix(b"\r")
                content = content.removeprefix(_BOM) if number == 1 else content
                if is_over or content.strip():
                    found.append(_Line(number, Place(number + 1, file.tell()), None if is_over else content, has_end))
                    size += len(content)
                number += 1
        return found

    def _check_whole(self, last: _Line) -> None:
        """Refuse a file whose last line has no end and cannot be read; a whole line without its end is one."""
        given = Given(Claim("demonstration", "sample", "anybody"), NO_TIME)
        refused = reading.part_of([(last.number, last.content)], form=self.form, given=given).refused
        if any(remark.code in _CUT for remark in refused):
            raise TruncatedFileError("the file ends in the middle of a line; get it again, whole")


class _ListFile:
    """The entries of a list of the engine, as lines of JSON."""

    form = Form("json", (), has_row_first=True)

    def __init__(self, path: Path) -> None:
        self._portions = Portions(list_file.open_list(path, now=None))

    def lines(self, place: Place, *, limit: int) -> list[tuple[int, Place, bytes | None]]:
        """Return the next entries."""
        start = place.line - 1
        found: Columns = self._portions.read(start, start + limit) if start < len(self._portions) else _NOTHING
        return [
            (start + number, Place(start + number + 1, start + number), line.rstrip(b"\n"))
            for number, line in enumerate(exporting.to_json_lines(found), 1)
        ]


_NOTHING = columns.of_entries(())
