# SPDX-License-Identifier: Apache-2.0
"""The peers' own environment, and a process in it that answers one request after the other.

- The environment is made under the store from the pins of `peers.txt`, again whenever the pins change.
- vpdq is compiled at install; where that fails the reason is kept, and its rows are skipped with that note.
- The peer measures itself: what it takes to ask and to answer is in no figure.
"""

import hashlib
import json
import os
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench import STORE

_PINS = Path(__file__).with_name("peers.txt")
_SCRIPT = Path(__file__).with_name("peer_process.py")
_HOME = STORE / "peers"
_OPTIONAL = "vpdq"
PYTHON = _HOME / "bin" / "python"
THREATEXCHANGE = _HOME / "bin" / "threatexchange"


class PeerFailedError(RuntimeError):
    """The peer answered with an error, or not at all."""


def ensure() -> str | None:
    """Make the environment where it is not there; return why vpdq is missing, or None.

    Raises:  subprocess.CalledProcessError if a peer that has a wheel cannot be installed.
    """
    wanted = hashlib.sha256(_PINS.read_bytes()).hexdigest()
    stamp = _HOME / "installed.json"
    known = json.loads(stamp.read_text()) if stamp.exists() else {}
    pins = [line for line in _PINS.read_text().splitlines() if line and not line.startswith("#")]
    if known.get("pins") != wanted:
        print("peers: making their environment (minutes, once)", file=sys.stderr)
        venv.create(_HOME, clear=True, symlinks=True, with_pip=True)
        _install([pin for pin in pins if not pin.startswith(_OPTIONAL)], check=True)
    elif known["missing"] is None:
        return None
    missing = _install([pin for pin in pins if pin.startswith(_OPTIONAL)], check=False)
    stamp.write_text(json.dumps({"pins": wanted, "missing": missing}))
    return missing


def _install(pins: list[str], *, check: bool) -> str | None:
    command = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *pins]
    done = subprocess.run(command, check=check, capture_output=not check, text=True)
    if done.returncode == 0:
        return None
    return f"{pins[0]} did not build here (it needs cmake, a C++ compiler and the libav*-dev packages)"


class Peer:
    """A running process of the peers' environment."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, what: str, **arguments: object) -> dict[str, Any]:
        """Let the peer do one thing of `peer_process.py` and return its answer.

        Raises:  PeerFailedError.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"what": what, **arguments}, default=str) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise PeerFailedError(f"the peer died at {what}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise PeerFailedError(f"{what}: {answer['error']}")
        return answer

    def seconds(self, what: str, **arguments: object) -> float:
        """Let the peer do one thing and return only how long it took."""
        return float(self.ask(what, **arguments)["seconds"])


@contextmanager
def peer() -> Iterator[Peer]:
    """Start a peer process; end it on leaving."""
    environment = {**os.environ, "OMP_WAIT_POLICY": "passive"}
    process = subprocess.Popen(
        [str(PYTHON), "-I", str(_SCRIPT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )
    try:
        yield Peer(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(timeout=60)
