# SPDX-License-Identifier: Apache-2.0
"""Read the alarms."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from vigie_node.alarms import codes, models


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """One alarm; `settled_at` is None while it stands."""

    id: uuid.UUID
    code: codes.Alarm
    subject: str
    count: int
    raised_at: datetime
    last_at: datetime
    settled_at: datetime | None
    settled_by: str
    note: str


def standing() -> list[AlarmRow]:
    """Return the alarms that stand, the oldest first."""
    return [_row(one) for one in models.Alarm.objects.filter(settled_at=None).order_by("raised_at", "id")]


def settled(*, limit: int = 100) -> list[AlarmRow]:
    """Return the alarms settled last."""
    return [_row(one) for one in models.Alarm.objects.exclude(settled_at=None).order_by("-settled_at")[:limit]]


def standing_count() -> int:
    """Count the alarms that stand."""
    return models.Alarm.objects.filter(settled_at=None).count()


def _row(one: models.Alarm) -> AlarmRow:
    return AlarmRow(
        one.id, codes.Alarm(one.code), one.subject, one.count, one.raised_at, one.last_at, one.settled_at,
        one.settled_by, one.note,
    )  # fmt: skip
