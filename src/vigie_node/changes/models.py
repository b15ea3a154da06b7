# SPDX-License-Identifier: Apache-2.0
"""The change log: what every process must hear of within a second."""

from typing import ClassVar

from django.db import models

from vigie_node.changes.topics import Topic


class Change(models.Model):
    """One change that alters answers, written in the transaction of the change itself."""

    class Retention:
        purpose: ClassVar[str] = "Lets every process follow what changes the answers"
        keep_for: ClassVar[str] = "7 days after every published index holds it"
        scrub: ClassVar[str] = "the row is deleted; it holds row numbers, no value"
        ended_by: ClassVar[str] = "changes.actions.prune"

    position = models.BigAutoField(primary_key=True)
    topic = models.CharField(max_length=32, choices=[(one.value, one.value) for one in Topic])
    subject = models.CharField(max_length=64, default="")
    items = models.BinaryField(default=b"")
    at = models.DateTimeField()

    class Meta:
        app_label = "changes"
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(topic__in=[one.value for one in Topic]), name="change_topic"),
        ]

    def __repr__(self) -> str:
        return f"<Change {self.position} {self.topic}>"
