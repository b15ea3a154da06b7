# SPDX-License-Identifier: Apache-2.0
"""Delete what was noted about work that ended: look-backs, simulations, floods. Sightings are the part of erasing.py.

- What has not ended is kept, however old it is.
"""

from datetime import datetime

from vigie_node.audit import expiring
from vigie_node.base.actor import Actor
from vigie_node.base.retention import YEAR
from vigie_node.sightings.models import Flood, Simulation, Sweep

KEPT = YEAR


def expire_notes(*, by: Actor, now: datetime) -> bool:
    """Delete some look-backs, simulations or floods of long ago; return whether there were any.

    Audit:   RECORDS_EXPIRED, with how many; none where nothing was due.
    """
    before = now - KEPT
    kinds = (
        Sweep.objects.filter(ended_at__lt=before),
        Simulation.objects.filter(ended_at__lt=before),
        Flood.objects.filter(noticed_at__lt=before),
    )
    return expiring.delete_due(kinds, by=by, now=now)
