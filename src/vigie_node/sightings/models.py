# SPDX-License-Identifier: Apache-2.0
"""What was seen where and when, known or not; what it matched; who has to look at it.

- A sighting without a match exists only for an organisation's own lawful work: it carries a legal basis and an expiry.
- A match is a claim made at a time: list and version, algorithm, distance, and the assertions it relied on.
- Places and references come from outside: they are hidden by default, shown on demand, never logged.
"""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from vigie_node.sightings.states import FoundBy, Place, TaskKind, TaskState


def _one_of(field: str, enum: type, *, name: str) -> models.CheckConstraint:
    return models.CheckConstraint(condition=Q(**{f"{field}__in": [one.value for one in enum]}), name=name)  # type: ignore[attr-defined]


class Load(models.Model):
    """One load of sightings: the results of a scan, in one piece."""

    class Retention:
        purpose: ClassVar[str] = "Says where sightings came from"
        keep_for: ClassVar[str] = "as long as a sighting of it"
        scrub: ClassVar[str] = "deleted with its last sighting"

    id = models.UUIDField(primary_key=True)
    case = models.CharField(max_length=64)
    exhibit = models.CharField(max_length=64, default="")
    legal_basis = models.CharField(max_length=64)
    expires_at = models.DateTimeField()
    results_digest = models.CharField(max_length=64)  # of the results' manifest: the same load is not made twice
    rows_done = models.BigIntegerField(default=0)
    counts = models.JSONField(default=dict)
    is_complete = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=64)

    class Meta:
        app_label = "sightings"


class Sighting(models.Model):
    """A content seen at a place at a time."""

    class Retention:
        purpose: ClassVar[str] = "Finds again what was seen before it was known; the figures that a victim is entitled to"
        keep_for: ClassVar[str] = "until `expires_at`: set by the legal basis, or by the settings for a matched look-up"
        scrub: ClassVar[str] = "deleted with its values, and dropped from index and backups on schedule"

    id = models.BigAutoField(primary_key=True)
    seen_at = models.DateTimeField()
    place_kind = models.CharField(max_length=8)
    place = models.TextField(default="")
    source = models.CharField(max_length=64, default="")  # who saw it: the actor, in words of the audit
    organisation = models.ForeignKey("accounts.Organisation", on_delete=models.PROTECT, null=True)
    case = models.CharField(max_length=64, default="")
    country = models.CharField(max_length=2, default="")
    legal_basis = models.CharField(max_length=64, default="")
    expires_at = models.DateTimeField()
    load = models.ForeignKey(Load, on_delete=models.CASCADE, null=True)
    created_at = models.DateTimeField()

    class Meta:
        app_label = "sightings"
        constraints: ClassVar = [_one_of("place_kind", Place, name="sighting_place")]
        indexes: ClassVar = [
            models.Index(fields=["expires_at"], name="sighting_expiry"),
            models.Index(fields=["case", "id"], name="sighting_case"),
            models.Index(fields=["load"], name="sighting_load"),
        ]


class SeenValue(models.Model):
    """One fingerprint of what was seen; `id` is the row number by which the index calls it."""

    class Retention:
        purpose: ClassVar[str] = "Finds the sighting again when its content becomes known"
        keep_for: ClassVar[str] = "as long as its sighting"
        scrub: ClassVar[str] = "deleted, and dropped from the index within a second"

    id = models.BigAutoField(primary_key=True)
    sighting = models.ForeignKey(Sighting, on_delete=models.CASCADE, related_name="values")
    algorithm = models.CharField(max_length=8)
    value = models.BinaryField(max_length=32)
    quality = models.SmallIntegerField(null=True)

    class Meta:
        app_label = "sightings"
        indexes: ClassVar = [models.Index(fields=["algorithm", "value"], name="seen_value")]

    def __repr__(self) -> str:
        return f"<SeenValue {self.pk} {self.algorithm}>"


class Match(models.Model):
    """A sighting matched a depiction under a list: the claim with its reasons, as it stood then."""

    class Retention:
        purpose: ClassVar[str] = "Says what was matched, on whose word, so that it can be undone"
        keep_for: ClassVar[str] = "as long as its sighting"
        scrub: ClassVar[str] = "deleted with its sighting"

    id = models.BigAutoField(primary_key=True)
    sighting = models.ForeignKey(Sighting, on_delete=models.CASCADE, related_name="matches")
    depiction = models.ForeignKey("catalogue.Depiction", on_delete=models.PROTECT)
    list = models.ForeignKey("catalogue.MatchList", on_delete=models.PROTECT)
    list_version = models.IntegerField()
    algorithm = models.CharField(max_length=8)
    distance_bits = models.SmallIntegerField(null=True)
    transform = models.CharField(max_length=32, default="")
    scheme = models.CharField(max_length=32)
    label = models.CharField(max_length=32)
    assertions = models.JSONField()  # ids of the words relied on, the first the one that was told
    is_shadow = models.BooleanField(default=False)
    found_by = models.CharField(max_length=8)
    matched_at = models.DateTimeField()
    undone_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "sightings"
        constraints: ClassVar = [
            _one_of("found_by", FoundBy, name="match_found_by"),
            models.UniqueConstraint(fields=["sighting", "depiction", "list"], name="match_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["depiction", "id"], name="match_depiction")]


class Task(models.Model):
    """A row that someone owns: seen before and known since, or acted on before and revoked since."""

    class Retention:
        purpose: ClassVar[str] = "Sees to it that somebody looks at what changed its meaning"
        keep_for: ClassVar[str] = "as long as its sighting"
        scrub: ClassVar[str] = "deleted with its sighting"

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=16)
    match = models.ForeignKey(Match, on_delete=models.CASCADE, related_name="tasks")
    state = models.CharField(max_length=8, default=TaskState.OPEN.value)
    owner = models.UUIDField(null=True)
    note = models.TextField(default="")
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    class Meta:
        app_label = "sightings"
        constraints: ClassVar = [
            _one_of("kind", TaskKind, name="task_kind"),
            _one_of("state", TaskState, name="task_state"),
        ]
        indexes: ClassVar = [models.Index(fields=["state", "id"], name="task_state_order")]


class RetracePoint(models.Model):
    """How far the look-back has followed the change log; one row."""

    class Retention:
        purpose: ClassVar[str] = "Lets the look-back go on where it was, after any stop"
        keep_for: ClassVar[str] = "for good"
        scrub: ClassVar[str] = "kept: a number"

    id = models.SmallIntegerField(primary_key=True, default=1)
    position = models.BigIntegerField(default=0)

    class Meta:
        app_label = "sightings"
