# SPDX-License-Identifier: Apache-2.0
"""The list file: publish one version of a list, open it, look things up in it.

- One file is one version of one list; it is published whole and never changed in place.
- Opening checks who signed it (where a key is given), that it has not run out, and that it is consistent; a list that
  fails is refused with the reason, never passed over.
- Only the rows that a look-up touches are read, and each is checked before it is trusted.
- An encrypted list is opened in memory; nothing of it is written to disk.

Layout: docs/reference/list-format.md; ADR-0020.
"""

import functools
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from vigie.errors import NotAllowedError, UntrustedError
from vigie.fingerprints.values import Algorithm
from vigie.index import snapshot
from vigie.index.exact import ExactIndex
from vigie.index.hamming import HammingIndex
from vigie.index.snapshot import DamagedFileError, NewerFormatError, Snapshot
from vigie.lists import layout
from vigie.lists.columns import MAX_MICROS, MIN_MICROS, Columns, depiction_count, from_micros
from vigie.lists.entries import DIGEST_ALGORITHMS, KINDS, Claim, Kind
from vigie.lists.layout import NOWHERE, check
from vigie.lists.policy import Counts, ListInfo, MalformedPolicyError, is_stale

KIND = "vigie-list"
FORMAT = 1
_AGE_MAGIC = b"age-encryption.org/v1\n"

Numbers = NDArray[np.int64]


class StaleListError(UntrustedError):
    """The list's validity has passed."""

    code = "lists.stale"


class LockedListError(NotAllowedError):
    """The list is encrypted, and nothing was given to open it with."""

    code = "lists.locked"


@dataclass(frozen=True, slots=True)
class Keys:
    """What checks and signs a list's header, and opens and closes its file; `sealing` makes each of them."""

    check: Callable[[bytes, bytes], None] | None = None
    sign: Callable[[bytes], bytes] | None = None
    decrypt: Callable[[bytes], bytes] | None = None
    encrypt: Callable[[bytes], bytes] | None = None


NO_KEYS = Keys()


@dataclass(frozen=True, slots=True)
class Said:
    """What one entry says: of which depiction, of what kind, who says what, and when."""

    depiction: str
    kind: Kind
    claim: Claim
    asserted_at: datetime


def write(path: Path, *, info: ListInfo, columns: Columns, keys: Keys = NO_KEYS, may_replace: bool = True) -> ListInfo:
    """Publish one version of a list, atomically; return what it says of itself, counted anew.

    Raises:  FileExistsError if the name is taken and may not be replaced; OSError if the disk is full or the folder
             is not writable. The earlier file then stays as it was.
    """
    recipes = tuple(sorted({claim.recipe for claim in columns.claims if claim.recipe is not None}))
    counted = msgspec.structs.replace(info, counts=counts_of(columns), recipes=recipes)
    meta = {"format": FORMAT, **msgspec.to_builtins(counted)}
    sections = layout.sections_of(columns)
    if keys.encrypt is None:
        snapshot.write(path, kind=KIND, meta=meta, sections=sections, sign=keys.sign, may_replace=may_replace)
        return counted
    sealed = keys.encrypt(snapshot.to_bytes(kind=KIND, meta=meta, sections=sections, sign=keys.sign))
    snapshot.publish(path, lambda file: file.write(sealed), may_replace=may_replace)
    return counted


def counts_of(columns: Columns) -> Counts:
    """Count what columns hold."""
    return Counts(
        entries=len(columns),
        depictions=depiction_count(columns),
        md5=len(columns.digests[Algorithm.MD5]),
        sha1=len(columns.digests[Algorithm.SHA1]),
        sha256=len(columns.digests[Algorithm.SHA256]),
        picture_values=len(columns.pictures),
        frames=len(columns.frames),
    )


def open_list(path: Path, *, now: datetime | None, keys: Keys = NO_KEYS) -> "OpenList":
    """Open a list, or say why not.

    `now` is compared with the end of validity; None opens a stale list too, for its issuer to look at and renew.
    Raises:  StaleListError, LockedListError; UnsignedListError, UnknownIssuerError, CannotDecryptError of `sealing`;
             ForeignFileError, NewerFormatError, DamagedFileError of `snapshot`; OSError where it cannot be read.
    """
    is_encrypted = _begins_encrypted(path)
    if not is_encrypted:
        opened = snapshot.open_file(path, kind=KIND)
    elif keys.decrypt is None:
        raise LockedListError("the list is encrypted; give the identity or the passphrase that opens it")
    else:
        opened = snapshot.open_bytes(keys.decrypt(path.read_bytes()), kind=KIND)
    if keys.check is not None:
        keys.check(opened.header_bytes, opened.signature)
    found = OpenList(opened, is_encrypted=is_encrypted)
    if now is not None and is_stale(found.info, now=now):
        raise StaleListError("the list's validity has passed; get the current one from its issuer")
    return found


def _begins_encrypted(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_AGE_MAGIC)) == _AGE_MAGIC


class OpenList:
    """One opened list: what it says of itself, and look-ups that read only what they touch."""

    def __init__(self, opened: Snapshot, *, is_encrypted: bool = False) -> None:
        self.snapshot = opened
        self.info = _info_of(opened)
        self.is_encrypted = is_encrypted
        self.is_signed = bool(opened.signature)
        layout.check_sections(opened)
        self.exact = {one: ExactIndex(opened, one.value) for one in DIGEST_ALGORITHMS if f"{one}.rows" in opened.names}
        self.pictures = HammingIndex(opened, "pictures") if "pictures.values" in opened.names else None
        self.frames = HammingIndex(opened, "frames") if "frames.values" in opened.names else None

    def __len__(self) -> int:
        return len(self.snapshot.unchecked("entry.kind"))

    def entries_with(self, digest: bytes, *, algorithm: Algorithm) -> Numbers:
        """Return the numbers of the entries that hold this digest, ascending."""
        if algorithm not in self.exact:
            return np.empty(0, np.int64)
        first, count = self.exact[algorithm].lookup(np.frombuffer(digest, np.uint8)[None])
        rows = np.arange(first[0], first[0] + count[0])
        return np.sort(self.numbers(f"{algorithm}.entry", rows, below=len(self)))

    def digests_of(self, entries: Numbers, *, algorithm: Algorithm) -> list[bytes | None]:
        """Return the digest of each entry, None for one that does not have it."""
        found: list[bytes | None] = [None] * len(entries)
        if algorithm not in self.exact:
            return found
        places = self.snapshot.rows(f"entry.{algorithm}", entries).astype(np.int64)
        there = np.flatnonzero(places != NOWHERE)
        check(bool((places[there] < len(self.exact[algorithm])).all()))
        for number, value in zip(there, self.snapshot.rows(f"{algorithm}.rows", places[there]), strict=True):
            found[number] = value.tobytes()
        return found

    def said_of(self, entries: Sequence[int]) -> list[Said]:
        """Return what each entry says."""
        if not len(entries):
            return []
        places = np.asarray(entries, np.int64)
        claims = self.numbers("entry.claim", places, below=len(self._claims)).tolist()
        kinds = self.numbers("entry.kind", places, below=len(KINDS)).tolist()
        micros = self.snapshot.rows("entry.asserted_at", places)
        check(bool(((micros >= MIN_MICROS) & (micros <= MAX_MICROS)).all()))
        return [
            Said(depiction, KINDS[kind], self._claims[claim], from_micros(at))
            for depiction, kind, claim, at in zip(self._depictions(places), kinds, claims, micros.tolist(), strict=True)
        ]

    def frame_rows_of(self, entry: int) -> Numbers:
        """Return the rows of one video's frames in the order of time."""
        if self.frames is None:
            return np.empty(0, np.int64)
        entries = self.snapshot.section("video.entry")
        place = int(np.searchsorted(entries, entry))
        check(place < len(entries) and entries[place] == entry)
        start, end = self.snapshot.rows("video.start", np.array([place, place + 1])).tolist()
        check(start <= end <= len(self.frames))
        return self.numbers("video.rows", np.arange(start, end), below=len(self.frames))

    def numbers(self, name: str, rows: Numbers, *, below: int) -> Numbers:
        """Return some numbers of a section, each checked to be a place."""
        found = self.snapshot.rows(name, rows).astype(np.int64)
        check(bool((found < below).all()))
        return found

    def columns(self) -> Columns:
        """Read the whole list into columns."""
        return layout.columns_of(self.snapshot)

    @functools.cached_property
    def _claims(self) -> tuple[Claim, ...]:
        return layout.claims_of(self.snapshot)

    def _depictions(self, places: Numbers) -> list[str]:
        keys = self.snapshot.rows("entry.depiction", places)
        depictions = [str(uuid.UUID(bytes=key.tobytes())) for key in keys]
        if "entry.text" in self.snapshot.names:
            for number, text in enumerate(self.snapshot.rows("entry.text", places).tolist()):
                if text != NOWHERE:
                    depictions[number] = layout.text_of(self.snapshot, text)
        return depictions


def _info_of(opened: Snapshot) -> ListInfo:
    meta: dict[str, Any] = dict(opened.meta)
    version = meta.pop("format", None)
    if isinstance(version, int) and version > FORMAT:
        raise NewerFormatError(f"the list has format {version}; this version reads up to {FORMAT}: update Vigie")
    check(version == FORMAT)
    try:
        return msgspec.convert(meta, ListInfo)
    except (msgspec.ValidationError, MalformedPolicyError) as error:
        raise DamagedFileError("what the list says of itself cannot be read; get it again from its issuer") from error
