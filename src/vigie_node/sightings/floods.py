# SPDX-License-Identifier: Apache-2.0
"""Values that suddenly match too often: a wrong value, or one that many unrelated pictures share (ADR 0089).

- A list's policy says how many matches of one fingerprint within an hour are too many; 0 is no limit.
- Only look-ups count: a large scan or a look-back is no flood.
- A value that was let go again is counted from its last quarantine on: one flood is noticed once.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count, Max

from vigie_node.audit import actions as audit
from vigie_node.audit.events import Event
from vigie_node.base.actor import Actor
from vigie_node.sightings.models import Flood, Match
from vigie_node.sightings.states import FoundBy

WINDOW = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Flooding:
    """A fingerprint, by its row, that matched too often under a list."""

    list_id: uuid.UUID
    fingerprint: int
    matches: int


def flooding(limits: Mapping[uuid.UUID, int], *, now: datetime) -> list[Flooding]:
    """Return the fingerprints that matched more often within the last hour than their list allows."""
    found: list[Flooding] = []
    for list_id, limit in limits.items():
        recent = Match.objects.filter(list=list_id, matched_at__gt=now - WINDOW, found_by=FoundBy.LOOK_UP.value)
        counted = recent.values("fingerprint").annotate(matches=Count("id")).filter(matches__gt=limit)
        often = dict(counted.order_by("fingerprint").values_list("fingerprint", "matches"))
        noticed = dict(
            Flood.objects.filter(fingerprint__in=often, noticed_at__gt=now - WINDOW)
            .values("fingerprint")
            .annotate(at=Max("noticed_at"))
            .values_list("fingerprint", "at")
        )
        for fingerprint, matches in often.items():
            since = noticed.get(fingerprint)
            again = matches if since is None else recent.filter(fingerprint=fingerprint, matched_at__gt=since).count()
            if again > limit:
                found.append(Flooding(list_id, fingerprint, again))
    return found


@transaction.atomic
def note_flood(one: Flooding, *, by: Actor, now: datetime) -> None:
    """Note that a flood was dealt with.

    Audit:   FLOOD_NOTED, with list and count.
    """
    Flood.objects.create(fingerprint=one.fingerprint, list_id=one.list_id, matches=one.matches, noticed_at=now)
    audit.record(Event.FLOOD_NOTED, subject=one.fingerprint, by=by, at=now, list=str(one.list_id), matches=one.matches)
