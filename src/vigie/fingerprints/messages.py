# SPDX-License-Identifier: Apache-2.0
"""What the confined worker and its parent say to each other.

- Fingerprints, sizes and reasons pass; pixels never do.
- The parent decodes every message into these types, strictly: a worker that was taken over can send wrong values,
  never a wrong shape, and never code.
- One conversation a file: the parent sends a Job and one file descriptor (and, where it allows one, a scratch file);
  the worker answers with Found messages and ends with Done. After a Found with `asks=True` it waits for a Reply:
    a Member asks "shall I decode this content?"; a Video of the key pass asks "shall I make the full pass?".
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

Pdq = Annotated[bytes, Meta(min_length=32, max_length=32)]
PdqTurns = Annotated[bytes, Meta(min_length=256, max_length=256)]
Quality = Annotated[int, Meta(ge=0, le=100)]
# A worker that was taken over chooses these words: none of them can steer a terminal or turn a line around.
Text = Annotated[
    str, Meta(max_length=400, pattern=r"^[^\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]*\Z")
]
Seconds = Annotated[float, Meta(ge=0, le=1e9)]
Count = Annotated[int, Meta(ge=0, le=2**62)]


class Value(Struct, frozen=True, kw_only=True):
    """One perceptual value: the eight PDQ values of a picture and its turns (values.TURNS order), and its quality."""

    turns: PdqTurns
    quality: Quality

    @property
    def pdq(self) -> bytes:
        """The value of the picture as it is."""
        return self.turns[:32]


class Frame(Struct, frozen=True, kw_only=True):
    """One distinct frame of a video or of an animated picture, and until when its near-equal neighbours last."""

    at_seconds: Seconds
    until_seconds: Seconds
    value: Value


class Picture(Struct, frozen=True, kw_only=True, tag="picture"):
    """A still or animated picture. Values that do not apply are None; `frames` is empty unless it is animated."""

    format: Text
    width_px: Count
    height_px: Count
    stored: Value
    upright: Value | None = None
    borderless: Value | None = None
    on_black: Value | None = None
    frames: list[Frame] = msgspec.field(default_factory=list)
    shortened: Text | None = None


class Video(Struct, frozen=True, kw_only=True, tag="video"):
    """A video seen by one pass. `shortened` says why a pass ended before the end of the video."""

    format: Text
    width_px: Count
    height_px: Count
    duration_seconds: Seconds | None
    frames: list[Frame]
    full: bool
    shortened: Text | None = None


class Other(Struct, frozen=True, kw_only=True, tag="other"):
    """Readable or not, this is neither picture nor video; `format` names it where its first bytes tell."""

    format: Text | None = None


class Problem(Struct, frozen=True, kw_only=True, tag="problem"):
    """Why there is no fingerprint: a stable code and a sentence safe for any reader.

    `examined` is False where the content was never tried (limits, encryption, unsupported container).
    `kind` says what the content seemed to be.
    """

    code: Text
    message: Text
    kind: Literal["picture", "video", "other"] = "other"
    examined: bool = True


Content = Picture | Video | Other | Problem


class Member(Struct, frozen=True, kw_only=True, tag="member"):
    """One file inside an archive: its names from the outermost archive inwards (data, never paths), its digests.

    `ordinal` counts the members of one conversation from 0, nested ones included, in a fixed order.
    """

    ordinal: Count
    names: list[Annotated[bytes, Meta(max_length=4096)]]
    size_bytes: Count
    md5: Annotated[bytes, Meta(min_length=16, max_length=16)]
    sha1: Annotated[bytes, Meta(min_length=20, max_length=20)]
    sha256: Annotated[bytes, Meta(min_length=32, max_length=32)]


class MemberProblem(Struct, frozen=True, kw_only=True, tag="member-problem"):
    """A member that could not be taken out (encrypted, damaged, over a limit), or all that is left of an archive.

    `rest` is True where the archive could not be read to its end: what follows was not seen at all.
    """

    ordinal: Count
    names: list[Annotated[bytes, Meta(max_length=4096)]]
    problem: Problem
    rest: bool = False


class Archive(Struct, frozen=True, kw_only=True, tag="archive"):
    """The content is an archive; its members follow, then Done."""

    format: Text


class Found(Struct, frozen=True, kw_only=True, tag="found"):
    """One thing found; the worker waits for a Reply where it asks."""

    what: Picture | Video | Other | Problem | Archive | Member | MemberProblem
    asks: bool = False


class Done(Struct, frozen=True, kw_only=True, tag="done"):
    """The conversation about this file is over; the worker is ready for the next."""


class Ready(Struct, frozen=True, kw_only=True, tag="ready"):
    """The worker has preloaded and confined itself; `confinement` names each layer that holds."""

    confinement: list[Text]
    decoders: dict[str, Text]


class Job(Struct, frozen=True, kw_only=True, tag="job"):
    """Examine the passed file descriptor.

    `start_at` and `skip` are member ordinals: a conversation that broke is taken up again after the last member,
    without the ones that break it. `frames_full` asks for the full pass of videos at once.
    """

    size_bytes: Count
    frames_full: bool = False
    open_archives: bool = True
    has_scratch: bool = False
    start_at: Count = 0
    skip: list[Count] = msgspec.field(default_factory=list)


class Reply(Struct, frozen=True, kw_only=True, tag="reply"):
    """The parent's answer to a Found that asks."""

    go_on: bool


ToParent = Ready | Found | Done
ToWorker = Job | Reply
