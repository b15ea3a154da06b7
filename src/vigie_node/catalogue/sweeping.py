# SPDX-License-Identifier: Apache-2.0
"""What the look-back asks of the catalogue: which depictions a change concerns, in order and in portions.

- Depictions come in the order of their ids, so that a number says how far one is.
- Each read is bounded, by an index: an import of millions is gone over without being held.
"""

import uuid
from collections.abc import Collection, Iterator, Sequence

import msgspec
from django.db.models import Count

from vigie.fingerprints.values import Algorithm
from vigie_node.catalogue.identity import portions
from vigie_node.catalogue.models import (
    Assertion,
    Depiction,
    Dispute,
    Fingerprint,
    Import,
    ListVersion,
    Override,
    Revocation,
)
from vigie_node.catalogue.rules import Policy
from vigie_node.catalogue.states import ImportState


def every_depiction(*, after: uuid.UUID | None, limit: int) -> list[uuid.UUID]:
    """Return the next depictions, whoever speaks of them."""
    query = Depiction.objects.all() if after is None else Depiction.objects.filter(id__gt=after)
    return list(query.order_by("id").values_list("id", flat=True)[:limit])


def depictions_of_import(import_id: uuid.UUID, *, after: uuid.UUID | None, limit: int) -> list[uuid.UUID]:
    """Return the next depictions of which an import brought or took back a fingerprint or a word."""
    found: set[uuid.UUID] = set()
    sources = (
        (Assertion.objects.filter(via=import_id), "depiction_id"),
        (Fingerprint.objects.filter(via=import_id), "depiction_id"),
        (Revocation.objects.filter(via=import_id), "assertion__depiction_id"),
    )
    for query, name in sources:
        rest = query if after is None else query.filter(**{f"{name}__gt": after})
        found |= set(rest.order_by(name).values_list(name, flat=True).distinct()[:limit])
    return sorted(found)[:limit]


def by_fingerprints(depictions: Sequence[uuid.UUID], *, at_most: int) -> Iterator[list[uuid.UUID]]:
    """Cut depictions, in their order, where they have more fingerprints together; one that has more by itself is alone.

    A video has thousands: what is bounded by a number of depictions is not bounded.
    """
    kept: list[uuid.UUID] = []
    held = 0
    for portion in portions(list(depictions)):
        rows = Fingerprint.objects.filter(depiction__in=portion).order_by().values_list("depiction")
        counts = dict(rows.annotate(Count("id")))
        for one in portion:
            if kept and held + counts.get(one, 0) > at_most:
                yield kept
                kept, held = [], 0
            kept.append(one)
            held += counts.get(one, 0)
    if kept:
        yield kept


def depiction_count() -> int:
    """Count the depictions."""
    return Depiction.objects.count()


def is_visible(import_id: uuid.UUID) -> bool:
    """Say whether the rows of an import count."""
    return Import.objects.filter(id=import_id, state=ImportState.VISIBLE.value).exists()


def policies(list_id: uuid.UUID, *, versions: Collection[int]) -> list[tuple[Policy | None, Policy]]:
    """Return the policies of these versions of a list, by row, each with the one before it; None before its first."""
    rows = ListVersion.objects.filter(list=list_id).order_by("version").values_list("id", "policy")
    held = [(row, msgspec.convert(policy, Policy)) for row, policy in rows]
    before = [None, *(policy for _, policy in held)]
    return [(one, policy) for one, (row, policy) in zip(before, held, strict=False) if row in versions]


def overridden_value(override_id: uuid.UUID) -> tuple[Algorithm, bytes, bool] | None:
    """Return the value of an override and whether it stands; None where it is no more."""
    found = Override.objects.filter(id=override_id).values_list("algorithm", "value", "ended_at").first()
    return None if found is None else (Algorithm(found[0]), bytes(found[1]), found[2] is None)


def rows_of_value(algorithm: Algorithm, value: bytes, *, depictions: Sequence[uuid.UUID]) -> list[int]:
    """Return the fingerprints of depictions that have exactly this value."""
    rows = Fingerprint.objects.filter(algorithm=algorithm.value, value=value, depiction__in=depictions)
    return list(rows.order_by("id").values_list("id", flat=True))


def depictions_of_override(override_id: uuid.UUID, *, after: uuid.UUID | None, limit: int) -> list[uuid.UUID]:
    """Return the next depictions that have the value of an override."""
    found = overridden_value(override_id)
    if found is None:
        return []
    rows = Fingerprint.objects.filter(algorithm=found[0].value, value=found[1])
    rest = rows if after is None else rows.filter(depiction__gt=after)
    return list(rest.order_by("depiction_id").values_list("depiction_id", flat=True).distinct()[:limit])


def depiction_of_assertion(assertion_id: uuid.UUID) -> uuid.UUID | None:
    """Return which depiction an assertion speaks of, whatever became of it; None where there is none."""
    return Assertion.objects.filter(id=assertion_id).values_list("depiction_id", flat=True).first()


def assertion_of_dispute(dispute_id: uuid.UUID) -> uuid.UUID | None:
    """Return which assertion a dispute challenges; None where there is none."""
    return Dispute.objects.filter(id=dispute_id).values_list("assertion_id", flat=True).first()
