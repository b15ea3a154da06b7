# SPDX-License-Identifier: Apache-2.0
import contextlib
import json
import os
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

import vigie
from node import commands

FACES = ("PUBLIC", "ANALYST", "PARTNER")


def workers_of(node, face):
    """The processes that serve a face: the youngest generation below the supervisor."""
    port = int(node.where[f"VIGIE_{face}_ADDRESS"].rpartition(":")[2])
    listening = {
        line.split()[9]
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
        if line.split()[3] == "0A" and int(line.split()[1].partition(":")[2], 16) == port
    }
    found = []
    for pid in node.processes():
        with contextlib.suppress(FileNotFoundError, PermissionError):  # a confined worker shows nobody what it holds
            sockets = {str(one.readlink()) for one in Path(f"/proc/{pid}/fd").iterdir()}
            if sockets & {f"socket:[{inode}]" for inode in listening}:
                found.append(pid)
    return found


class TestANodeThatIsUp:
    @pytest.fixture(scope="class")
    @classmethod
    def home(cls, made_once, tmp_path_factory):
        return shutil.copytree(made_once, tmp_path_factory.mktemp("up") / "home")

    @pytest.fixture(scope="class")
    @classmethod
    def node(cls, home):
        """One for all: each test leaves it as it is."""
        with commands.up(home) as node:
            assert node.read_until("state")["state"] == "up"
            yield node

    def test_answers_on_every_face(self, node):
        assert all(node.get(face, "/healthz")[0] == 200 for face in FACES)
        commands.wait_for(lambda: all(node.get(face, "/readyz")[0] == 200 for face in FACES))
        assert len(workers_of(node, "PARTNER")) == 2

    def test_is_well(self, node, home):
        (status,) = commands.records(commands.wait_for(lambda: ready(commands.run(home, "status", **node.where))))
        assert (status["supervised"], status["alarms"], status["migrations_missing"]) == (True, 0, 0)

    def test_refuses_a_second_one_on_its_home(self, node, home):
        second = commands.run(home, "up", **commands.addresses())
        assert second.returncode == 5
        assert "[node.already-up]" in second.stderr

    def test_adds_up_the_figures_of_all_processes(self, node, home):
        token = (home / "secrets" / "metrics_token").read_text()
        for face in FACES:
            assert node.get(face, "/metrics")[0] == 401
            node.get(face, "/no-such-page-9f86d081884c7d65/")
        worked = 'vigie_job_steps_total{job="sequence-audit",outcome="done"}'
        figures = commands.wait_for(lambda: figures_of(node, token, worked))
        for face in ("public", "analyst", "partner"):
            assert f'vigie_requests_total{{face="{face}",method="GET",status="404"' in figures
        assert "vigie_worker_beat" in figures
        assert "9f86d081" not in figures


class TestUp:
    @pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_ends_whole_within_five_seconds(self, home, how):
        with commands.up(home) as node:
            node.read_until("state")
            started = node.processes()
            node.end(how)
            assert node.process.returncode == 0
            assert node.read_until("state") == {"state": "stopped"}
            assert [one for one in started if commands.is_running(one)] == []

    def test_leaves_nothing_behind_when_it_is_killed(self, home):
        with commands.up(home) as node:
            node.read_until("state")
            started = node.processes()
            node.end(signal.SIGKILL)
            commands.wait_for(lambda: not any(commands.is_running(one) for one in started), seconds=3)

    def test_starts_again_what_dies_ever_later_and_raises_an_alarm(self, home):
        with commands.up(home, VIGIE_PARTNER_WORKERS="1") as node:
            node.read_until("state")
            for _ in range(3):
                (serving,) = commands.wait_for(lambda: workers_of(node, "PARTNER"))
                os.kill(serving, signal.SIGKILL)
                commands.wait_for(lambda gone=serving: workers_of(node, "PARTNER") != [gone])
            commands.wait_for(lambda: workers_of(node, "PARTNER"))
            commands.wait_for(lambda: node.get("PARTNER", "/healthz")[0] == 200)
            assert commands.wait_for(lambda: alarms(home)) == [("PROCESS_DIED", "partner")]
            node.end()
            written = node.process.stderr.read()
            assert "[node.process-died]" in written
            assert [one in written for one in ("again in 0.5 s", "again in 1 s", "again in 2 s")] == [True] * 3

    def test_leaves_its_starts_and_stops_in_the_audit(self, home):
        started = {"version": vigie.__version__, "faces": ["public", "analyst", "partner", "worker"]}
        with commands.up(home, VIGIE_PARTNER_WORKERS="1") as node:
            node.read_until("state")
            node.end()
        with commands.up(home, **node.where, VIGIE_PARTNER_WORKERS="1") as node:
            node.read_until("state")
            node.end(signal.SIGKILL)
        with commands.up(home, **node.where, VIGIE_PARTNER_WORKERS="1") as node:
            node.read_until("state")
            commands.wait_for(lambda: len(runs(home)) == 4)
            assert runs(home) == [
                ("NODE_STARTED", started | {"was_stopped_cleanly": True}),
                ("NODE_STOPPED", {"version": vigie.__version__}),
                ("NODE_STARTED", started | {"was_stopped_cleanly": True}),
                ("NODE_STARTED", started | {"was_stopped_cleanly": False}),
            ]

    def test_says_which_port_is_taken(self, home):
        with socket.create_server(("127.0.0.1", 0)) as stranger:
            where = commands.addresses() | {"VIGIE_ANALYST_ADDRESS": f"127.0.0.1:{stranger.getsockname()[1]}"}
            done = commands.run(home, "up", **where)
        assert done.returncode == 8
        assert "VIGIE_ANALYST_ADDRESS" in done.stderr
        assert "[node.port-taken]" in done.stderr

    def test_refuses_an_unsafe_configuration(self, home):
        where = commands.addresses() | {"VIGIE_PARTNER_ADDRESS": "0.0.0.0:18002"}
        done = commands.run(home, "up", **where)
        assert done.returncode == 4
        assert "[vigie.E003]" in done.stderr


class SmallDisk:
    """A disk of its own in memory, that can be filled."""

    says = "[node.disk-full]"

    def __init__(self, folder):
        self.folder = folder

    def fill(self, node):
        with (self.folder / "filler").open("wb", buffering=0) as filler, contextlib.suppress(OSError):
            while filler.write(bytes(4096)):
                pass

    def run(self, *arguments):
        return commands.run(self.folder / "home", *arguments)

    def free(self, node):
        (self.folder / "filler").unlink()


class NarrowDisk:
    """Where nobody may mount a disk: no file of the node may grow, which the system refuses in other words."""

    says = "[node.database-unusable]"
    limits = (4096, resource.RLIM_INFINITY)

    def __init__(self, folder):
        self.folder = folder

    def fill(self, node):
        for pid in (node.process.pid, *node.processes()):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, self.limits)

    def run(self, *arguments):
        return subprocess.run(
            ["prlimit", f"--fsize={self.limits[0]}:", sys.executable, "-m", "vigie_node.cli.main", *arguments],
            env=commands.environment(self.folder / "home"), capture_output=True, text=True, check=False,
        )  # fmt: skip

    def free(self, node):
        for pid in (node.process.pid, *node.processes()):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


class TestAFullDisk:
    @pytest.fixture
    def disk(self, tmp_path):
        folder = tmp_path / "disk"
        folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", folder]
        is_mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
        yield SmallDisk(folder) if is_mounted else NarrowDisk(folder)
        if is_mounted:
            subprocess.run(["umount", "--lazy", folder], check=True)

    def test_ends_no_process_and_loses_nothing(self, disk, made_once):
        home = shutil.copytree(made_once, disk.folder / "home")
        key = ("key", "create", "A provider", "--country", "BE", "--name", "x")
        with commands.up(home, VIGIE_PARTNER_WORKERS="1") as node:
            node.read_until("state")
            disk.fill(node)
            refused = disk.run(*key)
            assert (refused.returncode, disk.says in refused.stderr) == (8, True), refused.stderr
            for number in range(40):
                assert [node.get(face, f"/{number}/")[0] for face in FACES] == [404] * 3
            assert disk.run("backup", str(disk.folder / "backup")).returncode == 8
            disk.free(node)
            commands.wait_for(lambda: ready(commands.run(home, *key)))
            node.end()
            assert "[node.process-died]" not in node.process.stderr.read()
            assert commands.records(commands.run(home, "audit", "verify"))[-1]["is_whole"]


class TestStatus:
    def test_says_what_does_not_answer(self, home):
        silent = commands.run(home, "status", **commands.addresses())
        assert silent.returncode == 8
        assert json.loads(silent.stdout)["faces"] == {"public": "silent", "analyst": "silent", "partner": "silent"}


def ready(done):
    return done if done.returncode == 0 else None


def alarms(home):
    with contextlib.closing(sqlite3.connect(home / "node.sqlite3")) as database:
        return database.execute("SELECT code, subject FROM alarms_alarm").fetchall()


def runs(home):
    """The starts and stops that the audit holds, in order."""
    with contextlib.closing(sqlite3.connect(home / "node.sqlite3")) as database:
        records = [
            json.loads(bytes(one)) for (one,) in database.execute("SELECT record FROM audit_event ORDER BY sequence")
        ]
    return [(one["event"], one["details"]) for one in records if one["event"] in {"NODE_STARTED", "NODE_STOPPED"}]


def figures_of(node, token, wanted):
    host, _, port = node.where["VIGIE_PUBLIC_ADDRESS"].rpartition(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(f"GET /metrics HTTP/1.0\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        connection.settimeout(5)
        found = b""
        with contextlib.suppress(TimeoutError):
            while chunk := connection.recv(65536):
                found += chunk
    return found.decode() if wanted.encode() in found else None
