# SPDX-License-Identifier: Apache-2.0
"""One row of a result: where a file lies, and what is said of its content.

- The two halves are apart: copies of one content share the second half to the byte, whichever came first.
- Text from outside is made visible: control, bidirectional and other unprintable characters are written as escapes,
  and the exact bytes stand beside the text wherever the two differ.
- Absent values are null.
"""

from enum import StrEnum

import msgspec
from msgspec import Struct

from vigie.fingerprints.values import Digests


class Verdict(StrEnum):
    """What is said of a file, in the order of a report."""

    KNOWN = "known"
    NEAR = "near"
    UNKNOWN = "unknown"
    GATED = "gated"
    UNREADABLE = "unreadable"
    NOT_MEDIA = "not-media"
    NOT_EXAMINED = "not-examined"


class Place(Struct, frozen=True, kw_only=True):
    """Where a file lies and which bytes it holds.

    `container` names what the file lies in, from the outermost archive's path inwards; it is empty for a file of the
    tree itself. `modified_us` counts microseconds since 1970, UTC.
    """

    path: str
    path_bytes: bytes | None = None
    container: list[str] = []
    container_bytes: list[bytes] | None = None
    size_bytes: int | None = None
    md5: bytes | None = None
    sha1: bytes | None = None
    sha256: bytes | None = None
    modified_us: int | None = None


class Frame(Struct, frozen=True):
    """One distinct frame of a video or an animated picture."""

    at_seconds: float
    until_seconds: float
    pdq: bytes
    pdq_quality: int


class TimeRange(Struct, frozen=True):
    """A stretch of a video, both ends included."""

    start_seconds: float
    end_seconds: float


class Match(Struct, frozen=True, kw_only=True):
    """One reason for a verdict: which entry of which list, by which fingerprint, how near, and who asserted what."""

    list: str
    list_version: str
    depiction: str
    algorithm: str
    collision_prone: bool
    distance_bits: int | None
    transform: str | None
    scheme: str | None
    label: str | None
    asserted_by: str | None
    asserted_at: str | None
    share_of_query: float | None = None
    share_of_known: float | None = None
    time_ranges: tuple[TimeRange, ...] | None = None


class Outcome(Struct, frozen=True, kw_only=True):
    """What is said of a content: kind, fingerprints, verdict and reasons; the same for every copy of it."""

    verdict: Verdict
    kind: str | None = None
    format: str | None = None
    recipe: str | None = None
    pdq: bytes | None = None
    pdq_quality: int | None = None
    pdq_upright: bytes | None = None
    pdq_borderless: bytes | None = None
    frames: list[Frame] = []
    matches: list[Match] = []
    reason: str | None = None
    problem_code: str | None = None
    problem_message: str | None = None
    confinement: list[str] = []


def place(
    names: list[bytes],
    *,
    size_bytes: int | None = None,
    digests: Digests | None = None,
    modified_us: int | None = None,
) -> Place:
    """Describe the place of a file by its names: the path in the tree, then the names inside archives, if any."""
    shown = [visible_name(name) for name in names]
    exact = [text.encode() == name for text, name in zip(shown, names, strict=True)]
    return Place(
        path=shown[-1],
        path_bytes=None if exact[-1] else names[-1],
        container=shown[:-1],
        container_bytes=None if all(exact[:-1]) else names[:-1],
        size_bytes=size_bytes,
        md5=digests.md5 if digests else None,
        sha1=digests.sha1 if digests else None,
        sha256=digests.sha256 if digests else None,
        modified_us=modified_us,
    )


def line(where: Place, outcome: bytes) -> bytes:
    """Write a row as one JSON line, from its place and its content's outcome as `encode` gives it."""
    return msgspec.json.encode(where)[:-1] + b"," + outcome[1:] + b"\n"


def encode(outcome: Outcome) -> bytes:
    """Write an outcome as one JSON object; bytes are in base64."""
    return msgspec.json.encode(outcome)


def visible_name(name: bytes) -> str:
    """Show a name's bytes as text: what is not UTF-8 or not printable is written as an escape."""
    return visible(name.decode("utf-8", "backslashreplace"))


def visible(text: str) -> str:
    """Write the unprintable characters of a text as escapes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escape(ord(c)) for c in text)


def _escape(code: int) -> str:
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
