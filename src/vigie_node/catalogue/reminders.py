# SPDX-License-Identifier: Apache-2.0
"""What is overdue comes up by itself: disputes past their deadline, overrides past their date of review.

- An alarm stands for each until a person settles it; while it stands it is not raised again.
- A dispute of a word that went with its import waits for nobody.
- A quarantined value stays quarantined, a disputed word stays suspended, however long nobody looks.
"""

from datetime import UTC, datetime

from vigie_node.alarms import actions as alarms
from vigie_node.alarms import queries as standing_alarms
from vigie_node.alarms.codes import Alarm
from vigie_node.base.actor import NODE
from vigie_node.catalogue import standing
from vigie_node.catalogue.models import Dispute, Override

_AT_ONCE = 100


def remind(now: datetime) -> bool:
    """Raise an alarm for whatever is overdue; return whether more is. The worker's job."""
    raised = {(one.code, one.subject) for one in standing_alarms.standing()}
    disputes = standing.visible(Dispute.objects.filter(outcome="", deadline__lt=now), at="assertion__")
    overrides = Override.objects.filter(ended_at=None, review_on__lte=now.astimezone(UTC).date()).order_by("review_on")
    due = [(Alarm.DISPUTE_OVERDUE, str(id)) for id in disputes.order_by("deadline").values_list("id", flat=True)]
    due += [(Alarm.OVERRIDE_DUE, str(id)) for id in overrides.values_list("id", flat=True)]
    new = [one for one in due if one not in raised]
    for code, subject in new[:_AT_ONCE]:
        alarms.raise_alarm(code, subject=subject, by=NODE, now=now)
    return len(new) > _AT_ONCE
