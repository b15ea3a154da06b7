# SPDX-License-Identifier: Apache-2.0
"""The audit: what waits to be put in order, what was, and the signed heads of the tree over it.

- No foreign keys: history never stands in the way of deletion, nor deletion of history.
- Events and heads are never changed and never deleted; the database itself refuses (migration 0002).
- The columns of an event repeat what its record says, to search by; the record is what counts, and `verify` compares.
"""

from typing import ClassVar

from django.db import models


class PendingEvent(models.Model):
    """An event recorded with the change it describes, not yet in its place."""

    class Retention:
        purpose: ClassVar[str] = "Holds an event until the sequencer has put it in order, about a second"
        keep_for: ClassVar[str] = "until it is sequenced"
        scrub: ClassVar[str] = "moved to the events; it holds ids, counts and states"
        ended_by: ClassVar[str] = "audit.actions.sequence"

    number = models.BigAutoField(primary_key=True)
    record = models.BinaryField()

    class Meta:
        app_label = "audit"


class Event(models.Model):
    """One event in its place: sequence n is leaf n - 1 of the tree."""

    class Retention:
        purpose: ClassVar[str] = "Says who did what when, so that nobody can deny or alter it"
        keep_for: ClassVar[str] = "for good"
        scrub: ClassVar[str] = "kept: it holds ids, counts and states; who an id was is forgotten with the account"

    sequence = models.BigIntegerField(primary_key=True)
    event_id = models.UUIDField()
    event = models.CharField(max_length=48)
    subject = models.CharField(max_length=64)
    actor = models.CharField(max_length=64)
    organisation = models.UUIDField(null=True)
    at = models.DateTimeField()
    record = models.BinaryField()
    leaf_hash = models.BinaryField(max_length=32)
    chain_hash = models.BinaryField(max_length=32)

    class Meta:
        app_label = "audit"
        constraints: ClassVar = [models.CheckConstraint(condition=models.Q(sequence__gte=1), name="audit_sequence")]
        # Not unique: a face that may only insert could otherwise stop the sequencer with an id that exists.
        indexes: ClassVar = [
            models.Index(fields=["event_id"], name="audit_by_id"),
            models.Index(fields=["event", "sequence"], name="audit_by_event"),
            models.Index(fields=["subject", "sequence"], name="audit_by_subject"),
            models.Index(fields=["actor", "sequence"], name="audit_by_actor"),
            models.Index(fields=["at", "sequence"], name="audit_by_time"),
        ]

    def __repr__(self) -> str:
        return f"<Event {self.sequence} {self.event}>"


class TreeHead(models.Model):
    """What the node signed: the tree over the first `size` events, and the chain up to there."""

    class Retention:
        purpose: ClassVar[str] = "Binds the node to its audit: whoever has an earlier head can tell if it was altered"
        keep_for: ClassVar[str] = "for good"
        scrub: ClassVar[str] = "kept: hashes and signatures"

    size = models.BigIntegerField(primary_key=True)
    root = models.BinaryField(max_length=32)
    chain_hash = models.BinaryField(max_length=32)
    signed_at = models.DateTimeField()
    key_id = models.CharField(max_length=16)
    signature = models.BinaryField(max_length=64)

    class Meta:
        app_label = "audit"


class Frontier(models.Model):
    """The right edge of the tree, from which the sequencer goes on; one row."""

    class Retention:
        purpose: ClassVar[str] = "Lets the tree grow without reading it"
        keep_for: ClassVar[str] = "for good"
        scrub: ClassVar[str] = "kept: hashes"

    id = models.SmallIntegerField(primary_key=True, default=1)
    size = models.BigIntegerField(default=0)
    nodes = models.BinaryField(default=b"")  # 32 bytes for each full subtree, the largest first
    chain_hash = models.BinaryField(max_length=32)

    class Meta:
        app_label = "audit"


class Verification(models.Model):
    """One run of the verification, and what it found; the last one is shown on the page."""

    class Retention:
        purpose: ClassVar[str] = "Says when the audit was last found whole"
        keep_for: ClassVar[str] = "1 year"
        scrub: ClassVar[str] = "the row is deleted"
        ended_by: ClassVar[str] = "audit.actions.verify"

    number = models.BigAutoField(primary_key=True)
    at = models.DateTimeField()
    size = models.BigIntegerField()
    heads = models.BigIntegerField()
    faults = models.IntegerField()

    class Meta:
        app_label = "audit"
