# SPDX-License-Identifier: Apache-2.0
"""`vigie-node up`: start every process of the node and keep them running; `serve` runs one of them alone.

- Nothing starts on a configuration that is not safe, a database that is not migrated, or a port that is taken.
- The addresses are told once every face answers.
"""

import argparse
import importlib
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from vigie.errors import NotAllowedError, NotFoundError, WrongStateError
from vigie_node.cli import homes, main, output, processes, supervisor
from vigie_node.project.faces import LOGINS, SERVING, Face

START_SECONDS = 60.0
SETTINGS = "vigie_node.project.settings"


class NoHomeError(NotFoundError):
    """There is no node at this home."""

    code = "node.no-home"


class UnsafeError(NotAllowedError):
    """The configuration is not safe to start on."""

    code = "node.unsafe"


class NotInitialisedError(WrongStateError):
    """The database of this home was not made yet, or lacks migrations."""

    code = "node.not-initialised"


@dataclass(frozen=True, slots=True)
class Plan:
    """What the settings say of the processes of this machine."""

    home: Path
    addresses: dict[Face, str]
    partner_workers: int

    def url(self, face: Face) -> str:
        """Return what a person types to reach a face: passkeys need the name localhost, not a number."""
        host, _, port = self.addresses[face].rpartition(":")
        name = "localhost" if is_loopback(self.addresses[face]) else host
        return f"http://{name}:{port}"


def register(groups: main.Groups) -> None:
    """Add the command."""
    main.add_command(
        groups,
        "up",
        "start every process of the node and keep them running; Ctrl-C ends them",
        run=run,
        example="VIGIE_HOME=/srv/vigie vigie-node up",
    )


def run(options: argparse.Namespace) -> int:
    """Run the node until it is told to end."""
    del options
    plan = read_plan()
    check_home(plan.home)
    return keep_up(plan)


def read_plan() -> Plan:
    """Read from the settings what runs here, without becoming one of the faces."""
    is_set_up = SETTINGS in sys.modules
    with main.settings_being_read():
        found = importlib.import_module(SETTINGS)
    if not is_set_up:
        # Each process reads them again, as the face that it is.
        del sys.modules[SETTINGS]
    return Plan(found.HOME, found.ADDRESSES, max(1, found.PARTNER_WORKERS))


def check_home(home: Path) -> None:
    """Refuse to start where nothing was made.

    Raises:  NoHomeError.
    """
    if not homes.is_made(home):
        raise NoHomeError("there is no node here: run `vigie-node init`, or set VIGIE_HOME to the node's home")


def keep_up(plan: Plan) -> int:
    """Start the processes, tell the addresses, keep all running; return the exit code."""
    begun = time.monotonic()
    with supervisor.only_one(plan.home):
        processes.prepare_figures(plan.home, anew=True)
        for face, address in plan.addresses.items():
            supervisor.check_free(face, address=address)
        processes.share_imports()
        faces = [*plan.addresses, *[Face.PARTNER] * (plan.partner_workers - 1)]
        refused = supervisor.wait_for(supervisor.fork(lambda: sys.exit(_begin(plan.home, faces))))
        if refused:
            return refused
        children = [supervisor.Child(face, plan.addresses[face]) for face in faces]
        node = supervisor.Supervisor([*children, supervisor.Child(Face.WORKER, "")], raise_alarm=_raise_alarm)
        supervisor.end_on_signals(node)
        try:
            node.start()
            if _wait_until_up(node, plan, begun=begun):
                tell(plan, seconds=time.monotonic() - begun)
            node.keep()
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            node.end()
            supervisor.wait_for(supervisor.fork(lambda: _note_stop(plan.home)))
    output.write({"state": "stopped"}, text="Stopped; everything is kept.")
    return 0


def _wait_until_up(node: supervisor.Supervisor, plan: Plan, *, begun: float) -> bool:
    waiting = set(plan.addresses)
    while waiting and not node.is_ending:
        if time.monotonic() - begun > START_SECONDS:
            raise supervisor.NotStartedError(
                f"no answer from {', '.join(sorted(waiting))} after {START_SECONDS:g} s: see the lines above"
            )
        waiting -= {face for face in waiting if supervisor.answers(plan.addresses[face])}
        node.tick()
        time.sleep(0.02)
    return not node.is_ending


def tell(plan: Plan, *, seconds: float) -> None:
    """Tell where the node is reached."""
    urls = {face.value: plan.url(face) for face in SERVING}
    text = (
        f"The node is up, after {seconds:.1f} s. Ctrl-C stops it.\n"
        f"  public     {urls['public']}\n"
        f"  analysts   {urls['analyst']}\n"
        f"  partners   {urls['partner']}   with the documentation of their interface"
    )
    output.write({"state": "up", "seconds": round(seconds, 2), **urls}, text=text)


def _begin(home: Path, faces: Sequence[Face]) -> int:
    # As the worker: the node starts without the login of the database's owner.
    os.environ["VIGIE_FACE"] = Face.WORKER.value
    check_start(LOGINS)
    from vigie_node.base.actor import NODE  # noqa: PLC0415 - only now is the site set up
    from vigie_node.cli import runs  # noqa: PLC0415

    runs.note_start(home, faces=[*faces, Face.WORKER], by=NODE, now=datetime.now(UTC))
    return 0


def _note_stop(home: Path) -> None:
    os.environ["VIGIE_FACE"] = Face.WORKER.value
    main.set_up_site()
    from vigie_node.base.actor import NODE  # noqa: PLC0415 - only now is the site set up
    from vigie_node.cli import runs  # noqa: PLC0415

    runs.note_stop(home, by=NODE, now=datetime.now(UTC))


def check_start(faces: Sequence[Face]) -> int:
    """Refuse an unsafe configuration or a database not ready for these faces; 0 where all is well. In a child.

    Raises:  UnsafeError; NotInitialisedError.
    """
    main.set_up_site()
    from django.core.checks import ERROR, run_checks  # noqa: PLC0415 - only now is the site set up

    from vigie_node.cli import migrate  # noqa: PLC0415
    from vigie_node.project import checks  # noqa: PLC0415

    found = [*run_checks(tags=[checks.TAG]), *checks.database(faces=faces)]
    for one in found:
        main.say(str(one.id), f"{one.msg} {one.hint}", 0)
    if any(one.level >= ERROR for one in found):
        raise UnsafeError("the node does not start on this configuration; the lines above say why")
    if migrate.pending():
        raise NotInitialisedError("the database lacks migrations: run `vigie-node migrate`")
    return 0


def _raise_alarm(died: list[Face]) -> None:
    os.environ["VIGIE_FACE"] = Face.WORKER.value
    main.set_up_site()
    from vigie_node.alarms import actions as alarms  # noqa: PLC0415 - in a child, once the site is set up
    from vigie_node.alarms.codes import Alarm  # noqa: PLC0415
    from vigie_node.base.actor import NODE  # noqa: PLC0415

    for face in sorted(set(died)):
        count, now = died.count(face), datetime.now(UTC)
        alarms.raise_alarm(Alarm.PROCESS_DIED, subject=face.value, count=count, by=NODE, now=now)


def is_up(home: Path) -> bool:
    """Say whether a supervisor runs on this home."""
    try:
        with supervisor.only_one(home):
            return False
    except supervisor.AlreadyUpError:
        return True
    except FileNotFoundError:
        return False


def is_loopback(address: str) -> bool:
    """Say whether an address host:port can be reached from this machine only."""
    return address.rpartition(":")[0].strip("[]") in {"127.0.0.1", "::1", "localhost"}
