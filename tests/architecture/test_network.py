# SPDX-License-Identifier: Apache-2.0
"""Nothing reaches the network: tests cannot, and modules that parse addresses do not follow them."""

import ast
import socket

import pytest

from architecture.repository import python_files, text

# 192.0.2.0/24 and 2001:db8::/32 are set aside for documentation: nobody is there.
OUTSIDE = [(socket.AF_INET, ("192.0.2.1", 80)), (socket.AF_INET6, ("2001:db8::1", 80, 0, 0))]


class TestNetwork:
    @pytest.mark.parametrize(("family", "address"), OUTSIDE)
    @pytest.mark.parametrize("call", ["connect", "connect_ex"])
    def test_refuses_a_connection(self, family, address, call):
        with socket.socket(family) as connection, pytest.raises(RuntimeError, match="do not use the network"):
            getattr(connection, call)(address)

    @pytest.mark.parametrize(("family", "address"), OUTSIDE)
    def test_refuses_a_datagram(self, family, address):
        with socket.socket(family, socket.SOCK_DGRAM) as sender, pytest.raises(RuntimeError, match="the network"):
            sender.sendto(b"", address)

    def test_refuses_to_look_up_a_name(self):
        with pytest.raises(RuntimeError, match="do not use the network"):
            socket.getaddrinfo("example.org", 80)

    def test_leaves_loopback(self):
        with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
            assert client.getpeername() == server.getsockname()


class TestParsingAddresses:
    """A contract sees whole packages of the standard library; what their other halves do is told apart here."""

    HARMLESS = frozenset({"urllib.parse", "http.HTTPStatus", "http.cookies"})

    def test_takes_nothing_from_these_packages_that_opens_a_connection(self):
        used = {
            name
            for path in python_files()
            if path.parts[0] == "src"
            for node in ast.walk(ast.parse(text(path)))
            for name in _imported(node)
            if name.partition(".")[0] in {"urllib", "http"}
        }
        assert used - self.HARMLESS == set()


def _imported(node):
    """What a statement imports; of urllib the module, since everything in urllib.parse is harmless."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and not node.level:
        inside = [f"{node.module}.{alias.name}" for alias in node.names]
        return [node.module] if node.module in {"urllib.parse", "http.cookies"} else inside
    return []
