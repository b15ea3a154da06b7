# SPDX-License-Identifier: Apache-2.0
"""The sections of a list file: columns to arrays and indexes, and back.

- Entries stand in their order; each kind of fingerprint stands in its index's order, with the number of its entry.
- What a list does not have takes no room: no section, rather than an empty one.
- Reading checks every number before it is used as a place: a list may come from anybody.

Layout: docs/reference/list-format.md; ADR-0020.
"""

import itertools
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from vigie.fingerprints.values import SIZE_BYTES, Algorithm
from vigie.index import exact, hamming
from vigie.index.snapshot import DamagedFileError, Snapshot
from vigie.lists.columns import DIGEST, ENTRY, FRAME, MAX_MICROS, MIN_MICROS, PICTURE, Columns, Table
from vigie.lists.entries import DIGEST_ALGORITHMS, KINDS, ROLES, Claim

NOWHERE = 2**32 - 1  # in a column of places: there is none

Array = NDArray[Any]
Sections = dict[str, Array]

_ALWAYS = ("claims", "entry.depiction", "entry.kind", "entry.claim", "entry.asserted_at")
# Section -> its types and the width of its rows.
_SHAPES: dict[str, tuple[str, tuple[int, ...]]] = {
    "claims": ("u1", ()),
    "entry.depiction": ("u1", (16,)),
    "entry.kind": ("u1", ()),
    "entry.claim": ("u1 u2 u4", ()),
    "entry.asserted_at": ("i8", ()),
    "entry.text": ("u4", ()),
    "text.start": ("u8", ()),
    "text.content": ("u1", ()),
    **{f"{one}.rows": ("u1", (SIZE_BYTES[one],)) for one in DIGEST_ALGORITHMS},
    **{f"{one}.entry": ("u4", ()) for one in DIGEST_ALGORITHMS},
    **{f"entry.{one}": ("u4", ()) for one in DIGEST_ALGORITHMS},
    **{f"{prefix}.values": ("u1", (32,)) for prefix in ("pictures", "frames")},
    **{f"{prefix}.entry": ("u4", ()) for prefix in ("pictures", "frames", "video")},
    **{f"{prefix}.quality": ("u1", ()) for prefix in ("pictures", "frames")},
    "pictures.role": ("u1", ()),
    **{f"frames.{name}": ("u4", ()) for name in ("at_ms", "until_ms")},
    **{f"video.{name}": ("u4", ()) for name in ("start", "rows")},
}
# Sections that have one row for each row of the first.
_TOGETHER: dict[str, tuple[str, ...]] = {
    "entry.kind": tuple(name for name in _SHAPES if name.startswith("entry.")),
    **{f"{one}.rows": (f"{one}.entry",) for one in DIGEST_ALGORITHMS},
    "pictures.values": ("pictures.entry", "pictures.role", "pictures.quality"),
    "frames.values": ("frames.entry", "frames.quality", "frames.at_ms", "frames.until_ms", "video.rows"),
}


def sections_of(columns: Columns) -> Sections:
    """Lay columns out as the sections of a list file, and build the indexes over them."""
    claims = [(claim.scheme, claim.label, claim.asserted_by, claim.recipe) for claim in columns.claims]
    entries = columns.entries
    sections: Sections = {
        "claims": _bytes(msgspec.json.encode(claims)),
        "entry.depiction": entries["depiction"],
        "entry.kind": entries["kind"],
        "entry.claim": entries["claim"].astype(np.min_scalar_type(max(len(claims) - 1, 0))),
        "entry.asserted_at": entries["asserted_at"],
    }
    if columns.texts:
        encoded = [text.encode() for text in columns.texts]
        sections["entry.text"] = np.where(entries["text"] < 0, NOWHERE, entries["text"]).astype("u4")
        sections["text.start"] = np.cumsum([0, *map(len, encoded)]).astype("u8")
        sections["text.content"] = _bytes(b"".join(encoded))
    for algorithm, table in columns.digests.items():
        if len(table):
            sections |= _digest_sections(algorithm, table, len(columns))
    if len(columns.pictures):
        sections |= _perceptual_sections("pictures", columns.pictures, ("role", "quality"))[0]
    if len(columns.frames):
        sections |= _frame_sections(columns.frames)
    return sections


def _digest_sections(algorithm: Algorithm, table: Table, entries: int) -> Sections:
    built, order = exact.build(np.ascontiguousarray(table["value"]))
    entry = table["entry"][order]
    places = np.full(entries, NOWHERE, "u4")
    places[entry] = np.arange(len(entry))
    named = {f"{algorithm}.{name}": section for name, section in built.items()}
    return named | {f"{algorithm}.entry": entry.astype("u4"), f"entry.{algorithm}": places}


def _perceptual_sections(prefix: str, table: Table, names: tuple[str, ...]) -> tuple[Sections, NDArray[np.int64]]:
    built, order = hamming.build(np.ascontiguousarray(table["value"]))
    sections = {f"{prefix}.{name}": section for name, section in built.items()}
    sections |= {f"{prefix}.{name}": table[name][order] for name in names}
    return sections | {f"{prefix}.entry": table["entry"][order].astype("u4")}, order


def _frame_sections(table: Table) -> Sections:
    """Lay the frames out; the frames of one video, in the order of time, are found through `video.*`."""
    sections, order = _perceptual_sections("frames", table, ("quality", "at_ms", "until_ms"))
    rows = np.empty(len(table), "u4")
    rows[order] = np.arange(len(table))
    entries, starts = np.unique(table["entry"], return_index=True)
    videos = {"video.entry": entries.astype("u4"), "video.start": np.append(starts, len(table)).astype("u4")}
    return sections | videos | {"video.rows": rows}


def check_sections(snapshot: Snapshot) -> None:
    """Refuse a list whose sections are not the ones of a list, in type, width and length.

    Raises:  DamagedFileError.
    """
    arrays = {name: snapshot.unchecked(name) for name in snapshot.names}
    check(all(name in arrays for name in _ALWAYS))
    for name, (kinds, tail) in _SHAPES.items():
        if name in arrays:
            check(arrays[name].dtype.str[1:] in kinds.split() and arrays[name].shape[1:] == tail)
    for lead, names in _TOGETHER.items():
        present = [name for name in names if name in arrays]
        check(lead in arrays or not present)
        check(len(present) == len(names) or lead == "entry.kind" or lead not in arrays)
        check(all(len(arrays[name]) == len(arrays[lead]) for name in present))
    check(all((f"entry.{one}" in arrays) == (f"{one}.rows" in arrays) for one in DIGEST_ALGORITHMS))
    check(("entry.text" in arrays) == ("text.start" in arrays) == ("text.content" in arrays))
    check(("video.rows" in arrays) == ("video.entry" in arrays) == ("video.start" in arrays))
    if "video.entry" in arrays:
        check(len(arrays["video.start"]) == len(arrays["video.entry"]) + 1)


def columns_of(snapshot: Snapshot) -> Columns:
    """Read a whole list into columns.

    Raises:  DamagedFileError where it is not consistent.
    """
    claims = claims_of(snapshot)
    entries = np.zeros(len(snapshot.unchecked("entry.kind")), ENTRY)
    for name in ("depiction", "kind", "claim", "asserted_at"):
        entries[name] = snapshot.section(f"entry.{name}")
    check(bool((entries["kind"] < len(KINDS)).all() and (entries["claim"] < len(claims)).all()))
    check(bool(((entries["asserted_at"] >= MIN_MICROS) & (entries["asserted_at"] <= MAX_MICROS)).all()))
    entries["text"] = -1
    texts: tuple[str, ...] = ()
    if "entry.text" in snapshot.names:
        places = snapshot.section("entry.text").astype(np.int64)
        entries["text"] = np.where(places == NOWHERE, -1, places)
        starts = snapshot.section("text.start").astype(np.int64).tolist()
        content = snapshot.section("text.content").tobytes()
        texts = tuple(_text(content, start, end) for start, end in itertools.pairwise(starts))
        check(bool((entries["text"] < len(texts)).all()))
    return Columns(
        claims,
        texts,
        entries,
        {one: _digest_table(snapshot, one, len(entries)) for one in DIGEST_ALGORITHMS},
        _picture_table(snapshot, len(entries)),
        _frame_table(snapshot, len(entries)),
    )


def _digest_table(snapshot: Snapshot, algorithm: Algorithm, entries: int) -> Table:
    if f"{algorithm}.rows" not in snapshot.names:
        return np.zeros(0, DIGEST[algorithm])
    table = np.zeros(len(snapshot.unchecked(f"{algorithm}.entry")), DIGEST[algorithm])
    table["value"] = snapshot.section(f"{algorithm}.rows")
    table["entry"] = _entries(snapshot, f"{algorithm}.entry", entries)
    table = table[np.argsort(table["entry"], kind="stable")]
    check(bool((np.diff(table["entry"]) > 0).all()))
    return table


def _picture_table(snapshot: Snapshot, entries: int) -> Table:
    if "pictures.values" not in snapshot.names:
        return np.zeros(0, PICTURE)
    table = np.zeros(len(snapshot.unchecked("pictures.entry")), PICTURE)
    table["value"] = snapshot.section("pictures.values")
    table["entry"] = _entries(snapshot, "pictures.entry", entries)
    for name in ("role", "quality"):
        table[name] = snapshot.section(f"pictures.{name}")
    check(bool((table["role"] < len(ROLES)).all()))
    return table[np.lexsort((table["role"], table["entry"]))]


def _frame_table(snapshot: Snapshot, entries: int) -> Table:
    if "frames.values" not in snapshot.names:
        return np.zeros(0, FRAME)
    table = np.zeros(len(snapshot.unchecked("frames.entry")), FRAME)
    table["value"] = snapshot.section("frames.values")
    table["entry"] = _entries(snapshot, "frames.entry", entries)
    for name in ("quality", "at_ms", "until_ms"):
        table[name] = snapshot.section(f"frames.{name}")
    rows = snapshot.section("video.rows")
    check(bool((np.sort(rows) == np.arange(len(table))).all()))
    table = table[rows]
    check(bool((np.diff(table["entry"]) >= 0).all()))
    return table


def claims_of(snapshot: Snapshot) -> tuple[Claim, ...]:
    """Read who says what.

    Raises:  DamagedFileError.
    """
    try:
        rows = msgspec.json.decode(
            snapshot.section("claims").tobytes(), type=list[tuple[str | None, str | None, str, str | None]]
        )
    except msgspec.MsgspecError as error:
        raise DamagedFileError("the claims of the list cannot be read; get it again from its issuer") from error
    return tuple(Claim(*row) for row in rows)


def text_of(snapshot: Snapshot, place: int) -> str:
    """Read one text of the table of texts.

    Raises:  DamagedFileError.
    """
    starts, content = snapshot.unchecked("text.start"), snapshot.unchecked("text.content")
    check(0 <= place < len(starts) - 1)
    start, end = snapshot.rows("text.start", np.array([place, place + 1])).tolist()
    check(0 <= start <= end <= len(content))
    return _text(snapshot.rows("text.content", np.arange(start, end)).tobytes(), 0, end - start)


def _text(content: bytes, start: int, end: int) -> str:
    check(0 <= start <= end <= len(content))
    try:
        return content[start:end].decode()
    except UnicodeDecodeError as error:
        raise DamagedFileError("a text of the list cannot be read; get it again from its issuer") from error


def check(is_consistent: bool) -> None:
    """Refuse a list whose parts contradict each other.

    Raises:  DamagedFileError.
    """
    if not is_consistent:
        raise DamagedFileError("the list is not consistent; get it again from its issuer")


def _entries(snapshot: Snapshot, name: str, count: int) -> Array:
    numbers = snapshot.section(name)
    check(bool((numbers < count).all()))
    return numbers


def _bytes(content: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(content, np.uint8)
