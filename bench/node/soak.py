# SPDX-License-Identifier: Apache-2.0
"""A node that is killed again and again, under load: nothing that was acknowledged is lost, and all of it agrees.

- Writers, importers and askers work without pause; processes drawn by lot (the partners' face, the worker, a writer,
  an importer) are killed with SIGKILL at moments drawn by lot and started again.
- Afterwards: every acknowledged record, revocation and import is in the database; every look-up that was told a match
  has its sighting; an import shows all of its rows or none; the indexes hold exactly the rows of the database; the
  audit verifies and holds an event for everything acknowledged.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from bench.node import homes

_PAUSE_SECONDS = (0.05, 0.8)
_WORKERS = {"write": 2, "import": 1, "ask": 2}
_TARGETS = ("partner", "worker", "write", "import")


@dataclass(frozen=True, slots=True)
class Killed:
    """What the campaign came to."""

    database: str
    kills: int
    killed: dict[str, int]
    seconds: float
    acknowledged: dict[str, int]
    lost: list[str]
    disagreements: list[str]

    @property
    def passed(self) -> bool:
        """Say whether nothing was lost and all agrees."""
        return not self.lost and not self.disagreements and self.acknowledged.get("matched", 0) > 0


def campaign(store: Path, *, kills: int, seed: int, database: str | None = None) -> Killed:
    """Run a node under load, kill so many processes, and look at what is left."""
    node = homes.make(store / "home", database=database)
    token = _prepared(node)
    acks = store / "acks"
    acks.mkdir()
    rng = random.Random(seed)
    load = _Load(node, acks, token, rng)
    began = time.monotonic()
    killed: Counter[str] = Counter()
    try:
        for face in ("partner", "worker"):
            node.start(face)
        load.start()
        time.sleep(3)
        for _ in range(kills):
            time.sleep(rng.uniform(*_PAUSE_SECONDS))
            target = rng.choice(_TARGETS)
            killed[target] += 1
            if target in node.running:
                node.kill(target)
                node.start(target, wait=False)
            else:
                load.kill_one(target)
        node.wait("partner")
        time.sleep(3)
    finally:
        load.stop()
        node.stop()
    found = _looked_at(node, acks)
    return Killed(
        "PostgreSQL" if database else "SQLite", kills, dict(killed), round(time.monotonic() - began, 1),
        found["acknowledged"], found["lost"], found["disagreements"],
    )  # fmt: skip


class _Load:
    """Those who work on the node meanwhile."""

    def __init__(self, node: homes.Node, acks: Path, token: str, rng: random.Random) -> None:
        self._node, self._acks, self._rng = node, acks, rng
        self._environment = node.environment | {
            "BENCH_PORT": str(node.ports["partner"]),
            "BENCH_TOKEN": token,
            "BENCH_LISTED": str(acks / "write-0"),
        }
        self._running: dict[tuple[str, int], subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Start everybody."""
        for kind, count in _WORKERS.items():
            for number in range(count):
                self._begin(kind, number)

    def kill_one(self, kind: str) -> None:
        """Kill one of a kind and start another in its place."""
        number = self._rng.randrange(_WORKERS[kind])
        self._end(kind, number)
        self._begin(kind, number)

    def stop(self) -> None:
        """Kill everybody."""
        for kind, number in list(self._running):
            self._end(kind, number)

    def _begin(self, kind: str, number: int) -> None:
        command = [sys.executable, "-m", "bench.node.work", kind, str(self._acks / f"{kind}-{number}")]
        with (self._node.home / f"{kind}.log").open("ab") as log:
            self._running[kind, number] = subprocess.Popen(
                [*command, str(self._rng.getrandbits(32))], env=self._environment, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def _end(self, kind: str, number: int) -> None:
        process = self._running.pop((kind, number))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _prepared(node: homes.Node) -> str:
    return _in_node(node, "prepare")["token"]


def _looked_at(node: homes.Node, acks: Path) -> dict[str, object]:
    return _in_node(node, "look", str(acks))


def _in_node(node: homes.Node, *what: str) -> dict[str, object]:
    """Do something in a process of its own that is set up for this node."""
    command = [sys.executable, "-m", "bench.node.inspection", *what]
    done = subprocess.run(command, env=node.environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    answer: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return answer
