# SPDX-License-Identifier: Apache-2.0
"""Read imports: how far each is, what it would change, what it refused and why.

- A preview shows what is staged as it will count; it is read from the rows themselves, a page at a time.
- File names come from outside: they are shown on demand, and always escaped.
"""

import functools
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import msgspec
from django.db.models import Q

from vigie_node.catalogue.importing import UNDER_WAY, NoSuchImportError, Options
from vigie_node.catalogue.models import Assertion, Import, ImportRefusal, Revocation
from vigie_node.catalogue.states import ImportState

PAGE = 50


@dataclass(frozen=True, slots=True)
class ImportRow:
    """One import; `counts` are those of `staging`, `rows_total` an estimate, `about` what the file says of itself."""

    id: uuid.UUID
    source_id: uuid.UUID
    source: str
    file_name: str
    file_sha256: str
    format: str
    options: Options
    about: Mapping[str, object]
    state: ImportState
    rows_total: int
    rows_done: int
    counts: Mapping[str, int]
    problem: str
    created_at: datetime
    created_by: str
    visible_at: datetime | None
    undone_at: datetime | None
    closing_reason: str
    claimed_at: datetime | None
    attempts: int

    @property
    def revoking(self) -> int:
        """Return how many words it takes back, to be confirmed by whoever makes it visible."""
        return self.counts.get("revoking", 0)


@dataclass(frozen=True, slots=True)
class ImportPage:
    """One page of imports, the latest first; `after` is where the next one starts, None at the end."""

    rows: tuple[ImportRow, ...]
    after: uuid.UUID | None


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """One line that was refused: a sentence with places in braces, and what stands there."""

    id: int
    line: int
    code: str
    template: str
    values: Mapping[str, str | int]

    @property
    def message(self) -> str:
        """Return the whole sentence, in English."""
        return self.template.format(**self.values) if self.values else self.template


After = tuple[uuid.UUID, uuid.UUID]


class Part(StrEnum):
    """The parts of a preview that are rows."""

    NEW = "new"
    SUPERSEDING = "superseding"
    REVOKING = "revoking"


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """One change: a label before (empty where there was none) and after (empty where it is taken back)."""

    id: uuid.UUID
    depiction_id: uuid.UUID
    source: str
    scheme: str
    before: str
    after: str
    asserted_at: datetime


@dataclass(frozen=True, slots=True)
class PreviewPage:
    """One page of a preview; `after` is where the next one starts, None at the end."""

    rows: tuple[PreviewRow, ...]
    after: After | None


def imports(*, after: uuid.UUID | None = None, limit: int = PAGE) -> ImportPage:
    """Return imports, the latest first."""
    query = Import.objects.select_related("source").order_by("-id")
    found = list(query.filter(id__lt=after)[: limit + 1] if after else query[: limit + 1])
    rows = tuple(_row(one) for one in found[:limit])
    return ImportPage(rows, rows[-1].id if len(found) > limit else None)


def one(import_id: uuid.UUID) -> ImportRow:
    """Return an import.

    Raises:  NoSuchImportError.
    """
    found = Import.objects.select_related("source").filter(id=import_id).first()
    if found is None:
        raise NoSuchImportError("there is no such import")
    return _row(found)


def under_way() -> tuple[ImportRow, ...]:
    """Return the imports that wait for the worker or for a person, the earliest first."""
    query = Import.objects.select_related("source").filter(state__in=UNDER_WAY).order_by("id")
    return tuple(_row(one) for one in query[:PAGE])


def refusals(import_id: uuid.UUID, *, limit: int = PAGE) -> list[RefusedRow]:
    """Return lines that were refused, in the order of the file."""
    query = ImportRefusal.objects.filter(of=import_id).order_by("id")
    return [RefusedRow(*row) for row in query.values_list("id", "line", "code", "message", "values")[:limit]]


def preview(import_id: uuid.UUID, part: Part, *, after: After | None = None, limit: int = PAGE) -> PreviewPage:
    """Return what an import changes, or would, in the order of its index."""
    read = _revoking if part is Part.REVOKING else functools.partial(_said, is_new=part is Part.NEW)
    found = read(import_id, after or (uuid.UUID(int=0), uuid.UUID(int=0)), limit + 1)
    rows = tuple(row for _, row in found[:limit])
    return PreviewPage(rows, found[limit - 1][0] if len(found) > limit else None)


def _said(import_id: uuid.UUID, after: After, limit: int, *, is_new: bool) -> list[tuple[After, PreviewRow]]:
    query = Assertion.objects.filter(via=import_id, supersedes__isnull=is_new, depiction_id__gte=after[0])
    rows = query.filter(Q(depiction_id__gt=after[0]) | Q(id__gt=after[1])).order_by("depiction_id", "id")
    return [
        (
            (one.depiction_id, one.id),
            PreviewRow(
                one.id, one.depiction_id, one.source.name, one.scheme, one.supersedes.label if one.supersedes else "",
                one.label, one.asserted_at,
            ),
        )
        for one in rows.select_related("source", "supersedes")[:limit]
    ]  # fmt: skip


def _revoking(import_id: uuid.UUID, after: After, limit: int) -> list[tuple[After, PreviewRow]]:
    rows = Revocation.objects.filter(via=import_id, assertion_id__gt=after[0]).order_by("assertion_id")
    return [
        (
            (one.id, one.id),
            PreviewRow(one.id, one.depiction_id, one.source.name, one.scheme, one.label, "", one.asserted_at),
        )
        for one in (row.assertion for row in rows.select_related("assertion__source")[:limit])
    ]


def _row(row: Import) -> ImportRow:
    options = dict(row.options)
    about = options.pop("about", {})
    return ImportRow(
        row.id, row.source_id, row.source.name, row.file_name, row.file_sha256, row.format,
        msgspec.convert(options, Options), about, ImportState(row.state), row.rows_total or 0, row.rows_done,
        row.counts, row.problem, row.created_at, row.created_by, row.visible_at, row.undone_at, row.closing_reason,
        row.claimed_at, row.attempts,
    )  # fmt: skip
