# SPDX-License-Identifier: Apache-2.0
import errno
import importlib.util
import re
from pathlib import Path

import pytest

from vigie.fingerprints.decode import seccomp

ALLOW, KILL = 0x7FFF0000, 0x80000000
REFUSE, ABSENT = 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
MACHINES = tuple(seccomp.ARCHITECTURES)
NAMED = {**seccomp.ALLOWED, **seccomp.JUDGED, **seccomp.DEADLY}


def answer(machine: str, number: int, *arguments: int, audit: int | None = None) -> int:
    """Run the filter on one call as the kernel would: four operations, no loops."""
    here = seccomp.ARCHITECTURES[machine]
    words = {0: number, 4: here.audit if audit is None else audit}
    for index in range(6):
        value = arguments[index] if index < len(arguments) else 0
        words[16 + 8 * index], words[20 + 8 * index] = value & 0xFFFFFFFF, value >> 32
    steps, at, loaded = seccomp.program(machine), 0, 0
    while True:
        operation, if_true, if_false, constant = steps[at]
        match operation:
            case 0x20:
                loaded, jump = words[constant], 0
            case 0x15:
                jump = if_true if loaded == constant else if_false
            case 0x35:
                jump = if_true if loaded >= constant else if_false
            case 0x45:
                jump = if_true if loaded & constant else if_false
            case 0x06:
                return constant
            case _:
                raise AssertionError(operation)
        at += 1 + jump


def number(name: str, machine: str) -> int | None:
    return NAMED[name][seccomp.ARCHITECTURES[machine].column]


@pytest.mark.parametrize("machine", MACHINES)
class TestProgram:
    @pytest.mark.parametrize("name", seccomp.ALLOWED)
    def test_allows_what_decoding_needs(self, machine, name):
        if (this := number(name, machine)) is not None:
            assert answer(machine, this) == ALLOW

    @pytest.mark.parametrize("name", seccomp.DEADLY)
    def test_ends_the_process_at_what_no_decoder_tries(self, machine, name):
        if (this := number(name, machine)) is not None:
            assert answer(machine, this) == KILL

    def test_refuses_every_other_call(self, machine):
        named = {number(name, machine) for name in NAMED}
        others = set(range(600)) - named
        assert {answer(machine, other) for other in others} == {REFUSE}

    def test_ends_the_process_at_calls_of_another_architecture(self, machine):
        for audit in {a.audit for a in seccomp.ARCHITECTURES.values()} | {0x40000003, 0}:
            foreign = audit != seccomp.ARCHITECTURES[machine].audit
            assert (answer(machine, number("read", machine), audit=audit) == KILL) == foreign

    @pytest.mark.parametrize("name", ["mmap", "mprotect"])
    @pytest.mark.parametrize(
        ("protection", "expected"), [(0, ALLOW), (3, ALLOW), (4, REFUSE), (5, REFUSE), (7, REFUSE)]
    )
    def test_lets_no_memory_become_executable(self, machine, name, protection, expected):
        assert answer(machine, number(name, machine), 0, 4096, protection) == expected

    @pytest.mark.parametrize(
        ("flags", "expected"),
        [
            (0x003D0F00, ALLOW),  # a thread of glibc
            (0x007D0F00, ALLOW),  # a thread of musl
            (0x00000011, KILL),  # fork
            (0x00004111, KILL),  # vfork
            (0x10000011, KILL),  # a new user namespace
            (0x103D0F00, KILL),  # a thread, and a new user namespace
            (0, KILL),
        ],
    )
    def test_lets_clone_make_threads_only(self, machine, flags, expected):
        assert answer(machine, number("clone", machine), flags) == expected

    def test_sends_libc_from_clone3_to_clone(self, machine):
        assert answer(machine, number("clone3", machine)) == ABSENT

    @pytest.mark.parametrize(
        ("command", "expected"), [(1, ALLOW), (3, ALLOW), (1030, ALLOW), (4, REFUSE), (8, REFUSE), (10, REFUSE)]
    )
    def test_lets_fcntl_look_and_copy_only(self, machine, command, expected):
        assert answer(machine, number("fcntl", machine), 3, command) == expected

    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            ((0, 9, 0, 0xDEAD), ALLOW),  # read one's own
            ((0, 0, 0xBEEF, 0), ALLOW),  # lower one's own processor time
            ((0, 9, 0xBEEF, 0), REFUSE),
            ((0, 9, 0xBEEF00000000, 0), REFUSE),
            ((1, 9, 0, 0xDEAD), REFUSE),
            ((1, 0, 0xBEEF, 0), REFUSE),
        ],
    )
    def test_lets_no_limit_be_raised(self, machine, arguments, expected):
        assert answer(machine, number("prlimit64", machine), *arguments) == expected

    def test_is_short_enough_for_the_kernel(self, machine):
        assert len(seccomp.program(machine)) < 4096


class TestNumbers:
    def test_ends_the_process_at_the_32_bit_numbering_of_x86_64(self):
        assert answer("x86_64", 0x40000000 | 59) == answer("x86_64", 0x40000000) == KILL

    @pytest.mark.parametrize(
        ("machine", "header"),
        [("x86_64", "x86-linux-any/asm/unistd_64.h"), ("aarch64", "aarch64-linux-any/asm/unistd_64.h")],
    )
    def test_are_those_of_the_kernel_headers(self, machine, header):
        zig = importlib.util.find_spec("ziglang")
        path = Path(zig.origin).parent / "lib/libc/include" / header if zig else Path("absent")
        if not path.exists():
            pytest.skip("the compiler wheel, which brings the kernel's headers, is not installed or has other folders")
        pattern = r"#define __NR(?:3264)?_(\w+)\s+(\d+)"
        known = {name: int(value) for name, value in re.findall(pattern, path.read_text())}
        assert {name: number(name, machine) for name in NAMED} == {name: known.get(name) for name in NAMED}

    def test_name_no_call_twice(self):
        assert len(NAMED) == len(seccomp.ALLOWED) + len(seccomp.JUDGED) + len(seccomp.DEADLY)
