# SPDX-License-Identifier: Apache-2.0
"""Read the bodies of requests so that a key whose bodies stall cannot hold every thread of the process.

- A process has few threads, and a read from the network cannot be broken off: granian wedges where an answer is sent
  while its body is still being read. So a key has at most PER_KEY bodies on their way; the next one waits for a moment.
- While a body of a key has stood still for STALL_SECONDS, whatever else that key sends is refused before it is read:
  it costs nothing, and threads are left for others. When the body comes or its connection ends, the key may ask again.
- Nobody without a valid key has a body read at all; the header has a limit of its own (granian).

Decision: ADR 0099.
"""

import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vigie.errors import InvalidInputError, UnavailableError

PER_KEY = 2
WAIT_SECONDS = 0.5
STALL_SECONDS = 3.0
_CHUNK_BYTES = 16 * 1024


class TooLargeError(InvalidInputError):
    """The body is larger than is taken."""

    code = "partners.too-large"
    http_status = 413


class UnfinishedBodyError(InvalidInputError):
    """The body ended before it was whole."""

    code = "partners.unfinished-body"
    http_status = 400


class SlowBodyError(UnavailableError):
    """Bodies of the key do not arrive: nothing more of it is read until they do, or their connections end."""

    code = "partners.slow-body"
    http_status = 408


@dataclass(slots=True)
class _Reading:
    """One body on its way; whoever reads it says when something came."""

    key: uuid.UUID
    last: float
    content: bytearray = field(default_factory=bytearray)


class Bodies:
    """The bodies that this process reads."""

    def __init__(self) -> None:
        self._readings: dict[int, _Reading] = {}
        self._changed = threading.Condition()

    def read(self, environ: Mapping[str, Any], *, limit: int, key: uuid.UUID) -> bytes:
        """Read a whole body, up to a limit.

        Raises:  TooLargeError, UnfinishedBodyError, SlowBodyError.
        """
        stated = environ.get("CONTENT_LENGTH") or ""
        length = int(stated) if stated.isascii() and stated.isdecimal() and len(stated) < 16 else None
        if length == 0:
            return b""
        if stated and (length is None or length > limit):
            raise TooLargeError(f"a body has at most {limit} bytes, and says how many in its Content-Length")
        reading = self._begun(key)
        try:
            _read(environ["wsgi.input"], limit + 1 if length is None else length, reading)
        finally:
            with self._changed:
                del self._readings[id(reading)]
                self._changed.notify_all()
        if len(reading.content) > limit:
            raise TooLargeError(f"a body has at most {limit} bytes")
        if length is not None and len(reading.content) < length:
            raise UnfinishedBodyError("the body ended before it was whole; send it again")
        return bytes(reading.content)

    def _begun(self, key: uuid.UUID) -> _Reading:
        """Begin to read a body, as soon as the key has less than PER_KEY on their way.

        Raises:  SlowBodyError.
        """
        with self._changed:
            self._check_none_stalls(key)
            if not self._changed.wait_for(lambda: len(self._of(key)) < PER_KEY, timeout=WAIT_SECONDS):
                raise SlowBodyError("bodies of this key come too slowly; look at what is between us, and ask again")
            reading = _Reading(key, time.monotonic())
            self._readings[id(reading)] = reading
            return reading

    def _check_none_stalls(self, key: uuid.UUID) -> None:
        if any(time.monotonic() - one.last > STALL_SECONDS for one in self._of(key)):
            raise SlowBodyError("a body of this key does not arrive; look at what is between us, and ask again")

    def _of(self, key: uuid.UUID) -> list[_Reading]:
        return [one for one in self._readings.values() if one.key == key]


def _read(source: Any, wanted: int, reading: _Reading) -> None:  # noqa: ANN401 - a WSGI input
    while wanted > len(reading.content):
        chunk = source.read(min(_CHUNK_BYTES, wanted - len(reading.content)))
        if not chunk:
            return
        reading.content += chunk
        reading.last = time.monotonic()
