# SPDX-License-Identifier: Apache-2.0
"""What stands now about the few depictions that a look-up hit: read at the time of the answer.

- The indexes only find candidates; whether one may match is decided from what these reads return (ADR 0040). So a
  revocation, a dispute, a policy or an import counts at once, in every process.
- Only what is visible is returned: a row that an import staged is not there until the import is visible.
- A word is current when it is neither revoked nor superseded by a visible one.
- Reads are by primary key or index, in portions: their cost is that of the hits, not of the catalogue.
"""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from vigie import labels
from vigie.fingerprints.values import Algorithm
from vigie_node.catalogue.models import Assertion, Dispute, Fingerprint, MatchList, Override, Revocation
from vigie_node.catalogue.rules import ListRule, Policy, Word
from vigie_node.catalogue.states import ImportState

BANK = "bank"  # the local scheme: our own organisation put it on the list that the label names
T = TypeVar("T")
M = TypeVar("M", bound=Model)
_PORTION = 500  # values in one IN (…): SQLite allows some thousand variables


@dataclass(frozen=True, slots=True)
class Print:
    """One fingerprint that was hit; `value` is sensitive."""

    row: int
    depiction: uuid.UUID
    algorithm: Algorithm
    value: bytes
    quality: int | None
    role: str
    start_ms: int | None
    end_ms: int | None

    def __repr__(self) -> str:
        return f"<Print {self.row} {self.algorithm}>"


_FIELDS = ("id", "depiction_id", "algorithm", "value", "quality", "role", "start_ms", "end_ms")


def list_rules() -> tuple[ListRule, ...]:
    """Return every list with its policy, by name."""
    rows = MatchList.objects.order_by("name").values_list("id", "name", "version", "policy", "organisation_id")
    return tuple(
        ListRule(id, name, version, msgspec.convert(policy, Policy), organisation)
        for id, name, version, policy, organisation in rows
    )


def fingerprints(rows: Iterable[int]) -> dict[int, Print]:
    """Return the visible ones of these fingerprints, by row."""
    found: dict[int, Print] = {}
    for portion in _portions(sorted(set(rows))):
        for row in visible(Fingerprint.objects.filter(id__in=portion)).values_list(*_FIELDS):
            found[row[0]] = _print(row)
    return found


def fingerprints_of(depictions: Iterable[uuid.UUID], algorithms: Sequence[Algorithm]) -> dict[uuid.UUID, list[Print]]:
    """Return every visible fingerprint of these algorithms that depictions have; frames in the order of time."""
    found: dict[uuid.UUID, list[Print]] = {}
    names = [one.value for one in algorithms]
    for portion in _portions(sorted(set(depictions))):
        query = visible(Fingerprint.objects.filter(depiction_id__in=portion, algorithm__in=names))
        for row in query.order_by("start_ms", "id").values_list(*_FIELDS):
            found.setdefault(row[1], []).append(_print(row))
    return found


def words(depictions: Iterable[uuid.UUID]) -> dict[uuid.UUID, tuple[Word, ...]]:
    """Return the current words about each depiction, the earliest first; a depiction with none is left out."""
    found: dict[uuid.UUID, list[Word]] = {}
    for portion in _portions(sorted(set(depictions))):
        superseding = visible(Assertion.objects.filter(supersedes=OuterRef("pk")))
        current = (
            visible(Assertion.objects.filter(depiction_id__in=portion))
            .filter(~Exists(visible(Revocation.objects.filter(assertion=OuterRef("pk")))), ~Exists(superseding))
            .annotate(disputed=Exists(Dispute.objects.filter(assertion=OuterRef("pk"), outcome="")))
            .order_by("asserted_at", "id")
        )
        fields = (
            "depiction_id",
            "id",
            "source_id",
            "source__name",
            "scheme",
            "label",
            "asserted_at",
            "disputed",
            "facts",
        )
        for depiction, id, source, name, scheme, label, at, disputed, facts in current.values_list(*fields):
            word = Word(id, source, name, scheme, label, weight_of(scheme, label), at, bool(disputed), facts)
            found.setdefault(depiction, []).append(word)
    return {depiction: tuple(held) for depiction, held in found.items()}


def overridden(values: Iterable[tuple[Algorithm, bytes]]) -> frozenset[tuple[Algorithm, bytes]]:
    """Return which of these values may match nothing, by our own word."""
    asked = set(values)
    found: set[tuple[Algorithm, bytes]] = set()
    for portion in _portions(sorted(value for _, value in asked)):
        standing = Override.objects.filter(ended_at=None, value__in=portion).values_list("algorithm", "value")
        found |= {(Algorithm(algorithm), bytes(value)) for algorithm, value in standing}
    return frozenset(found & asked)


def weight_of(scheme: str, label: str) -> int:
    """Return how much a label weighs in its scheme; 0 asserts nothing, and so does a label that is no more."""
    if scheme == BANK:
        return 1
    try:
        return labels.severity(scheme, label)
    except (labels.UnknownSchemeError, labels.UnknownLabelError):
        return 0


def visible(query: QuerySet[M]) -> QuerySet[M]:
    """Leave out what an import staged and has not made visible."""
    return query.filter(Q(via=None) | Q(via__state=ImportState.VISIBLE.value))


def _print(row: tuple[Any, ...]) -> Print:
    id, depiction, algorithm, value, quality, role, start_ms, end_ms = row
    return Print(id, depiction, Algorithm(algorithm), bytes(value), quality, role, start_ms, end_ms)


def _portions(values: list[T]) -> Iterator[list[T]]:
    for begin in range(0, len(values), _PORTION):
        yield values[begin : begin + _PORTION]
