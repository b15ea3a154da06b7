# SPDX-License-Identifier: Apache-2.0
"""One row of a result: where a file lies, and what is said of its content.

- The two halves are apart: copies of one content share the second half to the byte, whichever came first.
- Text from outside is made visible: control, bidirectional and other unprintable characters are written as escapes,
  and the exact bytes stand beside the text wherever the two differ.
- Absent values are null.
"""

from typing import NamedTuple

import msgspec
from msgspec import Struct

from vigie.fingerprints.values import Digests
from vigie.matching.verdicts import Match, Outcome


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


class Statement(Struct, frozen=True, kw_only=True):
    """What is said of a content: kind, fingerprints, verdict and reasons; the same for every copy of it."""

    verdict: Outcome
    kind: str | None = None
    format: str | None = None
    recipe: str | None = None
    pdq: bytes | None = None
    pdq_quality: int | None = None
    pdq_upright: bytes | None = None
    pdq_borderless: bytes | None = None
    frames: list[Frame] = []
    matches: tuple[Match, ...] = ()
    reason: str | None = None
    problem_code: str | None = None
    problem_message: str | None = None
    confinement: tuple[str, ...] = ()


class Row(NamedTuple):
    """One row of a result as a JSON line, and its verdict."""

    verdict: str
    line: bytes


class _Verdict(Struct):
    verdict: str


_ENCODER = msgspec.json.Encoder()
_STATEMENT = msgspec.json.Decoder(Statement)
_JUST_VERDICT = msgspec.json.Decoder(_Verdict)


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


def of(where: Place, statement: bytes) -> Row:
    """Join the place of a file and the statement about its content, as `encode` wrote it, to a row."""
    verdict = _JUST_VERDICT.decode(statement).verdict
    return Row(verdict, _ENCODER.encode(where)[:-1] + b"," + statement[1:] + b"\n")


def encode(statement: Statement) -> bytes:
    """Write a statement as one JSON object; bytes are in base64."""
    return _ENCODER.encode(statement)


def decode(statement: bytes) -> Statement:
    """Read a statement back."""
    return _STATEMENT.decode(statement)


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
