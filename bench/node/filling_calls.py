# SPDX-License-Identifier: Apache-2.0
"""What a measurement has a node do in a process of its own: fill it, make things known, time when they count."""

import json
import subprocess
import sys
from typing import Any

from bench.node.homes import Node


def fill(node: Node, *what: object) -> dict[str, Any]:
    """Run one kind of `bench.node.filling`; return what it says.

    Raises:  RuntimeError with the end of what it wrote.
    """
    return _run(node, "bench.node.filling", what)


def effective(node: Node, token: str, count: int) -> list[float]:
    """Record so many values and return after how many seconds both workers of the partners' face knew each."""
    found = _run(node, "bench.node.timing", ("effective", node.ports["partner"], token, count))
    return [float(one) for one in found["seconds"]]


def look_back(node: Node) -> dict[str, Any]:
    """Let the look-back work until nothing is left; return how long it took and what it found."""
    return _run(node, "bench.node.timing", ("look-back",))


def pages(node: Node, depictions: list[str]) -> dict[str, float]:
    """Time the pages of the catalogue on the server; return the median of each in milliseconds."""
    found = _run(node, "bench.node.timing", ("pages", *depictions))
    return {name: float(took) for name, took in found.items()}


def _run(node: Node, module: str, what: tuple[object, ...]) -> dict[str, Any]:
    command = [sys.executable, "-m", module, *map(str, what)]
    done = subprocess.run(command, env=node.environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
