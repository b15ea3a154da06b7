# SPDX-License-Identifier: Apache-2.0
"""Insert rows fast, one or thousands: the one place that goes past the models' own saving.

- The caller's transaction, the caller's checks: constraints of the database hold as everywhere.
- Values are given as the models have them, and turned into what each database takes here.
"""

import functools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, models

Rows = Sequence[tuple[Any, ...]]
Column = Sequence[Any]
Turn = Callable[[Column], Column]
_AT_ONCE = 1000  # values in one statement


@dataclass(frozen=True, slots=True)
class Ready:
    """Rows as the database takes them; made before the transaction, so that it holds nobody up for it."""

    model: type[models.Model]
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


def ready(model: type[models.Model], names: Sequence[str], rows: Rows) -> Ready:
    """Turn rows, whose values stand in the order of the fields' names, into what the database takes."""
    columns, turns = _columns(model, tuple(names))
    turned = [turn(column) for turn, column in zip(turns, zip(*rows, strict=True), strict=False)]
    return Ready(model, columns, list(zip(*turned, strict=True)))


@functools.cache
def _columns(model: type[models.Model], names: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[Turn, ...]]:
    """Return the columns of these fields, and what turns the values of each."""
    fields = [model._meta.get_field(name) for name in names]
    return tuple(str(field.column) for field in fields), tuple(_turn(field) for field in fields)  # type: ignore[union-attr]


def create(objects: Sequence[models.Model]) -> None:
    """Insert new objects of one model, numbered by the database, and tell each its number; for few at a time."""
    if not objects:
        return
    model = type(objects[0])
    names = _given_names(model)
    portion = max(1, _AT_ONCE // len(names))
    for begin in range(0, len(objects), portion):
        part = objects[begin : begin + portion]
        given = ready(model, names, [tuple(getattr(one, name) for name in names) for one in part])
        places = ", ".join([f"({', '.join(['%s'] * len(names))})"] * len(part))
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {_place(model, given.columns)} VALUES {places} RETURNING id",  # noqa: S608
                [value for row in given.rows for value in row],
            )
            # Numbers are given in the order of the rows; in which order they are returned, no database promises.
            for one, (number,) in zip(part, sorted(cursor.fetchall()), strict=True):
                one.pk = number


@functools.cache
def _given_names(model: type[models.Model]) -> tuple[str, ...]:
    return tuple(field.attname for field in model._meta.concrete_fields if not field.primary_key)


def _place(model: type[models.Model], columns: Sequence[str]) -> str:
    table, *names = map(connection.ops.quote_name, [model._meta.db_table, *columns])
    return f"{table} ({', '.join(names)})"


def insert(given: Ready, *, numbers: Sequence[int] | None = None, ignore_conflicts: bool = False) -> None:
    """Insert rows; `numbers` are their row numbers, where they were taken before."""
    if not given.rows:
        return
    rows, names = given.rows, given.columns
    if numbers is not None:
        rows, names = [(number, *row) for number, row in zip(numbers, rows, strict=True)], ("id", *names)
    place = _place(given.model, names)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql" and not ignore_conflicts:
            with cursor.copy(f"COPY {place} FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            return
        values = ", ".join(["%s"] * len(names))
        ending = " ON CONFLICT DO NOTHING" if ignore_conflicts else ""
        cursor.executemany(f"INSERT INTO {place} VALUES ({values}){ending}", rows)  # noqa: S608


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


def _turn(field: Any) -> Turn:  # noqa: ANN401 - Django's fields have no common type that says this
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
