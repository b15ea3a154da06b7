# SPDX-License-Identifier: Apache-2.0
"""Delete what accounts need no longer: counts of keys, spent links, failed sign-ins; people and keys of long ago.

- A person goes ten years after their access ended, with their address, name, roles and second factors. The audit keeps
  the id, which then says nothing of who it was. A key goes ten years after it was revoked or expired.
- Who may still sign in, and a key that may still ask, is never deleted.
"""

from datetime import datetime, timedelta

from axes.models import AccessAttempt
from django.db import transaction
from django.db.models import Model, Q

from vigie_node.accounts import models
from vigie_node.audit import actions as audit
from vigie_node.audit.events import Event
from vigie_node.base.actor import Actor
from vigie_node.base.retention import YEAR
from vigie_node.changes import actions as changes
from vigie_node.changes.topics import Topic

KEY_DAYS_KEPT = timedelta(days=400)
LINKS_KEPT = YEAR
ENDED_KEPT = 10 * YEAR
ATTEMPTS_KEPT = timedelta(days=1)
AT_ONCE = 1000  # rows of a kind in one short transaction


@transaction.atomic
def tidy(*, by: Actor, now: datetime) -> bool:
    """Delete some of what is too old, and tell whether more may wait.

    Audit:   ACCOUNTS_TIDIED, with how many rows of each kind; none where nothing was too old.
    """
    ended = now - ENDED_KEPT
    counts = {
        "key_days": _delete(models.KeyDay, Q(day__lt=(now - KEY_DAYS_KEPT).date())),
        "links": _delete(models.EnrolmentLink, Q(issued_at__lt=now - LINKS_KEPT)),
        "attempts": _delete(AccessAttempt, Q(attempt_time__lt=now - ATTEMPTS_KEPT)),
        "keys": _delete(models.Key, Q(revoked_at__lt=ended) | Q(expires_at__lt=ended)),
        "people": _delete(models.Person, Q(ended_at__lt=ended)),
    }
    if any(counts.values()):
        audit.record(Event.ACCOUNTS_TIDIED, subject="accounts", by=by, at=now, **counts)
    if counts["keys"]:
        changes.append(Topic.KEYS, now=now)  # without a subject: every process reads all keys again
    return max(counts.values()) == AT_ONCE


def _delete(model: type[Model], too_old: Q) -> int:
    """Delete some rows with what hangs on them; return how many rows of the kind."""
    some = list(model._default_manager.filter(too_old).order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
    model._default_manager.filter(pk__in=some).delete()
    return len(some)
