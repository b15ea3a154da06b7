# SPDX-License-Identifier: Apache-2.0
"""Record an event, in the transaction of the change it describes.

- The event is inserted, nothing is locked and nothing is read: its place and its hash are given later by the sequencer.
- What is not committed leaves no event, and what is committed always has one.
"""

from datetime import datetime

from django.db import connection

from vigie_node.audit import records
from vigie_node.audit.events import Event
from vigie_node.base.actor import Actor
from vigie_node.base.ids import new_id

_INSERT = "INSERT INTO audit_pendingevent (record) VALUES (%s)"


def record(event: Event, *, subject: object, by: Actor, at: datetime, **details: object) -> None:
    """Record an event; inside the caller's transaction.

    Details: ids, counts, states and codes (text of at most 64 characters, whole numbers, yes, no, lists of them);
             never a fingerprint, a URL, a name or free text, which are refused.
    Raises:  ValueError for such details, RuntimeError outside of a transaction: both are bugs of the caller.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("an event is recorded in the transaction of the change it describes")
    written = records.encode(new_id(at), event, subject=subject, by=by, at=at, details=details)
    # No RETURNING: a face that may only insert events need not be able to read them.
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [written])
