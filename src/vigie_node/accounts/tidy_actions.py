# SPDX-License-Identifier: Apache-2.0
"""Delete what accounts need no longer: counts of keys, spent links, failed sign-ins.

- People, grants and keys stay while the audit speaks of them; their periods end by hand of the operator.
"""

from datetime import datetime, timedelta

from axes.models import AccessAttempt
from django.db import transaction
from django.db.models import Model

from vigie_node.accounts import models
from vigie_node.audit import actions as audit
from vigie_node.audit.events import Event
from vigie_node.base.actor import Actor

KEY_DAYS_KEPT = timedelta(days=400)
LINKS_KEPT = timedelta(days=365)
ATTEMPTS_KEPT = timedelta(days=1)
AT_ONCE = 1000  # rows of a kind in one short transaction


@transaction.atomic
def tidy(*, by: Actor, now: datetime) -> bool:
    """Delete some of what is too old, and tell whether more may wait.

    Audit:   ACCOUNTS_TIDIED, with how many rows of each kind; none where nothing was too old.
    """
    counts = {
        "key_days": _delete(models.KeyDay, day__lt=(now - KEY_DAYS_KEPT).date()),
        "links": _delete(models.EnrolmentLink, issued_at__lt=now - LINKS_KEPT),
        "attempts": _delete(AccessAttempt, attempt_time__lt=now - ATTEMPTS_KEPT),
    }
    if any(counts.values()):
        audit.record(Event.ACCOUNTS_TIDIED, subject="accounts", by=by, at=now, **counts)
    return max(counts.values()) == AT_ONCE


def _delete(model: type[Model], **too_old: object) -> int:
    some = list(model._default_manager.filter(**too_old).order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
    return model._default_manager.filter(pk__in=some).delete()[0] if some else 0
