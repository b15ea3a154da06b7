# SPDX-License-Identifier: Apache-2.0
"""Read entries from CSV, JSON lines or a bare column of hexadecimal digests.

- Line by line, in bounded memory, whatever the file: a line over the limit is refused, not read on.
- Each refusal names its line and the reason; by default one refusal refuses the whole file, and nothing is taken over.
- JSON lines are those of `vigie list export`, or of `vigie hash`, whose path, size and problem are not taken over.
- A bare column has one algorithm, told by the length of its first line; 64 digits may be SHA-256 or PDQ, so such a
  column says which on a first line of its own.

Format: docs/reference/list-format.md.
"""

import csv
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal

import msgspec

from vigie.errors import InvalidInputError
from vigie.fingerprints.values import Algorithm
from vigie.lists.columns import Columns, join
from vigie.lists.rows import VALUE_FIELDS, FrameText, Given, Remark, Rows, to_columns

MAX_LINE_BYTES = 16 * 1024 * 1024
MAX_REMARKS = 100  # of each sort kept for the report; all are counted
_CHUNK_LINES = 20_000
_CHUNK_BYTES = 32 * 1024 * 1024
_BLOCK_BYTES = 1024 * 1024
_BOM = b"\xef\xbb\xbf"

FINGERPRINT_COLUMNS = ("md5", "sha1", "sha256", *VALUE_FIELDS.values(), "frames")
COLUMNS = (
    "depiction",
    "kind",
    "md5",
    "sha1",
    "sha256",
    *itertools.chain.from_iterable((name, f"{name}_quality") for name in VALUE_FIELDS.values()),
    "frames",
    "recipe",
    "scheme",
    "label",
    "asserted_by",
    "asserted_at",
)
_BARE = {32: Algorithm.MD5, 40: Algorithm.SHA1}
_FRAME = re.compile(r"(\d{1,10})-(\d{1,10}):(\d{0,3}):([0-9A-Fa-f]*)", re.ASCII)


class UnknownColumnsError(InvalidInputError):
    """The first line does not name columns that a list has."""

    code = "lists.unknown-columns"


class EmptySourceError(InvalidInputError):
    """There is nothing to read."""

    code = "lists.empty-source"


class AmbiguousHexError(InvalidInputError):
    """A bare column of 64 digits may be SHA-256 or PDQ."""

    code = "lists.ambiguous-hex"


class RefusedRowsError(InvalidInputError):
    """Some rows are no entries, so nothing was taken over; `reading` says which and why."""

    code = "lists.refused-rows"

    def __init__(self, reading: "Reading") -> None:
        first = reading.refused[0]
        super().__init__(
            f"{reading.refused_count} of {reading.row_count} rows were refused and nothing was taken over; "
            f"the first, line {first.line}: {first.message}"
        )
        self.reading = reading


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read: the entries, and the first remarks of each sort with how many there were."""

    columns: Columns
    row_count: int
    refused: tuple[Remark, ...]
    refused_count: int
    left_out: tuple[Remark, ...]
    left_out_count: int


class _Frame(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    at_seconds: float
    pdq: str
    until_seconds: float | None = None
    pdq_quality: int | None = None


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One JSON line; the last four are of `vigie hash`, and only the size is looked at."""

    depiction: str | None = None
    kind: str | None = None
    md5: str | None = None
    sha1: str | None = None
    sha256: str | None = None
    pdq: str | None = None
    pdq_quality: int | None = None
    pdq_upright: str | None = None
    pdq_upright_quality: int | None = None
    pdq_borderless: str | None = None
    pdq_borderless_quality: int | None = None
    pdq_on_black: str | None = None
    pdq_on_black_quality: int | None = None
    frames: list[_Frame] | None = None
    recipe: str | None = None
    scheme: str | None = None
    label: str | None = None
    asserted_by: str | None = None
    asserted_at: str | None = None
    size_bytes: int | None = None
    path: str | None = None
    path_bytes: str | None = None
    problem: Any = None


_TEXT_COLUMNS = tuple(name for name in COLUMNS if name != "frames")
_DECODER = msgspec.json.Decoder(_Line)

EMPTY = "the file is empty; it should hold fingerprints as CSV, JSON lines or hexadecimal"
Source = Literal["json", "table", "hex"]
Line = tuple[int, bytes | None]


@dataclass(frozen=True, slots=True)
class Form:
    """How the lines of a file are cut: its source, its columns' names, and whether its first line is a row."""

    source: Source
    names: tuple[str, ...]
    has_row_first: bool


@dataclass(frozen=True, slots=True)
class Part:
    """What some lines hold: the entries with the line of each, and what was refused or left out."""

    columns: Columns
    lines: tuple[int, ...]
    refused: tuple[Remark, ...]
    left_out: tuple[Remark, ...]


@dataclass(slots=True)
class _Tally:
    """The remarks of one sort: the first of them, and how many."""

    first: list[Remark]
    count: int = 0

    def add(self, remarks: Sequence[Remark]) -> None:
        self.count += len(remarks)
        self.first += remarks[: MAX_REMARKS - len(self.first)]


def read(file: BinaryIO, *, given: Given, skip_bad: bool = False) -> Reading:
    """Read all entries of a file; with `skip_bad` those that are entries, reporting the others.

    Raises:  RefusedRowsError; UnknownColumnsError, EmptySourceError, AmbiguousHexError.
    """
    lines = _lines(file)
    first = next(lines, None)
    if first is None:
        raise EmptySourceError(EMPTY)
    form = form_of(first[1] or b"")
    if form.has_row_first:
        lines = itertools.chain([first], lines)
    parts: list[Columns] = []
    refused, left_out = _Tally([]), _Tally([])
    row_count = 0
    for chunk in _chunks(lines):
        part = part_of(chunk, form=form, given=given)
        parts.append(part.columns)
        refused.add(part.refused)
        left_out.add(part.left_out)
        row_count += len(chunk)
    found = Reading(join(parts), row_count, tuple(refused.first), refused.count, tuple(left_out.first), left_out.count)
    if refused.count and not skip_bad:
        raise RefusedRowsError(found)
    return found


def form_of(first: bytes) -> Form:
    """Tell from the first line of a file that is not blank how its lines are cut; an overlong line tells nothing.

    Raises:  UnknownColumnsError, AmbiguousHexError.
    """
    text = first.decode(errors="replace")
    if text.lstrip().startswith("{"):
        return Form("json", (), has_row_first=True)
    if len(text) in {32, 40, 64} and re.fullmatch(r"[0-9A-Fa-f]+", text):
        if len(text) not in _BARE:
            raise AmbiguousHexError("64 digits may be SHA-256 or PDQ; write sha256 or pdq on a line above them")
        return Form("hex", (_BARE[len(text)],), has_row_first=True)
    names = tuple(name.strip().lower() for name in _fields(text) or ())
    if unknown := [place for place, name in enumerate(names, 1) if name not in COLUMNS]:
        raise UnknownColumnsError(
            f"column {unknown[0]} is not one that a list has; the first line names some of: {', '.join(COLUMNS)}"
        )
    if len(set(names)) < len(names) or not set(names) & set(FINGERPRINT_COLUMNS):
        raise UnknownColumnsError("name each column once, and at least one column of fingerprints")
    return Form("table", names, has_row_first=False)


def part_of(lines: Sequence[Line], *, form: Form, given: Given) -> Part:
    """Read some lines of a file, each with its number and without its end.

    Order:   entries and remarks in the order of the lines.
    """
    rows, bad = _rows(lines, form.source, form.names)
    columns, not_entries, gated = to_columns(rows, given=given)
    gone = {remark.line for remark in not_entries}
    refused = sorted(bad + not_entries, key=lambda remark: remark.line)
    return Part(columns, tuple(line for line in rows.lines if line not in gone), tuple(refused), tuple(gated))


def _lines(file: BinaryIO) -> Iterator[Line]:
    """Yield each line that is not blank with its number, without its end; None for one over the limit."""
    number, carry, is_over = 1, b"", False
    while block := file.read(_BLOCK_BYTES):
        if number == 1 and not carry and block.startswith(_BOM):
            block = block[len(_BOM) :]
        *whole, carry = (carry + block).split(b"\n")
        for line in whole:
            is_over = is_over or len(line) > MAX_LINE_BYTES
            if is_over or line.strip():
                yield number, None if is_over else line.removesuffix(b"\r")
            number, is_over = number + 1, False
        if is_over or len(carry) > MAX_LINE_BYTES:
            is_over, carry = True, b""
    if is_over or carry.strip():
        yield number, None if is_over else carry.removesuffix(b"\r")


def _chunks(lines: Iterator[Line]) -> Iterator[list[Line]]:
    chunk: list[Line] = []
    size_bytes = 0
    for line in lines:
        chunk.append(line)
        size_bytes += len(line[1] or b"")
        if len(chunk) == _CHUNK_LINES or size_bytes > _CHUNK_BYTES:
            yield chunk
            chunk, size_bytes = [], 0
    if chunk:
        yield chunk


def _rows(chunk: Sequence[Line], source: Source, names: tuple[str, ...]) -> tuple[Rows, list[Remark]]:
    """Cut each line into its fields; return the rows, and the lines that could not be cut."""
    bad: list[Remark] = []
    texts: list[tuple[int, str]] = []
    for number, content in chunk:
        text = _text(number, content, bad)
        if text is not None:
            texts.append((number, text))
    return _json_rows(texts, bad) if source == "json" else _table_rows(texts, names, bad)


def _text(number: int, content: bytes | None, bad: list[Remark]) -> str | None:
    if content is None:
        limit = {"limit": MAX_LINE_BYTES}
        bad.append(Remark(number, "lists.line-too-long", "the line is longer than {limit} bytes", limit))
    elif b"\0" in content:
        bad.append(Remark(number, "lists.nul-byte", "the line has a NUL byte"))
    else:
        try:
            return content.decode()
        except UnicodeDecodeError:
            bad.append(Remark(number, "lists.not-utf8", "the line is not UTF-8"))
    return None


def _fields(text: str) -> list[str] | None:
    """Cut one line of CSV; None where its quotes are not in order."""
    if '"' not in text:
        return text.split(",")
    try:
        return next(csv.reader([text], strict=True), None)
    except csv.Error:
        return None


def _table_rows(texts: list[tuple[int, str]], names: tuple[str, ...], bad: list[Remark]) -> tuple[Rows, list[Remark]]:
    lines: list[int] = []
    table: list[list[str]] = []
    frames: list[Sequence[FrameText]] = []
    place = names.index("frames") if "frames" in names else -1
    for number, text in texts:
        fields = _fields(text)
        if fields is None:
            bad.append(Remark(number, "lists.malformed-quotes", "the quotes of the line are not in order"))
        elif len(fields) != len(names):
            counts = {"found": len(fields), "named": len(names)}
            bad.append(
                Remark(number, "lists.field-count", "the line has {found} fields; the first line names {named}", counts)
            )
        elif place >= 0 and (found := _table_frames(fields[place])) is None:
            bad.append(
                Remark(number, "lists.malformed-frame", "a frame is written start-end:quality:pdq, in milliseconds")
            )
        else:
            lines.append(number)
            table.append(fields)
            frames.append(found or () if place >= 0 else ())
    columns = dict(zip(names, zip(*table, strict=True), strict=False))
    columns.pop("frames", None)
    return Rows(lines, columns, frames, [None] * len(lines)), bad


def _table_frames(text: str) -> list[FrameText] | None:
    found = [_FRAME.fullmatch(part) for part in text.split()]
    if not all(found):
        return None
    return [(int(one[1]), int(one[2]), one[4], one[3]) for one in found if one]


def _json_rows(texts: list[tuple[int, str]], bad: list[Remark]) -> tuple[Rows, list[Remark]]:
    lines: list[int] = []
    rows: list[_Line] = []
    for number, text in texts:
        try:
            rows.append(_DECODER.decode(text))
            lines.append(number)
        except (msgspec.MsgspecError, RecursionError):
            bad.append(Remark(
                number, "lists.malformed-json",
                "the line is not a JSON object with the fields of an entry; see the list format",
            ))  # fmt: skip
    columns = {name: [_as_text(getattr(row, name)) for row in rows] for name in _TEXT_COLUMNS}
    frames: list[Sequence[FrameText]] = [[_json_frame(one) for one in row.frames or ()] for row in rows]
    return Rows(lines, columns, frames, [row.size_bytes for row in rows]), bad


def _as_text(value: str | int | None) -> str:
    return "" if value is None else str(value)


def _json_frame(frame: _Frame) -> FrameText:
    until = frame.at_seconds if frame.until_seconds is None else frame.until_seconds
    return _milliseconds(frame.at_seconds), _milliseconds(until), frame.pdq, _as_text(frame.pdq_quality)


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000) if 0 <= seconds < 2**32 else -1
