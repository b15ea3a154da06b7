# SPDX-License-Identifier: Apache-2.0
"""What the parts of pages are given: reasons and charts.

- A chart is its finding, its description and its table; the drawing is made from the same rows.
- At most five series in a chart: more is a table.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

MAX_SERIES = 5


@dataclass(frozen=True, slots=True)
class Reason:
    """One part of why; `holds` is None for a mere fact."""

    text: str
    holds: bool | None = None


class Drawing(StrEnum):
    """How a chart is drawn."""

    TIME = "time"  # first column: days as YYYY-MM-DD
    BARS = "bars"
    COUNTRIES = "countries"  # a map, its table open beside it; first column: ISO 3166 codes, which the browser names


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart and the table behind it.

    name     its id on the page
    finding  the title: what the figures say
    columns  the words of the table's head; the first names the axis
    rows     one a line, as many values as columns
    csv      where the rows are to be had as a file, empty for none
    """

    name: str
    drawing: Drawing
    finding: str
    description: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]
    csv: str = ""

    def __post_init__(self) -> None:
        if len(self.columns) - 1 > MAX_SERIES:
            raise ValueError(f"a chart shows at most {MAX_SERIES} series")

    @property
    def rows_id(self) -> str:
        """Return the id of the element that holds the rows."""
        return f"{self.name}-rows"

    @property
    def drawn(self) -> dict[str, Any]:
        """Return what the browser draws from."""
        return {"drawing": self.drawing.value, "columns": self.columns, "rows": [list(row) for row in self.rows]}
