# SPDX-License-Identifier: Apache-2.0
"""End an assertion: the one place where a revocation is written, whatever brought it about.

- It counts at once and for good, whatever any import has staged meanwhile.
- A revocation that an import has only staged does not count yet; a person's takes its place.
- Whatever dispute was open on the assertion is settled by it.
"""

import uuid
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Q

from vigie.errors import NotFoundError, WrongStateError
from vigie_node.base.actor import Actor
from vigie_node.base.ids import new_id
from vigie_node.catalogue.models import Assertion, Dispute, Revocation
from vigie_node.catalogue.states import DisputeOutcome, ImportState


class NoSuchAssertionError(NotFoundError):
    """No assertion of this id is visible."""

    code = "catalogue.no-such-assertion"


class AlreadyRevokedError(WrongStateError):
    """The assertion was revoked before."""

    code = "catalogue.already-revoked"


def visible_assertion(assertion_id: uuid.UUID) -> Assertion:
    """Return an assertion that is visible, locked until the transaction ends.

    Raises:  NoSuchAssertionError.
    """
    found = Assertion.objects.select_for_update(of=("self",)).select_related("via").filter(id=assertion_id).first()
    if found is None or (found.via is not None and found.via.state != ImportState.VISIBLE.value):
        raise NoSuchAssertionError("there is no such assertion, or it is not visible")
    return found


def standing_revocation(assertion: Assertion) -> Revocation | None:
    """Return the revocation that counts, None where there is none or only one that an import staged."""
    visible = Q(via=None) | Q(via__state=ImportState.VISIBLE.value)
    return Revocation.objects.filter(visible, assertion=assertion).first()


def end(assertion: Assertion, *, reason: str, by: Actor, now: datetime) -> int:
    """Revoke an assertion and settle the dispute that was open on it; return how many disputes that was.

    Raises:  AlreadyRevokedError.
    """
    entry = {"id": new_id(now), "reason": reason, "revoked_at": now, "revoked_by": str(by), "via": None}
    try:
        with transaction.atomic():
            Revocation.objects.create(assertion=assertion, **entry)
    except IntegrityError as error:
        staged = Revocation.objects.filter(assertion=assertion).exclude(via=None)
        if not staged.exclude(via__state=ImportState.VISIBLE.value).update(**entry):
            raise AlreadyRevokedError("the assertion was revoked before; it has not counted since") from error
    return Dispute.objects.filter(assertion=assertion, outcome="").update(
        outcome=DisputeOutcome.UPHELD.value, settled_at=now, settled_by=str(by), settlement=reason
    )
