# SPDX-License-Identifier: Apache-2.0
"""The proof that tests cannot reach the network, and that loopback is left to them."""

import socket

import pytest

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
