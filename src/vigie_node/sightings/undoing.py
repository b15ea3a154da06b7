# SPDX-License-Identifier: Apache-2.0
"""Undo what no longer holds: a match is marked, never deleted (ADR 0087).

- A match that its list would not make now, on today's words and policy, is undone.
- So is one that a look-up of the same content would not give now, whatever the reason: its value was held back or went
  with an import, a negative list names it, its list asks for more or is in shadow. It goes on where the two have
  another value in common.
- Where nothing is left between a sighting and a depiction a task is opened: "acted on before, revoked since".
- One writer at a time, under the lock `STANDING`: the look-back and a person who revokes may undo at once, and the last
  match of two that go together is seen to be the last.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet

from vigie.fingerprints.values import Algorithm
from vigie_node.audit import actions as audit
from vigie_node.audit.events import Event
from vigie_node.base import locks
from vigie_node.base.actor import Actor
from vigie_node.catalogue import standing, sweeping
from vigie_node.catalogue.rules import ListRule, Word
from vigie_node.matching.answers import Claim
from vigie_node.sightings import rules, tallies, writing
from vigie_node.sightings.models import Match
from vigie_node.sightings.opening import open_tasks
from vigie_node.sightings.retracing import Portion
from vigie_node.sightings.states import FoundBy, SweepCause, TaskKind

SLICE = 300  # matches in one transaction
# Turned frames of a video are not kept (writing.py): what matched by one cannot be asked again.
_KEPT = ~Q(algorithm=Algorithm.PDQ_FRAMES.value) | Q(transform="")


@dataclass(frozen=True, slots=True)
class Resting:
    """A standing match whose ground is in doubt."""

    match: int
    sighting: int


def matched_among(depictions: Sequence[uuid.UUID]) -> list[uuid.UUID]:
    """Return those of these depictions that a standing match speaks of, in order."""
    found: set[uuid.UUID] = set()
    for begin in range(0, len(depictions), 500):
        rows = Match.objects.filter(depiction__in=depictions[begin : begin + 500], undone_at=None)
        found.update(rows.order_by("depiction_id").values_list("depiction_id", flat=True).distinct())
    return sorted(found)


@transaction.atomic
def note_undone(
    portion: Portion, words: Mapping[uuid.UUID, Sequence[Word]], lists: Sequence[ListRule], *, by: Actor, now: datetime
) -> int:
    """Mark some of the matches that no longer hold as undone, and return how many; call until it returns none.

    Audit:   SIGHTINGS_UNDONE, with how many; none where all hold.
    """
    locks.hold(locks.STANDING)
    undone: list[Match] = []
    for query in _no_longer_holding(portion, words, lists):
        undone += query.select_related("sighting").order_by("id")[: SLICE - len(undone)]
        if len(undone) >= SLICE:
            break
    _undo(undone, subject=portion.subject, by=by, now=now)
    return len(undone)


def doubt(portion: Portion) -> Q | None:
    """Say which matches of a portion rest on a value that counts no more; None where it is none."""
    match portion.cause:
        case SweepCause.OVERRIDE_MADE:
            return _on_held_back(uuid.UUID(portion.subject), portion.depictions)
        case SweepCause.IMPORT_UNDONE:
            return _on_hidden(portion.depictions)
        case _:
            return None


def in_doubt(doubted: Q, depictions: Sequence[uuid.UUID], *, after: int) -> list[Resting]:
    """Return the next matches of depictions, after a match's number, whose ground is in doubt."""
    rows = Match.objects.filter(doubted, depiction__in=depictions, undone_at=None, id__gt=after).order_by("id")
    return [Resting(*row) for row in rows.values_list("id", "sighting_id")[:SLICE]]


@transaction.atomic
def note_asked_again(
    asked: Sequence[Resting], claims: Mapping[int, Sequence[Claim]], *, subject: str, by: Actor, now: datetime
) -> int:
    """Undo those of these matches that their sightings' claims no longer give; return how many.

    Audit:   SIGHTINGS_UNDONE, with how many; none where all hold as they are.
    """
    locks.hold(locks.STANDING)
    held = Match.objects.filter(id__in=[one.match for one in asked], undone_at=None).select_related("sighting")
    undone, instead = [], []
    for match in held.order_by("id"):
        of_sighting = claims.get(match.sighting_id, ())
        made = writing.matches_of(match.sighting, of_sighting, found_by=FoundBy.RETRACE, now=now)
        same = [one for one in made if _between(one) == _between(match)]
        if any(one.fingerprint == match.fingerprint for one in same):
            continue
        undone.append(match)
        instead += same
    _undo(undone, instead=instead, subject=subject, by=by, now=now)
    return len(undone) - len(instead)


def not_given(claims: Mapping[int, Sequence[Claim]], sightings: Sequence[int]) -> list[Resting]:
    """Return the standing matches of sightings that are not among what claims them now."""
    given = {(one, claim.depiction_id, claim.list_id, claim.is_shadow) for one in claims for claim in claims[one]}
    rows = Match.objects.filter(_KEPT, sighting__in=sightings, undone_at=None).order_by("id")
    between = rows.values_list("sighting_id", "depiction_id", "list_id", "is_shadow", "id")
    return [Resting(id, sighting) for sighting, *rest, id in between if (sighting, *rest) not in given]


def _on_held_back(override_id: uuid.UUID, depictions: Sequence[uuid.UUID]) -> Q | None:
    found = sweeping.overridden_value(override_id)
    if found is None:
        return None
    on_it = Q(fingerprint__in=sweeping.rows_of_value(*found[:2], depictions=depictions))
    # A video matches by several frames together, and names one.
    return on_it | Q(algorithm=Algorithm.PDQ_FRAMES.value) if found[0] is Algorithm.PDQ_FRAMES else on_it


def _on_hidden(depictions: Sequence[uuid.UUID]) -> Q | None:
    """Name the matches that rest on fingerprints which count no more: the import that brought them was undone."""
    rows = Match.objects.filter(depiction__in=depictions, undone_at=None)
    hit = set(rows.order_by().values_list("fingerprint", flat=True).distinct())
    hidden = sorted(hit - standing.fingerprints(hit).keys())
    return Q(fingerprint__in=hidden) if hidden else None


def _between(match: Match) -> tuple[uuid.UUID, uuid.UUID, bool]:
    return match.depiction_id, match.list_id, match.is_shadow


def _undo(undone: Sequence[Match], *, instead: Sequence[Match] = (), subject: str, by: Actor, now: datetime) -> None:
    """Mark matches as undone and write what takes their place; where nothing does, count and tell it."""
    if not undone:
        return
    Match.objects.filter(id__in=[match.pk for match in undone]).update(undone_at=now)
    Match.objects.bulk_create(instead)
    still = _standing({match.sighting_id for match in undone})
    last: dict[tuple[int, uuid.UUID], Match] = {}
    for match in undone:
        pair = (match.sighting_id, match.depiction_id)
        if not match.is_shadow and pair not in still:
            last.setdefault(pair, match)
    tallies.take_away(tallies.sort_of(match.sighting, match.depiction_id) for match in last.values())
    opened = open_tasks(TaskKind.NO_LONGER_KNOWN, list(last.values()), now=now)
    audit.record(Event.SIGHTINGS_UNDONE, subject=subject, by=by, at=now, matches=len(undone), tasks=opened)


def _no_longer_holding(
    portion: Portion, words: Mapping[uuid.UUID, Sequence[Word]], lists: Sequence[ListRule]
) -> Iterable[QuerySet[Match]]:
    """Return queries for the standing matches of a portion that do not hold, by depictions that share their lists."""
    standing_matches = Match.objects.filter(undone_at=None)
    gone: dict[frozenset[uuid.UUID], list[uuid.UUID]] = defaultdict(list)
    for depiction in portion.depictions:
        of_it = words.get(depiction, ())
        dead = frozenset(one.id for one in lists if not rules.still_stands(one, of_it, depiction=depiction))
        gone[dead].append(depiction)
    for dead, depictions in gone.items():
        if dead:
            yield standing_matches.filter(depiction__in=depictions, list__in=dead)


def _standing(sightings: Iterable[int]) -> set[tuple[int, uuid.UUID]]:
    rows = Match.objects.filter(sighting__in=sightings, undone_at=None, is_shadow=False)
    return set(rows.values_list("sighting_id", "depiction_id"))
