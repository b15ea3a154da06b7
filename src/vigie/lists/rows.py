# SPDX-License-Identifier: Apache-2.0
"""Rows of text to entries: every field checked, thousands of rows at a time.

- A row that is not an entry is refused with its line and the reason; nothing is trimmed, padded or guessed.
- A row of empty or trivial content is refused; a perceptual value that may never match is left out of its row, and
  the row refused where nothing else is left of it. Both are reported.
- A row without a depiction's id gets one from its strongest fingerprint; a row that does not say who asserts it, or
  when, is asserted by who imports it, then.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from vigie.errors import InvalidInputError
from vigie.fingerprints import gates
from vigie.fingerprints.gates import Gate
from vigie.fingerprints.values import SIZE_BYTES, Algorithm
from vigie.lists.columns import DIGEST, ENTRY, FRAME, PICTURE, Columns, Table, depiction_key, select, to_micros
from vigie.lists.entries import (
    DIGEST_ALGORITHMS,
    KINDS,
    MAX_FRAME_MS,
    ROLES,
    Claim,
    Kind,
    MalformedEntryError,
    Role,
    check_claim,
    check_text,
    derived_key,
)

VALUE_FIELDS: dict[Role, str] = {
    Role.STORED: "pdq",
    Role.UPRIGHT: "pdq_upright",
    Role.BORDERLESS: "pdq_borderless",
    Role.ON_BLACK: "pdq_on_black",
}
_HEX = np.full(256, 255, np.uint8)
for _digit, _character in enumerate("0123456789abcdef"):
    _HEX[ord(_character)] = _HEX[ord(_character.upper())] = _digit
_QUALITIES = {"": gates.UNKNOWN_QUALITY} | {str(quality): quality for quality in range(101)}

Numbers = NDArray[np.int64]
FrameText = tuple[int, int, str, str]  # at_ms, until_ms, pdq, quality


@dataclass(frozen=True, slots=True)
class Remark:
    """What was refused or left out of one line, and why: a sentence with places in braces, and what stands there."""

    line: int
    code: str
    template: str
    values: Mapping[str, str | int] = field(default_factory=dict)

    @property
    def message(self) -> str:
        """Return the whole sentence."""
        return self.template.format(**self.values) if self.values else self.template


@dataclass(frozen=True, slots=True)
class Given:
    """What holds for rows that do not say: the claim, its time; and the minimum quality of the list they go to."""

    claim: Claim
    asserted_at: datetime
    min_quality: int = gates.MIN_QUALITY


@dataclass(slots=True)
class Rows:
    """Rows of text by their columns, all of the same length; an absent field is an empty text."""

    lines: list[int]
    texts: Mapping[str, Sequence[str]]
    frames: list[Sequence[FrameText]]
    sizes_bytes: Sequence[int | None]

    def column(self, name: str) -> Sequence[str]:
        """Return one column of texts; one that is not there is empty."""
        return self.texts.get(name) or [""] * len(self.lines)


@dataclass(slots=True)
class _Sieve:
    """Which rows are refused, each for the first reason found."""

    refused: dict[int, tuple[str, str, Mapping[str, str | int]]] = field(default_factory=dict)

    def refuse(self, row: int, code: str, template: str, **values: str | int) -> None:
        self.refused.setdefault(int(row), (code, template, values))


def to_columns(rows: Rows, *, given: Given) -> tuple[Columns, list[Remark], list[Remark]]:
    """Turn rows into entries; return them, what was refused, and which values were left out of entries that stay."""
    sieve = _Sieve()
    digests = {one: _digest_table(rows, one, sieve) for one in DIGEST_ALGORITHMS}
    pictures, gated_pictures = _eligible(_picture_table(rows, sieve), min_quality=given.min_quality)
    frames, gated_frames = _eligible(_frame_table(rows, sieve), min_quality=given.min_quality)
    gated = sorted(gated_pictures + gated_frames)
    _refuse_trivial(rows, digests, sieve)
    _refuse_bare(len(rows.lines), [*digests.values(), pictures, frames], gated, sieve)
    claims, claim_numbers = _claims(rows, given, sieve)
    entries = np.zeros(len(rows.lines), ENTRY)
    entries["claim"] = claim_numbers
    entries["asserted_at"] = _times(rows, given, sieve)
    entries["kind"] = _kinds(rows, pictures, frames, sieve)
    texts = _name(entries, rows.column("depiction"), _strongest(len(entries), digests, pictures, frames), sieve)
    keep = np.ones(len(entries), np.bool_)
    keep[list(sieve.refused)] = False
    everything = Columns(claims, texts, entries, digests, pictures, frames)
    refused = [Remark(rows.lines[row], *why) for row, why in sorted(sieve.refused.items())]
    left_out = [Remark(rows.lines[row], "lists.gated-value", gate.sentence) for row, gate in gated if keep[row]]
    return select(everything, keep), refused, left_out


def _values(
    texts: Sequence[str], owners: Numbers, *, algorithm: Algorithm, sieve: _Sieve
) -> tuple[Numbers, NDArray[np.uint8]]:
    """Read hexadecimal texts; return the places of those that are values, and the values."""
    digits = 2 * SIZE_BYTES[algorithm]
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    for place in np.flatnonzero((lengths != 0) & (lengths != digits)):
        sieve.refuse(
            owners[place], "lists.hex-length", "{algorithm} has {digits} hexadecimal digits; this has {found}",
            algorithm=algorithm.value, digits=digits, found=int(lengths[place]),
        )  # fmt: skip
    places: Numbers = np.flatnonzero(lengths == digits).astype(np.int64)
    joined = "".join([texts[place] for place in places.tolist()]).encode("ascii", "replace")
    codes = _HEX[np.frombuffer(joined, np.uint8)].reshape(-1, digits)
    is_hex = (codes < 16).all(axis=1)
    for place in places[~is_hex]:
        sieve.refuse(
            owners[place], "lists.hex-digits", "{algorithm} has hexadecimal digits only (0-9, a-f)",
            algorithm=algorithm.value,
        )  # fmt: skip
    codes = codes[is_hex]
    return places[is_hex], (codes[:, ::2] << 4 | codes[:, 1::2]).astype(np.uint8)


def _digest_table(rows: Rows, algorithm: Algorithm, sieve: _Sieve) -> Table:
    owners = np.arange(len(rows.lines))
    places, values = _values(rows.column(algorithm), owners, algorithm=algorithm, sieve=sieve)
    table = np.zeros(len(places), DIGEST[algorithm])
    table["entry"], table["value"] = places, values
    return table


def _picture_table(rows: Rows, sieve: _Sieve) -> Table:
    owners = np.arange(len(rows.lines))
    parts = [np.zeros(0, PICTURE)]
    for role, name in VALUE_FIELDS.items():
        if name not in rows.texts:
            continue
        places, values = _values(rows.column(name), owners, algorithm=Algorithm.PDQ, sieve=sieve)
        part = np.zeros(len(places), PICTURE)
        part["entry"], part["value"], part["role"] = places, values, ROLES.index(role)
        part["quality"] = _qualities(rows.column(f"{name}_quality"), owners, sieve)[places]
        parts.append(part)
    table = np.concatenate(parts)
    return table[np.lexsort((table["role"], table["entry"]))]


def _frame_table(rows: Rows, sieve: _Sieve) -> Table:
    flat = [(row, *one) for row, frames in enumerate(rows.frames) for one in sorted(frames)]
    owners = np.array([one[0] for one in flat], np.int64)
    for row, at_ms, until_ms, pdq, _ in flat:
        if not pdq or not 0 <= at_ms <= until_ms <= MAX_FRAME_MS:
            sieve.refuse(
                row, "lists.malformed-frame",
                "a frame has a value, and times from 0 to 49 days of which the first is not after the second",
            )  # fmt: skip
    places, values = _values([one[3] for one in flat], owners, algorithm=Algorithm.PDQ, sieve=sieve)
    table = np.zeros(len(places), FRAME)
    table["entry"], table["value"] = owners[places], values
    table["quality"] = _qualities([one[4] for one in flat], owners, sieve)[places]
    for name, field_number in (("at_ms", 1), ("until_ms", 2)):
        times = np.array([one[field_number] for one in flat], np.int64).clip(0, MAX_FRAME_MS)
        table[name] = times[places]
    return table


def _qualities(texts: Sequence[str], owners: Numbers, sieve: _Sieve) -> NDArray[np.uint8]:
    codes = np.array([_QUALITIES.get(text, -1) for text in texts], np.int64)
    for place in np.flatnonzero(codes < 0):
        sieve.refuse(owners[place], "lists.malformed-quality", "a quality is a whole number from 0 to 100")
    return codes.astype(np.uint8)


def _eligible(table: Table, *, min_quality: int) -> tuple[Table, list[tuple[int, Gate]]]:
    """Leave out the values that may never match, and say of which rows they were."""
    values = np.ascontiguousarray(table["value"])
    codes = gates.value_gates(values, qualities=table["quality"], min_quality=min_quality)
    gated = np.flatnonzero(codes)
    return table[codes == 0], [(int(table["entry"][place]), gates.GATES[codes[place] - 1]) for place in gated]


def _refuse_trivial(rows: Rows, digests: dict[Algorithm, Table], sieve: _Sieve) -> None:
    for algorithm, table in digests.items():
        marked = gates.is_trivial(np.ascontiguousarray(table["value"]), algorithm=algorithm)
        for row in table["entry"][marked]:
            sieve.refuse(row, "lists.trivial-content", Gate.TRIVIAL.sentence)
    for row, size_bytes in enumerate(rows.sizes_bytes):
        if size_bytes is not None and size_bytes < gates.TRIVIAL_SIZE_BYTES:
            sieve.refuse(row, "lists.trivial-content", Gate.TRIVIAL.sentence)


def _refuse_bare(count: int, tables: list[Table], gated: list[tuple[int, Gate]], sieve: _Sieve) -> None:
    """Refuse the rows of which no fingerprint is left, and say what became of it."""
    bare = np.ones(count, np.bool_)
    for table in tables:
        bare[table["entry"]] = False
    for row, gate in gated:
        if bare[row]:
            sieve.refuse(row, "lists.gated-value", gate.sentence)
    for row in np.flatnonzero(bare).tolist():
        sieve.refuse(row, "lists.no-fingerprint", "the row has no fingerprint")


def _claims(rows: Rows, given: Given, sieve: _Sieve) -> tuple[tuple[Claim, ...], list[int]]:
    claims: dict[Claim, int] = {}
    seen: dict[tuple[str, ...], int | InvalidInputError] = {}
    numbers = []
    names = ("scheme", "label", "asserted_by", "recipe")
    for row, said in enumerate(zip(*(rows.column(name) for name in names), strict=True)):
        found = seen.get(said)
        if found is None:
            try:
                found = claims.setdefault(_claim(said, given.claim), len(claims))
            except InvalidInputError as error:
                found = error
            seen[said] = found
        if isinstance(found, InvalidInputError):
            sieve.refuse(row, found.code, found.template, **found.values)
        numbers.append(found if isinstance(found, int) else 0)
    return tuple(claims) or (given.claim,), numbers


def _claim(said: tuple[str, ...], given: Claim) -> Claim:
    scheme, label, asserted_by, recipe = (text or None for text in said)
    if scheme is None and label is None:
        scheme, label = given.scheme, given.label
    claim = Claim(scheme, label, asserted_by or given.asserted_by, recipe or given.recipe)
    check_claim(claim)
    return claim


def _times(rows: Rows, given: Given, sieve: _Sieve) -> list[int]:
    seen: dict[str, int | None] = {"": to_micros(given.asserted_at)}
    micros = []
    for row, text in enumerate(rows.column("asserted_at")):
        if text not in seen:
            seen[text] = _micros(text)
        found = seen[text]
        if found is None:
            sieve.refuse(row, "lists.malformed-time", "asserted_at is a time with its zone, as in 2026-01-31T12:00:00Z")
        micros.append(found or 0)
    return micros


def _micros(text: str) -> int | None:
    try:
        at = datetime.fromisoformat(text)
        return to_micros(at.astimezone(UTC)) if at.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _kinds(rows: Rows, pictures: Table, frames: Table, sieve: _Sieve) -> NDArray[np.uint8]:
    """Read the kinds; a row that does not say is what its fingerprints are of."""
    kinds = np.full(len(rows.lines), KINDS.index(Kind.OTHER), np.uint8)
    kinds[frames["entry"]] = KINDS.index(Kind.VIDEO)
    kinds[pictures["entry"]] = KINDS.index(Kind.PICTURE)
    known = {kind.value: number for number, kind in enumerate(KINDS)}
    for row, text in enumerate(rows.column("kind")):
        if text in known:
            kinds[row] = known[text]
        elif text:
            sieve.refuse(row, "lists.unknown-kind", "kind is one of {choices}", choices=", ".join(known))
    return kinds


def _strongest(count: int, digests: dict[Algorithm, Table], pictures: Table, frames: Table) -> list[bytes]:
    """Return what names each row's depiction: the algorithm and the value of its strongest fingerprint."""
    strongest = [b""] * count
    tables = {Algorithm.PDQ_FRAMES: frames, Algorithm.PDQ: pictures} | digests
    for algorithm, table in tables.items():  # the strongest last
        prefix, content, size = algorithm.encode() + b":", table["value"].tobytes(), table["value"].shape[1]
        entries, starts = np.unique(table["entry"], return_index=True)
        ends = [*starts[1:].tolist(), len(table)]
        for entry, start, end in zip(entries.tolist(), starts.tolist(), ends, strict=False):
            strongest[entry] = prefix + content[start * size : end * size]
    return strongest


def _name(entries: Table, depictions: Sequence[str], strongest: list[bytes], sieve: _Sieve) -> tuple[str, ...]:
    """Give every entry its depiction's key; return the texts of the ids that are no UUIDs."""
    texts: list[str] = []
    keys = bytearray()
    places = np.full(len(entries), -1, np.int64)
    for row, depiction in enumerate(depictions):
        key, is_whole = depiction_key(depiction) if depiction else (derived_key(strongest[row]), True)
        keys += key
        if not is_whole:
            try:
                check_text(depiction, name="depiction")
            except MalformedEntryError as error:
                sieve.refuse(row, error.code, error.template, **error.values)
            places[row] = len(texts)
            texts.append(depiction)
    entries["depiction"] = np.frombuffer(bytes(keys), np.uint8).reshape(-1, 16)
    entries["text"] = places
    return tuple(texts)
