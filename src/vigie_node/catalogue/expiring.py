# SPDX-License-Identifier: Apache-2.0
"""Delete what the catalogue keeps no longer: first what nobody stands by any more, then what nobody needs.

- A depiction goes ten years after the last word on it ended: revoked, superseded, or undone with its import. One on
  which a word stands is never deleted, however old; nor is one to which something was added since, or that a record
  of another part still refers to, such as a match.
- It goes with its fingerprints, its words and what was sent about it; every process is told in the same transaction.
- Whether it may go is decided under a lock, at the moment of the deletion: whoever says something of it meanwhile keeps
  it.
- Depictions are gone over in the order of their ids, a window at a time: each call is short, whatever the size.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import PROTECT, Exists, OuterRef, Q, QuerySet

from vigie_node.audit import actions as audit
from vigie_node.audit import expiring
from vigie_node.audit.events import Event
from vigie_node.base import locks
from vigie_node.base.actor import Actor
from vigie_node.base.ids import first_id
from vigie_node.base.retention import YEAR
from vigie_node.catalogue import identity, standing
from vigie_node.catalogue.importing import UNDER_WAY
from vigie_node.catalogue.models import (
    Assertion,
    Depiction,
    Fingerprint,
    Import,
    ImportRefusal,
    Override,
    Revocation,
    Series,
    SeriesLink,
)
from vigie_node.catalogue.states import ImportState
from vigie_node.changes import actions as changes
from vigie_node.changes.topics import Topic

DEPICTIONS_KEPT = 10 * YEAR
IMPORTS_KEPT = 10 * YEAR
NOTES_KEPT = YEAR
FIRST = uuid.UUID(int=0)
WINDOW = 1000  # depictions looked at in one step
AT_ONCE = 20  # depictions deleted in one transaction
MAX_VALUES = 1000  # fingerprints deleted in one transaction: a long video has thousands


def expire_depictions(*, after: uuid.UUID, by: Actor, now: datetime) -> uuid.UUID | None:
    """Delete depictions among the next ones after an id; return from where to go on, None at the end.

    Audit:   DEPICTIONS_EXPIRED, with their ids and how many fingerprints; none where nothing was due.
    """
    before = now - DEPICTIONS_KEPT
    old = Depiction.objects.filter(id__gt=after, id__lt=first_id(before)).order_by("id")
    window = list(old.values_list("id", flat=True)[:WINDOW])
    if not window:
        return None
    due = list(_forgotten(old.filter(id__lte=window[-1]), before).values_list("id", flat=True)[:AT_ONCE])
    if due and _delete(due, before, by=by, now=now):
        return after  # there may be more among them
    return window[-1]


def expire_notes(*, by: Actor, now: datetime) -> bool:
    """Delete some overrides, refusals, series or imports of long ago, or names of files; return whether there were any.

    Audit:   RECORDS_EXPIRED, about the kind, with how many; none where nothing was due.
    """
    a_year_ago = now - NOTES_KEPT
    ended = Import.objects.exclude(state__in=UNDER_WAY).filter(progress__has_key="is_cleared")
    kinds: tuple[QuerySet[Any], ...] = (
        Override.objects.filter(ended_at__lt=a_year_ago),
        ImportRefusal.objects.filter(of__created_at__lt=a_year_ago),
        Series.objects.filter(links=None, created_at__lt=a_year_ago),
        _unreferred(ended.filter(created_at__lt=now - IMPORTS_KEPT)),
    )
    return expiring.delete_due(kinds, by=by, now=now) or _forget_file_names(a_year_ago, by=by, now=now)


@transaction.atomic
def _delete(found: Sequence[uuid.UUID], before: datetime, *, by: Actor, now: datetime) -> bool:
    """Delete those of these depictions that nobody stands by, as many as fit; return whether anything was."""
    identity.lock()
    locks.hold(locks.WORDS)  # an import that is undone gives back the words that it took
    locked = Depiction.objects.select_for_update().filter(id__in=found).order_by("id")
    held = list(locked.values_list("id", flat=True))  # from here on nobody refers to them anew
    due = list(_forgotten(Depiction.objects.filter(id__in=held).order_by("id"), before).values_list("id", flat=True))
    whole, values = _with_few_values(due)
    Fingerprint.objects.filter(id__in=values).delete()
    Depiction.objects.filter(id__in=whole).delete()
    if not (whole or values):
        return False
    ids = [str(one) for one in whole]
    audit.record(Event.DEPICTIONS_EXPIRED, subject="", by=by, at=now, depictions=ids, fingerprints=len(values))
    if values:
        changes.append(Topic.FINGERPRINTS_REMOVED, items=values, now=now)
    return True


def _with_few_values(due: Sequence[uuid.UUID]) -> tuple[list[uuid.UUID], list[int]]:
    """Return those of these depictions whose fingerprints fit one transaction, and the fingerprints.

    Of a first one with too many a part goes, and the rest the next time.
    """
    rows = Fingerprint.objects.filter(depiction__in=due).order_by("depiction_id", "id")
    held = list(rows.values_list("depiction_id", "id")[: MAX_VALUES + 1])
    if len(held) <= MAX_VALUES:
        return list(due), [value for _, value in held]
    cut = held[-1][0]  # perhaps not read to its end
    whole = [one for one in due if one < cut]
    values = [value for depiction, value in held if depiction < cut]
    return whole, values or [value for _, value in held[:MAX_VALUES]]


def _forgotten(among: QuerySet[Depiction], before: datetime) -> QuerySet[Depiction]:
    """Return the depictions that nobody has stood by or added to since a time."""
    words = Assertion.objects.filter(depiction=OuterRef("pk"))
    links = SeriesLink.objects.filter(depiction=OuterRef("pk"))
    newer = Fingerprint.objects.filter(depiction=OuterRef("pk"), created_at__gte=before)
    return _unreferred(among).filter(
        ~Exists(words.exclude(_ended(before))),
        ~Exists(newer),
        ~Exists(links.filter(Q(linked_at__gte=before) | Q(unlinked_at__gte=before))),
    )


def _ended(before: datetime) -> Q:
    """Say of a word that it ended before a time; one that an import under way has staged has not."""
    revoked = standing.visible(Revocation.objects.filter(assertion=OuterRef("pk"), revoked_at__lt=before))
    superseded = standing.visible(Assertion.objects.filter(supersedes=OuterRef("pk")))  # that one decides in its place
    hidden = Q(via__state__in=[ImportState.CANCELLED.value, ImportState.FAILED.value])
    undone_since = Q(via__undone_at__gte=before)
    return Exists(revoked.exclude(via__visible_at__gte=before)) | Exists(superseded) | (hidden & ~undone_since)


def _unreferred(among: QuerySet[Any]) -> QuerySet[Any]:
    """Leave out what a record refers to that is not deleted with it, of this part or any other."""
    for one in among.model._meta.related_objects:
        if one.on_delete is PROTECT:
            among = among.filter(~Exists(one.related_model._default_manager.filter(**{one.field.name: OuterRef("pk")})))
    return among


def _forget_file_names(before: datetime, *, by: Actor, now: datetime) -> bool:
    """Remove the names of some files that were taken in before a time; return whether there were any."""
    named = Import.objects.filter(created_at__lt=before).exclude(file_name="").order_by("id")
    found = list(named.values_list("id", flat=True)[: expiring.AT_ONCE])
    if not found:
        return False
    with transaction.atomic():
        Import.objects.filter(id__in=found).update(file_name="")
        audit.record(Event.RECORDS_EXPIRED, subject="catalogue.Import.file_name", by=by, at=now, count=len(found))
    return True
