# SPDX-License-Identifier: Apache-2.0
"""From the fingerprints of a file to an entry of a list.

- A file is listed by its digests, and by each of its perceptual values that may match; the others are left out, and
  it is said why.
- Empty and trivial content is not listed: every machine holds it.
- A file that cannot be read is listed by its digests alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

import numpy as np

from vigie.errors import InvalidInputError
from vigie.fingerprints import gates
from vigie.fingerprints.gates import Gate
from vigie.fingerprints.messages import Content, Other, Picture, Problem, Value, Video
from vigie.fingerprints.picture import RECIPE
from vigie.fingerprints.values import Algorithm, Digests
from vigie.lists.entries import MAX_FRAME_MS, Claim, Entry, FrameValue, Kind, PictureValue, Role, derived_depiction

_Kept = TypeVar("_Kept", PictureValue, FrameValue)


class TrivialContentError(InvalidInputError):
    """Empty or trivial content cannot be on a list."""

    code = "lists.trivial-file"


@dataclass(frozen=True, slots=True)
class Listed:
    """The entry that a file becomes, and why values of it were left out (once for each value)."""

    entry: Entry
    left_out: tuple[Gate, ...]


def entry_of_file(
    content: Content,
    *,
    digests: Digests,
    size_bytes: int,
    claim: Claim,
    asserted_at: datetime,
    min_quality: int = gates.MIN_QUALITY,
    depiction: str | None = None,
) -> Listed:
    """Make the entry of one file; without an id its depiction is named after its SHA-256.

    Raises:  TrivialContentError; what `Entry` raises.
    """
    gate = gates.content_gate(digests, size_bytes=size_bytes)
    if gate is not None:
        raise TrivialContentError(f"the file cannot be listed: {gate.sentence}")
    pictures, left_out = _eligible(_picture_values(content), content, min_quality)
    frames, frames_left_out = _eligible(_frame_values(content), content, min_quality)
    entry = Entry(
        depiction=depiction or derived_depiction(digests.sha256, algorithm=Algorithm.SHA256),
        kind=_kind(content),
        claim=replace(claim, recipe=RECIPE) if pictures or frames else claim,
        asserted_at=asserted_at,
        md5=digests.md5,
        sha1=digests.sha1,
        sha256=digests.sha256,
        values=tuple(pictures),
        frames=tuple(frames),
    )
    return Listed(entry, (*left_out, *frames_left_out))


def _kind(content: Content) -> Kind:
    match content:
        case Picture():
            return Kind.PICTURE
        case Video():
            return Kind.VIDEO
        case Other():
            return Kind.OTHER
        case Problem():
            return Kind(content.kind)


def _picture_values(content: Content) -> list[PictureValue]:
    if not isinstance(content, Picture):
        return []
    found: dict[Role, Value | None] = {
        Role.STORED: content.stored,
        Role.UPRIGHT: content.upright,
        Role.BORDERLESS: content.borderless,
        Role.ON_BLACK: content.on_black,
    }
    return [PictureValue(role, value.pdq, value.quality) for role, value in found.items() if value is not None]


def _frame_values(content: Content) -> list[FrameValue]:
    if not isinstance(content, Picture | Video):
        return []
    return [
        FrameValue(_ms(frame.at_seconds), _ms(frame.until_seconds), frame.value.pdq, frame.value.quality)
        for frame in content.frames
    ]


def _ms(seconds: float) -> int:
    return min(round(seconds * 1000), MAX_FRAME_MS)


def _eligible(found: Sequence[_Kept], content: Content, min_quality: int) -> tuple[list[_Kept], list[Gate]]:
    """Keep the values that may match, and say why each of the others may not."""
    if not found or not isinstance(content, Picture | Video):
        return [], []
    if gate := gates.picture_gate(width_px=content.width_px, height_px=content.height_px):
        return [], [gate] * len(found)
    values = np.frombuffer(b"".join(one.pdq for one in found), np.uint8).reshape(-1, 32)
    qualities = np.array([one.quality for one in found], np.uint8)
    codes = gates.value_gates(values, qualities=qualities, min_quality=min_quality).tolist()
    kept = [one for one, code in zip(found, codes, strict=True) if not code]
    return kept, [gates.GATES[code - 1] for code in codes if code]
