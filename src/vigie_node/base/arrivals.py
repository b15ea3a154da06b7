# SPDX-License-Identifier: Apache-2.0
"""Read the bodies of requests so that senders who stall cannot hold the threads of a process.

- A thread that reads a body waits for its sender, and the server has no limit of time for that. So a watching thread
  gives up a body of which CHUNK_BYTES did not come within STALL_SECONDS: its sender is told 408, its connection ends.
- Threads are always left: where more than `most` bodies are on their way for longer than MOMENT_SECONDS, whoever has
  the most of them loses the slowest.
- A read from granian cannot be broken off, so the connection is what ends: an answer shorter than it says it is makes
  the server close it, and the read returns with what came. Granian keeps what it answers through to itself; it is found
  in the frames of the thread that reads. Only HTTP/1 ends that way; the faces serve no other.

Decision: ADR 0099.
"""

import io
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from typing import Any

CHUNK_BYTES = 16 * 1024
STALL_SECONDS = 3.0
MOMENT_SECONDS = 0.25
_TICK_SECONDS = 0.05
_FLUSH_SECONDS = 0.05  # what was answered goes out before its connection ends
_ANSWER = b'{"error": {"code": "partners.slow-body", "message": "the body did not arrive in time; send it again"}}'
_HEADERS = [
    ("Content-Type", "application/json"),
    ("Content-Length", str(len(_ANSWER) + 1)),  # of which the last never comes
    ("Cache-Control", "no-store"),
]


@dataclass(eq=False, slots=True)
class _Arriving:
    """One body on its way, and the thread that reads it."""

    of: Hashable
    thread: int = field(default_factory=threading.get_ident)
    begun: float = field(default_factory=time.monotonic)
    waiting_since: float = 0.0
    size_bytes: int = 0
    is_given_up: bool = False

    def bytes_a_second(self, now: float) -> float:
        return self.size_bytes / (now - self.begun)


class Arrivals:
    """The bodies on their way to this process; at most `most` of them may take their time.

    `note` is called with whose a body is that is given up, before its sender is told.
    """

    def __init__(self, *, most: int, note: Callable[[Any], None] | None = None) -> None:
        self._most = most
        self._note = note
        self._arriving: set[_Arriving] = set()
        self._changing = threading.Lock()
        self._watching: threading.Thread | None = None

    def chunks(self, source: Any, wanted: int, *, of: Hashable) -> Iterator[bytes]:  # noqa: ANN401 - a WSGI input
        """Yield a body as it comes, until so many bytes came or it ended.

        Of:      whose it is.
        Raises:  TimeoutError where it was given up.
        """
        one = _Arriving(of)
        with self._changing:
            self._arriving.add(one)
            if self._watching is None:
                self._watching = threading.Thread(target=self._watch, name="arrivals", daemon=True)
                self._watching.start()
        try:
            while one.size_bytes < wanted:
                one.waiting_since = time.monotonic()
                chunk = source.read(min(CHUNK_BYTES, wanted - one.size_bytes))
                if not chunk or one.is_given_up:
                    break
                one.size_bytes += len(chunk)
                yield chunk
        finally:
            with self._changing:
                self._arriving.discard(one)
        if one.is_given_up:
            raise TimeoutError("the body did not arrive in time")

    def guarded(self, source: Any, *, of: Hashable) -> "GuardedInput":  # noqa: ANN401 - a WSGI input
        """Return an input that is read like this one, within these limits."""
        return GuardedInput(self, source, of)

    def _watch(self) -> None:
        while True:
            time.sleep(_TICK_SECONDS)
            if self._arriving:
                for protocol in self._give_up(now=time.monotonic()):
                    protocol.response_iter(408, _HEADERS, _too_short())

    def _give_up(self, *, now: float) -> list[Any]:
        """Give up the bodies that have to be, and return what answers their senders."""
        with self._changing:
            late = [one for one in self._arriving if not one.is_given_up and now - one.begun > MOMENT_SECONDS]
            given_up = [one for one in late if now - one.waiting_since > STALL_SECONDS]
            left = [one for one in late if one not in given_up]
            while len(left) > self._most:
                count = Counter(one.of for one in left)
                slowest = min(left, key=lambda one: (-count[one.of], one.bytes_a_second(now)))
                left.remove(slowest)
                given_up.append(slowest)
            found = []
            # Within the lock: a thread that is here still reads for the request that it began with.
            for one in given_up:
                protocol = _protocol_of(one.thread)
                if protocol is not None:
                    one.is_given_up = True
                    if self._note is not None:
                        self._note(one.of)
                    found.append(protocol)
            return found


@dataclass(frozen=True, slots=True)
class GuardedInput:
    """A WSGI input whose body is given up where it does not come; that is a TimeoutError for who reads."""

    arrivals: Arrivals
    source: Any
    of: Hashable

    def read(self, size: int) -> bytes:
        """Return so many bytes, or what there was of them."""
        return b"".join(self.arrivals.chunks(self.source, size, of=self.of))

    def readline(self, size: int) -> bytes:
        """Refuse to read by lines: Django wants to hold this, and nothing calls it."""
        raise io.UnsupportedOperation(f"a body is not read by lines of {size} bytes")


def _protocol_of(thread: int) -> Any | None:  # noqa: ANN401 - of the server, which has no types
    """Return what answers the request that a thread works on; None where no server is between."""
    frame = sys._current_frames().get(thread)
    while frame is not None and frame.f_globals.get("__name__") != "granian.wsgi":
        frame = frame.f_back
    return None if frame is None else frame.f_locals.get("proto")


def _too_short() -> Iterator[bytes]:
    yield _ANSWER
    time.sleep(_FLUSH_SECONDS)
