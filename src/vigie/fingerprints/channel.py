# SPDX-License-Identifier: Apache-2.0
"""One end of the line between a worker and its parent: whole messages, and open files with them.

- A message is four bytes of length (little-endian) and its msgpack form; nothing longer than MAX_MESSAGE_BYTES passes.
- Messages are decoded strictly, into the types this end expects; anything else is refused.
- Files pass from the parent to the worker only: descriptors that a worker sends are dropped by the kernel.
- Only pairs of connected local sockets are made; no address is ever given.
"""

import array
import socket
import time
from collections.abc import Sequence
from typing import Final, Generic, TypeVar

import msgspec

from vigie.errors import UntrustedError

MAX_MESSAGE_BYTES: Final = 32 * 1024 * 1024  # 100 000 frames
_LENGTH_BYTES: Final = 4
_READ_BYTES: Final = 256 * 1024
_MAX_DESCRIPTORS: Final = 2

Incoming = TypeVar("Incoming")


class MalformedMessageError(UntrustedError):
    """The other end said something that no message is."""

    code = "channel.malformed"


class Channel(Generic[Incoming]):
    """One end of the line.

    Raises:  TimeoutError, EOFError and ConnectionError from both directions, where the other end is silent or gone.
    """

    def __init__(
        self, link: socket.socket, *, incoming: "msgspec.msgpack.Decoder[Incoming]", takes_files: bool
    ) -> None:
        self._link = link
        self._decoder = incoming
        self._takes_files = takes_files
        self._received = bytearray()
        self._descriptors: list[int] = []

    def send(self, *messages: msgspec.Struct, descriptors: Sequence[int] = ()) -> None:
        """Send messages at once, with open files."""
        bodies = [_ENCODER.encode(message) for message in messages]
        if any(len(body) > MAX_MESSAGE_BYTES for body in bodies):
            raise MalformedMessageError(f"a message is at most {MAX_MESSAGE_BYTES} bytes long")
        packet = b"".join(len(body).to_bytes(_LENGTH_BYTES, "little") + body for body in bodies)
        if descriptors:
            rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))
            sent = self._link.sendmsg([packet], [rights])
            packet = packet[sent:]
        self._link.sendall(packet)

    def receive(self, *, within_seconds: float | None = None) -> Incoming:
        """Wait for the next whole message, for at most a time.

        Raises:  MalformedMessageError as well.
        """
        deadline = None if within_seconds is None else time.monotonic() + within_seconds
        size = int.from_bytes(self._take(_LENGTH_BYTES, deadline), "little")
        if size > MAX_MESSAGE_BYTES:
            raise MalformedMessageError(f"a message is at most {MAX_MESSAGE_BYTES} bytes long")
        try:
            return self._decoder.decode(self._take(size, deadline))
        except (msgspec.DecodeError, RecursionError) as error:
            raise MalformedMessageError("what was received is not a message of this conversation") from error

    def take_descriptors(self) -> list[int]:
        """Hand over the files that came with the last message; whoever takes them closes them."""
        taken, self._descriptors = self._descriptors, []
        return taken

    def close(self) -> None:
        """Close this end; the other end notices."""
        self._link.close()

    def _take(self, size: int, deadline: float | None) -> bytes:
        while len(self._received) < size:
            if deadline is not None:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError
                self._link.settimeout(left)
            self._read()
        taken = bytes(self._received[:size])
        del self._received[:size]
        return taken

    def _read(self) -> None:
        if self._takes_files:
            block, attached, _, _ = self._link.recvmsg(_READ_BYTES, _FILES_SPACE, socket.MSG_CMSG_CLOEXEC)
            for _, _, numbers in attached:
                self._descriptors.extend(array.array("i", numbers))
        else:
            block = self._link.recv(_READ_BYTES)
        if not block:
            raise EOFError
        self._received += block


_ENCODER: Final = msgspec.msgpack.Encoder()
_FILES_SPACE: Final = socket.CMSG_SPACE(_MAX_DESCRIPTORS * array.array("i").itemsize)


def pair() -> tuple[socket.socket, socket.socket]:
    """Return two connected sockets: the parent's and the worker's. Neither is inherited unless it is named."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)


def attach(descriptor: int) -> socket.socket:
    """Return the inherited socket of a worker."""
    return socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, fileno=descriptor)
