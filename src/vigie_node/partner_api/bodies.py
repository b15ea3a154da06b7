# SPDX-License-Identifier: Apache-2.0
"""Read the bodies of requests, within limits of size and of time.

- A body is read as it is sent: one that is compressed is refused unread, never unpacked and never looked up as it is.
- Nobody without a valid key has a body read at all; the header has a limit of its own (granian).
- A length that is stated and too large is refused unread.
- A key may be revoked while its body comes, which can take long: it is checked again when the body is whole.
- A body that does not come in time is given up: how is said in base/arrivals.py. Its key then pauses: for PAUSE_SECONDS
  whatever else it sends is refused unread, so that one after the other cannot hold the threads either.

Decision: ADR 0099.
"""

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from vigie.errors import InvalidInputError, UnavailableError
from vigie_node.base.arrivals import Arrivals

MOST = 6  # bodies that may take their time: two less than the threads of the face
PAUSE_SECONDS = 3.0


class TooLargeError(InvalidInputError):
    """The body is larger than is taken."""

    code = "partners.too-large"
    http_status = 413


class EncodedBodyError(InvalidInputError):
    """The body is compressed, or encoded in some other way: send it as it is."""

    code = "partners.encoded-body"
    http_status = 415


class UnfinishedBodyError(InvalidInputError):
    """The body ended before it was whole."""

    code = "partners.unfinished-body"
    http_status = 400


class SlowBodyError(UnavailableError):
    """A body of the key did not arrive in time: nothing of the key is read for a moment."""

    code = "partners.slow-body"
    http_status = 408


class Bodies:
    """The bodies that this process reads; `check_stands` refuses a key that was revoked."""

    def __init__(self, check_stands: Callable[[uuid.UUID], None]) -> None:
        self._check_stands = check_stands
        self._arrivals = Arrivals(most=MOST, note=self._pause)
        self._paused: dict[uuid.UUID, float] = {}  # until when, by the monotonic clock

    def _pause(self, key: uuid.UUID) -> None:
        self._paused[key] = time.monotonic() + PAUSE_SECONDS

    def read(self, environ: Mapping[str, Any], *, limit: int, key: uuid.UUID) -> bytes:
        """Read a whole body, up to a limit.

        Raises:  EncodedBodyError, TooLargeError, UnfinishedBodyError, SlowBodyError; UnknownCallerError.
        """
        return b"".join(self.chunks(environ, limit=limit, key=key))

    def chunks(self, environ: Mapping[str, Any], *, limit: int, key: uuid.UUID) -> Iterator[bytes]:
        """Yield a body as it comes, up to a limit.

        Raises:  EncodedBodyError, TooLargeError, UnfinishedBodyError, SlowBodyError; UnknownCallerError.
        """
        stated = environ.get("CONTENT_LENGTH") or ""
        length = int(stated) if stated.isascii() and stated.isdecimal() and len(stated) < 16 else None
        if length == 0:
            return
        if stated and (length is None or length > limit):
            raise TooLargeError(f"a body has at most {limit} bytes, and says how many in its Content-Length")
        if environ.get("HTTP_CONTENT_ENCODING", "identity").strip().lower() not in {"", "identity"}:
            raise EncodedBodyError("a body is taken as it is: send it without a Content-Encoding")
        if self._paused and time.monotonic() < self._paused.get(key, 0.0):
            raise SlowBodyError("a body of this key did not arrive; look at what is between us, and ask again")
        came = 0
        try:
            for chunk in self._arrivals.chunks(environ["wsgi.input"], length or limit + 1, of=key):
                came += len(chunk)
                yield chunk
        except TimeoutError as error:
            raise SlowBodyError("the body did not arrive in time; send it again") from error
        if came > limit:
            raise TooLargeError(f"a body has at most {limit} bytes")
        if length is not None and came < length:
            raise UnfinishedBodyError("the body ended before it was whole; send it again")
        self._check_stands(key)
