# SPDX-License-Identifier: Apache-2.0
"""What a key was told as a match and holds no longer, so that its holder can undo what was done on it.

- It is noted when nothing stands any more between the sighting and the depiction: by a revocation, a settled dispute, a
  narrower list, a value that is held back. What became known again later is told by the next look-up, not here: so an
  answer is taken back once, however often its content is known and unknown again since.
- Only what an answer told appears: what the look-back found since, and the lists by which it did, are no news to a key
  that never heard of them.
- Its number is the position: numbers follow the order of commits, whoever writes them (opening.py), so nobody who goes
  on from a position misses any.
- A key sees its own sightings alone.
"""

from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Exists, OuterRef, Subquery

from vigie_node.base.actor import Actor
from vigie_node.sightings.models import Match, Task
from vigie_node.sightings.states import FoundBy, TaskKind


@dataclass(frozen=True, slots=True)
class NoLongerKnown:
    """A sighting that was told as a match; `reference` is the pseudonym that its asker gave it."""

    position: int
    reference: str = field(repr=False)
    list_name: str
    list_version: int
    scheme: str
    label: str
    seen_at: datetime
    told_at: datetime
    undone_at: datetime


def no_longer_known(to: Actor, *, since: int, limit: int) -> list[NoLongerKnown]:
    """Return what a key was told that stands no longer, after a position, in order."""
    of_it = Match.objects.filter(sighting=OuterRef("sighting"), depiction=OuterRef("depiction"))
    in_answer = of_it.filter(found_by=FoundBy.LOOK_UP.value, is_shadow=False, undone_at__isnull=False)
    taken_back = Task.objects.filter(kind=TaskKind.NO_LONGER_KNOWN.value)
    before = taken_back.filter(sighting=OuterRef("sighting"), depiction=OuterRef("depiction"), id__lt=OuterRef("id"))
    first = taken_back.filter(~Exists(before), id__gt=since, sighting__source=str(to))
    told = first.annotate(told=Subquery(in_answer.order_by("id").values("id")[:1])).exclude(told=None)
    positions = dict(told.order_by("id").values_list("id", "told")[:limit])
    matches = Match.objects.select_related("sighting", "list").in_bulk(positions.values())
    return [
        NoLongerKnown(
            position=position,
            reference=match.sighting.place,
            list_name=match.list.name,
            list_version=match.list_version,
            scheme=match.scheme,
            label=match.label,
            seen_at=match.sighting.seen_at,
            told_at=match.matched_at,
            undone_at=match.undone_at,
        )
        for position, number in positions.items()
        if (match := matches.get(number)) is not None and match.undone_at is not None  # it may have expired just now
    ]
