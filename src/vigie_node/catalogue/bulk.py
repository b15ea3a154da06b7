# SPDX-License-Identifier: Apache-2.0
"""Insert thousands of rows at once: the one place that goes past the models' own saving, for its speed.

- The caller's transaction, the caller's checks: constraints of the database hold as everywhere.
- Values are given as the models have them, and turned into what each database takes here.
"""

import json
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from django.db import connection, models

from vigie_node.catalogue.identity import db_uuid

Rows = Sequence[tuple[Any, ...]]


def insert(model: type[models.Model], names: Sequence[str], rows: Rows, *, ignore_conflicts: bool = False) -> None:
    """Insert rows whose values stand in the order of the fields' names."""
    if not rows:
        return
    fields = [model._meta.get_field(name) for name in names]
    turn = [_turning(field) for field in fields]
    turned = [tuple(one(value) for one, value in zip(turn, row, strict=True)) for row in rows]
    quote = connection.ops.quote_name
    columns = ", ".join(quote(str(field.column)) for field in fields)  # type: ignore[union-attr]
    table = quote(model._meta.db_table)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql" and not ignore_conflicts:
            with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                for row in turned:
                    copy.write_row(row)
            return
        values = ", ".join(["%s"] * len(fields))
        ending = " ON CONFLICT DO NOTHING" if ignore_conflicts else ""
        cursor.executemany(f"INSERT INTO {table} ({columns}) VALUES ({values}){ending}", turned)  # noqa: S608


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


def _turning(field: Any) -> Callable[[Any], Any]:  # noqa: ANN401 - Django's fields have no common type that says this
    target = field.target_field if field.is_relation else field
    match target:
        case models.UUIDField():
            return _uuid
        case models.DateTimeField():
            return connection.ops.adapt_datetimefield_value
        case models.JSONField():
            return json.dumps
        case _:
            return _as_it_is


def _uuid(value: uuid.UUID | None) -> uuid.UUID | str | None:
    return None if value is None else db_uuid(value)


def _as_it_is(value: object) -> object:
    return value
