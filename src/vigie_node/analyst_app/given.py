# SPDX-License-Identifier: Apache-2.0
"""What an address or a form gives: words, ids, numbers, days.

- Where no form of Django reads it, text that is no id or number counts as nothing given: the page is shown without it.
- What has weight begins unchosen: nobody states by haste what stood first in a list.
- A day lies where others can be counted from it, in any time zone.
"""

import uuid
from collections.abc import Iterable
from datetime import date
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.translation import gettext

_MOST_DIGITS = 18  # of a number that fits a row of the database


class DayField(forms.DateField):
    """A day."""

    widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    default_validators = [MinValueValidator(date(1900, 1, 1)), MaxValueValidator(date(2999, 12, 31))]  # noqa: RUF012 - as in Django


def unchosen(choices: Iterable[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Return what a field offers, with nothing chosen yet."""
    return [("", gettext("choose one")), *choices]


def words_of(text: str) -> str:
    """Return a text without spaces around it, and without zeros: no column of PostgreSQL takes one."""
    return text.replace("\0", "").strip()


def id_of(text: str) -> uuid.UUID | None:
    """Return the id that a text is, None where it is none."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def number_of(text: str) -> int | None:
    """Return the number that a text is, None where it is none or no row could have it."""
    return int(text) if text.isdecimal() and len(text) <= _MOST_DIGITS else None
