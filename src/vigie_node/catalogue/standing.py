# SPDX-License-Identifier: Apache-2.0
"""What stands now about the few depictions that a look-up hit: read at the time of the answer.

- The indexes only find candidates; whether one may match is decided from what these reads return (ADR 0040). So a
  revocation, a dispute, a policy or an import counts at once, in every process.
- Only what is visible is returned: a row that an import staged is not there until the import is visible.
- A word is current when it is the latest of its source in its scheme, by what it supersedes or by its time, and was not
  revoked. Whoever asks what stands asks here, so that nobody tells it otherwise.
- Reads are by primary key or index, in portions: their cost is that of the hits, not of the catalogue.
"""

import functools
import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from django.db import connection
from django.db.models import Model, Q, QuerySet

from vigie import labels
from vigie.fingerprints.values import Algorithm
from vigie_node.catalogue import rules
from vigie_node.catalogue.identity import as_uuid, db_uuid, marks, portions
from vigie_node.catalogue.rules import BANK as BANK  # noqa: PLC0414 - told on
from vigie_node.catalogue.rules import ListRule, Policy, Word
from vigie_node.catalogue.states import ImportState

M = TypeVar("M", bound=Model)
_SHOWN = ImportState.VISIBLE.value


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


# Reads in SQL, since they stand on the way of every look-up with a candidate: the ORM would take most of its time.
_VISIBLE = "({0}.via_id IS NULL OR EXISTS (SELECT 1 FROM catalogue_import i WHERE i.id = {0}.via_id AND i.state = %s))"
_PRINTS = f"""
    SELECT f.id, f.depiction_id, f.algorithm, f.value, f.quality, f.role, f.start_ms, f.end_ms
    FROM catalogue_fingerprint f WHERE {_VISIBLE.format("f")} AND """  # noqa: S608 - made of constants
_BY_ROW = _PRINTS + "f.id IN ({rows})"
_BY_DEPICTION = _PRINTS + "f.depiction_id IN ({depictions}) AND f.algorithm IN ({algorithms}) ORDER BY f.start_ms, f.id"
_WORDS = f"""
    SELECT a.depiction_id, a.id, a.source_id, s.name, a.scheme, a.label, a.asserted_at, a.facts,
        EXISTS (SELECT 1 FROM catalogue_dispute d WHERE d.assertion_id = a.id AND d.outcome = ''),
        EXISTS (SELECT 1 FROM catalogue_revocation r WHERE r.assertion_id = a.id AND {_VISIBLE.format("r")})
    FROM catalogue_assertion a JOIN catalogue_source s ON s.id = a.source_id
    WHERE {_VISIBLE.format("a")}
        AND NOT EXISTS (
            SELECT 1 FROM catalogue_assertion n WHERE n.supersedes_id = a.id AND {_VISIBLE.format("n")}
        )
        AND a.depiction_id IN ({{depictions}})"""  # noqa: S608 - made of constants
_LISTS = "SELECT id, name, version, policy, organisation_id FROM catalogue_matchlist ORDER BY name"
_OVERRIDDEN_ROWS = """
    SELECT f.id FROM catalogue_override o
    JOIN catalogue_fingerprint f ON f.algorithm = o.algorithm AND f.value = o.value
    WHERE o.ended_at IS NULL"""
_OVERRIDES = "SELECT algorithm, value FROM catalogue_override WHERE ended_at IS NULL AND value IN ({values})"


def list_rules() -> tuple[ListRule, ...]:
    """Return every list with its policy, by name."""
    return tuple(
        ListRule(as_uuid(id), name, version, _policy(policy), None if organisation is None else as_uuid(organisation))
        for id, name, version, policy, organisation in _read(_LISTS, [])
    )


@functools.lru_cache(maxsize=1000)
def _policy(written: str) -> Policy:
    return msgspec.json.decode(written, type=Policy)


def fingerprints(rows: Iterable[int]) -> dict[int, Print]:
    """Return the visible ones of these fingerprints, by row."""
    found: dict[int, Print] = {}
    for portion in portions(sorted(set(rows))):
        for row in _read(_BY_ROW.format(rows=marks(portion)), [_SHOWN, *portion]):
            found[row[0]] = _print(row)
    return found


def fingerprints_of(depictions: Iterable[uuid.UUID], algorithms: Sequence[Algorithm]) -> dict[uuid.UUID, list[Print]]:
    """Return every visible fingerprint of these algorithms that depictions have; frames in the order of time."""
    found: dict[uuid.UUID, list[Print]] = {}
    names = [one.value for one in algorithms]
    for portion in portions(sorted(set(depictions))):
        query = _BY_DEPICTION.format(depictions=marks(portion), algorithms=marks(names))
        for row in _read(query, [_SHOWN, *map(db_uuid, portion), *names]):
            one = _print(row)
            found.setdefault(one.depiction, []).append(one)
    return found


def words(depictions: Iterable[uuid.UUID]) -> dict[uuid.UUID, tuple[Word, ...]]:
    """Return the current words about each depiction, the earliest first; a depiction with none is left out."""
    said: dict[uuid.UUID, list[Word]] = {}
    revoked: set[uuid.UUID] = set()
    for portion in portions(sorted(set(depictions))):
        asked = [_SHOWN] * _WORDS.count("%s") + [db_uuid(one) for one in portion]
        for row in _read(_WORDS.format(depictions=marks(portion)), asked):
            depiction, id, source, name, scheme, label, at, facts, disputed, ended = row
            word = Word(
                as_uuid(id), as_uuid(source), name, scheme, label, weight_of(scheme, label), as_time(at),
                bool(disputed), json.loads(facts),
            )  # fmt: skip
            said.setdefault(as_uuid(depiction), []).append(word)
            if ended:
                revoked.add(word.assertion)
    return {one: current for one, held in said.items() if (current := rules.current_words(held, revoked=revoked))}


def overridden(values: Iterable[tuple[Algorithm, bytes]]) -> frozenset[tuple[Algorithm, bytes]]:
    """Return which of these values may match nothing, by our own word."""
    asked = set(values)
    found: set[tuple[Algorithm, bytes]] = set()
    for portion in portions(sorted(value for _, value in asked)):
        rows = _read(_OVERRIDES.format(values=marks(portion)), portion)
        found |= {(Algorithm(algorithm), bytes(value)) for algorithm, value in rows}
    return frozenset(found & asked)


def overridden_rows() -> list[int]:
    """Return the fingerprints whose value may match nothing, by our own word."""
    return [row for (row,) in _read(_OVERRIDDEN_ROWS, [])]


def weight_of(scheme: str, label: str) -> int:
    """Return how much a label weighs in its scheme; 0 asserts nothing, and so does a label that is no more."""
    if scheme == BANK:
        return 1
    try:
        return labels.severity(scheme, label)
    except (labels.UnknownSchemeError, labels.UnknownLabelError):
        return 0


def visible(query: QuerySet[M], *, at: str = "") -> QuerySet[M]:
    """Leave out what an import staged and has not made visible; `at` leads from a row to the one that it brought."""
    return query.filter(Q((f"{at}via", None)) | Q((f"{at}via__state", ImportState.VISIBLE.value)))


def _read(query: str, asked: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, asked)
        return list(cursor.fetchall())


def as_time(at: datetime | str) -> datetime:
    """Return a time as both drivers give it: in UTC, said or not."""
    read = at if isinstance(at, datetime) else datetime.fromisoformat(at)
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def _print(row: tuple[Any, ...]) -> Print:
    id, depiction, algorithm, value, quality, role, start_ms, end_ms = row
    return Print(id, as_uuid(depiction), Algorithm(algorithm), bytes(value), quality, role, start_ms, end_ms)
