# SPDX-License-Identifier: Apache-2.0
"""What may never match: content and values that say nothing about any one picture.

- Empty and trivial content never matches by digest; everybody has such files.
- A PDQ value never matches where its quality is low, its ones and zeros are out of balance, or it lies within the
  search radius of a value of the built-in negative list (`negative.json`: blanks, gradients, stripes, shapes).
- A picture too small to carry what PDQ looks at has no value that may match.
- A gate never hides: it has a code and a sentence, and whoever asks gets both.
- Functions are pure; a user's own negative lists are applied above (`matching`), by the same words.
"""

import functools
from enum import StrEnum
from importlib import resources

import msgspec
import numpy as np
from numpy.typing import NDArray

from vigie.fingerprints.values import SIZE_BYTES, Algorithm, Digests

MIN_QUALITY = 50  # the reference's own floor; below it values move by tens of bits from rounding alone
UNKNOWN_QUALITY = 255  # lists of others often leave the quality out; it is then taken to have been checked there
NEGATIVE_RADIUS_BITS = 31  # the widest search radius; real pictures lie 80 bits and more away (ADR-0021)
WEIGHT_BAND_BITS = (120, 136)  # PDQ cuts at its own median: 128 ones, unless exact ties betray an artificial picture
TINY_SIDE_PX = 64  # PDQ looks at 64 by 64 samples: less than one pixel a sample is invented detail
TRIVIAL_SIZE_BYTES = 64  # no header of a picture format with content of its own fits


_BLOCK_ROWS = 64  # the table of distances of one block stays in the processor's cache


class Gate(StrEnum):
    """Why something may never match."""

    EMPTY = "empty-file"
    TRIVIAL = "trivial-content"
    TINY = "tiny-picture"
    LOW_QUALITY = "low-quality"
    UNBALANCED = "unbalanced-bits"
    NEGATIVE = "negative-value"
    NEGATIVE_LIST = "negative-list"

    @property
    def sentence(self) -> str:
        """Say for any reader why this never matches."""
        return _SENTENCES[self]


GATES: tuple[Gate, ...] = tuple(Gate)

_SENTENCES: dict[Gate, str] = {
    Gate.EMPTY: "the file is empty, and every empty file is the same",
    Gate.TRIVIAL: "the content is trivial (a few bytes, padding or a single pixel), which many files share",
    Gate.TINY: f"the shorter side of the picture is under {TINY_SIDE_PX} pixels, too few for a value",
    Gate.LOW_QUALITY: "the picture has too little structure: the quality of its value is under the minimum",
    Gate.UNBALANCED: "the value's ones and zeros are out of balance, as only blank or artificial pictures have it",
    Gate.NEGATIVE: "the value is one of a blank, a gradient or a simple pattern, which many pictures share",
    Gate.NEGATIVE_LIST: "a negative list names it as something that must not match",
}


class Negatives(msgspec.Struct, frozen=True):
    """The built-in negative list as arrays: what `negative.json` holds.

    Shapes:  values (n, 32) uint8, digests[algorithm] (k, size) uint8.
    """

    values: NDArray[np.uint8]
    digests: dict[Algorithm, NDArray[np.uint8]]
    sha256: frozenset[bytes]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    made_by: str
    recipe: str
    patterns: dict[str, list[str]]
    contents: dict[str, dict[Algorithm, str]]


@functools.cache
def built_in() -> Negatives:
    """Return the built-in negative list."""
    text = resources.files("vigie.fingerprints").joinpath("negative.json").read_bytes()
    file = msgspec.json.decode(text, type=_File)
    values = sorted({value for values in file.patterns.values() for value in values})
    digests = {
        algorithm: _rows([content[algorithm] for content in file.contents.values()], size=SIZE_BYTES[algorithm])
        for algorithm in (Algorithm.MD5, Algorithm.SHA1, Algorithm.SHA256)
    }
    return Negatives(_rows(values, size=32), digests, frozenset(map(bytes, digests[Algorithm.SHA256])))


def _rows(values: list[str], *, size: int) -> NDArray[np.uint8]:
    return np.frombuffer(bytes.fromhex("".join(values)), dtype=np.uint8).reshape(-1, size)


def content_gate(digests: Digests, *, size_bytes: int) -> Gate | None:
    """Say why this content may never match, or None where it may."""
    if size_bytes == 0 or digests.sha256 == Digests.EMPTY.sha256:
        return Gate.EMPTY
    if size_bytes < TRIVIAL_SIZE_BYTES or digests.sha256 in built_in().sha256:
        return Gate.TRIVIAL
    return None


def picture_gate(*, width_px: int, height_px: int) -> Gate | None:
    """Say why no value of a picture or video of this size may match, or None where it may."""
    return Gate.TINY if min(width_px, height_px) < TINY_SIDE_PX else None


def is_trivial(digests: NDArray[np.uint8], *, algorithm: Algorithm) -> NDArray[np.bool_]:
    """Mark the digests of empty and trivial content, where only the digest is known.

    Shapes:  digests (n, size) uint8 -> (n,) bool.
    """
    table = {bytes(row) for row in built_in().digests[algorithm]}
    size = SIZE_BYTES[algorithm]
    # Lists hold millions of digests: the first eight bytes rule out all but a few before whole ones are compared.
    heads = np.ascontiguousarray(digests[:, :8]).view(np.uint64).ravel()
    wanted = np.ascontiguousarray(built_in().digests[algorithm][:, :8]).view(np.uint64).ravel()
    marked = np.isin(heads, wanted)
    for row in np.flatnonzero(marked):
        marked[row] = digests[row, :size].tobytes() in table
    return marked


def value_gates(
    values: NDArray[np.uint8], *, qualities: NDArray[np.uint8], min_quality: int = MIN_QUALITY
) -> NDArray[np.uint8]:
    """Say of each PDQ value why it may never match.

    Shapes:  values (n, 32) uint8; qualities (n,) uint8, UNKNOWN_QUALITY where it is not known -> (n,) uint8.
    Units:   0 where the value may match, else 1 + the gate's place in GATES.
    """
    answer = np.zeros(len(values), np.uint8)
    answer[near_negatives(values)] = 1 + GATES.index(Gate.NEGATIVE)
    weights = np.bitwise_count(values).sum(axis=1, dtype=np.int64)
    low, high = WEIGHT_BAND_BITS
    answer[(weights < low) | (weights > high)] = 1 + GATES.index(Gate.UNBALANCED)
    answer[qualities < min_quality] = 1 + GATES.index(Gate.LOW_QUALITY)
    return answer


def value_gate(value: bytes, *, quality: int, min_quality: int = MIN_QUALITY) -> Gate | None:
    """Say the same of one PDQ value as `value_gates`, in a fraction of its time."""
    if quality < min_quality:
        return Gate.LOW_QUALITY
    low, high = WEIGHT_BAND_BITS
    if not low <= int.from_bytes(value, "big").bit_count() <= high:
        return Gate.UNBALANCED
    words = np.frombuffer(value, np.uint64)
    first, second, every = _negative_words()
    # Half of the bits clears nearly every value; only the others are measured whole.
    close = np.bitwise_count(first ^ words[0]) + np.bitwise_count(second ^ words[1])
    if close.min() > NEGATIVE_RADIUS_BITS:
        return None
    distances = np.bitwise_count(every ^ words).sum(axis=1, dtype=np.uint16)
    return Gate.NEGATIVE if distances.min() <= NEGATIVE_RADIUS_BITS else None


@functools.cache
def _negative_words() -> tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.uint64]]:
    """Return the first words of the built-in negative values, the second ones, and all four, a value a row."""
    every = built_in().values.view(np.uint64)
    return np.ascontiguousarray(every[:, 0]), np.ascontiguousarray(every[:, 1]), every


def gate_of(code: int) -> Gate | None:
    """Return the gate that one number of `value_gates` names."""
    return GATES[code - 1] if code else None


def near_negatives(values: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Mark the values within the negative radius of a built-in negative value.

    Shapes:  values (n, 32) uint8 -> (n,) bool.
    """
    words = np.ascontiguousarray(values).view(np.uint64)
    negatives = built_in().values.view(np.uint64)
    marked = np.zeros(len(values), np.bool_)
    for begin in range(0, len(values), _BLOCK_ROWS):
        block = words[begin : begin + _BLOCK_ROWS]
        # Half of the bits clears nearly every row; only the others are measured whole.
        close = np.flatnonzero(_nearest(block[:, :2], negatives[:, :2]) <= NEGATIVE_RADIUS_BITS)
        if close.size:
            marked[begin + close] = _nearest(block[close], negatives) <= NEGATIVE_RADIUS_BITS
    return marked


def _nearest(values: NDArray[np.uint64], negatives: NDArray[np.uint64]) -> NDArray[np.uint16]:
    distances = np.zeros((len(values), len(negatives)), np.uint16)
    for word in range(values.shape[1]):
        distances += np.bitwise_count(values[:, word, None] ^ negatives[None, :, word])
    nearest: NDArray[np.uint16] = distances.min(axis=1)
    return nearest
