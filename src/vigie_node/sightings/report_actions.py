# SPDX-License-Identifier: Apache-2.0
"""Keep what a partner or a tool of our own saw, known or not.

- What matched nothing is kept too: so each comes with the legal basis for keeping it, one that is in force, and with an
  end that this basis covers.
- One call is one transaction, one event in the audit, and one change that the index hears of.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction

from vigie.errors import InvalidInputError
from vigie_node.audit import actions as audit
from vigie_node.audit.events import Event
from vigie_node.base.actor import Actor
from vigie_node.changes import actions as changes
from vigie_node.changes.topics import Topic
from vigie_node.matching.answers import Answer
from vigie_node.matching.questions import Subject
from vigie_node.sightings import legal_bases, tallies, writing
from vigie_node.sightings.models import Match, Sighting
from vigie_node.sightings.states import FoundBy, Place

AHEAD = timedelta(minutes=5)  # how far a partner's clock may be ahead of ours


class UnfitTimesError(InvalidInputError):
    """A sighting lies in the future."""

    code = "sightings.unfit-times"


@dataclass(frozen=True, slots=True)
class Seen:
    """One content that was seen, where and when, and why it may be kept until when."""

    subject: Subject = field(repr=False)
    place: Place
    reference: str = field(repr=False)
    seen_at: datetime
    country: str
    legal_basis: str
    expires_at: datetime


@transaction.atomic
def record_seen(
    seen: Sequence[Seen], answers: Sequence[Answer], *, by: Actor, now: datetime, decided_at: int | None = None
) -> int:
    """Keep sightings, with the answers about them; return how many of them matched.

    `decided_at` is the position of the change log before the answers were made; None: whatever changed since.
    Audit:   SIGHTINGS_REPORTED, with how many.
    Raises:  UnfitTimesError; UnknownBasisError, BasisNotInForceError, ExpiryOutOfBoundsError; OvertakenError.
    """
    for one in seen:
        _check_times(one, now=now)
    rows = [_sighting(one, by=by, now=now) for one in seen]
    values = writing.insert_sightings(rows, [one.subject for one in seen])
    matches = [
        match
        for row, answer in zip(rows, answers, strict=True)
        for match in writing.matches_of(row, answer.claims, found_by=FoundBy.LOOK_UP, now=now)
    ]
    Match.objects.bulk_create(matches)
    told = {(match.sighting_id, match.depiction_id): match for match in matches if not match.is_shadow}
    tallies.add(tallies.sort_of(match.sighting, match.depiction_id) for match in told.values())
    audit.record(Event.SIGHTINGS_REPORTED, subject="", by=by, at=now, sightings=len(rows), matches=len(matches))
    changes.append(Topic.SEEN_ADDED, items=values, now=now)
    writing.check_not_overtaken(decided_at)
    return len({sighting for sighting, _ in told})


def _sighting(one: Seen, *, by: Actor, now: datetime) -> Sighting:
    return Sighting(
        seen_at=one.seen_at,
        place_kind=one.place.value,
        place=one.reference,
        source=str(by),
        organisation_id=by.organisation_id,
        country=one.country,
        legal_basis=one.legal_basis,
        expires_at=one.expires_at,
        created_at=now,
    )


def _check_times(one: Seen, *, now: datetime) -> None:
    if one.seen_at > now + AHEAD:
        raise UnfitTimesError("nothing was seen in the future; check the time and its zone")
    legal_bases.check(one.legal_basis, expires_at=one.expires_at, now=now)
