# SPDX-License-Identifier: Apache-2.0
"""Insert thousands of rows at once: the one place that goes past the models' own saving, for its speed.

- The caller's transaction, the caller's checks: constraints of the database hold as everywhere.
- Values are given as the models have them, and turned into what each database takes here.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, models

Rows = Sequence[tuple[Any, ...]]
Column = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Ready:
    """Rows as the database takes them; made before the transaction, so that it holds nobody up for it."""

    model: type[models.Model]
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


def ready(model: type[models.Model], names: Sequence[str], rows: Rows) -> Ready:
    """Turn rows, whose values stand in the order of the fields' names, into what the database takes."""
    fields = [model._meta.get_field(name) for name in names]
    turned = [_turn(field)(column) for field, column in zip(fields, zip(*rows, strict=True), strict=False)]
    columns = tuple(str(field.column) for field in fields)  # type: ignore[union-attr]
    return Ready(model, columns, list(zip(*turned, strict=True)))


def insert(given: Ready, *, numbers: Sequence[int] | None = None, ignore_conflicts: bool = False) -> None:
    """Insert rows; `numbers` are their row numbers, where they were taken before."""
    if not given.rows:
        return
    rows, names = given.rows, given.columns
    if numbers is not None:
        rows, names = [(number, *row) for number, row in zip(numbers, rows, strict=True)], ("id", *names)
    table = connection.ops.quote_name(given.model._meta.db_table)
    columns = ", ".join(map(connection.ops.quote_name, names))
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql" and not ignore_conflicts:
            with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            return
        values = ", ".join(["%s"] * len(names))
        ending = " ON CONFLICT DO NOTHING" if ignore_conflicts else ""
        cursor.executemany(f"INSERT INTO {table} ({columns}) VALUES ({values}){ending}", rows)  # noqa: S608


def row_numbers(model: type[models.Model], count: int) -> list[int]:
    """Take numbers for rows to be inserted in this transaction; nobody else gets them."""
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)", [table, count]
            )
            return [row[0] for row in cursor.fetchall()]
        cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
        row = cursor.fetchone()
        last = row[0] if row else 0
    return list(range(last + 1, last + 1 + count))


def _turn(field: Any) -> Callable[[Column], Column]:  # noqa: ANN401 - Django's fields have no common type that says this
    match field.target_field if field.is_relation else field:
        case models.UUIDField():
            return _as_it_is if connection.features.has_native_uuid_field else _hex
        case models.DateTimeField():
            return _times
        case models.JSONField():
            return _json
        case _:
            return _as_it_is


def _hex(column: Column) -> Column:
    return [None if value is None else value.hex for value in column]


def _times(column: Column) -> Column:
    turned = {value: connection.ops.adapt_datetimefield_value(value) for value in set(column)}
    return [turned[value] for value in column]


def _json(column: Column) -> Column:
    return [json.dumps(value) for value in column]


def _as_it_is(column: Column) -> Column:
    return column
