# SPDX-License-Identifier: Apache-2.0
"""Write the catalogue: sources, depictions, assertions and their revocations.

- Nothing said is overwritten: a later word supersedes, a revocation ends, a dispute challenges.
- Where a write has weight in law its reason is required, in the writer's own words.
- What changes the answers is noted last in the same transaction, so every process hears of it and of nothing undone.
- Lists, disputes, overrides and series are written in files of their own, and used through this one.
"""

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q

from vigie.errors import InvalidInputError, NotFoundError, WrongStateError
from vigie.lists.entries import check_text
from vigie_node.audit import actions as audit
from vigie_node.audit.events import Event
from vigie_node.base import locks
from vigie_node.base.actor import Actor
from vigie_node.base.ids import new_id
from vigie_node.catalogue import classes, derivation, holding, identity, revoking, standing
from vigie_node.catalogue.dispute_actions import open_dispute, settle_dispute
from vigie_node.catalogue.identity import Fingerprints, NewFingerprint
from vigie_node.catalogue.list_actions import NoSuchListError, change_list, create_list
from vigie_node.catalogue.models import Assertion, Depiction, Dispute, Fingerprint, MatchList, Revocation, Source
from vigie_node.catalogue.override_actions import end_override, override, review_override
from vigie_node.catalogue.reasons import stated
from vigie_node.catalogue.rules import BANK
from vigie_node.catalogue.series_actions import (
    NoSuchDepictionError,
    create_series,
    link_to_series,
    set_series_status,
    unlink_from_series,
)
from vigie_node.catalogue.states import Grade, ImportState, Kind
from vigie_node.changes import actions as changes
from vigie_node.changes.topics import Topic

__all__ = [
    "NewFingerprint",
    "change_list",
    "create_list",
    "create_series",
    "end_override",
    "link_to_series",
    "open_dispute",
    "override",
    "record_assertion",
    "record_depiction",
    "record_source",
    "review_override",
    "revoke",
    "set_series_status",
    "settle_dispute",
    "unlink_from_series",
]

_ABOUT = ("depiction_id", "source_id", "scheme", "label")
MAX_AHEAD = timedelta(minutes=10)  # clocks of two organisations differ a little; nobody asserts tomorrow


class NoSuchSourceError(NotFoundError):
    """There is no such source."""

    code = "catalogue.no-such-source"


class FutureAssertionError(InvalidInputError):
    """The assertion would be made in the future."""

    code = "catalogue.future-assertion"


class CannotSupersedeError(WrongStateError):
    """The assertion is of another source or depiction, was superseded, or is later than this one."""

    code = "catalogue.cannot-supersede"


@transaction.atomic
def record_source(
    name: str, *, by: Actor, now: datetime, country: str = "", organisation_id: uuid.UUID | None = None
) -> uuid.UUID:
    """Return the source of this name, recorded now if it was not before.

    Audit:   SOURCE_RECORDED, with whether it is new.
    Raises:  MalformedEntryError for a name that cannot be shown.
    """
    check_text(name, name="name")
    made = Source(id=new_id(now), name=name, country=country, organisation_id=organisation_id, created_at=now)
    try:
        with transaction.atomic():
            made.save(force_insert=True)
        source_id, is_new = made.id, True
    except IntegrityError:
        source_id, is_new = Source.objects.get(name=name).id, False
    audit.record(Event.SOURCE_RECORDED, subject=source_id, by=by, at=now, is_new=is_new)
    return source_id


@transaction.atomic
def record_depiction(fingerprints: Fingerprints, *, kind: Kind, by: Actor, now: datetime) -> uuid.UUID:
    """Return the depiction that these fingerprints are of, recorded now with what was not known of it.

    Audit:   DEPICTION_RECORDED, with whether it is new and how many fingerprints are.
    Raises:  NoFingerprintError, NeverMatchesError.
    """
    identity.check_may_match(fingerprints)
    identity.lock()
    locks.hold(locks.WORDS)  # in the order of the locks: what is said of it may follow in the same transaction
    known = identity.Known.read([fingerprints])
    found = known.find(fingerprints)
    depiction_id = found or new_id(now)
    adopted = 0
    if found is None:
        Depiction.objects.create(id=depiction_id, kind=kind.value, created_at=now)
    else:
        adopted = _adopt(depiction_id, fingerprints)
    held = known.places.get(depiction_id, set())  # what an import held, too: it was just made ours
    missing = list({one.place: one for one in fingerprints if one.place not in held}.values())
    rows = Fingerprint.objects.bulk_create([_row(depiction_id, one, now=now) for one in missing])
    is_new = found is None
    audit.record(Event.DEPICTION_RECORDED, subject=depiction_id, by=by, at=now, is_new=is_new, added=len(rows))
    if rows:
        changes.append(Topic.FINGERPRINTS_ADDED, subject=depiction_id, items=[row.pk for row in rows], now=now)
    if found is not None and (rows or adopted):
        # What is said of it holds for these values too, from now on: what was seen of them before comes up.
        changes.append(Topic.STANDING, subject=depiction_id, now=now)
    return depiction_id


@transaction.atomic
def record_assertion(
    depiction_id: uuid.UUID,
    *,
    source_id: uuid.UUID,
    scheme: str,
    label: str,
    facts: Mapping[str, object],
    ground: Grade,
    asserted_at: datetime,
    by: Actor,
    now: datetime,
    supersedes: uuid.UUID | None = None,
) -> uuid.UUID:
    """Record who says what of a depiction; return the assertion's id.

    What the same source said before in the same scheme is superseded, named or not; a word of the scheme `bank`
    supersedes only one about the same list. What was revoked stays so: to have an earlier word back is to say it anew.
    Where the class is the same, a dispute that is open on the earlier word is one on this one from now on.
    Audit:   ASSERTION_RECORDED, with the depiction, the scheme and what is superseded.
    Raises:  NoSuchDepictionError, NoSuchSourceError, NoSuchListError; FutureAssertionError, CannotSupersedeError;
             UnknownSchemeError, UnknownLabelError, MalformedFactsError.
    """
    classes.check_class(scheme, label)
    checked = derivation.checked(facts)
    if asserted_at > now + MAX_AHEAD:
        raise FutureAssertionError("nobody asserts something in the future; check the time and its zone")
    if not Depiction.objects.filter(id=depiction_id).exists():
        raise NoSuchDepictionError("there is no such depiction")
    if not Source.objects.filter(id=source_id).exists():
        raise NoSuchSourceError("there is no such source; record it first")
    if scheme == BANK and not MatchList.objects.filter(name=label).exists():
        raise NoSuchListError("there is no list of that name")
    said = Assertion(
        id=new_id(now), depiction_id=depiction_id, source_id=source_id, scheme=scheme, label=label, facts=checked,
        ground=ground.value, asserted_at=asserted_at, recorded_at=now, recorded_by=str(by),
    )  # fmt: skip
    locks.hold(locks.WORDS)
    earlier = _superseded(said, supersedes)
    said.supersedes = earlier
    said.save(force_insert=True)
    if earlier is not None and earlier.label == said.label:
        Dispute.objects.filter(assertion=earlier, outcome="").update(assertion=said)
    audit.record(
        Event.ASSERTION_RECORDED, subject=said.id, by=by, at=now, depiction=depiction_id, scheme=scheme,
        supersedes=None if earlier is None else earlier.id,
    )  # fmt: skip
    changes.append(Topic.STANDING, subject=depiction_id, now=now)
    return said.id


@transaction.atomic
def revoke(assertion_id: uuid.UUID, *, reason: str, by: Actor, now: datetime) -> None:
    """End an assertion: it stops counting at once, in every process, and for good, however often its source said it.

    Audit:   ASSERTION_REVOKED, with the depiction, how many words ended and how many disputes that settled.
    Raises:  NoSuchAssertionError, AlreadyRevokedError; MissingReasonError.
    """
    why = stated(reason, name="reason")
    assertion = revoking.visible_assertion(assertion_id)
    words, settled = revoking.end(assertion, reason=why, by=by, now=now)
    audit.record(
        Event.ASSERTION_REVOKED, subject=assertion_id, by=by, at=now, depiction=assertion.depiction_id, words=words,
        settled=settled,
    )  # fmt: skip
    changes.append(Topic.STANDING, subject=assertion.depiction_id, now=now)


def _superseded(said: Assertion, named: uuid.UUID | None) -> Assertion | None:
    """Return the word that this one supersedes; None where the source said nothing before.

    A word that was revoked is superseded whatever its time: so a person puts right what a mistaken one had displaced.
    Raises:  CannotSupersedeError.
    """
    about = holding.key_of(said.depiction_id, said.source_id, said.scheme, said.label)
    # Asked for by the depiction alone: SQLite would else go over all words of this class.
    words = Assertion.objects.filter(depiction_id=said.depiction_id).values_list("id", *_ABOUT)
    before = [id for id, *word in words if holding.key_of(*word) == about]
    later = standing.visible(Assertion.objects.filter(supersedes=OuterRef("pk")))
    same = standing.visible(Assertion.objects.filter(id__in=before)).filter(~Exists(later))
    revocations = standing.visible(Revocation.objects.filter(assertion=OuterRef("pk")))
    found = same.order_by("-asserted_at", "-id").first() if named is None else same.filter(id=named).first()
    later = same.filter(asserted_at__gt=said.asserted_at)
    # One revoked word gives way; a second one beside it would still be the latest, and this one would never count.
    if later.filter(~Exists(revocations) | ~Q(id=None if found is None else found.id)).exists():
        raise CannotSupersedeError("this source has said something later about this depiction already")
    if found is None and named is not None:
        raise CannotSupersedeError("what would be superseded is not the present word of this source on this depiction")
    return found


def _adopt(depiction_id: uuid.UUID, fingerprints: Fingerprints) -> int:
    """Make ours what only an import held so far: it stays if that import is undone; return how many fingerprints."""
    gone = Q(via__state__in=[ImportState.CANCELLED.value, ImportState.FAILED.value], via__undone_at=None)
    Depiction.objects.filter(id=depiction_id).exclude(via=None).update(via=None)
    adopted = 0
    for one in fingerprints:
        held = Fingerprint.objects.filter(depiction_id=depiction_id, algorithm=one.algorithm.value, value=one.value)
        adopted += held.exclude(via=None).exclude(gone).update(via=None)
    return adopted


def _row(depiction_id: uuid.UUID, one: NewFingerprint, *, now: datetime) -> Fingerprint:
    return Fingerprint(
        depiction_id=depiction_id, algorithm=one.algorithm.value, value=one.value, quality=one.quality, role=one.role,
        start_ms=one.start_ms, end_ms=one.end_ms, recipe=one.recipe, created_at=now,
    )  # fmt: skip
