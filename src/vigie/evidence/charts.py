# SPDX-License-Identifier: Apache-2.0
"""Plots as inline SVG: text in, text out.

- Lengths are percentages and text keeps its size, so that a plot is readable on a telephone and in print.
- Colours are classes of the style sheet; every bar has its word and its number beside it.
- A value above nothing is always visible; the axis starts at nothing and names its unit.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

ROW_PX = 44
AXIS_PX = 36
_SMALLEST_PX = 3  # one known file among a million must not vanish


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its word, its value, the value as written, and its style class."""

    word: str
    value: int
    written: str
    style: str


def bars(rows: Sequence[Bar], *, ident: str, title: str, unit: str, top: int, top_written: str) -> Markup:
    """Draw horizontal bars on a linear axis from 0 to `top`.

    Order:   as given, downwards.
    """
    height = len(rows) * ROW_PX + AXIS_PX
    told = "; ".join(f"{row.word}: {row.written}" for row in rows)
    drawn = Markup("").join(_bar(row, y=number * ROW_PX, top=top) for number, row in enumerate(rows))
    base = len(rows) * ROW_PX
    return Markup(
        '<svg class="bars" width="100%" height="{height}" role="img" aria-labelledby="{ident}-title {ident}-told">'
        '<title id="{ident}-title">{title}</title><desc id="{ident}-told">{told}</desc>'
        '{drawn}<line class="axis" x1="0" x2="100%" y1="{base}" y2="{base}"/>'
        '<text class="tick" x="0" y="{text}">0</text>'
        '<text class="tick" x="50%" y="{text}" text-anchor="middle">{unit}</text>'
        '<text class="tick" x="100%" y="{text}" text-anchor="end">{top}</text></svg>'
    ).format(
        height=height, ident=ident, title=title, told=told, drawn=drawn, base=base, text=base + 20, unit=unit,
        top=top_written,
    )  # fmt: skip


def axis_end(values: Sequence[int]) -> int:
    """Give the round number (1, 2 or 5 times a power of ten) that an axis ends at."""
    largest = max(values, default=0)
    power = 1
    while True:
        for step in (1, 2, 5):
            if step * power >= largest:
                return step * power
        power *= 10


def _bar(row: Bar, *, y: int, top: int) -> Markup:
    share = f"{100 * row.value / top:.3f}" if top else "0"
    return Markup(
        '<text class="word" x="0" y="{text}">{word}</text>'
        '<text class="value" x="100%" y="{text}" text-anchor="end">{written}</text>'
        '<rect class="track" x="0" y="{y}" width="100%" height="12"/>{bar}'
    ).format(text=y + 17, word=row.word, written=row.written, y=y + 24, bar=_filled(row, y=y + 24, share=share))


def _filled(row: Bar, *, y: int, share: str) -> Markup:
    if row.value == 0:
        return Markup("")
    return Markup(
        '<rect class="{style}" x="0" y="{y}" width="{least}" height="12"/>'
        '<rect class="{style}" x="0" y="{y}" width="{share}%" height="12"/>'
    ).format(style=row.style, y=y, least=_SMALLEST_PX, share=share)
