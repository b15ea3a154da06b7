# SPDX-License-Identifier: Apache-2.0
"""One confined worker: a process that opens untrusted media, and the line to it.

- Nothing else in the engine starts a process. A worker is started with no standard streams, no inherited files but
  its end of the line, an almost empty environment, its own session, and the import path of this process.
- The parent decodes nothing. What a worker says is untrusted: it is bounded in size and time and strictly typed.
- A worker that dies, hangs or says something out of order is lost: it is killed, and never asked again.
- A worker dies with the thread that started it: it belongs to one thread of one process.

Why: docs/explanation/confinement.md.
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Final

import msgspec

from vigie.errors import NotAllowedError, UnavailableError
from vigie.fingerprints import channel
from vigie.fingerprints.decode.kinds import Role
from vigie.fingerprints.messages import Job, Ready, Reply, ToParent

_GIB: Final = 1024**3
_MB: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may cost before its worker is ended, and when a worker is replaced."""

    start_seconds: float = 60.0
    picture_seconds: float = 30.0
    video_seconds: float = 1_800.0  # well above what the opener's own limit of pixels takes
    archive_seconds: float = 180.0  # from one member to the next
    seconds_per_mb: float = 0.1  # on top, for videos and archives: reading from slow media
    max_members: int = 1_000_000
    max_archive_losses: int = 20  # workers that one archive may cost
    scratch_bytes: int = _GIB
    worker_files: int = 5_000
    worker_resident_bytes: int = 1_000 * _MB
    # What one worker may use in its life, on top of what loading its decoders takes.
    memory_bytes: Mapping[Role, int] = field(
        default_factory=lambda: {Role.PICTURES: 2 * _GIB, Role.VIDEOS: 2 * _GIB, Role.ARCHIVES: 3 * _GIB}
    )
    cpu_seconds: Mapping[Role, int] = field(
        default_factory=lambda: {Role.PICTURES: 3_600, Role.VIDEOS: 86_400, Role.ARCHIVES: 86_400}
    )

    def content_seconds(self, role: Role, *, size_bytes: int) -> float:
        """Return how long a worker of a role may be silent over one content; what a member is, is not known before."""
        if role is Role.PICTURES:
            return self.picture_seconds
        return self.video_seconds + self.seconds_per_mb * size_bytes / _MB

    def step_seconds(self, *, size_bytes: int) -> float:
        """Return how long a worker may be silent while it takes the next member out of an archive of this size."""
        return self.archive_seconds + self.seconds_per_mb * size_bytes / _MB


class UnconfinedError(NotAllowedError):
    """No decoder can be confined on this system: nothing is decoded unless the caller says so."""

    code = "sandbox.unconfined"


class StartFailedError(UnavailableError):
    """The worker did not become ready: the installation is damaged or the system refuses."""

    code = "sandbox.start-failed"


class LostWorkerError(UnavailableError):
    """The worker was lost over what it was doing; the kinds below say how."""

    code = "sandbox.lost"
    message: ClassVar[str] = "the decoder was lost over this content; its exact digests still count"
    may_retry: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__(self.message)


class DiedError(LostWorkerError):
    """The worker ended by itself or was ended by the system."""

    code = "sandbox.worker-died"
    message = "the decoder crashed on this content; its exact digests still count"


class TimedOutError(LostWorkerError):
    """The worker did not answer in time."""

    code = "sandbox.timed-out"
    message = "decoding this content took longer than the limit; its exact digests still count"


class OutOfMemoryError(LostWorkerError):
    """The worker's memory is used up, perhaps by what came before: a new one decides."""

    code = "sandbox.out-of-memory"
    message = "decoding this content needs too much memory; its exact digests still count"


class ForbiddenCallError(LostWorkerError):
    """The worker tried what no decoder has a reason to try; the kernel ended it."""

    code = "sandbox.forbidden-call"
    message = "the decoder tried a forbidden system call on this content: treat the file as hostile"


class ProtocolError(LostWorkerError):
    """The worker said something out of order: it is taken to be under the file's control."""

    code = "sandbox.protocol"
    message = "the decoder answered out of order on this content: treat the file as hostile"
    may_retry = False


_ENDINGS: Final[dict[int, type[LostWorkerError]]] = {
    -signal.SIGSYS: ForbiddenCallError,
    -signal.SIGXCPU: TimedOutError,
}

# The import path is given: a worker sees the very modules of its parent, whatever its folder or environment says.
BOOT: Final = (
    "import sys; sys.path[:] = sys.argv[6:]; from vigie.fingerprints.decode.__main__ import main; main(sys.argv[1:6])"
)
_INTERPRETER: Final = ("-I", "-S", "-X", "utf8", "-W", "ignore")  # nothing from environment, user or site
_ENVIRONMENT: Final = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",  # every further arena takes 64 MiB of address space
}
_INHERITED: Final = ("LD_LIBRARY_PATH",)  # where this interpreter finds its own libraries
_END_SECONDS: Final = 5.0
_DECODER: Final[msgspec.msgpack.Decoder[ToParent]] = msgspec.msgpack.Decoder(ToParent)


class Worker:
    """A confined process of one role. It is being started when this returns; `wait_until_ready` waits for it."""

    def __init__(self, role: Role, *, limits: Limits) -> None:
        self.role = role
        self.files = 0  # seen to their end
        self._limits = limits
        ours, theirs = channel.pair()
        self._channel = channel.Channel(ours, incoming=_DECODER, takes_files=False)
        try:
            with theirs:
                self._process = _start(role, line=theirs.fileno(), limits=limits)
        except OSError as error:
            ours.close()
            reason = error.strerror or "unknown reason"
            raise StartFailedError(f"the system starts no decoding worker ({reason}): free resources") from error

    def wait_until_ready(self) -> Ready:
        """Wait until the worker has loaded its decoders and confined itself.

        Raises:  StartFailedError, with what the worker said last; it has seen no file yet.
        """
        try:
            ready = self._channel.receive(within_seconds=self._limits.start_seconds)
        except (TimeoutError, EOFError, ConnectionError, channel.MalformedMessageError) as error:
            said = self._last_words()
            raise StartFailedError(f"the decoding worker did not start ({said}): install vigie anew") from error
        if not isinstance(ready, Ready):
            self.stop()
            raise StartFailedError("the decoding worker did not start as it should: install vigie anew")
        self._close_standard_error()
        return ready

    def send(self, message: Job | Reply, *, descriptors: tuple[int, ...] = ()) -> None:
        """Send a message, with open files.

        Raises:  LostWorkerError.
        """
        try:
            self._channel.send(message, descriptors=descriptors)
        except (TimeoutError, ConnectionError) as error:
            raise self._lost(error) from error

    def receive(self, *, within_seconds: float) -> ToParent:
        """Wait for the next message.

        Raises:  LostWorkerError.
        """
        try:
            return self._channel.receive(within_seconds=within_seconds)
        except (TimeoutError, EOFError, ConnectionError, channel.MalformedMessageError) as error:
            raise self._lost(error) from error

    def is_worn(self) -> bool:
        """Answer whether the worker should be replaced before the next file."""
        return (
            self._process.poll() is not None
            or self.files >= self._limits.worker_files
            or self._resident_bytes() > self._limits.worker_resident_bytes
        )

    def stop(self) -> None:
        """End the worker and forget it; repeating is harmless."""
        self._process.kill()
        self._process.wait()
        self._close_standard_error()
        self._channel.close()

    def _lost(self, error: Exception) -> LostWorkerError:
        """End the worker and say why it was lost."""
        kind: type[LostWorkerError] = DiedError
        if isinstance(error, TimeoutError):
            kind = TimedOutError
        elif isinstance(error, channel.MalformedMessageError):
            kind = ProtocolError
        else:
            with contextlib.suppress(subprocess.TimeoutExpired):
                kind = _ENDINGS.get(self._process.wait(_END_SECONDS), DiedError)
        self.stop()
        return kind()

    def _last_words(self) -> str:
        """Return the last line of what the worker wrote before it was confined."""
        self._process.kill()
        lines = self._process.stderr.read().decode(errors="replace").split("\n") if self._process.stderr else []
        code = self._process.wait()
        self.stop()
        return next((line[:200] for line in reversed(lines) if line.strip()), f"exit status {code}")

    def _close_standard_error(self) -> None:
        if self._process.stderr:
            self._process.stderr.close()

    def _resident_bytes(self) -> int:
        try:
            pages = Path(f"/proc/{self._process.pid}/statm").read_bytes().split()[1]
        except OSError:
            return 0  # hidden from this user: the number of files bounds it
        return int(pages) * os.sysconf("SC_PAGESIZE")


def _start(role: Role, *, line: int, limits: Limits) -> subprocess.Popen[bytes]:
    budget = (limits.memory_bytes[role], limits.cpu_seconds[role], limits.scratch_bytes)
    arguments = [*map(str, (line, role, *budget)), *import_path()]
    return subprocess.Popen(  # noqa: S603 - this interpreter, and nothing from outside
        [sys.executable, *_INTERPRETER, "-c", BOOT, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,  # until it is ready; what decoders say later is nobody's
        pass_fds=(line,),
        env=_ENVIRONMENT | {name: os.environ[name] for name in _INHERITED if name in os.environ},
        cwd="/",
        start_new_session=True,  # the terminal's Ctrl-C is the parent's to handle
    )


def import_path() -> list[str]:
    """Return where a worker may import from: what this process imports from, without the current folder.

    The current folder may be the very evidence that is examined.
    """
    root = str(Path(__file__).absolute().parents[2])
    try:
        current = str(Path.cwd())
    except OSError:
        current = ""
    entries = [entry for entry in sys.path if Path(entry).is_absolute() and (entry == root or entry != current)]
    return entries if root in entries else [*entries, root]
