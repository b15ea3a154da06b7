# SPDX-License-Identifier: Apache-2.0
"""Processes confine themselves as a worker does, then really try what must not work."""

import json
import platform
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vigie.fingerprints import sandbox
from vigie.fingerprints.decode import seccomp
from vigie.fingerprints.decode.confine import Layer

pytestmark = pytest.mark.skipif(not seccomp.is_supported(), reason="confinement needs Linux on x86-64 or aarch64")

LIMITS = {"memory_bytes": 256 * 1024**2, "cpu_seconds": 2, "scratch_bytes": 1 << 20}
PRELUDE = """
import ctypes, errno, json, mmap, os, resource, signal, socket, sys, threading, time
sys.path[:] = sys.argv[1:]
from vigie.fingerprints.decode import confine
libc = ctypes.CDLL(None, use_errno=True)
call = lambda *arguments: (libc.syscall(*arguments), errno.errorcode.get(ctypes.get_errno()))
EARLY
parent, memory = os.getppid(), os.memfd_create("scratch")
isolated = confine.isolate()
BEFORE
layers = confine.lock(confine.Budget(**LIMITS), isolated=isolated)
def say(what):
    os.write(1, json.dumps(what).encode())
def error_of(function, *arguments):
    try:
        function(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno]
    except ValueError as error:
        return str(error)
"""


def confined(script: str, *, early: str = "", before: str = "", **limits: int) -> list[str]:
    """Return the command that runs a script confined; `early` comes before any confinement, `before` in its middle."""
    text = PRELUDE.replace("EARLY", early).replace("BEFORE", before).replace("LIMITS", repr(LIMITS | limits))
    return [sys.executable, "-I", "-S", "-c", text + script, *sandbox.import_path()]


def run(script: str, **options) -> tuple[int, object]:
    """Run a script confined; return its exit status, and what it said."""
    done = subprocess.run(confined(script, **options), capture_output=True, timeout=60, check=False, cwd="/")
    assert not done.stderr or done.returncode, done.stderr.decode()
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr.decode()


class TestLayers:
    def test_hold_on_this_machine(self):
        code, layers = run("say(layers)")
        assert code == 0
        assert {"seccomp", "rlimits", "no-new-privileges", "unprivileged"} <= set(layers)

    def test_are_reported_in_a_fixed_order(self):
        _, layers = run("say(layers)")
        assert layers == [layer for layer in Layer if layer in layers]

    def test_hold_for_the_kernel_too(self):
        before = "status = os.open('/proc/self/status', os.O_RDONLY)"
        _, text = run("say(os.pread(status, 8192, 0).decode())", before=before)
        fields = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
        assert (fields["Seccomp"], fields["NoNewPrivs"]) == ("2", "1")
        assert int(fields["CapEff"], 16) == int(fields["CapPrm"], 16) == int(fields["CapInh"], 16) == 0
        assert "0" not in fields["Uid"].split()

    def test_are_refused_where_a_thread_is_left_over(self):
        thread = "threading.Thread(target=time.sleep, args=(30,), daemon=True).start()"
        code, said = run("", before=f"confine._THREADS_END_SECONDS = 0.1\n{thread}")
        assert code == 1
        assert "StillThreadedError" in said

    def test_reach_threads_that_start_later(self):
        script = """
answers = []
threads = [threading.Thread(target=lambda: answers.append(error_of(os.open, "/", os.O_RDONLY))) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
say(answers)
"""
        assert run(script) == (0, ["EPERM"] * 4)


REFUSED = {
    "opens a file by name": "error_of(os.open, '/etc/passwd', os.O_RDONLY)",
    "looks at a file by name": "error_of(os.stat, '/etc/passwd')",
    "lists a folder": "error_of(os.listdir, '/')",
    "makes a file": "error_of(os.open, '/tmp/x', os.O_CREAT | os.O_WRONLY)",
    "removes a file": "error_of(os.unlink, '/tmp/x')",
    "changes the mode of an open file": "error_of(os.fchmod, memory, 0o777)",
    "changes the times of an open file": "error_of(os.utime, memory)",
    "sends a signal to its parent": "error_of(os.kill, parent, signal.SIGKILL)",
    "sends a signal to everybody": "error_of(os.kill, -1, signal.SIGKILL)",
    "makes new executable memory": "error_of(lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC))",
    "makes another identity its own": "error_of(os.setresuid, 0, 0, 0)",
    "makes memory files": "error_of(os.memfd_create, 'other')",
    "changes its own limits": "error_of(resource.setrlimit, resource.RLIMIT_NOFILE, (9, 9))",
}


class TestRefusals:
    @pytest.mark.parametrize("attempt", REFUSED.values(), ids=REFUSED)
    def test_refuse_a_worker_that(self, attempt):
        code, said = run(f"say({attempt})")
        assert code == 0
        assert said in {"EPERM", "EACCES", "not allowed to raise maximum limit"}

    def test_refuse_to_make_written_memory_executable(self):
        script = """
page = mmap.mmap(-1, 4096)
address = ctypes.addressof(ctypes.c_char.from_buffer(page))
say([libc.mprotect(ctypes.c_void_p(address), 4096, 5), errno.errorcode[ctypes.get_errno()]])
"""
        assert run(script) == (0, [-1, "EPERM"])

    def test_refuse_to_raise_processor_time_again(self):
        code, said = run("say(error_of(resource.setrlimit, resource.RLIMIT_CPU, (1, resource.RLIM_INFINITY)))")
        assert (code, said) == (0, "not allowed to raise maximum limit")


MACHINE = platform.machine()
DEADLY = {
    "starts a program": "os.execv('/bin/true', ['true'])",
    "starts a program through libc": "libc.system(b'true')",
    "forks": "os.fork()",
    "makes a socket": "socket.socket()",
    "makes a pair of sockets": "socket.socketpair()",
    "traces its parent": "libc.ptrace(16, parent, 0, 0)",
    "reads its parent's memory": f"call({310 if MACHINE == 'x86_64' else 270}, parent, 0, 0, 0, 0, 0)",
    "mounts": "libc.mount(b'none', b'/tmp', b'tmpfs', 0, None)",
    "changes its root": "libc.chroot(b'/')",
    "makes a user namespace": "libc.unshare(0x10000000)",
    "loads a kernel program": f"call({321 if MACHINE == 'x86_64' else 280}, 0, 0, 0)",
    "sets up a ring": "call(425, 1, 0)",
}
if MACHINE == "x86_64":
    DEADLY["uses the 32-bit numbering"] = "call(0x40000000 + 39)"


class TestDeaths:
    @pytest.mark.parametrize("attempt", DEADLY.values(), ids=DEADLY)
    def test_end_a_worker_that(self, attempt):
        code, said = run(f"{attempt}\nsay('still here')")
        assert (code, said) == (-signal.SIGSYS, "")

    def test_end_a_worker_that_uses_too_much_processor_time(self):
        code, _ = run("while True: pass", cpu_seconds=1)
        assert code in (-signal.SIGXCPU, -signal.SIGKILL)

    def test_end_a_worker_that_uses_too_much_processor_time_for_one_content(self):
        code, _ = run("with confine.cpu_limit(1):\n    while True: pass", cpu_seconds=60)
        assert code == -signal.SIGXCPU

    def test_spare_a_worker_whose_content_stayed_within_its_processor_time(self):
        script = """
with confine.cpu_limit(0):
    pass
end = time.process_time() + 1.2
while time.process_time() < end:
    pass
say(1)
"""
        assert run(script, cpu_seconds=60) == (0, 1)

    def test_end_a_worker_with_its_parent(self):
        parent = """
import json, os, subprocess, sys
worker = subprocess.Popen(json.loads(sys.argv[1]), stdout=subprocess.PIPE)
worker.stdout.read(1)
print(worker.pid, flush=True)
os.kill(os.getpid(), 9)
"""
        worker = json.dumps(confined("say(1)\ntime.sleep(60)"))
        done = subprocess.run([sys.executable, "-c", parent, worker], capture_output=True, check=False)
        assert done.returncode == -signal.SIGKILL
        assert ends(int(done.stdout))


def ends(pid: int) -> bool:
    """Wait until a process has ended; whoever inherits it may take its time to bury it."""
    for _ in range(500):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][:1]
        except OSError:
            return True
        if state in "ZX":
            return True
        time.sleep(0.01)
    return False


class TestBudget:
    def test_bounds_memory_with_an_error_that_can_be_survived(self):
        script = """
try:
    bytearray(1 << 29)
except MemoryError:
    say("survived")
"""
        assert run(script) == (0, "survived")

    def test_bounds_the_scratch_file(self):
        assert run("say(error_of(os.pwrite, memory, bytes(2 << 20), 1 << 19))", scratch_bytes=1 << 18) == (0, "EFBIG")

    def test_lets_decoding_go_on(self):
        script = """
os.pwrite(memory, b"content", 0)
thread = threading.Thread(target=time.sleep, args=(0.01,)); thread.start(); thread.join()
say([os.pread(memory, 7, 0).decode(), len(os.urandom(8)), time.monotonic() > 0, len(bytes(50 << 20))])
"""
        assert run(script) == (0, ["content", 8, True, 50 << 20])


class TestOtherUsers:
    def test_are_confined_as_root_is(self):
        nobody = "os.geteuid() or (os.setgroups([]), os.setresgid(*[65534] * 3), os.setresuid(*[65534] * 3))"
        code, said = run("say([layers, error_of(os.open, '/', os.O_RDONLY)])", early=nobody)
        assert code == 0
        assert {"seccomp", "rlimits", "no-new-privileges", "unprivileged"} <= set(said[0])
        assert ("user-namespace" in said[0]) == ("network-namespace" in said[0])
        assert said[1] == "EPERM"
