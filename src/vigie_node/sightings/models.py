# SPDX-License-Identifier: Apache-2.0
"""What was seen where and when, known or not; what it matched; who has to look at it.

- A sighting without a match exists only for an organisation's own lawful work: it carries a legal basis and an expiry.
- A match is a claim made at a time: list and version, algorithm, distance, and the assertions it relied on.
- The index finds values; the database finds rows by their number, their sighting or their depiction, never by value.
- Places and references come from outside: they are hidden by default, shown on demand, never logged.
"""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from vigie_node.sightings.cases import MAX_KEY
from vigie_node.sightings.states import FoundBy, LoadState, Place, SimulationState, SweepCause, TaskKind, TaskState


def _one_of(field: str, enum: type, *, name: str) -> models.CheckConstraint:
    return models.CheckConstraint(condition=Q(**{f"{field}__in": [one.value for one in enum]}), name=name)  # type: ignore[attr-defined]


class Load(models.Model):
    """One load of sightings: the results of a scan, in one piece."""

    class Retention:
        purpose: ClassVar[str] = "Says where sightings came from"
        keep_for: ClassVar[str] = "as long as a sighting of it"
        scrub: ClassVar[str] = "deleted with its last sighting; the folder it was read from is blanked when it is done"
        ended_by: ClassVar[str] = "sightings.erasing.expire"

    id = models.UUIDField(primary_key=True)
    organisation = models.ForeignKey("accounts.Organisation", on_delete=models.PROTECT, null=True)
    case = models.CharField(max_length=64)
    exhibit = models.CharField(max_length=64, default="")
    country = models.CharField(max_length=2, default="")
    legal_basis = models.CharField(max_length=64)
    expires_at = models.DateTimeField()
    folder = models.TextField(default="")
    keeps_names = models.BooleanField(default=False)
    seen_at = models.DateTimeField()  # when the scan began
    results_digest = models.CharField(max_length=64)  # of the results' manifest: the same load is not made twice
    state = models.CharField(max_length=12, default=LoadState.WAITING.value)
    rows_total = models.BigIntegerField(default=0)
    rows_done = models.BigIntegerField(default=0)
    matched_to = models.BigIntegerField(default=0)  # the last sighting that was matched
    counts = models.JSONField(default=dict)
    problem = models.CharField(max_length=64, default="")
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=64)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "sightings"
        constraints: ClassVar = [
            _one_of("state", LoadState, name="load_state"),
            models.UniqueConstraint(fields=["results_digest"], name="load_once"),
        ]


class Sighting(models.Model):
    """A content seen at a place at a time."""

    class Retention:
        purpose: ClassVar[str] = (
            "Finds again what was seen before it was known; the figures that a victim is entitled to"
        )
        keep_for: ClassVar[str] = "until `expires_at`: set by the legal basis, or by the settings for a matched look-up"
        scrub: ClassVar[str] = "deleted with its values, and dropped from index and backups on schedule"
        ended_by: ClassVar[str] = "sightings.erasing.expire"

    id = models.BigAutoField(primary_key=True)
    seen_at = models.DateTimeField()
    place_kind = models.CharField(max_length=8)
    place = models.TextField(default="")
    source = models.CharField(max_length=64, default="")  # who saw it: the actor, in words of the audit
    organisation = models.ForeignKey("accounts.Organisation", on_delete=models.PROTECT, null=True, db_index=False)
    case = models.CharField(max_length=64, default="")
    country = models.CharField(max_length=2, default="")
    legal_basis = models.CharField(max_length=64, default="")
    expires_at = models.DateTimeField()
    load = models.ForeignKey(Load, on_delete=models.PROTECT, null=True, db_index=False)
    created_at = models.DateTimeField()

    class Meta:
        app_label = "sightings"
        constraints: ClassVar = [
            _one_of("place_kind", Place, name="sighting_place"),
            models.CheckConstraint(condition=Q(load=None) | ~Q(legal_basis=""), name="sighting_loaded_has_a_basis"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["expires_at", "id"], name="sighting_expiry"),
            models.Index(fields=["case", "id"], name="sighting_case", condition=~Q(case="")),
            models.Index(fields=["load", "id"], name="sighting_load", condition=Q(load__isnull=False)),
        ]


class SeenValue(models.Model):
    """One fingerprint of what was seen; `id` is the row number by which the index calls it."""

    class Retention:
        purpose: ClassVar[str] = "Finds the sighting again when its content becomes known"
        keep_for: ClassVar[str] = "as long as its sighting"
        scrub: ClassVar[str] = "deleted, and dropped from the index within a second"
        ended_by: ClassVar[str] = "sightings.Sighting"

    id = models.BigAutoField(primary_key=True)
    sighting = models.ForeignKey(Sighting, on_delete=models.CASCADE, related_name="values")
    algorithm = models.CharField(max_length=10)
    value = models.BinaryField(max_length=32)
    quality = models.SmallIntegerField(null=True)
    transform = models.CharField(max_length=32, default="")  # how it was made from what was seen; empty: as it was
    start_ms = models.IntegerField(null=True)  # of a frame of a video
    end_ms = models.IntegerField(null=True)

    class Meta:
        app_label = "sightings"

    def __repr__(self) -> str:
        return f"<SeenValue {self.pk} {self.algorithm}>"


class Match(models.Model):
    """A sighting matched a depiction under a list: the claim with its reasons, as it stood then."""

    class Retention:
        purpose: ClassVar[str] = "Says what was matched, on whose word, so that it can be undone"
        keep_for: ClassVar[str] = "as long as its sighting"
        scrub: ClassVar[str] = "deleted with its sighting"
        ended_by: ClassVar[str] = "sightings.Sighting"

    id = models.BigAutoField(primary_key=True)
    sighting = models.ForeignKey(Sighting, on_delete=models.CASCADE, related_name="matches")
    depiction = models.ForeignKey("catalogue.Depiction", on_delete=models.PROTECT, db_index=False)
    list = models.ForeignKey("catalogue.MatchList", on_delete=models.PROTECT, db_index=False)
    list_version = models.IntegerField()
    fingerprint = models.BigIntegerField()  # the row of the catalogue's fingerprint that was hit; it may be gone since
    algorithm = models.CharField(max_length=10)
    distance_bits = models.SmallIntegerField(null=True)
    transform = models.CharField(max_length=32, default="")
    scheme = models.CharField(max_length=32)
    label = models.CharField(max_length=64)
    assertions = models.JSONField()  # ids of the words relied on, the first the one that was told
    is_shadow = models.BooleanField(default=False)
    found_by = models.CharField(max_length=8)
    seen_at = models.DateTimeField()  # of the sighting, to find the first and the last without reading all
    matched_at = models.DateTimeField()
    undone_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "sightings"
        constraints: ClassVar = [
            _one_of("found_by", FoundBy, name="match_found_by"),
            models.UniqueConstraint(
                fields=["sighting", "depiction", "list", "is_shadow"],
                condition=Q(undone_at=None),
                name="match_once",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["depiction", "list", "id"], name="match_depiction"),
            models.Index(
                fields=["depiction", "seen_at", "sighting"],
                condition=Q(undone_at=None, is_shadow=False),
                name="match_standing",
            ),
            models.Index(
                fields=["list", "matched_at", "fingerprint"],
                condition=Q(found_by=FoundBy.LOOK_UP.value),
                name="match_flood",
            ),
        ]


class Tally(models.Model):
    """How many sightings of one sort a depiction has that stand: kept with every match, so that nobody counts rows."""

    class Retention:
        purpose: ClassVar[str] = "Answers how often, where and when at once, however often something was seen"
        keep_for: ClassVar[str] = "as long as one of the sightings that it counts"
        scrub: ClassVar[str] = "reduced with each of them, deleted with the last"
        ended_by: ClassVar[str] = "sightings.erasing.expire"

    id = models.BigAutoField(primary_key=True)
    depiction = models.ForeignKey("catalogue.Depiction", on_delete=models.PROTECT, db_index=False)
    month = models.DateField()  # its first day, UTC
    place_kind = models.CharField(max_length=8)
    country = models.CharField(max_length=2)
    case = models.CharField(max_length=MAX_KEY)  # cases.key_of: whose it is and its name; empty where there is none
    sightings = models.BigIntegerField()

    class Meta:
        app_label = "sightings"
        constraints: ClassVar = [
            _one_of("place_kind", Place, name="tally_place"),
            models.UniqueConstraint(fields=["depiction", "month", "place_kind", "country", "case"], name="tally_once"),
        ]


class Task(models.Model):
    """A row that someone owns: seen before and known since, or acted on before and revoked since."""

    class Retention:
        purpose: ClassVar[str] = "Sees to it that somebody looks at what changed its meaning"
        keep_for: ClassVar[str] = "as long as its sighting"
        scrub: ClassVar[str] = "deleted with its sighting"
        ended_by: ClassVar[str] = "sightings.Sighting"

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=16)
    match = models.ForeignKey(Match, on_delete=models.CASCADE, related_name="tasks")
    sighting = models.ForeignKey(Sighting, on_delete=models.CASCADE, related_name="tasks")
    depiction = models.ForeignKey("catalogue.Depiction", on_delete=models.PROTECT, db_index=False)
    organisation = models.ForeignKey("accounts.Organisation", on_delete=models.PROTECT, null=True, db_index=False)
    case = models.CharField(max_length=64, default="")
    state = models.CharField(max_length=8, default=TaskState.OPEN.value)
    owner = models.UUIDField(null=True)
    note = models.TextField(default="")
    finished_by = models.CharField(max_length=64, default="")
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    class Meta:
        app_label = "sightings"
        constraints: ClassVar = [
            _one_of("kind", TaskKind, name="task_kind"),
            _one_of("state", TaskState, name="task_state"),
            models.CheckConstraint(
                condition=~Q(state=TaskState.TAKEN.value) | Q(owner__isnull=False), name="task_taken_has_an_owner"
            ),
            models.UniqueConstraint(
                fields=["kind", "sighting", "depiction"],
                condition=~Q(state=TaskState.DONE.value),
                name="task_one_standing",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["state", "id"], name="task_state_order"),
            models.Index(fields=["case", "state", "id"], name="task_case"),
            models.Index(fields=["depiction", "state", "id"], name="task_depiction"),
            models.Index(
                fields=["organisation", "state", "id"],
                condition=Q(organisation__isnull=False),
                name="task_organisation",
            ),
            models.Index(fields=["owner", "state", "id"], name="task_owner", condition=Q(owner__isnull=False)),
        ]


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


class Sweep(models.Model):
    """One look-back over depictions of which the standing changed: how far it is, what it found, what it undid."""

    class Retention:
        purpose: ClassVar[str] = "Says what was looked back for, how far it is and what came of it"
        keep_for: ClassVar[str] = "1 year after it ended"
        scrub: ClassVar[str] = "the row is deleted; it holds ids and counts, no value"
        ended_by: ClassVar[str] = "sightings.expiring.expire_notes"

    id = models.BigAutoField(primary_key=True)
    cause = models.CharField(max_length=16)
    subject = models.CharField(max_length=64, default="")
    named = models.BinaryField(default=b"")  # ids of the depictions, ascending, 16 bytes each, where they are named
    position = models.BigIntegerField()  # of the last change that it answers
    after = models.UUIDField(null=True)  # the last depiction that was worked off
    depictions_total = models.BigIntegerField(null=True)  # unknown until counted
    depictions_done = models.BigIntegerField(default=0)
    found = models.BigIntegerField(default=0)
    undone = models.BigIntegerField(default=0)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "sightings"
        constraints: ClassVar = [_one_of("cause", SweepCause, name="sweep_cause")]
        indexes: ClassVar = [models.Index(fields=["id"], name="sweep_standing", condition=Q(ended_at=None))]


class Simulation(models.Model):
    """What another policy of a list would have matched among the sightings of late."""

    class Retention:
        purpose: ClassVar[str] = "Shows what a change of a list would do before it is made"
        keep_for: ClassVar[str] = "1 year after it ended"
        scrub: ClassVar[str] = "the row is deleted; it holds ids and counts, no value"
        ended_by: ClassVar[str] = "sightings.expiring.expire_notes"

    id = models.UUIDField(primary_key=True)
    list = models.ForeignKey("catalogue.MatchList", on_delete=models.PROTECT)
    list_version = models.IntegerField()  # the one it was compared with
    policy = models.JSONField()
    policy_before = models.JSONField()
    last_n = models.IntegerField()
    state = models.CharField(max_length=12, default=SimulationState.WAITING.value)
    before = models.BigIntegerField()  # sightings below this number are still to be looked at
    sightings_done = models.BigIntegerField(default=0)
    sightings_total = models.BigIntegerField()
    result = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=64)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "sightings"
        constraints: ClassVar = [_one_of("state", SimulationState, name="simulation_state")]


class Flood(models.Model):
    """A fingerprint that matched too often within an hour and was put under quarantine for it."""

    class Retention:
        purpose: ClassVar[str] = "Says why a value was put under quarantine, and keeps one flood from counting twice"
        keep_for: ClassVar[str] = "1 year"
        scrub: ClassVar[str] = "the row is deleted; it holds a row number, no value"
        ended_by: ClassVar[str] = "sightings.expiring.expire_notes"

    id = models.BigAutoField(primary_key=True)
    fingerprint = models.BigIntegerField()
    list = models.ForeignKey("catalogue.MatchList", on_delete=models.PROTECT)
    matches = models.BigIntegerField()
    noticed_at = models.DateTimeField()

    class Meta:
        app_label = "sightings"
        indexes: ClassVar = [models.Index(fields=["fingerprint", "-noticed_at"], name="flood_fingerprint")]
