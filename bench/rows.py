# SPDX-License-Identifier: Apache-2.0
"""One row of the table: what was measured, for us and for the peer, and whether it is enough.

- A row holds measured figures only; what could not be measured is a row with its reason.
- The ratio is always "how many times better we are", whichever way better lies.
- The verdict follows from the figures; nobody writes it.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum


class Better(StrEnum):
    """Which way a figure should go."""

    LESS = "less"
    MORE = "more"


class Judged(StrEnum):
    """What the goal speaks of: the ratio to the peer, or our figure itself."""

    RATIO = "ratio"
    OURS = "ours"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table. A figure that does not apply is None; without `ours` the note says why."""

    what: str
    unit: str
    ours: float | None
    peer: float | None = None
    against: str = ""
    better: Better = Better.LESS
    judged: Judged = Judged.OURS
    must: float | None = None
    aim: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times better than the peer; None where there is no peer's figure."""
        if not self.ours or not self.peer:
            return None
        return self.peer / self.ours if self.better is Better.LESS else self.ours / self.peer

    @property
    def verdict(self) -> str:
        """Say whether the figure reaches the aim, the must, or neither."""
        if self.ours is None:
            return "skipped"
        figure = self.ratio if self.judged is Judged.RATIO else self.ours
        if self.must is None and self.aim is None:
            return "–"
        if figure is None:
            return "no peer"
        upwards = self.judged is Judged.RATIO or self.better is Better.MORE
        if self.aim is not None and _reaches(figure, self.aim, upwards=upwards):
            return "aim"
        if self.must is not None and _reaches(figure, self.must, upwards=upwards):
            return "reached"
        return "NOT REACHED" if self.must is not None else "below aim"


def _reaches(figure: float, goal: float, *, upwards: bool) -> bool:
    return figure >= goal if upwards else figure <= goal


def number(value: float | None) -> str:
    """Print a figure with three significant digits, without an exponent."""
    if value is None:
        return "–"
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.3g}"


def _goal(row: Row, goal: float | None) -> str:
    if goal is None:
        return "–"
    if row.judged is Judged.RATIO:
        return f"{number(goal)}×"
    return f"{'≤' if row.better is Better.LESS else '≥'} {number(goal)}"


HEAD = ("what", "unit", "ours", "peer", "ratio", "must", "aim", "verdict")


def cells(row: Row) -> tuple[str, ...]:
    """Print one row's cells, in the order of HEAD."""
    ratio = f"{number(row.ratio)}×" if row.ratio is not None else "–"
    peer = f"{number(row.peer)} ({row.against})" if row.peer is not None else row.against or "–"
    must, aim = _goal(row, row.must), _goal(row, row.aim)
    return row.what, row.unit, number(row.ours), peer, ratio, must, aim, row.verdict


def table(rows: Iterable[Row]) -> str:
    """Lay the rows out for a terminal, each note below its row."""
    rows = list(rows)
    lines = [HEAD, *(cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    printed = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    ]
    for row, at in zip(reversed(rows), range(len(printed), 1, -1), strict=True):
        if row.note:
            printed.insert(at, f"    {row.note}")
    return "\n".join(printed)


def markdown(rows: Iterable[Row]) -> str:
    """Lay the rows out as a table of the documents, notes in the last column."""
    lines = [(*HEAD, "note"), ("---",) * (len(HEAD) + 1), *((*cells(row), row.note) for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def plain(row: Row) -> dict[str, object]:
    """Give the row with its ratio and verdict, for the JSON file."""
    return {**asdict(row), "ratio": row.ratio, "verdict": row.verdict}
