# SPDX-License-Identifier: Apache-2.0
"""The fingerprint values: parse, print, compare.

- A digest is raw bytes; its hexadecimal form is lower case.
- A PDQ value is 32 bytes in the order of the reference's hexadecimal form (most significant 16-bit word first).
- A turn says how a copy was made from the known picture: mirrored left to right first, then rotated clockwise.
- Text that is not exactly a value is refused; nothing is trimmed, padded or guessed.
"""

import binascii
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from vigie.errors import InvalidInputError

RECIPE = "vigie-1"  # how perceptual values are made; stored with each: docs/reference/recipe.md


class MalformedFingerprintError(InvalidInputError):
    """The text is not a fingerprint of the named algorithm."""

    code = "fingerprints.malformed"


class Algorithm(StrEnum):
    """What a fingerprint was computed with; the value is its name in files and answers."""

    MD5 = "md5"
    SHA1 = "sha1"
    SHA256 = "sha256"
    PDQ = "pdq"
    PDQ_FRAMES = "pdq-frames"


SIZE_BYTES: dict[Algorithm, int] = {
    Algorithm.MD5: 16,
    Algorithm.SHA1: 20,
    Algorithm.SHA256: 32,
    Algorithm.PDQ: 32,
}


class Turn(StrEnum):
    """How a copy was turned; in the order of the eight rows that `picture.pdq_turns` returns."""

    NONE = "none"
    ROTATED_90 = "rotated-90"
    ROTATED_180 = "rotated-180"
    ROTATED_270 = "rotated-270"
    MIRRORED = "mirrored"
    MIRRORED_ROTATED_90 = "mirrored-rotated-90"
    MIRRORED_ROTATED_180 = "mirrored-rotated-180"
    MIRRORED_ROTATED_270 = "mirrored-rotated-270"


TURNS: tuple[Turn, ...] = tuple(Turn)


@dataclass(frozen=True, slots=True)
class Digests:
    """The exact digests of one content, from one read."""

    md5: bytes
    sha1: bytes
    sha256: bytes

    EMPTY: ClassVar["Digests"]

    def __repr__(self) -> str:
        return "Digests(…)"


Digests.EMPTY = Digests(
    md5=bytes.fromhex("d41d8cd98f00b204e9800998ecf8427e"),
    sha1=bytes.fromhex("da39a3ee5e6b4b0d3255bfef95601890afd80709"),
    sha256=bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
)


def parse_hex(text: str, *, algorithm: Algorithm) -> bytes:
    """Read the hexadecimal form of one value, either case.

    Raises:  MalformedFingerprintError if it is not exactly the algorithm's length in hexadecimal digits.
    """
    size = SIZE_BYTES[algorithm]
    if len(text) != 2 * size:
        raise MalformedFingerprintError(f"{algorithm} has {2 * size} hexadecimal digits; this has {len(text)}")
    try:
        return binascii.unhexlify(text)
    except ValueError:
        raise MalformedFingerprintError(f"{algorithm} has hexadecimal digits only (0-9, a-f)") from None


def distance_bits(one: bytes, other: bytes) -> int:
    """Count the bits in which two values of the same length differ."""
    if len(one) != len(other):
        raise MalformedFingerprintError("only values of the same length can be compared")
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()
