# SPDX-License-Identifier: Apache-2.0
"""Challenge an assertion, and settle the challenge.

- A dispute has grounds and a deadline. While it is open the assertion does not count for lists whose policy says so.
- Upholding a dispute revokes the assertion in the same transaction; rejecting it leaves the assertion standing.
- An assertion has one open dispute at a time; a settled one may be followed by another, on other grounds.
- What is challenged is the word as it stands: where its source said the same again, before or after, that is disputed.
"""

import uuid
from datetime import datetime

from django.db import IntegrityError, transaction

from vigie.errors import NotFoundError, WrongStateError
from vigie_node.audit import actions as audit
from vigie_node.audit.events import Event
from vigie_node.base import locks
from vigie_node.base.actor import Actor
from vigie_node.base.ids import new_id
from vigie_node.catalogue import revoking, rules
from vigie_node.catalogue.models import Dispute
from vigie_node.catalogue.reasons import stated
from vigie_node.catalogue.states import DisputeOutcome
from vigie_node.changes import actions as changes
from vigie_node.changes.topics import Topic


class AlreadyDisputedError(WrongStateError):
    """A dispute on this assertion is open."""

    code = "catalogue.already-disputed"


class NoSuchDisputeError(NotFoundError):
    """There is no such dispute."""

    code = "catalogue.no-such-dispute"


class AlreadySettledError(WrongStateError):
    """The dispute was settled before."""

    code = "catalogue.already-settled"


@transaction.atomic
def open_dispute(assertion_id: uuid.UUID, *, grounds: str, by: Actor, now: datetime) -> uuid.UUID:
    """Challenge an assertion; return the dispute's id.

    Audit:   DISPUTE_OPENED.
    Raises:  NoSuchAssertionError, AlreadyRevokedError, AlreadyDisputedError; MissingReasonError.
    """
    reason = stated(grounds, name="grounds")
    assertion = revoking.as_it_stands(revoking.visible_assertion(assertion_id))
    deadline = rules.dispute_deadline(now)
    dispute = Dispute(
        id=new_id(now), assertion=assertion, grounds=reason, opened_at=now, opened_by=str(by), deadline=deadline
    )
    try:
        with transaction.atomic():
            dispute.save(force_insert=True)
    except IntegrityError as error:
        raise AlreadyDisputedError("a dispute on this assertion is open; add your grounds to it") from error
    audit.record(Event.DISPUTE_OPENED, subject=dispute.id, by=by, at=now, assertion=assertion.id)
    changes.append(Topic.STANDING, subject=assertion.depiction_id, now=now)
    return dispute.id


@transaction.atomic
def settle_dispute(
    dispute_id: uuid.UUID, *, outcome: DisputeOutcome, settlement: str, by: Actor, now: datetime
) -> None:
    """Settle a dispute; where it is upheld the assertion is revoked with it.

    Audit:   DISPUTE_SETTLED, with the outcome and the assertion.
    Raises:  NoSuchDisputeError, AlreadySettledError; MissingReasonError.
    """
    reason = stated(settlement, name="settlement")
    locks.hold(locks.WORDS)
    dispute = Dispute.objects.select_related("assertion").filter(id=dispute_id).first()
    if dispute is None:
        raise NoSuchDisputeError("there is no such dispute")
    if dispute.outcome:
        raise AlreadySettledError(f"the dispute was settled before: {dispute.outcome.lower()}")
    if outcome is DisputeOutcome.UPHELD:
        revoking.end(dispute.assertion, reason=reason, by=by, now=now)
    else:
        dispute.outcome, dispute.settlement = outcome.value, reason
        dispute.settled_at, dispute.settled_by = now, str(by)
        dispute.save(update_fields=["outcome", "settlement", "settled_at", "settled_by"])
    assertion = dispute.assertion
    audit.record(
        Event.DISPUTE_SETTLED, subject=dispute_id, by=by, at=now, outcome=outcome.value, assertion=assertion.id
    )
    changes.append(Topic.STANDING, subject=assertion.depiction_id, now=now)
