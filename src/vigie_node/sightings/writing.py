# SPDX-License-Identifier: Apache-2.0
"""Write sightings, their values and their matches, many at a time; inside the caller's transaction.

- Of a video the frames are kept as they were, not turned: a turned value of a frame can be asked for, not looked back
  for (ADR 0086).
- An answer that a change overtook before it was written is answered again: the look-back, which follows that change,
  may have gone by already and would not see it.
- One match a sighting, depiction and list, by the strongest ground; what stands already is left as it is.
"""

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime

from vigie.errors import UnavailableError
from vigie.fingerprints.gates import UNKNOWN_QUALITY
from vigie_node.catalogue import bulk
from vigie_node.changes import queries as changes
from vigie_node.changes.topics import Topic
from vigie_node.matching.answers import Claim
from vigie_node.matching.questions import PLAIN, Question, Subject
from vigie_node.sightings.models import Match, SeenValue, Sighting
from vigie_node.sightings.states import FoundBy

RELEVANT = frozenset({Topic.STANDING, Topic.IMPORT, Topic.LISTS, Topic.OVERRIDES})  # what alters an answer


class OvertakenError(UnavailableError):
    """What the answer rests on changed before it was written: ask again."""

    code = "sightings.overtaken"


def check_not_overtaken(decided_at: int | None) -> None:
    """Refuse to keep what was decided at an earlier position of the change log than what holds now.

    Called after the transaction's own change was noted: nothing else can be noted before its commit.
    Raises:  OvertakenError.
    """
    if decided_at is not None and changes.any_since(decided_at, topics=RELEVANT):
        raise OvertakenError("the catalogue changed while this was answered; ask again")


def insert_sightings(sightings: Sequence[Sighting], subjects: Sequence[Subject]) -> list[int]:
    """Insert sightings with the values of their subjects; return the numbers of the values, for the index."""
    bulk.create(sightings)
    values = [
        _value(sighting, one)
        for sighting, subject in zip(sightings, subjects, strict=True)
        for one in dict.fromkeys(subject)
        if one.frame is None or one.transform == PLAIN
    ]
    bulk.create(values)
    return [value.pk for value in values]


def matches_of(sighting: Sighting, claims: Iterable[Claim], *, found_by: FoundBy, now: datetime) -> list[Match]:
    """Make the matches of one sighting from the claims about it; the first claim of a list and depiction is kept."""
    made: dict[tuple[uuid.UUID, uuid.UUID, bool], Match] = {}
    for claim in claims:
        made.setdefault(
            (claim.depiction_id, claim.list_id, claim.is_shadow),
            Match(
                sighting=sighting,
                depiction_id=claim.depiction_id,
                list_id=claim.list_id,
                list_version=claim.list_version,
                fingerprint=claim.fingerprint,
                algorithm=claim.algorithm.value,
                distance_bits=claim.distance_bits,
                transform=_stored(claim.transform),
                scheme=claim.scheme,
                label=claim.label,
                assertions=[str(one) for one in claim.assertions],
                is_shadow=claim.is_shadow,
                found_by=found_by.value,
                seen_at=sighting.seen_at,
                matched_at=now,
            ),
        )
    return list(made.values())


def _value(sighting: Sighting, one: Question) -> SeenValue:
    return SeenValue(
        sighting=sighting,
        algorithm=one.algorithm.value,
        value=one.value,
        quality=None if one.quality == UNKNOWN_QUALITY else one.quality,
        transform=_stored(one.transform),
        start_ms=None if one.frame is None else round(one.frame.at_seconds * 1000),
        end_ms=None if one.frame is None else round(one.frame.until_seconds * 1000),
    )


def _stored(transform: str) -> str:
    return "" if transform == PLAIN else transform
