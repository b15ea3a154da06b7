# SPDX-License-Identifier: Apache-2.0
"""All that the catalogue holds about one depiction, as a person reads it.

- Everything said is there: what was superseded and revoked as well as what counts.
- What an import staged is not there until the import is visible.
- Fingerprints are counted here; their values are read apart, by `values`, because that look is recorded.
"""

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Count, Max, Q

from vigie.fingerprints.values import Algorithm
from vigie_node.catalogue import derivation, standing
from vigie_node.catalogue.models import Assertion, Depiction, Dispute, Fingerprint, Override, Revocation, SeriesLink
from vigie_node.catalogue.series_actions import NoSuchDepictionError
from vigie_node.catalogue.states import DisputeOutcome, Grade, ImportState, Kind, OverrideKind, SeriesStatus, Standing

MAX_VALUES = 200  # a video has thousands of frames: a page shows the first


@dataclass(frozen=True, slots=True)
class DisputeRow:
    """One challenge; an open one has no outcome. `grounds` and `settlement` are free text."""

    id: uuid.UUID
    grounds: str
    opened_at: datetime
    opened_by: str
    deadline: datetime
    outcome: DisputeOutcome | None
    settled_at: datetime | None
    settled_by: str
    settlement: str


@dataclass(frozen=True, slots=True)
class Said:
    """One assertion with all that became of it; `derived` are labels that follow from its facts, by scheme."""

    id: uuid.UUID
    source_id: uuid.UUID
    source: str
    country: str
    scheme: str
    label: str
    facts: Mapping[str, Any]
    derived: Mapping[str, str]
    ground: Grade
    asserted_at: datetime
    recorded_at: datetime
    recorded_by: str
    import_id: uuid.UUID | None
    standing: Standing
    revoked_at: datetime | None
    revoked_by: str
    revocation: str
    disputes: tuple[DisputeRow, ...]

    @property
    def open_dispute(self) -> DisputeRow | None:
        """Return the challenge that stands."""
        return next((one for one in self.disputes if one.outcome is None), None)

    @property
    def counts(self) -> bool:
        """Say whether it still stands."""
        return self.standing in {Standing.CURRENT, Standing.DISPUTED}


@dataclass(frozen=True, slots=True)
class Prints:
    """How many fingerprints of one algorithm there are, their best quality, and how many of them match nothing."""

    algorithm: Algorithm
    count: int
    best_quality: int | None
    overridden: int


@dataclass(frozen=True, slots=True)
class Value:
    """One fingerprint with its value, which is sensitive."""

    row: int
    algorithm: Algorithm
    value: bytes
    quality: int | None
    role: str
    start_ms: int | None
    recipe: str
    override: "Overriding | None"

    def __repr__(self) -> str:
        return f"<Value {self.row} {self.algorithm}>"


@dataclass(frozen=True, slots=True)
class Overriding:
    """Our own word that stands on a value."""

    id: uuid.UUID
    kind: OverrideKind
    reason: str
    review_on: date
    made_at: datetime


@dataclass(frozen=True, slots=True)
class InSeries:
    """A series that the depiction belongs to, on whose word and why."""

    series_id: uuid.UUID
    reference: str
    status: SeriesStatus
    reason: str
    linked_at: datetime
    linked_by: str


@dataclass(frozen=True, slots=True)
class Dossier:
    """One depiction.

    Order:   what was said by the time it was asserted, the latest first; prints by algorithm.
    """

    id: uuid.UUID
    kind: Kind
    created_at: datetime
    said: tuple[Said, ...]
    prints: tuple[Prints, ...]
    series: tuple[InSeries, ...]


def of(depiction_id: uuid.UUID) -> Dossier:
    """Return what the catalogue holds about a depiction.

    Raises:  NoSuchDepictionError.
    """
    one = standing.visible(Depiction.objects.filter(id=depiction_id)).first()
    if one is None:
        raise NoSuchDepictionError("there is no such depiction, or it is not visible")
    return Dossier(
        one.id, Kind(one.kind), one.created_at, _said(depiction_id), _prints(depiction_id), _series(depiction_id)
    )


def values(depiction_id: uuid.UUID, *, limit: int = MAX_VALUES) -> tuple[Value, ...]:
    """Return the fingerprints themselves, digests first; whoever shows them records that it was done."""
    rows = list(standing.visible(Fingerprint.objects.filter(depiction_id=depiction_id)).order_by("start_ms", "id"))
    order = list(Algorithm)
    rows.sort(key=lambda row: order.index(Algorithm(row.algorithm)))
    rows = rows[:limit]
    standing_on = _overrides(rows)
    return tuple(
        Value(
            row.id, Algorithm(row.algorithm), bytes(row.value), row.quality, row.role, row.start_ms, row.recipe,
            standing_on.get((row.algorithm, bytes(row.value))),
        )
        for row in rows
    )  # fmt: skip


def usable(depiction_id: uuid.UUID) -> Mapping[Algorithm, Sequence[int | None]]:
    """Return the qualities of the values by which a depiction may match: those that no override stands on."""
    rows = standing.visible(Fingerprint.objects.filter(depiction_id=depiction_id))
    held = [
        (Algorithm(name), bytes(of), quality) for name, of, quality in rows.values_list("algorithm", "value", "quality")
    ]
    overridden = standing.overridden((algorithm, of) for algorithm, of, _ in held)
    found: dict[Algorithm, list[int | None]] = defaultdict(list)
    for algorithm, of, quality in held:
        if (algorithm, of) not in overridden:
            found[algorithm].append(quality)
    return found


def value(depiction_id: uuid.UUID, *, row: int) -> Value:
    """Return one fingerprint of a depiction.

    Raises:  NoSuchDepictionError where it is not one of this depiction.
    """
    found = next((one for one in values(depiction_id, limit=100_000) if one.row == row), None)
    if found is None:
        raise NoSuchDepictionError("this depiction has no such fingerprint")
    return found


def _said(depiction_id: uuid.UUID) -> tuple[Said, ...]:
    rows = list(
        standing.visible(Assertion.objects.filter(depiction_id=depiction_id))
        .select_related("source")
        .order_by("-asserted_at", "-id")
    )
    current = {word.assertion for word in standing.words([depiction_id]).get(depiction_id, ())}
    revocations = {
        one.assertion_id: one for one in standing.visible(Revocation.objects.filter(assertion__depiction=depiction_id))
    }
    disputes: dict[uuid.UUID, list[DisputeRow]] = defaultdict(list)
    for one in Dispute.objects.filter(assertion__depiction=depiction_id).order_by("-opened_at"):
        disputes[one.assertion_id].append(_dispute(one))
    return tuple(
        _one_said(row, revocations.get(row.id), tuple(disputes[row.id]), is_current=row.id in current) for row in rows
    )


def _one_said(row: Assertion, ended: Revocation | None, disputes: tuple[DisputeRow, ...], *, is_current: bool) -> Said:
    if ended is not None:
        where = Standing.REVOKED
    elif not is_current:
        where = Standing.SUPERSEDED
    else:
        where = Standing.DISPUTED if any(one.outcome is None for one in disputes) else Standing.CURRENT
    return Said(
        row.id, row.source_id, row.source.name, row.source.country, row.scheme, row.label, row.facts,
        dict(derivation.derived_labels(row.facts)), Grade(row.ground), row.asserted_at, row.recorded_at,
        row.recorded_by, row.via_id, where,
        ended.revoked_at if ended else None, ended.revoked_by if ended else "", ended.reason if ended else "", disputes,
    )  # fmt: skip


def _dispute(one: Dispute) -> DisputeRow:
    return DisputeRow(
        one.id, one.grounds, one.opened_at, one.opened_by, one.deadline,
        DisputeOutcome(one.outcome) if one.outcome else None, one.settled_at, one.settled_by, one.settlement,
    )  # fmt: skip


def _prints(depiction_id: uuid.UUID) -> tuple[Prints, ...]:
    visible = Q(via=None) | Q(via__state=ImportState.VISIBLE.value)
    held = Fingerprint.objects.filter(visible, depiction_id=depiction_id)
    counted = held.values("algorithm").annotate(count=Count("id"), best=Max("quality"))
    overridden: dict[str, int] = defaultdict(int)
    for algorithm, _ in standing.overridden((Algorithm(name), bytes(of)) for name, of in _some(depiction_id)):
        overridden[algorithm.value] += 1
    order = list(Algorithm)
    return tuple(
        sorted(
            (
                Prints(Algorithm(one["algorithm"]), one["count"], one["best"], overridden[one["algorithm"]])
                for one in counted
            ),
            key=lambda one: order.index(one.algorithm),
        )
    )


def _some(depiction_id: uuid.UUID) -> list[tuple[str, bytes | memoryview]]:
    query = standing.visible(Fingerprint.objects.filter(depiction_id=depiction_id))
    return list(query.values_list("algorithm", "value").distinct()[:10_000])


def _overrides(rows: list[Fingerprint]) -> dict[tuple[str, bytes], Overriding]:
    held = [bytes(row.value) for row in rows]
    return {
        (one.algorithm, bytes(one.value)): Overriding(
            one.id, OverrideKind(one.kind), one.reason, one.review_on, one.made_at
        )
        for one in Override.objects.filter(ended_at=None, value__in=held)
    }


def _series(depiction_id: uuid.UUID) -> tuple[InSeries, ...]:
    links = SeriesLink.objects.filter(depiction_id=depiction_id, unlinked_at=None).select_related("series")
    return tuple(
        InSeries(
            one.series_id, one.series.reference, SeriesStatus(one.series.status), one.reason, one.linked_at,
            one.linked_by,
        )
        for one in links.order_by("linked_at")
    )  # fmt: skip
