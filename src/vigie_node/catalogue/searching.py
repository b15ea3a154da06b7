# SPDX-License-Identifier: Apache-2.0
"""Find in the catalogue by what is not a fingerprint: a label, a source, a series.

- Lists go by keyset, the newest record first: a page costs the same at the beginning and in the millionth row.
- What an import staged is not found until the import is visible.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef

from vigie_node.catalogue import standing
from vigie_node.catalogue.models import Assertion, Depiction, Revocation, Series, Source
from vigie_node.catalogue.rules import Word
from vigie_node.catalogue.states import Kind, SeriesStatus, Standing

PAGE = 50


@dataclass(frozen=True, slots=True)
class SaidRow:
    """One assertion in a list."""

    id: uuid.UUID
    depiction_id: uuid.UUID
    kind: Kind
    source_id: uuid.UUID
    source: str
    scheme: str
    label: str
    asserted_at: datetime
    standing: Standing


@dataclass(frozen=True, slots=True)
class SaidPage:
    """One page of assertions; `after` is where the next one starts, None at the end."""

    rows: tuple[SaidRow, ...]
    after: uuid.UUID | None


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One source."""

    id: uuid.UUID
    name: str
    country: str


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """One series."""

    id: uuid.UUID
    reference: str
    status: SeriesStatus


def said(
    *,
    scheme: str = "",
    label: str = "",
    source_id: uuid.UUID | None = None,
    after: uuid.UUID | None = None,
    limit: int = PAGE,
) -> SaidPage:
    """Return the assertions of a class, of a source, of both or all, the one recorded last first."""
    query = standing.visible(Assertion.objects.all())
    query = query.filter(scheme=scheme) if scheme else query
    query = query.filter(label=label) if label else query
    query = query.filter(source_id=source_id) if source_id else query
    query = query.filter(id__lt=after) if after else query
    rows = list(
        query.annotate(is_revoked=Exists(standing.visible(Revocation.objects.filter(assertion=OuterRef("pk")))))
        .select_related("source", "depiction")
        .order_by("-id")[: limit + 1]
    )
    shown = rows[:limit]
    heard = standing.words(one.depiction_id for one in shown).values()
    current = {word.assertion: word for words in heard for word in words}
    return SaidPage(tuple(_row(one, current.get(one.id)) for one in shown), shown[-1].id if len(rows) > limit else None)


def _row(one: Assertion, current: Word | None) -> SaidRow:
    if current is not None:
        where = Standing.DISPUTED if current.disputed else Standing.CURRENT
    else:
        where = Standing.REVOKED if one.is_revoked else Standing.SUPERSEDED  # type: ignore[attr-defined]  # annotated
    return SaidRow(
        one.id, one.depiction_id, Kind(one.depiction.kind), one.source_id, one.source.name, one.scheme, one.label,
        one.asserted_at, where,
    )  # fmt: skip


def source(source_id: uuid.UUID) -> SourceRow | None:
    """Return a source, None where there is none."""
    found = Source.objects.filter(id=source_id).first()
    return SourceRow(found.id, found.name, found.country) if found else None


def sources(text: str = "", *, limit: int = 20) -> list[SourceRow]:
    """Return the sources whose name holds a text, by name."""
    found = Source.objects.filter(name__icontains=text).order_by("name")[:limit]
    return [SourceRow(one.id, one.name, one.country) for one in found]


def series(text: str, *, limit: int = 20) -> list[SeriesRow]:
    """Return the series whose reference begins with a text, by reference."""
    found = Series.objects.filter(reference__startswith=text.upper()).order_by("reference")[:limit]
    return [SeriesRow(one.id, one.reference, SeriesStatus(one.status)) for one in found]


def is_depiction(depiction_id: uuid.UUID) -> bool:
    """Say whether a depiction of this id is visible."""
    return standing.visible(Depiction.objects.filter(id=depiction_id)).exists()
