# SPDX-License-Identifier: Apache-2.0
"""Lists as files.

- A cell that a spreadsheet would take for a formula starts with an apostrophe: the text comes from outside.
- Times are ISO 8601 in UTC, numbers are plain: the file is for programs.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.http import HttpResponse

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_answer(name: str, *, header: Sequence[str], rows: Iterable[Sequence[object]]) -> HttpResponse:
    """Answer with a CSV file of this name."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows([cell(value) for value in row] for row in rows)
    answer = HttpResponse(text.getvalue(), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return answer


def cell(value: object) -> object:
    """Write one cell."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
