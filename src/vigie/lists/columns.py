# SPDX-License-Identifier: Apache-2.0
"""The entries of a list as arrays: what is read in bulk, changed, and written to a file.

- One table of entries, and beside it one table a kind of fingerprint whose rows name their entry by its number.
- Every table is in the order of entries; a change of entries (select, join) renumbers all of them.
- Equal claims have one number, equal depictions one key; so equal entries are equal bytes.
- A million entries are handled without a Python object each; `Entry` values are made only for those looked at.
"""

import itertools
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vigie.fingerprints.gates import UNKNOWN_QUALITY
from vigie.fingerprints.values import SIZE_BYTES, Algorithm
from vigie.lists.entries import (
    DIGEST_ALGORITHMS,
    KINDS,
    ROLES,
    Claim,
    Entry,
    FrameValue,
    PictureValue,
    derived_key,
)

Table = NDArray[Any]

ENTRY = np.dtype([("depiction", "u1", 16), ("kind", "u1"), ("claim", "u4"), ("asserted_at", "i8"), ("text", "i8")])
PICTURE = np.dtype([("entry", "i8"), ("value", "u1", 32), ("role", "u1"), ("quality", "u1")])
FRAME = np.dtype([("entry", "i8"), ("value", "u1", 32), ("quality", "u1"), ("at_ms", "u4"), ("until_ms", "u4")])
DIGEST = {one: np.dtype([("entry", "i8"), ("value", "u1", SIZE_BYTES[one])]) for one in DIGEST_ALGORITHMS}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MIN_MICROS = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
MAX_MICROS = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Entries as structured arrays.

    Shapes:  entries (n,) ENTRY; digests[algorithm] (m,) DIGEST[algorithm]; pictures (p,) PICTURE; frames (f,) FRAME.
    Units:   asserted_at in microseconds since 1970 UTC; frame times in milliseconds; unknown quality 255;
             `text` is the place in `texts` of an id that is no UUID, else -1.
    """

    claims: tuple[Claim, ...]
    texts: tuple[str, ...]
    entries: Table
    digests: Mapping[Algorithm, Table]
    pictures: Table
    frames: Table

    def __len__(self) -> int:
        return len(self.entries)


def depiction_key(depiction: str) -> tuple[bytes, bool]:
    """Return the 16 bytes that stand for a depiction's id, and whether they say it all (a canonical UUID)."""
    try:
        known = uuid.UUID(depiction)
    except ValueError:
        return derived_key(depiction.encode()), False
    return (known.bytes, True) if str(known) == depiction else (derived_key(depiction.encode()), False)


def to_micros(at: datetime) -> int:
    """Return a time as whole microseconds since 1970 UTC."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def from_micros(micros: int) -> datetime:
    """Return the time that whole microseconds since 1970 UTC stand for."""
    return _EPOCH + timedelta(microseconds=micros)


def of_entries(entries: Iterable[Entry]) -> Columns:
    """Lay entries out as columns, in their order."""
    claims: dict[Claim, int] = {}
    texts: list[str] = []
    rows: list[tuple[object, ...]] = []
    digests: dict[Algorithm, list[tuple[object, ...]]] = {one: [] for one in DIGEST_ALGORITHMS}
    pictures: list[tuple[object, ...]] = []
    frames: list[tuple[object, ...]] = []
    for number, entry in enumerate(entries):
        key, is_whole = depiction_key(entry.depiction)
        text = -1 if is_whole else len(texts)
        if not is_whole:
            texts.append(entry.depiction)
        claim = claims.setdefault(entry.claim, len(claims))
        rows.append((list(key), KINDS.index(entry.kind), claim, to_micros(entry.asserted_at), text))
        for algorithm in DIGEST_ALGORITHMS:
            digest = entry.digest(algorithm)
            if digest is not None:
                digests[algorithm].append((number, list(digest)))
        pictures += [(number, list(one.pdq), ROLES.index(one.role), _quality(one.quality)) for one in entry.values]
        frames += [(number, list(one.pdq), _quality(one.quality), one.at_ms, one.until_ms) for one in entry.frames]
    return Columns(
        tuple(claims),
        tuple(texts),
        np.array(rows, ENTRY),
        {one: np.array(found, DIGEST[one]) for one, found in digests.items()},
        np.array(pictures, PICTURE),
        np.array(frames, FRAME),
    )


def to_entries(columns: Columns) -> Iterator[Entry]:
    """Yield the entries, in their order."""
    starts = {one: _starts(table, len(columns)) for one, table in columns.digests.items()}
    picture_starts, frame_starts = _starts(columns.pictures, len(columns)), _starts(columns.frames, len(columns))
    for number, row in enumerate(columns.entries):
        digests: dict[Algorithm, bytes | None] = {
            one: bytes(columns.digests[one]["value"][start[number]]) if start[number] < start[number + 1] else None
            for one, start in starts.items()
        }
        yield Entry(
            depiction=depiction_text(columns, number),
            kind=KINDS[row["kind"]],
            claim=columns.claims[row["claim"]],
            asserted_at=from_micros(int(row["asserted_at"])),
            md5=digests[Algorithm.MD5],
            sha1=digests[Algorithm.SHA1],
            sha256=digests[Algorithm.SHA256],
            values=tuple(
                PictureValue(ROLES[one["role"]], bytes(one["value"]), _known(one["quality"]))
                for one in columns.pictures[picture_starts[number] : picture_starts[number + 1]]
            ),
            frames=tuple(
                FrameValue(int(one["at_ms"]), int(one["until_ms"]), bytes(one["value"]), _known(one["quality"]))
                for one in columns.frames[frame_starts[number] : frame_starts[number + 1]]
            ),
        )


def depiction_text(columns: Columns, number: int) -> str:
    """Return the id of one entry's depiction."""
    row = columns.entries[number]
    return columns.texts[row["text"]] if row["text"] >= 0 else str(uuid.UUID(bytes=bytes(row["depiction"])))


def join(parts: Sequence[Columns]) -> Columns:
    """Put several after one another, without the entries that are already there.

    Order:   of the parts, then of their entries; of equal entries the first stays.
    """
    claims: dict[Claim, int] = {}
    texts: list[str] = []
    moved: list[Columns] = []
    shift = 0
    for part in parts:
        numbers = np.array([claims.setdefault(claim, len(claims)) for claim in part.claims] or [0], "u4")
        entries = part.entries.copy()
        entries["claim"] = numbers[entries["claim"]]
        entries["text"][entries["text"] >= 0] += len(texts)
        texts += part.texts
        tables = [_shifted(table, shift) for table in (*part.digests.values(), part.pictures, part.frames)]
        digests = dict(zip(part.digests, tables[:-2], strict=True))
        moved.append(Columns((), (), entries, digests, tables[-2], tables[-1]))
        shift += len(entries)
    joined = Columns(
        tuple(claims),
        tuple(texts),
        _concatenated([part.entries for part in moved], ENTRY),
        {one: _concatenated([part.digests[one] for part in moved], DIGEST[one]) for one in DIGEST_ALGORITHMS},
        _concatenated([part.pictures for part in moved], PICTURE),
        _concatenated([part.frames for part in moved], FRAME),
    )
    repeated = _repeated(joined)
    return select(joined, ~repeated) if repeated.any() else joined


def select(columns: Columns, keep: NDArray[np.bool_]) -> Columns:
    """Keep the marked entries, with their fingerprints, their claims and the texts of their ids.

    Shapes:  keep (n,) bool.
    """
    numbers = np.cumsum(keep) - 1
    entries = columns.entries[keep]
    used, claims = np.unique(entries["claim"], return_inverse=True)
    entries["claim"] = claims
    named = entries["text"] >= 0
    texts = tuple(columns.texts[place] for place in entries["text"][named])
    entries["text"][named] = np.arange(len(texts))

    def kept(table: Table) -> Table:
        rows: Table = table[keep[table["entry"]]]
        rows["entry"] = numbers[rows["entry"]]
        return rows

    return Columns(
        tuple(columns.claims[claim] for claim in used),
        texts,
        entries,
        {one: kept(table) for one, table in columns.digests.items()},
        kept(columns.pictures),
        kept(columns.frames),
    )


def depiction_count(columns: Columns) -> int:
    """Count the different depictions."""
    _, same = _by_depiction(columns.entries)
    return len(columns) - int(same.sum())


def _by_depiction(entries: Table) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the order that puts equal depictions together, and which of its places has the one before it."""
    words = np.ascontiguousarray(entries["depiction"]).view(np.uint64)
    order = np.lexsort((words[:, 1], words[:, 0]))
    same: NDArray[np.bool_] = (words[order[1:]] == words[order[:-1]]).all(axis=1)
    return order, same


def _repeated(columns: Columns) -> NDArray[np.bool_]:
    """Mark the entries that equal an earlier one; only entries that share a depiction are compared."""
    order, same = _by_depiction(columns.entries)
    shares = np.zeros(len(order), bool)
    shares[order[1:][same]] = True
    shares[order[:-1][same]] = True
    numbers = np.flatnonzero(shares)
    own = columns.entries[numbers]
    own["text"] = own["text"] >= 0  # the key already stands for the text itself
    parts = [_pieces(own, np.arange(len(own) + 1))]
    for table in (*columns.digests.values(), columns.pictures, columns.frames):
        rows = table[shares[table["entry"]]]
        starts = np.searchsorted(rows["entry"], np.append(numbers, len(columns)))
        rows["entry"] = 0
        parts.append(_pieces(rows, starts))
    repeated = np.zeros(len(order), bool)
    seen: set[tuple[bytes, ...]] = set()
    for number, whole in zip(numbers.tolist(), zip(*parts, strict=True), strict=True):
        repeated[number] = whole in seen
        seen.add(whole)
    return repeated


def _pieces(rows: Table, starts: NDArray[np.int64]) -> list[bytes]:
    content, places = rows.tobytes(), (starts * rows.itemsize).tolist()
    return [content[begin:end] for begin, end in itertools.pairwise(places)]


def _starts(table: Table, count: int) -> NDArray[np.int64]:
    return np.searchsorted(table["entry"], np.arange(count + 1))


def _shifted(table: Table, shift: int) -> Table:
    moved = table.copy()
    moved["entry"] += shift
    return moved


def _concatenated(tables: list[Table], dtype: np.dtype[Any]) -> Table:
    return np.concatenate(tables) if tables else np.zeros(0, dtype)


def _quality(quality: int | None) -> int:
    return UNKNOWN_QUALITY if quality is None else quality


def _known(quality: int) -> int | None:
    return None if quality == UNKNOWN_QUALITY else int(quality)
