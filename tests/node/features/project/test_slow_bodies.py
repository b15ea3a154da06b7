# SPDX-License-Identifier: Apache-2.0
"""Senders who stall, on a face that people reach without a key."""

import contextlib
import http.client
import socket
import time
from urllib.parse import urlsplit

from vigie_node.base import arrivals
from vigie_node.project.faces import Face

FORGED = "csrftoken=" + "a" * 32  # with it the body is looked at before anybody is asked who they are
HEAD = (
    f"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nCookie: {FORGED}\r\nContent-Length: 5000\r\n"
    "Content-Type: application/x-www-form-urlencoded\r\n\r\nlogin="
)


def seconds_to_a_page(address):
    began = time.monotonic()
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=20)
    connection.request("GET", "/sign-in", headers={"Host": "localhost"})
    assert connection.getresponse().status == 200
    connection.close()
    return time.monotonic() - began


class TestPeople:
    def test_are_answered_while_strangers_stall(self, serve):
        address = urlsplit(serve(Face.ANALYST))
        seconds_to_a_page(address)
        with contextlib.ExitStack() as stack:
            wires = [stack.enter_context(socket.create_connection((address.hostname, address.port))) for _ in range(12)]
            for wire in wires:
                wire.settimeout(20)
                wire.sendall(HEAD.encode())
            assert seconds_to_a_page(address) < 2 * arrivals.STALL_SECONDS
            time.sleep(1)
            assert seconds_to_a_page(address) < arrivals.STALL_SECONDS
            assert all(wire.recv(65536).startswith(b"HTTP/1.1 408") for wire in wires)
