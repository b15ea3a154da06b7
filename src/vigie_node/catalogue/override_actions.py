# SPDX-License-Identifier: Apache-2.0
"""Our own word on a value: while an override stands the value matches nothing, whatever any source says again.

- An override holds for a value, not for a record: it survives every import, update and new source.
- It has a date on which somebody looks at it again, within a year; what is overdue comes up as an alarm, and stands on.
- Ending one needs a reason too: from then on the value may match again.
"""

import uuid
from datetime import UTC, date, datetime, timedelta

from django.db import IntegrityError, transaction

from vigie.errors import InvalidInputError, NotFoundError, WrongStateError
from vigie.fingerprints.values import Algorithm
from vigie_node.audit import actions as audit
from vigie_node.audit.events import Event
from vigie_node.base.actor import Actor
from vigie_node.base.ids import new_id
from vigie_node.catalogue.identity import NewFingerprint
from vigie_node.catalogue.models import Override
from vigie_node.catalogue.reasons import stated
from vigie_node.catalogue.states import OverrideKind
from vigie_node.changes import actions as changes
from vigie_node.changes.topics import Topic

MAX_REVIEW = timedelta(days=366)


class AlreadyOverriddenError(WrongStateError):
    """An override of this value stands."""

    code = "catalogue.already-overridden"


class NoSuchOverrideError(NotFoundError):
    """No override of this id stands."""

    code = "catalogue.no-such-override"


class ReviewDateError(InvalidInputError):
    """The date of review is past or too far away."""

    code = "catalogue.review-date"


@transaction.atomic
def override(
    algorithm: Algorithm,
    value: bytes,
    *,
    kind: OverrideKind,
    reason: str,
    review_on: date,
    by: Actor,
    now: datetime,
) -> uuid.UUID:
    """Keep a value from matching; return the override's id.

    Audit:   OVERRIDE_MADE, with its kind.
    Raises:  AlreadyOverriddenError, ReviewDateError; MalformedValueError; MissingReasonError.
    """
    why = stated(reason, name="reason")
    checked = NewFingerprint(algorithm, value)
    _check_date(review_on, now=now)
    made = Override(
        id=new_id(now), algorithm=algorithm.value, value=checked.value, kind=kind.value, reason=why,
        review_on=review_on, made_at=now, made_by=str(by),
    )  # fmt: skip
    try:
        with transaction.atomic():
            made.save(force_insert=True)
    except IntegrityError as error:
        raise AlreadyOverriddenError("an override of this value stands already; set its date anew instead") from error
    audit.record(Event.OVERRIDE_MADE, subject=made.id, by=by, at=now, kind=kind.value)
    changes.append(Topic.OVERRIDES, subject=made.id, now=now)
    return made.id


@transaction.atomic
def review_override(override_id: uuid.UUID, *, review_on: date, reason: str, by: Actor, now: datetime) -> None:
    """Note that an override was looked at and stands on; somebody looks again on the new date.

    Audit:   OVERRIDE_REVIEWED.
    Raises:  NoSuchOverrideError, ReviewDateError; MissingReasonError.
    """
    why = stated(reason, name="reason")
    _check_date(review_on, now=now)
    reviewed = _standing(override_id)
    reviewed.review_on, reviewed.reason = review_on, why
    reviewed.kind = OverrideKind.SUPPRESSED.value  # a person has decided now
    reviewed.save(update_fields=["review_on", "reason", "kind"])
    audit.record(Event.OVERRIDE_REVIEWED, subject=override_id, by=by, at=now)


@transaction.atomic
def end_override(override_id: uuid.UUID, *, reason: str, by: Actor, now: datetime) -> None:
    """Let a value match again.

    Audit:   OVERRIDE_ENDED.
    Raises:  NoSuchOverrideError; MissingReasonError.
    """
    why = stated(reason, name="reason")
    ended = _standing(override_id)
    ended.ended_at, ended.ended_by, ended.ended_reason = now, str(by), why
    ended.save(update_fields=["ended_at", "ended_by", "ended_reason"])
    audit.record(Event.OVERRIDE_ENDED, subject=override_id, by=by, at=now)
    changes.append(Topic.OVERRIDES, subject=override_id, now=now)


def _standing(override_id: uuid.UUID) -> Override:
    found = Override.objects.select_for_update().filter(id=override_id, ended_at=None).first()
    if found is None:
        raise NoSuchOverrideError("no such override stands; it may have been ended by somebody else")
    return found


def _check_date(review_on: date, *, now: datetime) -> None:
    today = now.astimezone(UTC).date()
    if not today < review_on <= today + MAX_REVIEW:
        raise ReviewDateError("the date of review is after today and within a year")
