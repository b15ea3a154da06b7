# SPDX-License-Identifier: Apache-2.0
"""What every kind of container gives: its entries, one after another, each with a way to its content.

- A name is bytes and never a path: `../x`, `/x`, empty, twice the same, not UTF-8: all are data.
- An entry is valid until the next one is asked for.
- What cannot be taken out is an entry all the same, with the reason instead of the content.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, BinaryIO, cast

from vigie.fingerprints.messages import Problem

BLOCK_BYTES = 256 * 1024

# Reasons that more than one kind of container has: code and message.
ENCRYPTED = ("archive.encrypted", "this member is encrypted: its content cannot be read")
UNSUPPORTED = ("archive.unsupported-compression", "this member is compressed in a way that is not opened")

Sink = Callable[[bytes], object]


class DamagedError(Exception):
    """The container contradicts itself."""


class StopError(Exception):
    """A sink wants no more of anything; whoever pours lets it pass."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file in a container.

    `pour` puts the content, block by block, into a sink, and raises where it is damaged; what the sink raises passes
    through. `size_bytes` is what the container says. `stored` is the content as a file where it lies uncompressed in
    the container itself. `restartable`: it may be poured again, or not to its end. `problem` says why there is no
    content to pour.
    """

    name: bytes
    pour: Callable[[Sink], None]
    size_bytes: int | None = None
    stored: BinaryIO | None = None
    restartable: bool = True
    problem: Problem | None = None


def refused(name: bytes, code: str, message: str) -> Entry:
    """Return an entry whose content is not even tried."""
    return Entry(name=name, pour=lambda _sink: None, problem=Problem(code=code, message=message, examined=False))


def pour_from(file: IO[bytes], sink: Sink, *, at_once_bytes: int = BLOCK_BYTES) -> None:
    """Put all that is left of a file into a sink."""
    while block := file.read(at_once_bytes):
        sink(block)


def rejoined(head: bytes, stream: IO[bytes], *, passing: Callable[[int], None] | None = None) -> BinaryIO:
    """Return a stream whose beginning was read already as one that is whole; `passing` hears how much is read.

    It can be read forward only.
    """
    return cast("BinaryIO", _Rejoined(head, stream, passing))


class _Rejoined:
    def __init__(self, head: bytes, stream: IO[bytes], passing: Callable[[int], None] | None) -> None:
        self._head, self._stream, self._passing = head, stream, passing

    def read(self, size: int) -> bytes:
        block, self._head = self._head[:size], self._head[size:]
        block = block or self._stream.read(size)
        if self._passing is not None:
            self._passing(len(block))
        return block
