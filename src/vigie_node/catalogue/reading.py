# SPDX-License-Identifier: Apache-2.0
"""Reading that leaves a mark: a person looked at a depiction, at its fingerprints, at a series, or searched.

- One event each time; it says what sort of look it was and how much was found, never what was searched for.
"""

import uuid
from datetime import datetime

from django.db import transaction

from vigie_node.audit import actions as audit
from vigie_node.audit.events import Event
from vigie_node.base.actor import Actor
from vigie_node.catalogue import dossier, series_queries
from vigie_node.catalogue.dossier import Dossier, Value
from vigie_node.catalogue.series_queries import SeriesDossier


@transaction.atomic
def read(depiction_id: uuid.UUID, *, by: Actor, now: datetime) -> Dossier:
    """Return a depiction's dossier to a person.

    Audit:   DEPICTION_READ.
    Raises:  NoSuchDepictionError.
    """
    found = dossier.of(depiction_id)
    audit.record(Event.DEPICTION_READ, subject=depiction_id, by=by, at=now, part="dossier")
    return found


@transaction.atomic
def read_values(depiction_id: uuid.UUID, *, by: Actor, now: datetime) -> tuple[Value, ...]:
    """Return a depiction's fingerprints to a person.

    Audit:   DEPICTION_READ, with how many.
    Raises:  NoSuchDepictionError.
    """
    dossier.of(depiction_id)
    found = dossier.values(depiction_id)
    audit.record(Event.DEPICTION_READ, subject=depiction_id, by=by, at=now, part="fingerprints", count=len(found))
    return found


@transaction.atomic
def read_series(
    series_id: uuid.UUID, *, after: uuid.UUID | None, with_figures: bool, by: Actor, now: datetime
) -> SeriesDossier:
    """Return a series to a person, with a page of its depictions; `with_figures` says whether they see where and when.

    Audit:   SERIES_READ, with whether the figures were shown.
    Raises:  NoSuchSeriesError.
    """
    found = series_queries.one(series_id, after=after)
    audit.record(Event.SERIES_READ, subject=series_id, by=by, at=now, with_figures=with_figures)
    return found


@transaction.atomic
def note_search(kind: str, *, found: int, by: Actor, now: datetime) -> None:
    """Note that a person searched; `kind` says by what sort of thing.

    Audit:   FILE_SEARCHED for a file, else CATALOGUE_SEARCHED.
    """
    event = Event.FILE_SEARCHED if kind == "file" else Event.CATALOGUE_SEARCHED
    audit.record(event, subject="", by=by, at=now, kind=kind, found=found)
