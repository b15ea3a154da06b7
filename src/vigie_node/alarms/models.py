# SPDX-License-Identifier: Apache-2.0
"""The alarms: each is one row that stands until a person settles it; a repetition is counted in it."""

from typing import ClassVar

from django.db import models


class Alarm(models.Model):
    """Something that a person has to know of now; it holds no value and no name."""

    class Retention:
        purpose: ClassVar[str] = "Tells people what went wrong or looks wrong"
        keep_for: ClassVar[str] = "1 year after it was settled"
        scrub: ClassVar[str] = "the row is deleted"
        ended_by: ClassVar[str] = "alarms.actions.expire"

    id = models.UUIDField(primary_key=True)
    code = models.CharField(max_length=64)  # see alarms/codes.py
    subject = models.CharField(max_length=64, default="")
    count = models.BigIntegerField(default=1)
    raised_at = models.DateTimeField()
    last_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)
    settled_by = models.CharField(max_length=64, default="")
    note = models.TextField(default="")

    class Meta:
        app_label = "alarms"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["code", "subject"], condition=models.Q(settled_at=None), name="alarm_one_standing"
            )
        ]
