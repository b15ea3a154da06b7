# SPDX-License-Identifier: Apache-2.0
"""What is said about which depiction, by whom, and under which list it may match.

- Nothing said is overwritten: an assertion is superseded by another, revoked by a revocation, disputed by a dispute.
- A row that an import staged counts only once the import is visible (`Import.visible_at`): one flip shows all of it.
- A fingerprint row is never changed; its number is what the indexes call it by.
"""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from vigie_node.catalogue.states import DisputeOutcome, Grade, ImportState, Kind, OverrideKind, SeriesStatus


def _choices(enum: type) -> list[tuple[str, str]]:
    return [(one.value, one.value) for one in enum]  # type: ignore[attr-defined]


def _one_of(field: str, enum: type, *, name: str) -> models.CheckConstraint:
    return models.CheckConstraint(condition=Q(**{f"{field}__in": [one.value for one in enum]}), name=name)  # type: ignore[attr-defined]


class Source(models.Model):
    """Whose word it is: an organisation here or elsewhere, by the name that it goes by between organisations."""

    class Retention:
        purpose: ClassVar[str] = "Says whose word an assertion is"
        keep_for: ClassVar[str] = "for good: words, imports and banks refer to it"
        scrub: ClassVar[str] = "kept: names an organisation, never a person"

    id = models.UUIDField(primary_key=True)
    name = models.CharField(max_length=200, unique=True)
    country = models.CharField(max_length=2, default="")
    organisation = models.ForeignKey("accounts.Organisation", on_delete=models.PROTECT, null=True)
    created_at = models.DateTimeField()

    class Meta:
        app_label = "catalogue"


class Import(models.Model):
    """One file taken in: staged in small transactions, made visible by one flip."""

    class Retention:
        purpose: ClassVar[str] = "Says where records came from and what was refused"
        keep_for: ClassVar[str] = "as long as a record of it, ten years at least"
        scrub: ClassVar[str] = "the file's name is removed after a year; then the row is deleted"
        ended_by: ClassVar[str] = "catalogue.expiring.expire_notes"

    id = models.UUIDField(primary_key=True)
    source = models.ForeignKey(Source, on_delete=models.PROTECT)
    file_name = models.CharField(max_length=255)
    file_sha256 = models.CharField(max_length=64)
    format = models.CharField(max_length=16)
    options = models.JSONField(default=dict)
    state = models.CharField(max_length=16, choices=_choices(ImportState), default=ImportState.WAITING.value)
    rows_total = models.BigIntegerField(null=True)  # unknown until the file was read once
    rows_done = models.BigIntegerField(default=0)
    counts = models.JSONField(default=dict)  # new_depictions, new_assertions, unchanged, superseding, refused …
    problem = models.CharField(max_length=64, default="")
    progress = models.JSONField(default=dict)  # how far the worker is: committed with the rows it speaks of
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=64)
    visible_at = models.DateTimeField(null=True)
    undone_at = models.DateTimeField(null=True)
    closing_reason = models.TextField(default="")  # why it was cancelled or undone
    claimed_at = models.DateTimeField(null=True)
    attempts = models.IntegerField(default=0)

    class Meta:
        app_label = "catalogue"
        constraints: ClassVar = [_one_of("state", ImportState, name="import_state")]


class ImportRefusal(models.Model):
    """A row of an import that was refused, and why."""

    class Retention:
        purpose: ClassVar[str] = "Lets the sender mend what was refused"
        keep_for: ClassVar[str] = "1 year"
        scrub: ClassVar[str] = "the row is deleted; it never holds the refused text"
        ended_by: ClassVar[str] = "catalogue.expiring.expire_notes"

    id = models.BigAutoField(primary_key=True)
    of = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="refusals")
    line = models.BigIntegerField()
    code = models.CharField(max_length=64)
    message = models.CharField(max_length=500)  # in English, with places for the values
    values = models.JSONField(default=dict)

    class Meta:
        app_label = "catalogue"


class ImportMark(models.Model):
    """That a full replacement still holds an assertion made before; what it does not mark, it takes back."""

    class Retention:
        purpose: ClassVar[str] = "Finds what a full replacement no longer holds"
        keep_for: ClassVar[str] = "until the import is visible or cancelled"
        scrub: ClassVar[str] = "the row is deleted"
        ended_by: ClassVar[str] = "catalogue.import_steps.clear_some"

    id = models.BigAutoField(primary_key=True)
    of = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="marks", db_index=False)
    assertion = models.UUIDField()

    class Meta:
        app_label = "catalogue"
        constraints: ClassVar = [models.UniqueConstraint(fields=["of", "assertion"], name="import_mark_once")]


class UpstreamRecord(models.Model):
    """What a source sent about one thing, word for word, in its versions."""

    class Retention:
        purpose: ClassVar[str] = "Keeps what was sent, so that a later reader can take more from it"
        keep_for: ClassVar[str] = "as long as its depiction"
        scrub: ClassVar[str] = "deleted with its depiction"
        ended_by: ClassVar[str] = "catalogue.Depiction"

    id = models.BigAutoField(primary_key=True)
    source = models.ForeignKey(Source, on_delete=models.PROTECT, db_index=False)
    upstream_id = models.CharField(max_length=200)
    version = models.IntegerField()
    document = models.TextField()
    document_sha256 = models.BinaryField(max_length=32)
    depiction = models.ForeignKey("Depiction", on_delete=models.CASCADE)
    via = models.ForeignKey(Import, on_delete=models.PROTECT, null=True)

    class Meta:
        app_label = "catalogue"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["source", "upstream_id", "version"], name="upstream_version_once")
        ]


class Depiction(models.Model):
    """One picture or video, known only by its fingerprints."""

    class Retention:
        purpose: ClassVar[str] = "Carries the fingerprints and what is said of them"
        keep_for: ClassVar[str] = "as long as a word or a match is on it; ten years after the last word ended"
        scrub: ClassVar[str] = "deleted with its fingerprints; the audit keeps its id"
        ended_by: ClassVar[str] = "catalogue.expiring.expire_depictions"

    id = models.UUIDField(primary_key=True)
    kind = models.CharField(max_length=8, choices=_choices(Kind), default=Kind.PICTURE.value)
    created_at = models.DateTimeField()
    via = models.ForeignKey(Import, on_delete=models.PROTECT, null=True)

    class Meta:
        app_label = "catalogue"
        constraints: ClassVar = [_one_of("kind", Kind, name="depiction_kind")]


class Fingerprint(models.Model):
    """One value of a depiction; `id` is the row number by which the indexes call it."""

    class Retention:
        purpose: ClassVar[str] = "Finds the depiction again"
        keep_for: ClassVar[str] = "as long as its depiction"
        scrub: ClassVar[str] = "deleted, and dropped from every index within a second"
        ended_by: ClassVar[str] = "catalogue.Depiction"

    id = models.BigAutoField(primary_key=True)
    depiction = models.ForeignKey(Depiction, on_delete=models.CASCADE, related_name="fingerprints")
    algorithm = models.CharField(max_length=10)  # vigie.fingerprints.values.Algorithm
    value = models.BinaryField(max_length=32)
    quality = models.SmallIntegerField(null=True)
    role = models.CharField(max_length=12, default="")  # vigie.lists.entries.Role of a picture's value
    start_ms = models.IntegerField(null=True)  # of a frame of a video
    end_ms = models.IntegerField(null=True)
    recipe = models.CharField(max_length=32, default="")
    via = models.ForeignKey(Import, on_delete=models.PROTECT, null=True, db_index=False)
    created_at = models.DateTimeField()

    class Meta:
        app_label = "catalogue"
        indexes: ClassVar = [
            models.Index(fields=["algorithm", "value"], name="fingerprint_value"),
            models.Index(fields=["via", "depiction"], name="fingerprint_via"),  # the look-back goes over it in order
        ]

    def __repr__(self) -> str:
        return f"<Fingerprint {self.pk} {self.algorithm}>"


class Assertion(models.Model):
    """Who says what of a depiction, when and on what ground."""

    class Retention:
        purpose: ClassVar[str] = "Says on whose word something matches"
        keep_for: ClassVar[str] = "as long as its depiction"
        scrub: ClassVar[str] = "deleted with its depiction"
        ended_by: ClassVar[str] = "catalogue.Depiction"

    id = models.UUIDField(primary_key=True)
    depiction = models.ForeignKey(Depiction, on_delete=models.CASCADE, related_name="assertions")
    source = models.ForeignKey(Source, on_delete=models.PROTECT, db_index=False)
    scheme = models.CharField(max_length=32)
    label = models.CharField(max_length=64)
    facts = models.JSONField(default=dict)  # what was seen, from which labels of other schemes are derived
    ground = models.CharField(max_length=16, choices=_choices(Grade))
    asserted_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    recorded_by = models.CharField(max_length=64)
    supersedes = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, related_name="superseded_by")
    via = models.ForeignKey(Import, on_delete=models.PROTECT, null=True, db_index=False)

    class Meta:
        app_label = "catalogue"
        constraints: ClassVar = [_one_of("ground", Grade, name="assertion_ground")]
        indexes: ClassVar = [
            models.Index(fields=["via", "depiction"], name="assertion_via"),
            models.Index(
                fields=["via", "depiction", "id"], condition=Q(supersedes__isnull=False), name="assertion_superseding"
            ),  # the few of an import that change something, for its preview
            models.Index(fields=["scheme", "label", "id"], name="assertion_label"),
            models.Index(fields=["source", "id"], name="assertion_source"),
        ]


class Revocation(models.Model):
    """The end of an assertion: it stops counting at once and for good."""

    class Retention:
        purpose: ClassVar[str] = "Stops a word from counting, and says why"
        keep_for: ClassVar[str] = "as long as its assertion"
        scrub: ClassVar[str] = "deleted with its assertion"
        ended_by: ClassVar[str] = "catalogue.Assertion"

    id = models.UUIDField(primary_key=True)
    assertion = models.OneToOneField(Assertion, on_delete=models.CASCADE, related_name="revocation")
    reason = models.TextField()
    revoked_at = models.DateTimeField()
    revoked_by = models.CharField(max_length=64)
    via = models.ForeignKey(Import, on_delete=models.PROTECT, null=True, db_index=False)

    class Meta:
        app_label = "catalogue"
        indexes: ClassVar = [
            models.Index(fields=["via", "revoked_at"], name="revocation_time"),
            models.Index(fields=["via", "assertion"], name="revocation_via"),
        ]


class Dispute(models.Model):
    """A challenge to an assertion, with its grounds and a deadline."""

    class Retention:
        purpose: ClassVar[str] = "Has a doubtful word looked at again"
        keep_for: ClassVar[str] = "as long as its assertion"
        scrub: ClassVar[str] = "deleted with its assertion"
        ended_by: ClassVar[str] = "catalogue.Assertion"

    id = models.UUIDField(primary_key=True)
    assertion = models.ForeignKey(Assertion, on_delete=models.CASCADE, related_name="disputes")
    grounds = models.TextField()
    opened_at = models.DateTimeField()
    opened_by = models.CharField(max_length=64)
    deadline = models.DateTimeField()
    outcome = models.CharField(max_length=12, choices=_choices(DisputeOutcome), default="")
    settled_at = models.DateTimeField(null=True)
    settled_by = models.CharField(max_length=64, default="")
    settlement = models.TextField(default="")

    class Meta:
        app_label = "catalogue"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(outcome="", settled_at=None) | (~Q(outcome="") & Q(settled_at__isnull=False)),
                name="dispute_settled_or_open",
            ),
            models.UniqueConstraint(fields=["assertion"], condition=Q(outcome=""), name="dispute_one_open"),
        ]


class MatchList(models.Model):
    """A list: a name and its policy now; its earlier policies are its versions."""

    class Retention:
        purpose: ClassVar[str] = "Says what may match"
        keep_for: ClassVar[str] = "for good: matches refer to it"
        scrub: ClassVar[str] = "kept: holds no personal data"

    id = models.UUIDField(primary_key=True)
    name = models.CharField(max_length=64, unique=True)
    title = models.CharField(max_length=200)
    # Only this organisation's keys are told of its matches (a bank of theirs); None: every key is.
    organisation = models.ForeignKey("accounts.Organisation", on_delete=models.PROTECT, null=True)
    version = models.IntegerField()
    policy = models.JSONField()
    created_at = models.DateTimeField()

    class Meta:
        app_label = "catalogue"


class ListVersion(models.Model):
    """One policy that a list had, from when, by whom and why."""

    class Retention:
        purpose: ClassVar[str] = "Says under which policy a match was made"
        keep_for: ClassVar[str] = "for good: matches refer to it"
        scrub: ClassVar[str] = "kept: holds no personal data"

    id = models.BigAutoField(primary_key=True)
    list = models.ForeignKey(MatchList, on_delete=models.PROTECT, related_name="versions")
    version = models.IntegerField()
    policy = models.JSONField()
    reason = models.TextField()
    changed_at = models.DateTimeField()
    changed_by = models.CharField(max_length=64)

    class Meta:
        app_label = "catalogue"
        constraints: ClassVar = [models.UniqueConstraint(fields=["list", "version"], name="list_version_once")]


class Override(models.Model):
    """Our own word on one value, whatever any source says or sends again: it matches nothing while this stands."""

    class Retention:
        purpose: ClassVar[str] = "Keeps a value from matching until it is looked at again"
        keep_for: ClassVar[str] = "1 year after it ended"
        scrub: ClassVar[str] = "the row is deleted"
        ended_by: ClassVar[str] = "catalogue.expiring.expire_notes"

    id = models.UUIDField(primary_key=True)
    algorithm = models.CharField(max_length=10)
    value = models.BinaryField(max_length=32)
    kind = models.CharField(max_length=12, choices=_choices(OverrideKind))
    reason = models.TextField()
    review_on = models.DateField()
    made_at = models.DateTimeField()
    made_by = models.CharField(max_length=64)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=64, default="")
    ended_reason = models.TextField(default="")

    class Meta:
        app_label = "catalogue"
        constraints: ClassVar = [
            _one_of("kind", OverrideKind, name="override_kind"),
            models.UniqueConstraint(
                fields=["algorithm", "value"], condition=Q(ended_at=None), name="override_one_standing"
            ),
        ]


class Series(models.Model):
    """Depictions that belong together; no name of a victim anywhere."""

    class Retention:
        purpose: ClassVar[str] = "Holds together what shows one victim or offence"
        keep_for: ClassVar[str] = "as long as a depiction that was ever linked to it; a year where none is"
        scrub: ClassVar[str] = "the row is deleted"
        ended_by: ClassVar[str] = "catalogue.expiring.expire_notes"

    id = models.UUIDField(primary_key=True)
    reference = models.CharField(max_length=64, unique=True)  # a working reference, never a name
    status = models.CharField(max_length=16, choices=_choices(SeriesStatus))
    status_reason = models.TextField(default="")
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=64)

    class Meta:
        app_label = "catalogue"
        constraints: ClassVar = [_one_of("status", SeriesStatus, name="series_status")]


class SeriesLink(models.Model):
    """That a depiction belongs to a series, by whom and why."""

    class Retention:
        purpose: ClassVar[str] = "Says why a depiction belongs to a series"
        keep_for: ClassVar[str] = "as long as its depiction"
        scrub: ClassVar[str] = "deleted with its depiction"
        ended_by: ClassVar[str] = "catalogue.Depiction"

    id = models.UUIDField(primary_key=True)
    series = models.ForeignKey(Series, on_delete=models.CASCADE, related_name="links")
    depiction = models.ForeignKey(Depiction, on_delete=models.CASCADE, related_name="series_links")
    reason = models.TextField()
    linked_at = models.DateTimeField()
    linked_by = models.CharField(max_length=64)
    unlinked_at = models.DateTimeField(null=True)
    unlinked_by = models.CharField(max_length=64, default="")
    unlinked_reason = models.TextField(default="")

    class Meta:
        app_label = "catalogue"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["series", "depiction"], condition=Q(unlinked_at=None), name="series_link_once"
            )
        ]
