# SPDX-License-Identifier: Apache-2.0
"""A worker gives up what it does not need, in two steps: before the decoders are loaded, and after.

- `isolate` comes first, while there is one thread and nothing foreign is loaded: it cuts off privileges to come, other
  namespaces and debuggers.
- `lock` comes after the decoders are loaded and before the first file: it gives up memory and time beyond the limits,
  files, identity and capabilities, and last the system calls.
- A layer is reported only where it was seen to hold. What the system does not offer is left out of the answer; the
  parent decides whether the rest is enough.
- RLIMIT_NPROC is not used: it counts all processes of the user. No process can be made at all, and threads are bounded
  by the address space.

Source: namespaces(7), landlock(7), capabilities(7), setrlimit(2), prctl(2).
"""

import contextlib
import ctypes
import errno
import math
import mmap
import os
import platform
import resource
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from vigie.fingerprints.decode import seccomp


class Layer(StrEnum):
    """One thing that confines a worker; the value is its name in results."""

    NO_NEW_PRIVILEGES = "no-new-privileges"
    USER_NAMESPACE = "user-namespace"
    NETWORK_NAMESPACE = "network-namespace"
    RLIMITS = "rlimits"
    LANDLOCK = "landlock"
    UNPRIVILEGED = "unprivileged"
    SECCOMP = "seccomp"


@dataclass(frozen=True, slots=True)
class Budget:
    """What a worker may use in its life, on top of what loading the decoders took."""

    memory_bytes: int
    cpu_seconds: int
    scratch_bytes: int
    descriptors: int = 64


_SET_PDEATHSIG, _SET_DUMPABLE, _SET_NO_NEW_PRIVS = 1, 4, 38
_NEW_USER, _NEW_NET, _NEW_IPC, _NEW_UTS = 0x10000000, 0x40000000, 0x08000000, 0x04000000
_NOBODY: Final = 65534
_CREATE_RULESET, _RESTRICT_SELF = 444, 446  # landlock(7): the same numbers on every architecture
# What each version of Landlock can refuse: file system, network, scopes. All of it is refused, without exception.
_LANDLOCK: Final = {
    1: ((1 << 13) - 1,),
    2: ((1 << 14) - 1,),
    3: ((1 << 15) - 1,),
    4: ((1 << 15) - 1, 0b11),
    5: ((1 << 16) - 1, 0b11),
    6: ((1 << 16) - 1, 0b11, 0b11),
}
_THREADS_END_SECONDS: Final = 5.0


class StillThreadedError(RuntimeError):
    """A decoder left a thread behind, which some of the layers would not reach."""


def isolate() -> frozenset[Layer]:
    """Cut this process off, before anything foreign is loaded; return the namespaces that are now its own."""
    if platform.system() != "Linux":
        return frozenset()
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="utf-8")  # a bomb ends this process, no other
    _prctl(_SET_NO_NEW_PRIVS, 1)
    _die_with_parent()
    # Root keeps its own user namespace and gives up its identity in `lock`; anybody else needs a new one to be
    # allowed the others.
    user = 0 if os.geteuid() == 0 else _NEW_USER
    before = _namespaces()
    _libc().unshare(user | _NEW_NET | _NEW_IPC | _NEW_UTS)
    after = _namespaces()
    return frozenset(layer for layer, name in before.items() if after[layer] != name)


def lock(budget: Budget, *, isolated: frozenset[Layer]) -> tuple[str, ...]:
    """Give up all that decoding from memory does not need; return every layer that holds.

    Raises:  StillThreadedError where another thread is still running.
    """
    if platform.system() != "Linux":
        return ()
    _wait_for_one_thread()
    holding = set(isolated)
    if _limit_resources(budget):
        holding.add(Layer.RLIMITS)
    _drop_privileges()
    status = Path("/proc/self/status").read_text(encoding="utf-8", errors="replace")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    if fields["NoNewPrivs"] == "1":
        holding.add(Layer.NO_NEW_PRIVILEGES)
    if "0" not in fields["Uid"].split() and int(fields["CapPrm"], 16) == int(fields["CapEff"], 16) == 0:
        holding.add(Layer.UNPRIVILEGED)
    if _forbid_paths():
        holding.add(Layer.LANDLOCK)
    if _filter_calls():
        holding.add(Layer.SECCOMP)
    return tuple(layer for layer in Layer if layer in holding)


@contextlib.contextmanager
def cpu_limit(seconds: int) -> Iterator[None]:
    """Let the kernel end this process where the block takes more processor time; the limit of `lock` stays above it."""
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    used = resource.getrusage(resource.RUSAGE_SELF)
    wanted = math.ceil(used.ru_utime + used.ru_stime) + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_CPU, (hard, hard))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _prctl(option: int, value: int) -> None:
    _libc().prctl(option, ctypes.c_ulong(value), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0))


def _die_with_parent() -> None:
    """Let the kernel end this process with its parent, and keep debuggers and core dumps away from it."""
    _prctl(_SET_PDEATHSIG, signal.SIGKILL)
    _prctl(_SET_DUMPABLE, 0)


def _namespaces() -> dict[Layer, str]:
    names = {Layer.USER_NAMESPACE: "user", Layer.NETWORK_NAMESPACE: "net"}
    return {layer: str(Path("/proc/self/ns", name).readlink()) for layer, name in names.items()}


def _wait_for_one_thread() -> None:
    """Wait until the threads that decoders used while loading are gone from the kernel's table."""
    deadline = time.monotonic() + _THREADS_END_SECONDS
    while len(list(Path("/proc/self/task").iterdir())) > 1:
        if time.monotonic() > deadline:
            raise StillThreadedError
        time.sleep(0.001)


def _limit_resources(budget: Budget) -> bool:
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[0])
    limits = {
        resource.RLIMIT_AS: pages * resource.getpagesize() + budget.memory_bytes,
        resource.RLIMIT_CPU: budget.cpu_seconds,
        resource.RLIMIT_FSIZE: budget.scratch_bytes,
        resource.RLIMIT_NOFILE: budget.descriptors,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
    }
    for name, wanted in limits.items():
        hard = resource.getrlimit(name)[1]
        value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(name, (value, value))
    return all(0 <= resource.getrlimit(name)[1] <= wanted for name, wanted in limits.items())


def _drop_privileges() -> None:
    """Become nobody where this is root, and give up every capability."""
    if os.geteuid() == 0:
        # In some containers root may not change its identity: then the layer is not reported.
        with contextlib.suppress(OSError):
            os.setgroups([])
            os.setresgid(_NOBODY, _NOBODY, _NOBODY)
            os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    version_3, own_process = 0x20080522, 0
    header = (ctypes.c_uint32 * 2)(version_3, own_process)
    _libc().capset(header, (ctypes.c_uint32 * 6)())
    _die_with_parent()  # a change of identity undoes it


def _forbid_paths() -> bool:
    """Refuse every path, address and foreign process through Landlock; return whether it holds."""
    libc = _libc()
    version = libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), 1)
    if version < 1:
        return False
    rights = _LANDLOCK[min(version, max(_LANDLOCK))]
    attributes = (ctypes.c_uint64 * len(rights))(*rights)
    ruleset = libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(ctypes.sizeof(attributes)), 0)
    if ruleset < 0:
        return False
    libc.syscall(_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)
    return _error_of_opening("/") == errno.EACCES


def _filter_calls() -> bool:
    """Install the filter and try it: no path, no executable memory, but what decoding needs."""
    if not seccomp.is_supported():
        return False
    try:
        seccomp.install()
    except seccomp.FilterRefusedError:
        return False
    try:
        mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_EXEC).close()
    except PermissionError:
        return _error_of_opening("/") == errno.EPERM and os.getpid() > 0
    return False


def _error_of_opening(path: str) -> int | None:
    try:
        os.close(os.open(path, os.O_RDONLY))
    except OSError as error:
        return error.errno
    return None
