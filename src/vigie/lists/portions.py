# SPDX-License-Identifier: Apache-2.0
"""Read a list file a portion of its entries at a time: whoever takes a whole list over need not hold it.

- Entries stand in their order; what is held between portions is numbers, at most twelve bytes a picture's value.
- Every number is checked before it is used as a place, as everywhere: a list may come from anybody.
"""

import numpy as np
from numpy.typing import NDArray

from vigie.fingerprints.values import Algorithm
from vigie.lists import layout
from vigie.lists.columns import DIGEST, ENTRY, FRAME, MAX_MICROS, MIN_MICROS, PICTURE, Columns, Table
from vigie.lists.entries import DIGEST_ALGORITHMS, KINDS, ROLES
from vigie.lists.file import OpenList
from vigie.lists.layout import NOWHERE, check

Numbers = NDArray[np.int64]


class Portions:
    """The entries of an opened list, by their places."""

    def __init__(self, opened: OpenList) -> None:
        self._list = opened
        self._snapshot = opened.snapshot
        self._claims = layout.claims_of(opened.snapshot)
        self._picture_rows = np.empty(0, np.int64)
        self._picture_entries = np.empty(0, np.uint32)
        if opened.pictures is not None:
            entries = self._snapshot.section("pictures.entry")
            self._picture_rows = np.argsort(entries, kind="stable")
            self._picture_entries = entries[self._picture_rows]

    def __len__(self) -> int:
        return len(self._list)

    def read(self, start: int, stop: int) -> Columns:
        """Return the entries of these places.

        Raises:  DamagedFileError where the list is not consistent.
        """
        places = np.arange(start, min(stop, len(self)))
        entries = np.zeros(len(places), ENTRY)
        for name in ("depiction", "kind", "claim", "asserted_at"):
            entries[name] = self._snapshot.rows(f"entry.{name}", places)
        check(bool((entries["kind"] < len(KINDS)).all() and (entries["claim"] < len(self._claims)).all()))
        check(bool(((entries["asserted_at"] >= MIN_MICROS) & (entries["asserted_at"] <= MAX_MICROS)).all()))
        return Columns(
            self._claims,
            self._name(entries, places),
            entries,
            {one: self._digests(places, one) for one in DIGEST_ALGORITHMS},
            self._pictures(places),
            self._frames(places),
        )

    def _name(self, entries: Table, places: Numbers) -> tuple[str, ...]:
        entries["text"] = -1
        if "entry.text" not in self._snapshot.names:
            return ()
        numbers = self._snapshot.rows("entry.text", places)
        named = np.flatnonzero(numbers != NOWHERE)
        entries["text"][named] = np.arange(len(named))
        return tuple(layout.text_of(self._snapshot, text) for text in numbers[named].tolist())

    def _digests(self, places: Numbers, algorithm: Algorithm) -> Table:
        found = self._list.digests_of(places, algorithm=algorithm)
        there = [place for place, digest in enumerate(found) if digest is not None]
        table = np.zeros(len(there), DIGEST[algorithm])
        table["entry"] = there
        values = b"".join(digest for digest in found if digest is not None)
        table["value"] = np.frombuffer(values, np.uint8).reshape(len(there), -1) if there else 0
        return table

    def _pictures(self, places: Numbers) -> Table:
        first, last = np.searchsorted(self._picture_entries, [places[0], places[-1] + 1]) if len(places) else (0, 0)
        rows = self._picture_rows[first:last]
        table = np.zeros(len(rows), PICTURE)
        if len(rows):
            table["entry"] = self._picture_entries[first:last].astype(np.int64) - places[0]
            for name, section in (("value", "values"), ("role", "role"), ("quality", "quality")):
                table[name] = self._snapshot.rows(f"pictures.{section}", rows)
            check(bool((table["role"] < len(ROLES)).all()))
        return table[np.lexsort((table["role"], table["entry"]))]

    def _frames(self, places: Numbers) -> Table:
        if self._list.frames is None or not len(places):
            return np.zeros(0, FRAME)
        videos = self._snapshot.section("video.entry")
        first, last = np.searchsorted(videos, [places[0], places[-1] + 1])
        parts = [np.zeros(0, FRAME)]
        for entry in videos[first:last].tolist():
            rows = self._list.frame_rows_of(entry)
            part = np.zeros(len(rows), FRAME)
            part["entry"] = entry - places[0]
            for name, section in (("value", "values"), *((one, one) for one in ("quality", "at_ms", "until_ms"))):
                part[name] = self._snapshot.rows(f"frames.{section}", rows)
            parts.append(part)
        return np.concatenate(parts)
