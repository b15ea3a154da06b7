# SPDX-License-Identifier: Apache-2.0
"""Series: depictions that belong together, and how far identification is.

- A series has a working reference of capital letters, digits and hyphens: never a name, of anybody.
- Each link says who made it and why; taking one away is kept too.
- The status says how far identification is, with its reason; who the person is stands nowhere here.
"""

import re
import uuid
from datetime import datetime

from django.db import IntegrityError, transaction

from vigie.errors import InvalidInputError, NotFoundError, WrongStateError
from vigie_node.audit import actions as audit
from vigie_node.audit.events import Event
from vigie_node.base.actor import Actor
from vigie_node.base.ids import new_id
from vigie_node.catalogue.models import Depiction, Series, SeriesLink
from vigie_node.catalogue.reasons import stated
from vigie_node.catalogue.states import SeriesStatus

_REFERENCE = re.compile(r"[A-Z0-9-]{3,64}", re.ASCII)


class MalformedReferenceError(InvalidInputError):
    """The text cannot be a series' reference."""

    code = "catalogue.malformed-reference"


class SeriesExistsError(WrongStateError):
    """The reference is taken."""

    code = "catalogue.series-exists"


class NoSuchSeriesError(NotFoundError):
    """There is no such series."""

    code = "catalogue.no-such-series"


class NoSuchDepictionError(NotFoundError):
    """There is no such depiction."""

    code = "catalogue.no-such-depiction"


class AlreadyLinkedError(WrongStateError):
    """The depiction belongs to the series already."""

    code = "catalogue.already-linked"


class NotLinkedError(WrongStateError):
    """The depiction does not belong to the series."""

    code = "catalogue.not-linked"


@transaction.atomic
def create_series(reference: str, *, reason: str, by: Actor, now: datetime) -> uuid.UUID:
    """Make a series without depictions; return its id.

    Audit:   SERIES_CREATED.
    Raises:  MalformedReferenceError, SeriesExistsError; MissingReasonError.
    """
    why = stated(reason, name="reason")
    if not _REFERENCE.fullmatch(reference):
        raise MalformedReferenceError(
            "a working reference has 3 to 64 capital letters, digits and hyphens, and is never a name"
        )
    made = Series(
        id=new_id(now), reference=reference, status=SeriesStatus.UNIDENTIFIED.value, status_reason=why,
        created_at=now, created_by=str(by),
    )  # fmt: skip
    try:
        with transaction.atomic():
            made.save(force_insert=True)
    except IntegrityError as error:
        raise SeriesExistsError("there is a series of that reference already") from error
    audit.record(Event.SERIES_CREATED, subject=made.id, by=by, at=now)
    return made.id


@transaction.atomic
def set_series_status(series_id: uuid.UUID, *, status: SeriesStatus, reason: str, by: Actor, now: datetime) -> None:
    """Say how far identification is.

    Audit:   SERIES_CHANGED, with the status before and after.
    Raises:  NoSuchSeriesError; MissingReasonError.
    """
    why = stated(reason, name="reason")
    changed = _locked(series_id)
    before, changed.status, changed.status_reason = changed.status, status.value, why
    changed.save(update_fields=["status", "status_reason"])
    audit.record(Event.SERIES_CHANGED, subject=series_id, by=by, at=now, before=before, after=status.value)


@transaction.atomic
def link_to_series(
    series_id: uuid.UUID, depiction_id: uuid.UUID, *, reason: str, by: Actor, now: datetime
) -> uuid.UUID:
    """Say that a depiction belongs to a series; return the link's id.

    Audit:   SERIES_LINKED, with the depiction.
    Raises:  NoSuchSeriesError, NoSuchDepictionError, AlreadyLinkedError; MissingReasonError.
    """
    why = stated(reason, name="reason")
    series = _locked(series_id)
    if not Depiction.objects.filter(id=depiction_id).exists():
        raise NoSuchDepictionError("there is no such depiction")
    link = SeriesLink(
        id=new_id(now), series=series, depiction_id=depiction_id, reason=why, linked_at=now, linked_by=str(by)
    )
    try:
        with transaction.atomic():
            link.save(force_insert=True)
    except IntegrityError as error:
        raise AlreadyLinkedError("the depiction belongs to this series already") from error
    audit.record(Event.SERIES_LINKED, subject=series_id, by=by, at=now, depiction=depiction_id)
    return link.id


@transaction.atomic
def unlink_from_series(series_id: uuid.UUID, depiction_id: uuid.UUID, *, reason: str, by: Actor, now: datetime) -> None:
    """Say that a depiction does not belong to a series after all; the link is kept, as ended.

    Audit:   SERIES_UNLINKED, with the depiction.
    Raises:  NotLinkedError; MissingReasonError.
    """
    why = stated(reason, name="reason")
    links = SeriesLink.objects.filter(series_id=series_id, depiction_id=depiction_id, unlinked_at=None)
    if not links.update(unlinked_at=now, unlinked_by=str(by), unlinked_reason=why):
        raise NotLinkedError("the depiction does not belong to this series")
    audit.record(Event.SERIES_UNLINKED, subject=series_id, by=by, at=now, depiction=depiction_id)


def _locked(series_id: uuid.UUID) -> Series:
    found = Series.objects.select_for_update().filter(id=series_id).first()
    if found is None:
        raise NoSuchSeriesError("there is no such series")
    return found
