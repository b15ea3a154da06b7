# SPDX-License-Identifier: Apache-2.0
"""One process of the node: what it sets up, how it serves, how it ends.

- A face that answers HTTP is served by granian as WSGI: one process, a fixed number of threads, no access log.
- It ends with whoever started it, whatever ends that one; told to end, it finishes what it works on within
  STOP_SECONDS.
- The figures of every process go to one folder of the node's home; it is named before anything counts, and has its
  room: the system ends a process that counts in a file without any.
"""

import ctypes
import gc
import importlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from vigie_node.project import environment, logs
from vigie_node.project.faces import SERVING, Face

STOP_SECONDS = 3
_PR_SET_PDEATHSIG = 1
_FIGURES = ("counter", "histogram", "gauge_max", "gauge_livemax")  # as prometheus_client names its files
_FIGURES_BYTES = 1 << 19
# What every process needs and no setting changes: imported once, before the processes are forked.
_SHARED_IMPORTS = (
    "numpy", "msgspec", "pydantic", "structlog", "cryptography.hazmat.primitives.asymmetric.ed25519", "granian",
    "django.db.models", "django.http", "django.template", "django.views", "django.urls", "django.forms",
    "django.core.handlers.wsgi", "django.db.backends.sqlite3.base", "django.core.cache.backends.db",
)  # fmt: skip


def prepare_figures(home: Path, *, anew: bool) -> None:
    """Have this process and its children count into a folder of the home; begin anew where nobody else runs."""
    folder = home / "run" / "metrics"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for file in folder.glob("*.db") if anew else ():
        file.unlink(missing_ok=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)


def take_room_for_figures() -> None:
    """Take the room that this process counts in; where there is none, let it count for itself alone."""
    try:
        for kind in _FIGURES:
            file = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]) / f"{kind}_{os.getpid()}.db"
            with file.open("ab") as room:
                os.posix_fallocate(room.fileno(), 0, _FIGURES_BYTES)
    except OSError:
        del os.environ["PROMETHEUS_MULTIPROC_DIR"]


def share_imports() -> None:
    """Import what all processes need, so that each is there sooner and their memory is shared."""
    for name in _SHARED_IMPORTS:
        importlib.import_module(name)


def end_with_parent(parent: int) -> None:
    """Have this process killed when its parent ends, and end now if that has happened already."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def run(face: Face, *, address: str) -> None:
    """Be one process of the node until told to end."""
    os.environ["VIGIE_FACE"] = face.value
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vigie_node.project.settings")
    environment.forget_owner()
    if face is Face.WORKER:
        _work()
    else:
        _serve(face, address=address)


def _serve(face: Face, *, address: str) -> None:
    from granian import Granian  # noqa: PLC0415 - the worker and the supervisor do without
    from granian.constants import HTTPModes, Interfaces  # noqa: PLC0415
    from granian.http import HTTP1Settings  # noqa: PLC0415
    from granian.log import LogLevels  # noqa: PLC0415

    host, _, port = address.rpartition(":")
    serving = SERVING[face]
    server = Granian(
        serving.application,
        address=host.strip("[]"),
        port=int(port),
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=serving.threads,
        http=HTTPModes.http1,  # a body that does not come can be ended: base/arrivals.py
        websockets=False,
        http1_settings=HTTP1Settings(header_read_timeout=10_000),
        log_level=LogLevels.error,
        log_dictconfig={"loggers": {"_granian": {"propagate": True}}},
        log_access=False,
        respawn_failed_workers=False,
        workers_kill_timeout=STOP_SECONDS,
    )
    parent = os.getpid()
    server.serve(target_loader=lambda target: _load(target, parent=parent))


def _load(target: str, *, parent: int) -> Callable[..., Any]:
    """Load the application, in the process that serves it."""
    end_with_parent(parent)
    take_room_for_figures()
    module, _, name = target.partition(":")
    try:
        application: Callable[..., Any] = getattr(importlib.import_module(module), name)
        # Now rather than at the first request: a face that cannot answer must not start, nor the first reader wait.
        importlib.import_module("django.urls").get_resolver().url_patterns  # noqa: B018
        gc.collect()
        gc.freeze()  # what is loaded by now stays: no collection has to look at it again
    except Exception as error:  # noqa: BLE001 - told in one line, without the values that a trace may show
        tell_bug(error)
        os._exit(1)
    return application


def tell_bug(error: BaseException) -> int:
    """Say on stderr which error ended a process and where, without its message; return the exit code."""
    where = " > ".join(logs.places(error)[-6:])
    sys.stderr.write(f"vigie-node: a process ended on {type(error).__name__} in {where} [node.bug]\n")
    sys.stderr.flush()
    return 1


def _work() -> None:
    take_room_for_figures()
    import django  # noqa: PLC0415 - the settings are read here, for this face

    stop = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        del number, frame
        stop.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    django.setup()
    importlib.import_module("vigie_node.jobs.worker").run(stop)
