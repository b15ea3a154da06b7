# SPDX-License-Identifier: Apache-2.0
"""Write to the change log.

- Called last in the transaction of the change itself, so that nobody hears of what was not committed.
- Positions follow the order of commits on both databases: SQLite has one writer at a time; on PostgreSQL, where a
  sequence would let a late commit slip in behind the readers, a lock is held from here to the commit (ADR 0041).
"""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from django.db import connection

from vigie_node.base import locks
from vigie_node.changes.models import Change
from vigie_node.changes.topics import Topic

MAX_ITEMS = 20_000
PRUNED_AT_ONCE = 5000
# In SQL, since every look-up that matches waits for it.
_INSERT = "INSERT INTO changes_change (topic, subject, items, at) VALUES (%s, %s, %s, %s) RETURNING position"


def append(topic: Topic, *, subject: object = "", items: Sequence[int] = (), now: datetime) -> int:
    """Note a change and return its position; inside the caller's transaction, as its last write.

    Items:   row numbers, at most MAX_ITEMS: a larger change is several transactions.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("a change is noted in the transaction that makes it")
    if len(items) > MAX_ITEMS:
        raise RuntimeError(f"a change names at most {MAX_ITEMS} rows")
    packed = np.asarray(items, "<i8").tobytes()
    at = connection.ops.adapt_datetimefield_value(now)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [locks.CHANGES])
        cursor.execute(_INSERT, [topic.value, str(subject), packed, at])
        return int(cursor.fetchone()[0])


def prune(*, up_to: int, before: datetime) -> int:
    """Delete the next changes up to a position, made before a time, that nobody needs; return how many.

    The last change is kept: its position is the log's.
    """
    last = Change.objects.order_by("-position").values_list("position", flat=True).first() or 0
    due = Change.objects.filter(position__lte=min(up_to, last - 1), at__lt=before).order_by("position")
    positions = list(due.values_list("position", flat=True)[:PRUNED_AT_ONCE])
    return Change.objects.filter(position__in=positions).delete()[0]
