# SPDX-License-Identifier: Apache-2.0
"""A node of its own for a measurement: a home, a database, processes that are started and killed.

- Every process leads a group of its own, so that a kill takes all of it.
- What a process wrote is kept in the home and shown when it does not come up.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from bench import ROOT

START_SECONDS = 60
COMMAND = str(Path(sys.executable).with_name("vigie-node"))


@dataclass(slots=True)
class Node:
    """A node's home and environment, and the ports of its faces."""

    home: Path
    environment: dict[str, str]
    ports: dict[str, int] = field(default_factory=dict)
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, face: str, *, wait: bool = True) -> None:
        """Start one process of the node, and wait until it answers.

        Raises:  RuntimeError with what it wrote, if it does not come up.
        """
        log = (self.home / f"{face}.log").open("ab")
        self.running[face] = subprocess.Popen(
            [COMMAND, "serve", face], env=self.environment, stdout=log, stderr=log, start_new_session=True
        )
        log.close()
        if wait and face in self.ports:
            self.wait(face)

    def wait(self, face: str) -> None:
        """Wait until a face says that it is ready."""
        until = time.monotonic() + START_SECONDS
        while not is_ready(self.ports[face]):
            if self.running[face].poll() is not None or time.monotonic() > until:
                raise RuntimeError((self.home / f"{face}.log").read_text()[-3000:])
            time.sleep(0.02)

    def kill(self, face: str) -> None:
        """Kill a process and all that it started, at once."""
        process = self.running.pop(face)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        """End every process in order."""
        for process in self.running.values():
            process.terminate()
        for face in list(self.running):
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.running[face].wait(20)
            self.kill(face)


def make(home: Path, *, database: str | None = None, **settings: str) -> Node:
    """Make a node as its operator does, with `vigie-node init`."""
    ports = {face: free_port() for face in ("public", "analyst", "partner")}
    settings_of = {**settings, **({"VIGIE_DATABASE_URL": database} if database else {})}
    own = environment(home, ports) | settings_of
    begin = [COMMAND, "init", "--organisation", "A hotline", "--country", "BE", "--email", "first@example.org"]
    subprocess.run([*begin, "--name", "A. First"], env=own, check=True, capture_output=True)
    return Node(home, own, ports)


def environment(home: Path, ports: dict[str, int]) -> dict[str, str]:
    """Give the environment of a node's processes."""
    return {
        **os.environ,
        "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}:{ROOT / 'tests'}",
        "DJANGO_SETTINGS_MODULE": "vigie_node.project.settings",
        "VIGIE_HOME": str(home),
        "VIGIE_HTTPS": "no",
        **{f"VIGIE_{face.upper()}_ADDRESS": f"127.0.0.1:{port}" for face, port in ports.items()},
    }


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def is_ready(port: int) -> bool:
    """Say whether a face answers that it is ready."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=2) as asking:
        asking.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return asking.recv(64).startswith(b"HTTP/1.1 200")
    return False
