# SPDX-License-Identifier: Apache-2.0
"""End an assertion: the one place where a revocation is written, whatever brought it about.

- It counts at once and for good, whatever any import has staged meanwhile.
- With a word ends what its source said again of the same class: a person who looked at the page before the flip of an
  import, or pressed the button just after it, means the same (ADR 0082).
- A revocation that an import has only staged does not count yet; a person's takes its place.
- Whatever dispute was open on the assertion is settled by it.
- Whoever decides here holds the lock WORDS, and so does every flip: neither sees half of the other.
"""

import uuid
from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet

from vigie.errors import NotFoundError, WrongStateError
from vigie_node.base import locks
from vigie_node.base.actor import Actor
from vigie_node.base.ids import new_id
from vigie_node.catalogue import standing
from vigie_node.catalogue.models import Assertion, Dispute, Revocation
from vigie_node.catalogue.states import DisputeOutcome


class NoSuchAssertionError(NotFoundError):
    """No assertion of this id is visible."""

    code = "catalogue.no-such-assertion"


class AlreadyRevokedError(WrongStateError):
    """The assertion was revoked before."""

    code = "catalogue.already-revoked"


def visible_assertion(assertion_id: uuid.UUID) -> Assertion:
    """Return an assertion that is visible; nothing ends, challenges or repeats it until the transaction ends.

    Raises:  NoSuchAssertionError.
    """
    locks.hold(locks.WORDS)
    found = standing.visible(Assertion.objects.filter(id=assertion_id)).first()
    if found is None:
        raise NoSuchAssertionError("there is no such assertion, or it is not visible")
    return found


def as_it_stands(assertion: Assertion) -> Assertion:
    """Return the latest repetition of an assertion, itself where nothing repeats it.

    Raises:  AlreadyRevokedError.
    """
    _check_not_revoked(assertion)
    return max(_repetitions(assertion), key=lambda one: (one.asserted_at, one.id), default=assertion)


def end(assertion: Assertion, *, reason: str, by: Actor, now: datetime) -> tuple[int, int]:
    """Revoke an assertion and its repetitions, and settle the disputes open on them; return how many of both.

    Raises:  AlreadyRevokedError.
    """
    _check_not_revoked(assertion)
    ended = [assertion, *_repetitions(assertion)]
    entry = {"reason": reason, "revoked_at": now, "revoked_by": str(by), "via": None}
    for one in ended:
        made = {"id": new_id(now), **entry}
        Revocation.objects.update_or_create(assertion=one, defaults=entry, create_defaults=made)
    settled = Dispute.objects.filter(assertion__in=ended, outcome="").update(
        outcome=DisputeOutcome.UPHELD.value, settled_at=now, settled_by=str(by), settlement=reason
    )
    return len(ended), settled


def _check_not_revoked(assertion: Assertion) -> None:
    if _revocations().filter(assertion=assertion).exists():
        raise AlreadyRevokedError("the assertion was revoked before; it has not counted since")


def _revocations() -> QuerySet[Revocation]:
    return standing.visible(Revocation.objects.all())


def _repetitions(assertion: Assertion) -> list[Assertion]:
    """Return the visible words by which the source said the same again, without those that were revoked."""
    # Asked for by the depiction alone: SQLite would else go over all words of this class.
    said = standing.visible(Assertion.objects.filter(depiction_id=assertion.depiction_id))
    standing_words = said.filter(~Exists(_revocations().filter(assertion=OuterRef("pk"))))
    return [
        one
        for one in standing_words.order_by("id")
        if one.id != assertion.id
        and (one.source_id, one.scheme, one.label) == (assertion.source_id, assertion.scheme, assertion.label)
        and one.asserted_at >= assertion.asserted_at
    ]
