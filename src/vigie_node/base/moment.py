# SPDX-License-Identifier: Apache-2.0
"""Read the database as it is at one moment, however long the reading takes.

- What others commit meanwhile is not seen, and nobody who writes waits.
- Nothing can be written in it: what is read is told, not acted on.
- While it lasts the database keeps what it would else give up (on SQLite its log grows): minutes, not days.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def one() -> Iterator[None]:
    """Have every read within see the database as the first of them does; outside of any transaction."""
    if connection.in_atomic_block:
        raise RuntimeError("a moment is read outside of any transaction")
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with transaction.atomic():
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                yield
            return
        cursor.execute("BEGIN DEFERRED")  # not `atomic`: that would take the only writer's place
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")
