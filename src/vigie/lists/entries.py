# SPDX-License-Identifier: Apache-2.0
"""One entry of a list: who says what of one depiction, and the fingerprints that find it.

- An entry is one assertion about one content of one depiction; a depiction may have several entries.
- It has at least one fingerprint, a stated source and a time, else nobody could answer for a match on it.
- Of each digest there is at most one, and of each role of PDQ value at most one.
- What is kept is canonical: values in the order of their roles, frames in the order of time, times in UTC to the
  microsecond, frame times to the millisecond. Equal entries are equal bytes.
- Nothing in an entry names a file, a place or a person: only the depiction's id, the label and who asserted it.
"""

import hashlib
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from vigie import labels
from vigie.errors import InvalidInputError
from vigie.fingerprints.values import SIZE_BYTES, Algorithm

MAX_TEXT_CHARACTERS = 200
MAX_FRAME_MS = 2**32 - 1  # 49 days
DIGEST_ALGORITHMS = (Algorithm.MD5, Algorithm.SHA1, Algorithm.SHA256)


class MalformedEntryError(InvalidInputError):
    """What was given is not an entry of a list."""

    code = "lists.malformed-entry"


class Kind(StrEnum):
    """What the depiction is."""

    PICTURE = "picture"
    VIDEO = "video"
    OTHER = "other"


class Role(StrEnum):
    """Which view of a picture a PDQ value is of."""

    STORED = "stored"
    UPRIGHT = "upright"
    BORDERLESS = "borderless"
    ON_BLACK = "on-black"


KINDS: tuple[Kind, ...] = tuple(Kind)
ROLES: tuple[Role, ...] = tuple(Role)


@dataclass(frozen=True, slots=True, order=True)
class Claim:
    """Who says what, and with which recipe the perceptual values were computed; None is not stated."""

    scheme: str | None
    label: str | None
    asserted_by: str
    recipe: str | None = None


@dataclass(frozen=True, slots=True)
class PictureValue:
    """One PDQ value of a picture; a quality of None is not known."""

    role: Role
    pdq: bytes
    quality: int | None = None


@dataclass(frozen=True, slots=True)
class FrameValue:
    """One distinct frame of a video: its PDQ value and when it is shown."""

    at_ms: int
    until_ms: int
    pdq: bytes
    quality: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One assertion about one depiction, with its fingerprints.

    Raises:  MalformedEntryError; labels.UnknownSchemeError; labels.UnknownLabelError.
    """

    depiction: str
    kind: Kind
    claim: Claim
    asserted_at: datetime
    md5: bytes | None = None
    sha1: bytes | None = None
    sha256: bytes | None = None
    values: tuple[PictureValue, ...] = ()
    frames: tuple[FrameValue, ...] = ()

    def __post_init__(self) -> None:
        check_text(self.depiction, name="depiction")
        check_claim(self.claim)
        if self.asserted_at.tzinfo is None:
            raise MalformedEntryError("asserted_at needs a time zone; write it in UTC, as in 2026-01-31T12:00:00Z")
        object.__setattr__(self, "asserted_at", self.asserted_at.astimezone(UTC))
        object.__setattr__(self, "values", tuple(sorted(self.values, key=lambda value: ROLES.index(value.role))))
        object.__setattr__(
            self, "frames", tuple(sorted(self.frames, key=lambda one: (one.at_ms, one.until_ms, one.pdq)))
        )
        self._check_fingerprints()

    def _check_fingerprints(self) -> None:
        for algorithm in DIGEST_ALGORITHMS:
            digest = self.digest(algorithm)
            if digest is not None and len(digest) != SIZE_BYTES[algorithm]:
                raise MalformedEntryError(f"{algorithm} has {SIZE_BYTES[algorithm]} bytes")
        if len({value.role for value in self.values}) < len(self.values):
            raise MalformedEntryError("an entry has at most one PDQ value of each role")
        perceptual: tuple[PictureValue | FrameValue, ...] = (*self.values, *self.frames)
        for one in perceptual:
            if len(one.pdq) != SIZE_BYTES[Algorithm.PDQ]:
                raise MalformedEntryError(f"pdq has {SIZE_BYTES[Algorithm.PDQ]} bytes")
            if one.quality is not None and not 0 <= one.quality <= 100:
                raise MalformedEntryError("a quality is a whole number from 0 to 100")
        if not all(0 <= one.at_ms <= one.until_ms <= MAX_FRAME_MS for one in self.frames):
            raise MalformedEntryError("a frame's times run from 0 to 49 days, and it does not end before it begins")
        if not (self.values or self.frames or any(self.digest(one) for one in DIGEST_ALGORITHMS)):
            raise MalformedEntryError("an entry needs at least one fingerprint")

    def digest(self, algorithm: Algorithm) -> bytes | None:
        """Return the digest of one algorithm, where the entry has it."""
        match algorithm:
            case Algorithm.MD5:
                return self.md5
            case Algorithm.SHA1:
                return self.sha1
            case Algorithm.SHA256:
                return self.sha256
            case _:
                return None

    def __repr__(self) -> str:
        return f"Entry({self.kind}, …)"


def derived_key(name: bytes) -> bytes:
    """Return the 16 bytes of a UUID (version 8) that stands for a name.

    Who may see a depiction's id need not be shown its fingerprint: the id is a digest of it.
    """
    key = bytearray(hashlib.sha256(b"vigie depiction\0" + name).digest()[:16])
    key[6] = key[6] & 0x0F | 0x80
    key[8] = key[8] & 0x3F | 0x80
    return bytes(key)


def derived_depiction(fingerprint: bytes, *, algorithm: Algorithm) -> str:
    """Name a depiction after its strongest fingerprint, so that two lists name the same content alike."""
    return str(uuid.UUID(bytes=derived_key(algorithm.encode() + b":" + fingerprint)))


def check_text(text: str, *, name: str) -> None:
    """Refuse a text that is empty, too long, or holds what a reader cannot see.

    Raises:  MalformedEntryError.
    """
    if not text or text != text.strip():
        raise MalformedEntryError("{name} is a text without spaces around it, and not empty", name=name)
    if len(text) > MAX_TEXT_CHARACTERS:
        raise MalformedEntryError("{name} has at most {limit} characters", name=name, limit=MAX_TEXT_CHARACTERS)
    if not text.isprintable():  # control and bidirectional characters, line ends, lone surrogates
        raise MalformedEntryError("{name} has characters that cannot be shown", name=name)


def check_claim(claim: Claim) -> None:
    """Refuse a claim whose label its scheme does not have, or that nobody stands for.

    Raises:  MalformedEntryError; labels.UnknownSchemeError; labels.UnknownLabelError.
    """
    check_text(claim.asserted_by, name="asserted_by")
    if claim.recipe is not None:
        check_text(claim.recipe, name="recipe")
    if (claim.scheme is None) != (claim.label is None):
        raise MalformedEntryError("scheme and label belong together: give both or neither")
    if claim.scheme is not None and claim.label is not None:
        labels.check_label(claim.scheme, claim.label)
