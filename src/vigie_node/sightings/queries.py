# SPDX-License-Identifier: Apache-2.0
"""Read what was seen."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F

from vigie.fingerprints.gates import UNKNOWN_QUALITY
from vigie.fingerprints.values import Algorithm
from vigie.fingerprints.video import FrameSpan
from vigie_node.matching.questions import PLAIN, Question
from vigie_node.sightings.models import SeenValue, Sighting, Sweep
from vigie_node.sightings.states import SweepCause


@dataclass(frozen=True, slots=True)
class SweepRow:
    """One look-back: why, how far it is, what it found and undid; `ended_at` is None while it stands."""

    id: int
    cause: SweepCause
    subject: str
    depictions_total: int | None
    depictions_done: int
    found: int
    undone: int
    created_at: datetime
    ended_at: datetime | None


def sweeps(*, limit: int = 50) -> list[SweepRow]:
    """Return the look-backs, those that stand first, then the latest."""
    rows = Sweep.objects.order_by(F("ended_at").desc(nulls_first=True), "-id")[:limit]
    return [
        SweepRow(
            one.pk, SweepCause(one.cause), one.subject, one.depictions_total, one.depictions_done, one.found,
            one.undone, one.created_at, one.ended_at,
        )
        for one in rows
    ]  # fmt: skip


def subjects_of(sightings: Sequence[int]) -> dict[int, list[Question]]:
    """Return what was seen in each sighting as questions, to ask about it again."""
    fields = ("sighting_id", "algorithm", "value", "quality", "transform", "start_ms", "end_ms")
    rows = SeenValue.objects.filter(sighting__in=sightings).order_by("sighting_id", "id").values_list(*fields)
    found: dict[int, list[Question]] = {one: [] for one in sightings}
    for sighting, algorithm, value, quality, transform, start_ms, end_ms in rows:
        content = bytes(value)
        frame = None if start_ms is None else FrameSpan(start_ms / 1000, end_ms / 1000, content)
        known = UNKNOWN_QUALITY if quality is None else quality
        found[sighting].append(Question(Algorithm(algorithm), content, known, transform or PLAIN, frame))
    return found


def organisations_of(sightings: Sequence[int]) -> dict[int, uuid.UUID | None]:
    """Return whose each sighting is; None for the node's own. One that is no more is left out."""
    return dict(Sighting.objects.filter(id__in=sightings).order_by("id").values_list("id", "organisation_id"))
