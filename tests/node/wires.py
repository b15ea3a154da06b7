# SPDX-License-Identifier: Apache-2.0
"""Requests as bytes over a connection of one's own: exactly what is told, right or wrong."""

import contextlib
import socket
from urllib.parse import urlsplit

SECONDS = 20


class Wire:
    """A connection that sends exactly what it is told, right or wrong."""

    def __init__(self, address):
        parts = urlsplit(address)
        self._socket = socket.create_connection((parts.hostname, parts.port), timeout=SECONDS)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def send(self, content):
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it was answered before it was whole
            self._socket.sendall(content)

    def ends(self):
        """Whether the other side ends the connection."""
        with contextlib.suppress(ConnectionResetError):
            return self._socket.recv(1) == b""
        return True

    def answer(self):
        """Read one answer: its status, its headers and its body."""
        content = b""
        with contextlib.suppress(ConnectionResetError, TimeoutError):
            while b"\r\n\r\n" not in content and (more := self._socket.recv(65536)):
                content += more
        head, _, body = content.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        is_chunked = headers.get("transfer-encoding") == "chunked"
        length = int(headers.get("content-length", 10**9 if is_chunked else 0))
        with contextlib.suppress(ConnectionResetError, TimeoutError):
            while len(body) < length and not body.endswith(b"0\r\n\r\n") and (more := self._socket.recv(65536)):
                body += more
        status = int(lines[0].split()[1]) if lines[0] else 0
        return status, headers, b"".join(body.split(b"\r\n")[1::2]) if is_chunked else body


def request(method, path, *, token="", body=b"", **headers):
    """The bytes of a request, as a careful program would send them."""
    named = {"Host": "localhost", "Connection": "close", "Content-Length": str(len(body))}
    if token:
        named["Authorization"] = f"Bearer {token}"
    named |= {name.replace("_", "-"): value for name, value in headers.items() if value is not None}
    named = {name: value for name, value in named.items() if value is not None}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in named.items())]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def ask(address, *args, **more):
    with Wire(address) as wire:
        wire.send(request(*args, **more))
        return wire.answer()
