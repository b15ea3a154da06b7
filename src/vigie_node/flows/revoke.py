# SPDX-License-Identifier: Apache-2.0
"""A word is taken back: it stops matching at once, and what was done on its strength comes up.

1. The revocation, or the dispute that is upheld: from its commit on no process matches on that word.
2. The matches that stood on it alone are undone and become tasks.

- The second step is also the look-back's, which follows every such change: an import that is undone, a list that is
  switched off, a revocation whose second step was cut short. Doing it here spares the person the seconds of waiting.
- A match that other words carry is left as it is.
"""

import uuid
from datetime import datetime

from vigie_node.base.actor import Actor
from vigie_node.catalogue import actions as catalogue
from vigie_node.catalogue import sweeping
from vigie_node.catalogue.states import DisputeOutcome
from vigie_node.flows import retrace
from vigie_node.sightings.retracing import Portion
from vigie_node.sightings.states import SweepCause


def revoke(assertion_id: uuid.UUID, *, reason: str, by: Actor, now: datetime) -> int:
    """Revoke an assertion and return how many matches are undone by it.

    Audit:   ASSERTION_REVOKED; SIGHTINGS_UNDONE, where there are any.
    Raises:  NoSuchAssertionError, AlreadyRevokedError; MissingReasonError.
    """
    catalogue.revoke(assertion_id, reason=reason, by=by, now=now)
    return _undo(assertion_id, by=by, now=now)


def settle_dispute(dispute_id: uuid.UUID, *, outcome: DisputeOutcome, settlement: str, by: Actor, now: datetime) -> int:
    """Settle a dispute and return how many matches are undone by it: none unless it was upheld.

    Audit:   DISPUTE_SETTLED; SIGHTINGS_UNDONE, where there are any.
    Raises:  NoSuchDisputeError, AlreadySettledError; MissingReasonError.
    """
    catalogue.settle_dispute(dispute_id, outcome=outcome, settlement=settlement, by=by, now=now)
    disputed = sweeping.assertion_of_dispute(dispute_id)
    if outcome is not DisputeOutcome.UPHELD or disputed is None:
        return 0
    return _undo(disputed, by=by, now=now)


def _undo(assertion_id: uuid.UUID, *, by: Actor, now: datetime) -> int:
    depiction = sweeping.depiction_of_assertion(assertion_id)
    if depiction is None:
        return 0
    only_it = Portion(0, SweepCause.STANDING, str(assertion_id), None, (depiction,))
    return retrace.undo(only_it, by=by, now=now)
