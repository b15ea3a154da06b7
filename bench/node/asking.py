# SPDX-License-Identifier: Apache-2.0
"""Ask a server over HTTP as fast as it answers: prepared requests over kept connections, every answer timed.

- The client is one thread a connection, with sockets of its own: it costs a fraction of what it measures.
- A server that closes its connections, as gunicorn's plain workers do, is asked over a new one each time.
"""

import contextlib
import http.client
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


class WrongAnswerError(RuntimeError):
    """The server did not answer 200."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What asking came to: answers a second, and how long each took, in milliseconds."""

    per_second: float
    took_ms: NDArray[np.float64]

    def percentile_ms(self, part: float) -> float:
        """Return how long that part of the answers (in per cent) took at most."""
        return float(np.percentile(self.took_ms, part))


def request(port: int, method: str, path: str, *, body: bytes = b"", kind: str = "", token: str = "") -> bytes:
    """Write a request as it goes over the wire."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", f"Content-Length: {len(body)}"]
    lines += [f"Content-Type: {kind}"] if kind else []
    lines += [f"Authorization: Bearer {token}"] if token else []
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def keep_asking(port: int, requests: Sequence[bytes], *, clients: int, seconds: float) -> Asked:
    """Ask for so many seconds, in turn through the requests.

    Raises:  WrongAnswerError.
    """
    took: list[list[float]] = [[] for _ in range(clients)]
    failed: list[str] = []
    until = time.perf_counter() + seconds
    threads = [
        threading.Thread(target=_ask, args=(port, requests, number * 997, until, took[number], failed))
        for number in range(clients)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    if failed:
        raise WrongAnswerError(failed[0])
    every = np.array([one for of_client in took for one in of_client]) * 1e3
    return Asked(len(every) / seconds, every)


def _ask(port: int, requests: Sequence[bytes], at: int, until: float, took: list[float], failed: list[str]) -> None:
    connection: socket.socket | None = None
    while not failed and (start := time.perf_counter()) < until:
        try:
            if connection is None:
                connection = socket.create_connection(("127.0.0.1", port), timeout=30)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.sendall(requests[at % len(requests)])
            status, closes = _answer(connection)
        except (OSError, ValueError) as error:
            failed.append(f"no answer: {error}")
            return
        took.append(time.perf_counter() - start)
        if status != 200:
            failed.append(f"answered {status}")
        at += 1
        if closes:
            connection.close()
            connection = None
    if connection is not None:
        connection.close()


def _answer(connection: socket.socket) -> tuple[int, bool]:
    """Read one answer to its end; return its status and whether the server closes."""
    received = b""
    while b"\r\n\r\n" not in received:
        block = connection.recv(65536)
        if not block:
            raise ValueError("the connection ended")
        received += block
    head, _, body = received.partition(b"\r\n\r\n")
    fields = head.lower()
    start = fields.find(b"content-length:")
    length = int(fields[start + 15 :].split(b"\r\n", 1)[0])
    while len(body) < length:
        body += connection.recv(65536)
    return int(head[9:12]), b"connection: close" in fields


def once(port: int, path: str, *, cookie: str = "") -> tuple[int, float]:
    """Ask for one page; return its status and how long it took, in milliseconds."""
    with contextlib.closing(http.client.HTTPConnection("localhost", port, timeout=60)) as connection:
        start = time.perf_counter()
        connection.request("GET", path, headers={"Cookie": cookie} if cookie else {})
        answer = connection.getresponse()
        answer.read()
        return answer.status, (time.perf_counter() - start) * 1e3
