# SPDX-License-Identifier: Apache-2.0
"""`vigie-node` as an operator runs it: a process of its own, on a home of its own."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from vigie_node.cli import supervisor

SECONDS = 60


def environment(home, **more):
    """The environment of a command: nothing of the test run's own node, plain HTTP on this machine."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("VIGIE_")}
    return inherited | {"VIGIE_HOME": str(home), "VIGIE_HTTPS": "no"} | more


def run(home, *arguments, **more):
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "vigie_node.cli.main", *arguments],
        env=environment(home, **more), capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip


def records(finished):
    """What a command wrote, one record a line; it must have gone well."""
    assert finished.returncode == 0, finished.stderr
    return [json.loads(line) for line in finished.stdout.splitlines()]


def addresses():
    """Three free ports of this machine, as settings."""
    with contextlib.ExitStack() as stack:
        found = [stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1] for _ in range(3)]
    faces = zip(("PUBLIC", "ANALYST", "PARTNER"), found, strict=True)
    return {f"VIGIE_{face}_ADDRESS": f"127.0.0.1:{port}" for face, port in faces}


class Running:
    """A node that is up, and what it wrote."""

    def __init__(self, process, where):
        self.process = process
        self.where = where
        self.written = []

    def read_until(self, key):
        """The first record that has this key."""
        for line in self.process.stdout:
            self.written.append(json.loads(line))
            if key in self.written[-1]:
                return self.written[-1]
        raise AssertionError(f"the node ended: {self.process.stderr.read()}")

    def get(self, face, path, **headers):
        """What a face answers: its status and its body."""
        url = f"http://{self.where[f'VIGIE_{face}_ADDRESS']}{path}"
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as answer:
            return answer.code, answer.read().decode()

    def end(self, how=signal.SIGINT):
        """Tell it to end; it has to, soon after whatever does not end by itself is killed."""
        self.process.send_signal(how)
        self.process.wait(2 * supervisor.END_SECONDS)

    def processes(self):
        """The processes below the supervisor, by id, all generations."""
        found, todo = [], [self.process.pid]
        while todo:
            for one in children(todo.pop()):
                found.append(one)
                todo.append(one)
        return found


def children(pid):
    """The ids of the processes that this one started."""
    with contextlib.suppress(FileNotFoundError):
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def is_running(pid):
    """Whether a process is there and has not ended."""
    try:
        return "(zombie)" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def up(home, command="up", **more):
    """A node from `up` (or `demo`) on; killed at the end if it is still there."""
    where = {name: more[name] for name in more if name.endswith("_ADDRESS")} or addresses()
    process = subprocess.Popen(
        [sys.executable, "-m", "vigie_node.cli.main", command],
        env=environment(home, **(where | more)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield Running(process, where)
    finally:
        process.kill()
        process.wait(SECONDS)
        process.stdout.close()
        process.stderr.close()


def wait_for(condition, *, seconds=15):
    """Wait until something holds, and return it."""
    until = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.05)
    return found
