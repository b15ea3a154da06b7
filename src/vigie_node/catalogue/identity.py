# SPDX-License-Identifier: Apache-2.0
"""Which depiction a set of fingerprints is of: one that is here already, or a new one.

- An equal SHA-256 is the same content. An equal SHA-1 or MD5 is, unless another digest of the same sort differs: then
  it is another content with a forged or colliding digest.
- What has no digest is the same only as something that has none either and has exactly the same perceptual values:
  the two cannot be told apart. Nearness never makes two depictions one: that is a claim, and needs a person.
- Where digests lead to several depictions the strongest decides, then the oldest; nothing is merged here.
- What another import staged, or an undone one brought, tells which depiction it is, too: two files that speak of one
  content speak of one depiction. It is no reason to leave out a fingerprint: it may never become visible.

Decision: ADR 0080.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from django.db import connection

from vigie.errors import InvalidInputError
from vigie.fingerprints import gates
from vigie.fingerprints.values import SIZE_BYTES, Algorithm
from vigie.lists.entries import DIGEST_ALGORITHMS
from vigie_node.base import locks

STRONGEST_FIRST = (Algorithm.SHA256, Algorithm.SHA1, Algorithm.MD5)
_PORTION = 500
Place = tuple[str, bytes, str, int | None]  # algorithm, value, role, start of a frame


class NoFingerprintError(InvalidInputError):
    """A depiction is known by its fingerprints, and none was given."""

    code = "catalogue.no-fingerprint"


class MalformedValueError(InvalidInputError):
    """A value has not the length of its algorithm, or its quality or times are out of bounds."""

    code = "catalogue.malformed-value"


class NeverMatchesError(InvalidInputError):
    """The fingerprints are of something empty, trivial or common: they may never match."""

    code = "catalogue.never-matches"


@dataclass(frozen=True, slots=True)
class NewFingerprint:
    """One fingerprint of a depiction; `role` is the view of a picture (`vigie.lists.entries.Role`), times of a frame.

    Raises:  MalformedValueError.
    """

    algorithm: Algorithm
    value: bytes
    quality: int | None = None
    role: str = ""
    start_ms: int | None = None
    end_ms: int | None = None
    recipe: str = ""

    def __post_init__(self) -> None:
        if len(self.value) != SIZE_BYTES.get(self.algorithm, 32):
            raise MalformedValueError(f"a value of {self.algorithm} has {SIZE_BYTES.get(self.algorithm, 32)} bytes")
        if self.quality is not None and not 0 <= self.quality <= 100:
            raise MalformedValueError("a quality is a whole number from 0 to 100")
        if self.start_ms is not None and not 0 <= self.start_ms <= (self.end_ms or self.start_ms) < 2**31:
            raise MalformedValueError("a frame's times run from 0, and it does not end before it begins")

    @property
    def place(self) -> Place:
        """Return what makes it the same fingerprint of the same depiction."""
        return self.algorithm.value, self.value, self.role, self.start_ms

    def __repr__(self) -> str:
        return f"<NewFingerprint {self.algorithm}>"


Fingerprints = Sequence[NewFingerprint]
Value = tuple[str, bytes]


def check_may_match(fingerprints: Fingerprints) -> None:
    """Refuse what has no fingerprint, a digest of empty or trivial content, or only values that may never match.

    Raises:  NoFingerprintError, NeverMatchesError.
    """
    if not fingerprints:
        raise NoFingerprintError("a depiction is known by its fingerprints: give at least one")
    for algorithm in DIGEST_ALGORITHMS:
        values = [one.value for one in fingerprints if one.algorithm is algorithm]
        if values and gates.is_trivial(_rows(values), algorithm=algorithm).any():
            raise NeverMatchesError("a digest is that of an empty or trivial file, which countless files share")
    near = [one for one in fingerprints if one.algorithm not in DIGEST_ALGORITHMS]
    if len(near) < len(fingerprints):
        return
    qualities = np.array([gates.UNKNOWN_QUALITY if one.quality is None else one.quality for one in near], np.uint8)
    codes = gates.value_gates(_rows([one.value for one in near]), qualities=qualities)
    if codes.all():
        gate = gates.gate_of(int(codes[0]))
        raise NeverMatchesError(f"none of its values may ever match: {gate.sentence if gate else ''}")


def _rows(values: list[bytes]) -> "np.ndarray[Any, np.dtype[np.uint8]]":
    return np.frombuffer(b"".join(values), np.uint8).reshape(len(values), -1)


def lock() -> None:
    """Let nobody else decide on identities until this transaction ends.

    Two transactions could else both find nothing, and record it twice.
    """
    locks.hold(locks.IDENTITY)


@dataclass(slots=True)
class Known:
    """The depictions that some fingerprints may be of, with all that is known of them; it grows with what is added."""

    by_value: dict[Value, list[uuid.UUID]] = field(default_factory=lambda: defaultdict(list))
    digests: dict[uuid.UUID, dict[str, set[bytes]]] = field(default_factory=dict)
    places: dict[uuid.UUID, set[Place]] = field(default_factory=dict)
    lasting: dict[uuid.UUID, set[Place]] = field(default_factory=dict)  # those that need not be added again

    @classmethod
    def read(
        cls,
        wanted: Iterable[Fingerprints],
        *,
        also: Iterable[uuid.UUID] = (),
        via: uuid.UUID | None = None,
        source: uuid.UUID | None = None,
    ) -> "Known":
        """Read what is known of everything that some sets of fingerprints may be of, and of these depictions.

        `via` and `source` are the import that asks and its source: what other sources' imports brought may go again.
        """
        known = cls()
        asked: dict[str, set[bytes]] = defaultdict(set)
        for fingerprints in wanted:
            for one in _telling(fingerprints):
                asked[one.algorithm.value].add(one.value)
        found: dict[uuid.UUID, None] = dict.fromkeys(also)
        for algorithm, values in asked.items():
            found |= dict.fromkeys(_depictions_with(algorithm, sorted(values)))
        for depiction, place, is_lasting in _prints_of(sorted(found), via, source):
            known.add(depiction, place, is_lasting=is_lasting)
        return known

    def add(self, depiction: uuid.UUID, place: Place, *, is_lasting: bool = True) -> None:
        """Note that a depiction has a fingerprint."""
        algorithm, value = place[:2]
        if is_lasting:
            self.lasting.setdefault(depiction, set()).add(place)
        held = self.places.setdefault(depiction, set())
        if place in held:
            return
        held.add(place)
        owners = self.by_value[algorithm, value]
        if depiction not in owners:
            owners.append(depiction)
        if algorithm in DIGEST_ALGORITHMS:
            self.digests.setdefault(depiction, {}).setdefault(algorithm, set()).add(value)

    def find(self, fingerprints: Fingerprints) -> uuid.UUID | None:
        """Return the depiction that these fingerprints are of, or None where it is a new one."""
        own = {one.algorithm.value: one.value for one in fingerprints if one.algorithm in DIGEST_ALGORITHMS}
        for algorithm in STRONGEST_FIRST:
            for depiction in sorted(self.by_value.get((algorithm.value, own.get(algorithm.value, b"")), ())):
                if algorithm is Algorithm.SHA256 or not self.contradicts(depiction, fingerprints):
                    return depiction
        return None if own else self._find_without_digest(fingerprints)

    def contradicts(self, depiction: uuid.UUID, fingerprints: Fingerprints) -> bool:
        """Say whether a depiction has another digest of a sort than one of these: then it is another content."""
        held = self.digests.get(depiction, {})
        return any(one.algorithm.value in held and one.value not in held[one.algorithm.value] for one in fingerprints)

    def _find_without_digest(self, fingerprints: Fingerprints) -> uuid.UUID | None:
        wanted = {(one.algorithm.value, one.value) for one in fingerprints}
        for depiction in sorted(self.by_value.get(min(wanted), ()) if wanted else ()):
            if depiction not in self.digests and {place[:2] for place in self.places[depiction]} == wanted:
                return depiction
        return None


def _telling(fingerprints: Fingerprints) -> list[NewFingerprint]:
    """Return the fingerprints by which a depiction is found again: its digests, or one of its values."""
    digests = [one for one in fingerprints if one.algorithm in DIGEST_ALGORITHMS]
    return digests or [min(fingerprints, key=lambda one: (one.algorithm.value, one.value))][: len(fingerprints)]


_BY_VALUE = """
SELECT DISTINCT f.depiction_id FROM catalogue_fingerprint f LEFT JOIN catalogue_import i ON i.id = f.via_id
WHERE (f.via_id IS NULL OR i.state NOT IN ('CANCELLED', 'FAILED') OR i.undone_at IS NOT NULL)
  AND f.algorithm = %s AND f.value IN ({marks})
"""
_PRINTS = """
SELECT f.depiction_id, f.algorithm, f.value, f.role, f.start_ms,
       CASE WHEN f.via_id IS NULL OR f.via_id = %s OR (i.state = 'VISIBLE' AND i.source_id = %s) THEN 1 ELSE 0 END
FROM catalogue_fingerprint f LEFT JOIN catalogue_import i ON i.id = f.via_id
WHERE (f.via_id IS NULL OR i.state NOT IN ('CANCELLED', 'FAILED') OR i.undone_at IS NOT NULL)
  AND f.depiction_id IN ({marks})
"""


def _depictions_with(algorithm: str, values: list[bytes]) -> Iterator[uuid.UUID]:
    for portion in portions(values):
        with connection.cursor() as cursor:
            cursor.execute(_BY_VALUE.format(marks=marks(portion)), [algorithm, *portion])
            yield from (as_uuid(row[0]) for row in cursor.fetchall())


def _prints_of(
    depictions: list[uuid.UUID], via: uuid.UUID | None, source: uuid.UUID | None
) -> Iterator[tuple[uuid.UUID, Place, bool]]:
    own = [None if one is None else db_uuid(one) for one in (via, source)]
    for portion in portions([db_uuid(one) for one in depictions]):
        with connection.cursor() as cursor:
            cursor.execute(_PRINTS.format(marks=marks(portion)), [*own, *portion])
            for depiction, algorithm, value, role, start_ms, is_lasting in cursor.fetchall():
                yield as_uuid(depiction), (algorithm, bytes(value), role, start_ms), bool(is_lasting)


def marks(values: Sequence[object]) -> str:
    """Return the place marks of an IN (…)."""
    return ", ".join(["%s"] * len(values))


def portions(values: list[Any]) -> Iterator[list[Any]]:
    """Cut values into portions that one statement takes."""
    for begin in range(0, len(values), _PORTION):
        yield values[begin : begin + _PORTION]


def db_uuid(value: uuid.UUID) -> uuid.UUID | str:
    """Return an id as this database takes it."""
    return value if connection.features.has_native_uuid_field else value.hex


def as_uuid(value: object) -> uuid.UUID:
    """Return an id as both databases give it back."""
    return value if isinstance(value, uuid.UUID) else uuid.UUID(str(value))
