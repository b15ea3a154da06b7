# SPDX-License-Identifier: Apache-2.0
"""Read series: reference, status, and which depictions belong to each, by whom and why."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from vigie_node.catalogue.models import Series, SeriesLink
from vigie_node.catalogue.series_actions import NoSuchSeriesError
from vigie_node.catalogue.states import Kind, SeriesStatus

PAGE = 50


@dataclass(frozen=True, slots=True)
class LinkRow:
    """That a depiction belongs to a series, or did; `reason` and `unlinked_reason` are free text."""

    id: uuid.UUID
    depiction_id: uuid.UUID
    kind: Kind
    reason: str
    linked_at: datetime
    linked_by: str
    unlinked_at: datetime | None
    unlinked_by: str
    unlinked_reason: str


@dataclass(frozen=True, slots=True)
class SeriesDossier:
    """A series with a page of its links, the earliest first; `after` is where the next page starts."""

    id: uuid.UUID
    reference: str
    status: SeriesStatus
    status_reason: str
    created_at: datetime
    created_by: str
    depictions: int
    links: tuple[LinkRow, ...]
    after: uuid.UUID | None


@dataclass(frozen=True, slots=True)
class SeriesSummary:
    """One series in a list."""

    id: uuid.UUID
    reference: str
    status: SeriesStatus
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SeriesPage:
    """One page of series, the latest first; `after` is where the next one starts, None at the end."""

    rows: tuple[SeriesSummary, ...]
    after: uuid.UUID | None


def page(*, status: SeriesStatus | None = None, after: uuid.UUID | None = None, limit: int = PAGE) -> SeriesPage:
    """Return series, the latest first."""
    query = Series.objects.order_by("-id")
    query = query.filter(status=status.value) if status else query
    found = list(query.filter(id__lt=after)[: limit + 1] if after else query[: limit + 1])
    rows = tuple(
        SeriesSummary(one.id, one.reference, SeriesStatus(one.status), one.created_at) for one in found[:limit]
    )
    return SeriesPage(rows, rows[-1].id if len(found) > limit else None)


def one(series_id: uuid.UUID, *, after: uuid.UUID | None = None, limit: int = PAGE) -> SeriesDossier:
    """Return a series with a page of its depictions.

    Raises:  NoSuchSeriesError.
    """
    found = Series.objects.filter(id=series_id).first()
    if found is None:
        raise NoSuchSeriesError("there is no such series")
    links = SeriesLink.objects.filter(series=found)
    query = links.order_by("id").select_related("depiction")
    read = list(query.filter(id__gt=after)[: limit + 1] if after else query[: limit + 1])
    return SeriesDossier(
        found.id, found.reference, SeriesStatus(found.status), found.status_reason, found.created_at,
        found.created_by, links.filter(unlinked_at=None).count(), tuple(_link(one) for one in read[:limit]),
        read[limit - 1].id if len(read) > limit else None,
    )  # fmt: skip


def depictions_of(series_id: uuid.UUID) -> list[uuid.UUID]:
    """Return the depictions that belong to a series now."""
    links = SeriesLink.objects.filter(series=series_id, unlinked_at=None).order_by("id")
    return list(links.values_list("depiction_id", flat=True))


def _link(one: SeriesLink) -> LinkRow:
    return LinkRow(
        one.id, one.depiction_id, Kind(one.depiction.kind), one.reason, one.linked_at, one.linked_by,
        one.unlinked_at, one.unlinked_by, one.unlinked_reason,
    )  # fmt: skip
