# SPDX-License-Identifier: Apache-2.0
"""Raise and settle alarms, and delete them a year after they were settled."""

import uuid
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import F

from vigie.errors import NotFoundError
from vigie_node.alarms import codes, models
from vigie_node.audit import actions as audit
from vigie_node.audit import expiring
from vigie_node.audit.events import Event
from vigie_node.base.actor import Actor
from vigie_node.base.ids import new_id
from vigie_node.base.retention import YEAR

KEPT = YEAR


class NoSuchAlarmError(NotFoundError):
    """No alarm of this id stands."""

    code = "alarms.no-such-alarm"


@transaction.atomic
def raise_alarm(code: codes.Alarm, *, subject: object = "", count: int = 1, by: Actor, now: datetime) -> None:
    """Raise an alarm, or count a repetition in the one that stands.

    Audit:   ALARM_RAISED, for a new one only.
    """
    standing = models.Alarm.objects.filter(code=code, subject=str(subject), settled_at=None)
    for alarm in standing.select_for_update():
        alarm.count += count
        alarm.last_at = now
        alarm.save(update_fields=["count", "last_at"])
        return
    try:
        with transaction.atomic():
            alarm = models.Alarm.objects.create(
                id=new_id(now), code=code.value, subject=str(subject), count=count, raised_at=now, last_at=now
            )
    except IntegrityError:  # somebody else raised it at the same moment
        standing.update(count=F("count") + count, last_at=now)
        return
    audit.record(Event.ALARM_RAISED, subject=alarm.id, by=by, at=now, code=code.value)


@transaction.atomic
def settle(alarm_id: uuid.UUID, *, note: str, by: Actor, now: datetime) -> None:
    """Note that somebody saw to it.

    Audit:   ALARM_SETTLED.
    Raises:  NoSuchAlarmError.
    """
    alarm = models.Alarm.objects.select_for_update().filter(id=alarm_id, settled_at=None).first()
    if alarm is None:
        raise NoSuchAlarmError("no such alarm stands; it may have been settled by somebody else")
    alarm.settled_at, alarm.settled_by, alarm.note = now, str(by), note
    alarm.save(update_fields=["settled_at", "settled_by", "note"])
    audit.record(Event.ALARM_SETTLED, subject=alarm_id, by=by, at=now, code=alarm.code)


@transaction.atomic
def settle_standing(code: codes.Alarm, *, subject: object = "", by: Actor, now: datetime) -> None:
    """Settle an alarm whose cause is over by itself, where it stands.

    Audit:   ALARM_SETTLED, where one stood.
    """
    for alarm in models.Alarm.objects.filter(code=code, subject=str(subject), settled_at=None).select_for_update():
        settle(alarm.id, note="", by=by, now=now)


def expire(*, by: Actor, now: datetime) -> bool:
    """Delete some alarms that were settled long ago; return whether there were any. One that stands is kept.

    Audit:   RECORDS_EXPIRED, with how many; none where nothing was due.
    """
    return expiring.delete_due([models.Alarm.objects.filter(settled_at__lt=now - KEPT)], by=by, now=now)
