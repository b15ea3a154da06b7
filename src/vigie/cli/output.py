# SPDX-License-Identifier: Apache-2.0
"""What commands print: JSON lines for programs, a table for people; progress beside it.

- Standard output carries the results alone; on a terminal (and without `--json`) as a table, otherwise as JSON lines.
- Names come from outside: what is not printable in them is escaped before a person sees it.
- Progress goes to standard error: a bar on a terminal, otherwise a line every ten seconds.
"""

import base64
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import msgspec

from vigie.evidence.row import visible_name

_LINE_SECONDS = 10.0
_TABLE_ROWS = 200

Row = Mapping[str, Any]


def wants_json(*, asked: bool) -> bool:
    """Say whether results are printed as JSON lines."""
    return asked or not sys.stdout.isatty()


def print_rows(rows: Iterable[Row], *, as_json: bool, columns: Sequence[tuple[str, Callable[[Row], str]]]) -> None:
    """Print rows as they come: all their fields as JSON, or these columns as tables."""
    if as_json:
        for row in rows:
            sys.stdout.write(msgspec.json.encode(row).decode() + "\n")
        return
    from rich.console import Console  # noqa: PLC0415 - programs that read JSON need not load it
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = Console()
    remaining = iter(rows)
    while page := list(islice(remaining, _TABLE_ROWS)):
        table = Table(box=None, pad_edge=False)
        for name, _ in columns:
            table.add_column(name, overflow="fold")
        for row in page:
            table.add_row(*(Text(value(row)) for _, value in columns))
        console.print(table, highlight=False)


def named(path: str | bytes | os.PathLike[str]) -> dict[str, str | None]:
    """Give a path as `path` (printable text) and `path_bytes` (base64, only where the text is not the exact name)."""
    raw = os.fsencode(path)
    text = visible_name(raw)
    return {"path": text, "path_bytes": None if text.encode() == raw else base64.b64encode(raw).decode()}


@dataclass(frozen=True, slots=True)
class Done:
    """How far the work is: files and bytes, of how many; totals are 0 where they are not known yet."""

    files: int
    total_files: int
    size_bytes: int
    total_bytes: int
    note: str = ""


class ProgressLine:
    """Tells how far the work is, at what rate, and how long it will take; never more than it needs to."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._began = self._told = time.monotonic()
        self._on_terminal = sys.stderr.isatty()
        self._width = 0

    def tell(self, done: Done) -> None:
        """Say how far it is, if it is time to say so again."""
        now = time.monotonic()
        if now - self._told < (0.2 if self._on_terminal else _LINE_SECONDS):
            return
        self._told = now
        self._write(self._text(done, now - self._began))

    def end(self, done: Done | None = None) -> None:
        """Say how it ended and leave the line."""
        if done is not None and (self._on_terminal or self._told > self._began):
            self._write(self._text(done, time.monotonic() - self._began))
        if self._on_terminal and self._width:
            sys.stderr.write("\n")

    def _write(self, text: str) -> None:
        if self._on_terminal:
            text = text[: shutil.get_terminal_size().columns - 1]
            sys.stderr.write("\r" + text.ljust(self._width))
            self._width = len(text)
        else:
            sys.stderr.write(text + "\n")
        sys.stderr.flush()

    def _text(self, done: Done, seconds: float) -> str:
        rate = done.files / seconds if seconds else 0.0
        parts = [f"{self._what}: {done.files} files"]
        if done.total_files:
            share = done.size_bytes / done.total_bytes if done.total_bytes else done.files / done.total_files
            parts[0] += f" of {done.total_files} ({share:.0%})"
            if share:
                parts.append(f"{_duration(seconds / share - seconds)} left")
        parts.insert(1, f"{rate:.1f} files/s, {done.size_bytes / 1e6 / seconds if seconds else 0:.1f} MB/s")
        return ", ".join([*parts, done.note] if done.note else parts)


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
