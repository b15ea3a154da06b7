# SPDX-License-Identifier: Apache-2.0
"""A report's words, numbers and dates in English, French, Dutch and German.

- Texts are data (`report.toml`); every language has every text, and a plural where a number stands in it.
- Numbers, sizes, shares and times are written as the language writes them; times are in UTC and say so.
- A missing text or a missing value in one is a bug, never an empty place in a report.
"""

import functools
from datetime import UTC, datetime
from importlib import resources
from typing import Any

import msgspec

from vigie.errors import InvalidInputError

LANGUAGES = ("en", "fr", "nl", "de")

_THIN, _FIXED = "\u202f", "\u00a0"  # spaces that never break a number from its unit
_GROUPS = {"en": ",", "fr": _THIN, "nl": ".", "de": "."}
_POINTS = {"en": ".", "fr": ",", "nl": ",", "de": ","}
_PERCENT = {"en": "%", "fr": f"{_THIN}%", "nl": "%", "de": f"{_FIXED}%"}


class UnknownLanguageError(InvalidInputError):
    """There are no texts in this language."""

    code = "report.unknown-language"


class Wording:
    """The words of one language: call it with the name of a text and the values in it."""

    def __init__(self, language: str) -> None:
        """Take the texts of a language.

        Raises:  UnknownLanguageError.
        """
        if language not in LANGUAGES:
            raise UnknownLanguageError(f"reports are written in {', '.join(LANGUAGES)}: name one of these")
        self.language = language
        self._texts = texts()[language]

    def __call__(self, name: str, n: int | None = None, **values: str | int) -> str:
        """Say a text; `n` decides between its singular and plural, and stands in it as {n}."""
        found = self._texts
        for step in name.split("."):
            found = found[step]
        if isinstance(found, dict):
            found = found["one" if self._is_one(n) else "other"]
        shown = {key: self.number(value) if isinstance(value, int) else value for key, value in values.items()}
        return str(found).format(n="" if n is None else self.number(n), **shown)

    def of_code(self, code: str, otherwise: str | None) -> str:
        """Say the sentence of a reason or a problem; where there is none in this language, what it came with."""
        said = self._texts["codes"].get(code)
        return str(said) if said else otherwise or code

    def number(self, value: int) -> str:
        """Write a whole number in groups of three digits."""
        return f"{value:,}".replace(",", _GROUPS[self.language])

    def share(self, part: int, whole: int) -> str:
        """Write a part of a whole in percent, never rounding something to nothing or to all."""
        if whole == 0:
            return self("none")
        percent = 100 * part / whole
        if 0 < percent < 0.1:
            return "<" + _FIXED + self._decimal(0.1, 1) + _PERCENT[self.language]
        if 99.9 < percent < 100:
            return ">" + _FIXED + self._decimal(99.9, 1) + _PERCENT[self.language]
        return self._decimal(percent, 0 if percent in (0, 100) else 1) + _PERCENT[self.language]

    def size(self, size_bytes: int) -> str:
        """Write a size in decimal units, with three digits."""
        amount, units = float(size_bytes), self._texts["bytes"]
        if size_bytes < 1000:
            return self.number(size_bytes) + _FIXED + str(units[0])
        step = 0
        while amount >= 999.5 and step < len(units) - 1:
            amount, step = amount / 1000, step + 1
        return self._decimal(amount, max(0, 3 - len(str(int(amount))))) + _FIXED + str(units[step])

    def moment(self, iso: str | None) -> str:
        """Write a time to the minute, in UTC."""
        if iso is None:
            return self("not_recorded")
        at = datetime.fromisoformat(iso).astimezone(UTC)
        month = self._texts["months"][at.month - 1]
        return self("moment", day=str(at.day), month=month, year=str(at.year), time=f"{at:%H:%M}")

    def duration(self, seconds: float) -> str:
        """Write a stretch of time in its two largest units."""
        hours, minutes, rest = int(seconds) // 3600, int(seconds) // 60 % 60, int(seconds) % 60
        if hours:
            return f"{self.number(hours)}{_FIXED}h {minutes}{_FIXED}min"
        return f"{minutes}{_FIXED}min {rest}{_FIXED}s" if minutes else f"{rest}{_FIXED}s"

    def _decimal(self, value: float, places: int) -> str:
        return f"{value:.{places}f}".replace(".", _POINTS[self.language])

    def _is_one(self, n: int | None) -> bool:
        return n == 1 or (n == 0 and self.language == "fr")


@functools.cache
def texts() -> dict[str, Any]:
    """Return every text by language."""
    text = resources.files("vigie.evidence").joinpath("report.toml").read_bytes()
    return msgspec.toml.decode(text, type=dict[str, Any])
