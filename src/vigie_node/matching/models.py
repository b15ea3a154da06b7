# SPDX-License-Identifier: Apache-2.0
"""The published snapshots of the indexes."""

from typing import ClassVar

from django.db import models


class Snapshot(models.Model):
    """An index file that holds every row up to a position of the change log."""

    class Retention:
        purpose: ClassVar[str] = "Lets every process open the same index file"
        keep_for: ClassVar[str] = "until two newer ones are published"
        scrub: ClassVar[str] = "the file and the row are deleted"
        ended_by: ClassVar[str] = "matching.actions.publish"

    id = models.UUIDField(primary_key=True)
    index = models.CharField(max_length=16)  # "catalogue" or "seen"
    position = models.BigIntegerField()
    folder = models.CharField(max_length=64)  # below the node's index folder
    rows = models.JSONField()  # algorithm -> [count, checksum]
    published_at = models.DateTimeField()

    class Meta:
        app_label = "matching"
