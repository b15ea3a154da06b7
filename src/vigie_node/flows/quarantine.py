# SPDX-License-Identifier: Apache-2.0
"""A value suddenly matches too often: it is put under quarantine, and a person is told to look.

1. Fingerprints that matched more often within an hour than their list allows.
2. Each value matches nothing from then on, until somebody looked: an override, with a date, that a person may end.
3. An alarm, by the list's name; and a note, so that the same flood is not noticed twice.
4. What it matched before is undone by the look-back, which follows every override (flows/retrace.py).
"""

from contextlib import suppress
from datetime import datetime, timedelta

from vigie_node.alarms import actions as alarms
from vigie_node.alarms.codes import Alarm
from vigie_node.base.actor import Actor
from vigie_node.catalogue import actions as catalogue
from vigie_node.catalogue import standing
from vigie_node.catalogue.override_actions import AlreadyOverriddenError
from vigie_node.catalogue.states import OverrideKind
from vigie_node.sightings import floods

REVIEW_AFTER = timedelta(days=7)


def step(*, by: Actor, now: datetime) -> int:
    """Quarantine what floods; return how many values."""
    names = {one.id: one.name for one in standing.list_rules()}
    limits = {one.id: one.policy.flood_per_hour for one in standing.list_rules() if one.policy.flood_per_hour}
    found = floods.flooding(limits, now=now)
    prints = standing.fingerprints(one.fingerprint for one in found)
    for one in found:
        held = prints.get(one.fingerprint)
        if held is not None:
            with suppress(AlreadyOverriddenError):  # by another list, or by ourselves before we were stopped
                catalogue.override(
                    held.algorithm,
                    held.value,
                    kind=OverrideKind.QUARANTINED,
                    reason=f"{one.matches} matches within an hour: too many for the list",
                    review_on=(now + REVIEW_AFTER).date(),
                    by=by,
                    now=now,
                )
        alarms.raise_alarm(Alarm.FLOOD, subject=names[one.list_id], by=by, now=now)
        floods.note_flood(one, by=by, now=now)
    return len(found)
