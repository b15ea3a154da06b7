# SPDX-License-Identifier: Apache-2.0
"""Erase sightings with all that hangs on them, in small transactions.

- A sighting goes with its values, its matches, its tasks and its part of every count.
- Every process is told in the same transaction: no index finds an erased value from then on, and the next files that
  are published hold no byte of it (ADR 0088).
- A load goes with its last sighting.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef

from vigie.errors import WrongStateError
from vigie_node.audit import actions as audit
from vigie_node.audit.events import Event
from vigie_node.base import locks
from vigie_node.base.actor import Actor
from vigie_node.changes import actions as changes
from vigie_node.changes.topics import Topic
from vigie_node.sightings import tallies
from vigie_node.sightings.models import Load, Match, SeenValue, Sighting, Task
from vigie_node.sightings.states import LoadState

AT_ONCE = 200  # sightings in one transaction
MAX_VALUES = 4000  # values in one transaction: a long video has thousands


class StillErasingError(WrongStateError):
    """What an earlier load brought is still being taken out."""

    code = "sightings.still-erasing"


def check_empty(load_id: uuid.UUID) -> None:
    """Refuse to go on while sightings of a load are left.

    Raises:  StillErasingError.
    """
    if Sighting.objects.filter(load=load_id).exists():
        raise StillErasingError("what an earlier load of these results brought is still being taken out: wait a little")


@transaction.atomic
def expire(*, by: Actor, now: datetime) -> int:
    """Erase some of the sightings whose time has come, or whose load was stopped; return how many, 0 at the end.

    Audit:   SIGHTINGS_EXPIRED, with how many; none where nothing was due.
    """
    locks.hold(locks.STANDING)
    due = list(
        Sighting.objects.filter(expires_at__lte=now).order_by("expires_at", "id").values_list("id", flat=True)[:AT_ONCE]
    )
    if not due:
        due = _of_stopped_loads()
    if not due:
        return _forget_loads(by=by, now=now)
    sightings, whole, values = _with_few_values(due)
    standing = Match.objects.filter(sighting__in=sightings, undone_at=None, is_shadow=False).select_related("sighting")
    pairs = {(match.sighting_id, match.depiction_id): match for match in standing}
    tallies.take_away(tallies.sort_of(match.sighting, match.depiction_id) for match in pairs.values())
    Task.objects.filter(sighting__in=sightings).delete()
    Match.objects.filter(sighting__in=sightings).delete()
    SeenValue.objects.filter(id__in=values).delete()
    Sighting.objects.filter(id__in=whole).delete()
    audit.record(Event.SIGHTINGS_EXPIRED, subject="", by=by, at=now, sightings=len(whole), values=len(values))
    if values:
        changes.append(Topic.SEEN_REMOVED, items=values, now=now)
    return len(sightings)


def _of_stopped_loads() -> list[int]:
    stopped = Load.objects.filter(state__in=[LoadState.CANCELLED.value, LoadState.FAILED.value])
    rows = Sighting.objects.filter(load__in=stopped, load__isnull=False).order_by("load_id", "id")
    return list(rows.values_list("id", flat=True)[:AT_ONCE])


def _with_few_values(due: Sequence[int]) -> tuple[list[int], list[int], list[int]]:
    """Return those of these sightings whose values fit one transaction, those that go whole, and the values.

    Of a single one with too many values a part goes, and the rest the next time.
    """
    rows = SeenValue.objects.filter(sighting__in=due).order_by("sighting_id", "id").values_list("sighting_id", "id")
    held = list(rows[: MAX_VALUES + 1])
    if len(held) <= MAX_VALUES:
        return list(due), list(due), [value for _, value in held]
    cut = held[-1][0]  # perhaps not read to its end
    whole = [one for one in due if one < cut]
    values = [value for sighting, value in held if sighting < cut]
    if values:
        return whole, whole, values
    return [*whole, cut], whole, [value for _, value in held[:MAX_VALUES]]


def _forget_loads(*, by: Actor, now: datetime) -> int:
    """Delete the loads that have no sighting left; a stopped one is kept, to say why, until its expiry."""
    empty = Load.objects.filter(~Exists(Sighting.objects.filter(load=OuterRef("pk"))), expires_at__lte=now)
    deleted = empty.delete()[0]
    if deleted:
        audit.record(Event.SIGHTINGS_EXPIRED, subject="", by=by, at=now, loads=deleted)
    return 0
