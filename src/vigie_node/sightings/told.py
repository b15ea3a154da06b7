# SPDX-License-Identifier: Apache-2.0
"""What a key was told as a match and holds no longer, so that its holder can undo what was done on it.

- The worker notes each such sighting once, when nothing that was told of it stands any more: by a revocation, a settled
  dispute or a narrower list. A value that is held back stops new matches and undoes none.
- Its number is the position: one worker writes them, one after another, so nobody who goes on from a position misses
  any.
- A key sees its own sightings alone.
"""

from dataclasses import dataclass, field
from datetime import datetime

from vigie_node.base.actor import Actor
from vigie_node.sightings.models import Task
from vigie_node.sightings.states import TaskKind


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
    rows = (
        Task.objects.filter(kind=TaskKind.NO_LONGER_KNOWN.value, id__gt=since, sighting__source=str(to))
        .select_related("sighting", "match", "match__list")
        .order_by("id")[:limit]
    )
    return [
        NoLongerKnown(
            position=row.pk,
            reference=row.sighting.place,
            list_name=row.match.list.name,
            list_version=row.match.list_version,
            scheme=row.match.scheme,
            label=row.match.label,
            seen_at=row.sighting.seen_at,
            told_at=row.match.matched_at,
            undone_at=row.match.undone_at or row.created_at,
        )
        for row in rows
    ]
