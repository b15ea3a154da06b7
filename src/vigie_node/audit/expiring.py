# SPDX-License-Identifier: Apache-2.0
"""Delete records whose time is over: a few at a time, each portion with its event.

- They are found before the transaction that deletes them: nobody who writes waits for a search.
- What is due is asked again within it: a record that came to life meanwhile stays.
- Killed at any moment it goes on where it was; done twice, it does nothing the second time.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from vigie_node.audit import actions as audit
from vigie_node.audit.events import Event
from vigie_node.base.actor import Actor

AT_ONCE = 500  # rows in one transaction


def delete_due(kinds: Iterable[QuerySet[Any]], *, by: Actor, now: datetime) -> bool:
    """Delete some records of the first of these kinds that has any; return whether there were any: then call again.

    Audit:   RECORDS_EXPIRED, about the kind, with how many; none where nothing was due.
    """
    for due in kinds:
        found = list(due.order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
        if found:
            kind = due.model._meta.label
            with transaction.atomic():
                deleted = due.filter(pk__in=found).delete()[1].get(kind, 0)
                audit.record(Event.RECORDS_EXPIRED, subject=kind, by=by, at=now, count=deleted)
            return True
    return False
