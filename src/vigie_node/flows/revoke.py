# SPDX-License-Identifier: Apache-2.0
"""A word is taken back, or a value held back: it stops matching at once, and what was done on its strength comes up.

1. The revocation, the dispute that is upheld, the override: from its commit on no process matches on it.
2. The matches that stood on it alone are undone and become tasks.

- The second step is also the look-back's, which follows every such change: an import that is undone, a list that is
  switched off, a second step that was cut short. Doing it here spares the person the seconds of waiting; what takes
  longer than AT_ONCE_SECONDS, and a process that has lost touch with the change log, leave it to the look-back.
- A match that other words or other values carry is not undone.
"""

import time
import uuid
from datetime import date, datetime

from vigie.fingerprints.values import Algorithm
from vigie_node.base.actor import Actor
from vigie_node.catalogue import actions as catalogue
from vigie_node.catalogue import sweeping
from vigie_node.catalogue.states import DisputeOutcome, OverrideKind
from vigie_node.flows import retrace
from vigie_node.matching.lookup import StaleIndexError
from vigie_node.sightings.retracing import PORTION, Portion
from vigie_node.sightings.states import SweepCause

AT_ONCE_SECONDS = 2.0


def revoke(assertion_id: uuid.UUID, *, reason: str, by: Actor, now: datetime) -> int:
    """Revoke an assertion and return how many matches were undone at once.

    Audit:   ASSERTION_REVOKED; SIGHTINGS_UNDONE, where there are any.
    Raises:  NoSuchAssertionError, AlreadyRevokedError; MissingReasonError.
    """
    catalogue.revoke(assertion_id, reason=reason, by=by, now=now)
    return undo_word(assertion_id, by=by, now=now)


def settle_dispute(dispute_id: uuid.UUID, *, outcome: DisputeOutcome, settlement: str, by: Actor, now: datetime) -> int:
    """Settle a dispute and return how many matches were undone at once: none unless it was upheld.

    Audit:   DISPUTE_SETTLED; SIGHTINGS_UNDONE, where there are any.
    Raises:  NoSuchDisputeError, AlreadySettledError; MissingReasonError.
    """
    catalogue.settle_dispute(dispute_id, outcome=outcome, settlement=settlement, by=by, now=now)
    disputed = sweeping.assertion_of_dispute(dispute_id)
    if outcome is not DisputeOutcome.UPHELD or disputed is None:
        return 0
    return undo_word(disputed, by=by, now=now)


def hold_back(
    algorithm: Algorithm, value: bytes, *, kind: OverrideKind, reason: str, review_on: date, by: Actor, now: datetime
) -> int:
    """Keep a value from matching and return how many matches were undone at once.

    Audit:   OVERRIDE_MADE; SIGHTINGS_UNDONE, where there are any.
    Raises:  AlreadyOverriddenError, ReviewDateError; MalformedValueError; MissingReasonError.
    """
    made = catalogue.override(algorithm, value, kind=kind, reason=reason, review_on=review_on, by=by, now=now)
    depictions = sweeping.depictions_of_override(made, after=None, limit=PORTION)
    return _undo(SweepCause.OVERRIDE_MADE, made, *depictions, by=by, now=now)


def undo_word(assertion_id: uuid.UUID, *, by: Actor, now: datetime) -> int:
    """Undo at once what stood on a word that was taken back; outside of any transaction, whose commit it would delay.

    Audit:   SIGHTINGS_UNDONE, where there are any.
    """
    depiction = sweeping.depiction_of_assertion(assertion_id)
    return 0 if depiction is None else _undo(SweepCause.STANDING, assertion_id, depiction, by=by, now=now)


def _undo(cause: SweepCause, subject: uuid.UUID, *depictions: uuid.UUID, by: Actor, now: datetime) -> int:
    portion = Portion(0, cause, str(subject), None, depictions)
    try:
        return retrace.undo(portion, until=time.monotonic() + AT_ONCE_SECONDS, by=by, now=now)
    except StaleIndexError:  # what was decided holds; the look-back undoes it
        return 0
