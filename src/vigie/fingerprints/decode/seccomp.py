# SPDX-License-Identifier: Apache-2.0
"""The system calls a worker may still make, as a filter that the kernel enforces.

- What is not named is refused (EPERM). What no decoder has a reason to try ends the process.
- Nothing is opened by name, no process or socket is made, no memory becomes executable, no limit is raised.
- Calls of another architecture, and x86-64's 32-bit numbering, end the process: they would go past the names.
- The filter is data until `install`: it can be read, printed and tried out without being installed.

Source: seccomp(2); Linux UAPI headers (asm/unistd_64.h, asm-generic/unistd.h, linux/filter.h, linux/seccomp.h).
"""

import ctypes
import errno
import os
import platform
import struct
from dataclasses import dataclass
from typing import Final

Instruction = tuple[int, int, int, int]  # operation, jump if true, jump if false, constant

_LOAD, _IF_EQUAL, _IF_AT_LEAST, _IF_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16
_ALLOW: Final[Instruction] = (_RETURN, 0, 0, 0x7FFF0000)
_KILL: Final[Instruction] = (_RETURN, 0, 0, 0x80000000)
_X32_BIT = 0x40000000

_SET_MODE_FILTER, _ALL_THREADS = 1, 1
_PROT_EXEC = 4
_RLIMIT_CPU = 0
_THREAD_FLAGS = (0x003D0F00, 0x007D0F00)  # what pthread_create passes: glibc, musl
_DESCRIPTOR_COMMANDS = (1, 2, 3, 1030)  # F_GETFD, F_SETFD, F_GETFL, F_DUPFD_CLOEXEC


@dataclass(frozen=True, slots=True)
class Architecture:
    """What differs between processors: how the kernel names it, and the calls' numbers."""

    audit: int
    seccomp: int
    column: int
    has_x32: bool


ARCHITECTURES: Final = {
    "x86_64": Architecture(audit=0xC000003E, seccomp=317, column=0, has_x32=True),
    "aarch64": Architecture(audit=0xC00000B7, seccomp=277, column=1, has_x32=False),
}

# Each call: its number on x86-64, on aarch64 (None: it does not exist there). The most frequent ones first.
Table = dict[str, tuple[int | None, int | None]]

ALLOWED: Final[Table] = {
    "pread64": (17, 67),
    "read": (0, 63),
    "lseek": (8, 62),
    "futex": (202, 98),
    "recvmsg": (47, 212),
    "sendto": (44, 206),
    "munmap": (11, 215),
    "close": (3, 57),
    "brk": (12, 214),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "write": (1, 64),
    "pwrite64": (18, 68),
    "readv": (19, 65),
    "writev": (20, 66),
    "preadv": (295, 69),
    "fstat": (5, 80),
    "ftruncate": (77, 46),
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115),
    "nanosleep": (35, 101),
    "gettimeofday": (96, 169),
    "time": (201, None),
    "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123),
    "getcpu": (309, 168),
    "getpid": (39, 172),
    "gettid": (186, 178),
    "getrandom": (318, 278),
    "getrusage": (98, 165),
    "sysinfo": (99, 179),
    "getrlimit": (97, 163),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sigaltstack": (131, 132),
    "restart_syscall": (219, 128),
    "set_robust_list": (273, 99),
    "rseq": (334, 293),
    "exit": (60, 93),
    "exit_group": (231, 94),
}

DEADLY: Final[Table] = {
    "execve": (59, 221),
    "execveat": (322, 281),
    "fork": (57, None),
    "vfork": (58, None),
    "socket": (41, 198),
    "socketpair": (53, 199),
    "connect": (42, 203),
    "bind": (49, 200),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "unshare": (272, 97),
    "setns": (308, 268),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "open_by_handle_at": (304, 265),
    "personality": (135, 92),
    "modify_ldt": (154, None),
}

# Calls that are looked at more closely: their numbers, and the rule below that judges them.
JUDGED: Final[Table] = {
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "clone": (56, 220),
    "clone3": (435, 435),
    "fcntl": (72, 25),
    "prlimit64": (302, 261),
}


class FilterRefusedError(OSError):
    """The kernel did not take the filter."""


def _refuse(number: int) -> Instruction:
    return (_RETURN, 0, 0, 0x00050000 | number)


def _argument(index: int, *, high: bool = False) -> Instruction:
    """Load half of an argument: both architectures are little-endian, so the low half comes first."""
    return (_LOAD, 0, 0, _ARGUMENTS_AT + 8 * index + 4 * high)


def _any_of(index: int, values: tuple[int, ...], otherwise: Instruction) -> list[Instruction]:
    """Allow the call where the low half of an argument is one of the values."""
    tests = [test for value in values for test in ((_IF_EQUAL, 0, 1, value), _ALLOW)]
    return [_argument(index), *tests, otherwise]


_NOT_EXECUTABLE: Final = [_argument(2), (_IF_ANY_BIT, 0, 1, _PROT_EXEC), _refuse(errno.EPERM), _ALLOW]
_RULES: Final[dict[str, list[Instruction]]] = {
    "mmap": _NOT_EXECUTABLE,
    "mprotect": _NOT_EXECUTABLE,
    "clone": _any_of(0, _THREAD_FLAGS, _KILL),
    "clone3": [_refuse(errno.ENOSYS)],  # its flags lie in memory, where a filter cannot look; libc falls back to clone
    "fcntl": _any_of(1, _DESCRIPTOR_COMMANDS, _refuse(errno.EPERM)),
    # One's own limits are read; that of processor time is lowered, since the hard limit cannot be raised again.
    "prlimit64": [
        *(_argument(0), (_IF_EQUAL, 1, 0, 0), _refuse(errno.EPERM)),
        *(_argument(1), (_IF_EQUAL, 0, 1, _RLIMIT_CPU), _ALLOW),
        *(_argument(2), (_IF_EQUAL, 1, 0, 0), _refuse(errno.EPERM)),
        *(_argument(2, high=True), (_IF_EQUAL, 1, 0, 0), _refuse(errno.EPERM)),
        _ALLOW,
    ],
}


def program(machine: str) -> list[Instruction]:
    """Return the filter for a machine, as instructions.

    Raises:  KeyError for a machine that is not in ARCHITECTURES.
    """
    here = ARCHITECTURES[machine]
    steps: list[Instruction] = [
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_IF_EQUAL, 1, 0, here.audit),
        _KILL,
        (_LOAD, 0, 0, _NUMBER_AT),
    ]
    if here.has_x32:
        steps += [(_IF_AT_LEAST, 0, 1, _X32_BIT), _KILL]
    for name, numbers in {**ALLOWED, **JUDGED, **DEADLY}.items():
        number = numbers[here.column]
        if number is not None:
            block = _RULES.get(name) or [_ALLOW if name in ALLOWED else _KILL]
            # Every block ends in an answer, so the loaded number is still there for the next comparison.
            steps += [(_IF_EQUAL, 0, len(block), number), *block]
    return [*steps, _refuse(errno.EPERM)]


def is_supported() -> bool:
    """Answer whether there is a filter for this machine."""
    return platform.system() == "Linux" and platform.machine() in ARCHITECTURES


def install() -> None:
    """Put every thread of this process under the filter, for ever.

    Raises:  FilterRefusedError where the kernel has no seccomp filters, or a thread could not be reached.
    """
    machine = platform.machine()
    packed = b"".join(struct.pack("=HBBI", *step) for step in program(machine))
    code = ctypes.create_string_buffer(packed, len(packed))
    header = struct.pack("@HP", len(packed) // 8, ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(ARCHITECTURES[machine].seccomp, _SET_MODE_FILTER, _ALL_THREADS, header) != 0:
        number = ctypes.get_errno()
        raise FilterRefusedError(number, os.strerror(number))
