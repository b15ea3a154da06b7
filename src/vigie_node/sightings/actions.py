# SPDX-License-Identifier: Apache-2.0
"""Write what was seen.

- A look-up that matched is a sighting; one that did not is never given to anything here.
- One call is one transaction of a few statements: it stands on the way of every matched look-up.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from vigie.errors import NotFoundError
from vigie_node.audit import actions as audit
from vigie_node.audit.events import Event
from vigie_node.base.actor import Actor
from vigie_node.catalogue import bulk
from vigie_node.changes import actions as changes
from vigie_node.changes.topics import Topic
from vigie_node.matching.answers import Answer
from vigie_node.matching.questions import Subject
from vigie_node.sightings import tallies, writing
from vigie_node.sightings.erasing import expire
from vigie_node.sightings.loading import cancel_load, start_load
from vigie_node.sightings.models import Sighting
from vigie_node.sightings.rules import Reach
from vigie_node.sightings.simulating import cancel_simulation, start_simulation
from vigie_node.sightings.states import FoundBy, Place
from vigie_node.sightings.task_actions import finish_task, reopen_task, take_task

__all__ = [
    "LookUp",
    "NoSuchSightingError",
    "cancel_load",
    "cancel_simulation",
    "expire",
    "finish_task",
    "open_place",
    "record_look_ups",
    "reopen_task",
    "start_load",
    "start_simulation",
    "take_task",
]


class NoSuchSightingError(NotFoundError):
    """There is no such sighting, or not for this person."""

    code = "sightings.no-such-sighting"


@dataclass(frozen=True, slots=True)
class LookUp:
    """A content that was asked about and matched; `reference` is the asker's own pseudonym for where it is."""

    subject: Subject = field(repr=False)
    answer: Answer = field(repr=False)
    place: Place
    seen_at: datetime
    reference: str = field(default="", repr=False)
    country: str = ""


@transaction.atomic
def record_look_ups(found: Sequence[LookUp], *, by: Actor, now: datetime, decided_at: int | None = None) -> None:
    """Keep a sighting of every look-up that matched, with its values and its matches.

    `decided_at` is the position of the change log before the answers were made; None: whatever changed since.
    Audit:   LOOK_UPS_RECORDED, with how many; nothing at all where none matched.
    Raises:  OvertakenError.
    """
    matched = [one for one in found if one.answer.claims]
    if not matched:
        return
    expires_at = now + timedelta(days=settings.MATCHED_SIGHTING_DAYS)
    sightings = [
        Sighting(
            seen_at=one.seen_at,
            place_kind=one.place.value,
            place=one.reference,
            source=str(by),
            organisation_id=by.organisation_id,
            country=one.country,
            expires_at=expires_at,
            created_at=now,
        )
        for one in matched
    ]
    values = writing.insert_sightings(sightings, [one.subject for one in matched])
    matches = [
        match
        for sighting, one in zip(sightings, matched, strict=True)
        for match in writing.matches_of(sighting, one.answer.claims, found_by=FoundBy.LOOK_UP, now=now)
    ]
    bulk.create(matches)
    told = {(match.sighting_id, match.depiction_id): match for match in matches if not match.is_shadow}
    tallies.add(tallies.sort_of(match.sighting, match.depiction_id) for match in told.values())
    audit.record(Event.LOOK_UPS_RECORDED, subject="", by=by, at=now, sightings=len(sightings), matches=len(matches))
    changes.append(Topic.SEEN_ADDED, items=values, now=now)
    writing.check_not_overtaken(decided_at)


@transaction.atomic
def open_place(sighting_id: int, *, by: Actor, now: datetime, reach: Reach) -> str:
    """Return where a sighting was seen: a file's name, a URL, a partner's pseudonym. It is hidden unless asked for.

    Audit:   SIGHTINGS_READ.
    Raises:  NoSuchSightingError.
    """
    found = Sighting.objects.filter(id=sighting_id).first()
    if found is None or not reach.covers(case=found.case, organisation_id=found.organisation_id):
        raise NoSuchSightingError("there is no such sighting, or it is in a case that you may not look into")
    audit.record(Event.SIGHTINGS_READ, subject=sighting_id, by=by, at=now)
    return found.place
