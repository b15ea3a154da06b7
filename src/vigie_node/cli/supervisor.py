# SPDX-License-Identifier: Apache-2.0
"""The supervisor: starts the node's processes on this machine, starts again what dies, ends them together.

- One supervisor a home: a lock file says so, and the lock ends with the process that holds it.
- What dies is started again after a delay that grows, and an alarm tells of it once the database takes it.
- Ctrl-C and SIGTERM end all of them within END_SECONDS; those that do not end are killed. If the supervisor itself is
  killed, the system kills its children.
- It holds no database connection and runs no thread, so that every process can be forked from it.
"""

import contextlib
import fcntl
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from vigie.errors import UnavailableError, VigieError, WrongStateError
from vigie_node.cli import main, processes
from vigie_node.project.faces import Face

END_SECONDS = 4.5
FIRST_DELAY_SECONDS = 0.5
LAST_DELAY_SECONDS = 30.0
SETTLED_SECONDS = 60.0  # who lived so long begins again with the first delay
ALARM_EVERY_SECONDS = 2.0
TICK_SECONDS = 0.05


class AlreadyUpError(WrongStateError):
    """A supervisor runs on this home."""

    code = "node.already-up"


class PortTakenError(UnavailableError):
    """Something else listens where a face should."""

    code = "node.port-taken"


class NotStartedError(UnavailableError):
    """A face did not answer in time."""

    code = "node.not-started"


@dataclass(slots=True)
class Child:
    """One process to keep alive; `pid` is 0 while it is down."""

    face: Face
    address: str
    pid: int = 0
    begun: float = 0.0
    deaths: int = 0
    start_at: float = 0.0


@dataclass(slots=True)
class Supervisor:
    """The processes of this machine; `raise_alarm` runs in a process of its own."""

    children: list[Child]
    raise_alarm: Callable[[list[Face]], None]
    died: list[Face] = field(default_factory=list)
    reporting: list[Face] = field(default_factory=list)
    reporter: int = 0
    report_at: float = 0.0
    is_ending: bool = False

    def start(self) -> None:
        """Start every process."""
        for child in self.children:
            self._fork(child)

    def keep(self) -> None:
        """Keep them running until told to end; then end them."""
        while not self.is_ending:
            self.tick()
            time.sleep(TICK_SECONDS)

    def tick(self) -> None:
        """Take notice of what died, start what is due, tell of deaths."""
        now = time.monotonic()
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            self._note_end(pid, status, now=now)
        for child in self.children:
            if child.pid == 0 and now >= child.start_at:
                self._fork(child)
        if self.died and not self.reporter and now >= self.report_at:
            self.report_at = now + ALARM_EVERY_SECONDS
            self.reporting, self.died = self.died, []
            self.reporter = fork(lambda: self.raise_alarm(self.reporting))

    def end(self) -> None:
        """Ask every process to end, and kill what has not within END_SECONDS."""
        self.is_ending = True
        living = {child.pid for child in self.children if child.pid} | ({self.reporter} if self.reporter else set())
        for pid in living:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        until = time.monotonic() + END_SECONDS
        killed = False
        while living:
            with contextlib.suppress(ChildProcessError):
                pid, _ = os.waitpid(-1, os.WNOHANG)
                living.discard(pid)
                if pid:
                    continue
            if time.monotonic() > until and not killed:
                killed = True
                for pid in living:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)

    def _fork(self, child: Child) -> None:
        child.begun = time.monotonic()
        child.pid = fork(lambda: processes.run(child.face, address=child.address))

    def _note_end(self, pid: int, status: int, *, now: float) -> None:
        if pid == self.reporter:
            self.reporter = 0
            if status != 0:
                self.died = self.reporting + self.died
            self.reporting = []
            return
        for child in self.children:
            if child.pid == pid:
                child.deaths = 0 if now - child.begun > SETTLED_SECONDS else child.deaths
                delay = min(FIRST_DELAY_SECONDS * 2**child.deaths, LAST_DELAY_SECONDS)
                child.pid, child.deaths, child.start_at = 0, child.deaths + 1, now + delay
                self.died.append(child.face)
                main.say("node.process-died", f"the process {child.face} died; it starts again in {delay:g} s", 0)


def fork(work: Callable[[], None]) -> int:
    """Run something in a child of this process that ends with it, and return the child's pid."""
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        # Ctrl-C reaches the whole group of the terminal: the children wait for the supervisor's word.
        os.setpgid(0, 0)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        processes.end_with_parent(parent)
        work()
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except VigieError as error:
        code = main.say(error.code, str(error), error.exit_code)
    except BaseException as error:  # noqa: BLE001 - a child must never run on into the supervisor's code
        code = processes.tell_bug(error)
    finally:
        os._exit(code)


def wait_for(pid: int) -> int:
    """Wait for a child and return its exit code."""
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


@contextlib.contextmanager
def only_one(home: Path) -> Iterator[None]:
    """Hold the home for one supervisor.

    Raises:  AlreadyUpError.
    """
    descriptor = os.open(home / "run" / "supervisor.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise AlreadyUpError("a node runs on this home already: stop it, or name another VIGIE_HOME") from error
    try:
        yield
    finally:
        os.close(descriptor)


def check_free(face: Face, *, address: str) -> None:
    """Make sure that nothing listens where a face should.

    Raises:  PortTakenError.
    """
    host, _, port = address.rpartition(":")
    try:
        found = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)[0]
        with socket.socket(found[0], socket.SOCK_STREAM) as probe:
            # The server shares its port between its own processes, so it would not notice a stranger there.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(found[4])
    except (OSError, ValueError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or "an address is host:port"
        raise PortTakenError(
            f"cannot listen on port {port} for the face {face} ({reason}): stop what listens there, "
            f"or set VIGIE_{face.upper()}_ADDRESS"
        ) from error


def answers(address: str, *, path: str = "/healthz") -> bool:
    """Say whether a face answers at this path with 200."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=1) as connection:
            connection.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
            return b" 200 " in connection.recv(64)
    except (OSError, ValueError, OverflowError):
        return False


def end_on_signals(supervisor: Supervisor) -> None:
    """Have Ctrl-C, SIGTERM and a closed terminal end the node."""

    def end(number: int, frame: FrameType | None) -> None:
        del number, frame
        supervisor.is_ending = True

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, end)
