# SPDX-License-Identifier: Apache-2.0
"""One file in, all its fingerprints out, whatever becomes of the worker that opens it.

- A file's first bytes choose the worker. The parent decodes nothing; digests are of the bytes and are its own.
- A worker that is lost costs the content it was at: that is tried once more in a new worker, and is then a Problem.
- A worker is used again only after a conversation that came to its end, and replaced before it is worn.
- Without seccomp nothing is decoded, unless the caller says so.
"""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, Self

from vigie.errors import InvalidInputError, NotFoundError, UnreadableError
from vigie.fingerprints import source
from vigie.fingerprints.conversation import Enough, Finding, Members, OneFile, Wants
from vigie.fingerprints.decode import kinds
from vigie.fingerprints.decode.kinds import Role
from vigie.fingerprints.messages import Frame, Picture, Problem, Value, Video
from vigie.fingerprints.sandbox import Limits, LostWorkerError, UnconfinedError, Worker
from vigie.fingerprints.values import RECIPE, Digests

_NEEDED_LAYER: Final = "seccomp"


class Examiner:
    """Examines one file after another through confined workers of its own: one Examiner a thread, closed by it."""

    def __init__(self, *, limits: Limits | None = None, allow_unconfined: bool = False) -> None:
        self._limits = limits or Limits()
        self._allow_unconfined = allow_unconfined
        self._idle: dict[Role, Worker] = {}
        self._layers: tuple[str, ...] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End every worker; repeating is harmless."""
        while self._idle:
            self._idle.popitem()[1].stop()

    @property
    def confinement(self) -> tuple[str, ...]:
        """The layers that hold around every worker so far; a worker is started where there was none yet.

        Raises:  StartFailedError, UnconfinedError.
        """
        if self._layers is None:
            with self._worker(Role.PICTURES):
                pass
        return self._layers or ()

    def examine(
        self,
        descriptor: int,
        *,
        size_bytes: int,
        full: bool = False,
        open_archives: bool = True,
        wants: Wants = lambda _: True,
        enough: Enough = lambda _: True,
    ) -> Iterator[Finding]:
        """Yield what an open regular file is, and what is in it.

        A picture, a video and other content are one finding; a video's second finding replaces its first. An Archive is
        followed by its members, each Member by what it contains where `wants` says so. `enough` says of a video's key
        pass that the full pass is not needed; `full` asks for the full pass at once.

        Order:   that of the archive; the same on every run.
        Raises:  StartFailedError, UnconfinedError; OSError where the first bytes cannot be read.
        """
        kind = kinds.sniff(os.pread(descriptor, kinds.HEAD_BYTES, 0))
        if kind.role is None or (kind.role is Role.ARCHIVES and not open_archives):
            yield kinds.unopened(kind)
            return
        talk: Members | OneFile
        if kind.role is Role.ARCHIVES:
            talk = Members(size_bytes=size_bytes, limits=self._limits)
        else:
            talk = OneFile(kind.role, kind=kind.kind, size_bytes=size_bytes, full=full, limits=self._limits)
        while not talk.is_over:
            try:
                with (
                    self._worker(kind.role) as worker,
                    _files(descriptor, has_scratch=kind.role is Role.ARCHIVES) as files,
                ):
                    worker.send(talk.job(), descriptors=files)
                    yield from talk.hear(worker, wants=wants, enough=enough)
            except LostWorkerError as lost:
                yield from talk.go_on_without(lost)

    @contextlib.contextmanager
    def _worker(self, role: Role) -> Iterator[Worker]:
        """Lend a worker for one conversation; one that does not come to its end is the worker's last."""
        worker = self._idle.pop(role, None)
        if worker is not None and worker.is_worn():
            worker.stop()
            worker = None
        worker = worker or self._started(role)
        try:
            yield worker
        except BaseException:
            worker.stop()
            raise
        worker.files += 1
        if other := self._idle.pop(role, None):
            other.stop()
        self._idle[role] = worker

    def _started(self, role: Role) -> Worker:
        worker = Worker(role, limits=self._limits)
        with contextlib.ExitStack() as undo:
            undo.callback(worker.stop)
            layers = worker.wait_until_ready().confinement
            if _NEEDED_LAYER not in layers and not self._allow_unconfined:
                raise UnconfinedError(
                    "decoders cannot be confined on this system (no seccomp filter): "
                    "decode on Linux, x86-64 or aarch64, or allow decoding without confinement"
                )
            undo.pop_all()
        held = layers if self._layers is None else self._layers
        self._layers = tuple(layer for layer in held if layer in layers)
        return worker


@contextlib.contextmanager
def _files(descriptor: int, *, has_scratch: bool) -> Iterator[tuple[int, ...]]:
    """Lend the files of one conversation: the one to examine, and nameless memory for what is unpacked of it."""
    if not has_scratch:
        yield (descriptor,)
        return
    scratch = os.memfd_create("vigie", os.MFD_CLOEXEC)
    try:
        yield descriptor, scratch
    finally:
        os.close(scratch)


@dataclass(frozen=True, slots=True)
class FileFingerprints:
    """All that `vigie hash` says of one file; what does not apply is None or empty."""

    kind: Literal["picture", "video", "other"] = "other"
    size_bytes: int | None = None
    digests: Digests | None = None
    pdq: bytes | None = None
    pdq_quality: int | None = None
    pdq_upright: bytes | None = None
    pdq_borderless: bytes | None = None
    recipe: str | None = None
    frames: tuple[Frame, ...] = ()
    problem: Problem | None = None


def hash_file(path: str | bytes | os.PathLike[str], *, examiner: Examiner, full: bool = False) -> FileFingerprints:
    """Compute all fingerprints of one file; archives are not opened.

    A file that cannot be opened, read or decoded is an answer with its problem.

    Raises:  StartFailedError, UnconfinedError.
    """
    try:
        with source.opened(path) as file:
            exact = file.digests()
            *_, found = examiner.examine(file.descriptor, size_bytes=file.size_bytes, full=full, open_archives=False)
            file.check_unchanged()
    except (NotFoundError, InvalidInputError, UnreadableError) as error:
        return FileFingerprints(problem=Problem(code=error.code, message=str(error)))
    return _fingerprints(found, digests=exact, size_bytes=file.size_bytes)


def _fingerprints(found: Finding, *, digests: Digests, size_bytes: int) -> FileFingerprints:
    if isinstance(found, Problem):
        return FileFingerprints(kind=found.kind, size_bytes=size_bytes, digests=digests, problem=found)
    if isinstance(found, Video):
        return FileFingerprints(
            kind="video", size_bytes=size_bytes, digests=digests, recipe=RECIPE, frames=tuple(found.frames)
        )
    if not isinstance(found, Picture):
        return FileFingerprints(size_bytes=size_bytes, digests=digests)
    return FileFingerprints(
        kind="picture",
        size_bytes=size_bytes,
        digests=digests,
        pdq=found.stored.pdq,
        pdq_quality=found.stored.quality,
        pdq_upright=_pdq(found.upright),
        pdq_borderless=_pdq(found.borderless),
        recipe=RECIPE,
        frames=tuple(found.frames),
    )


def _pdq(value: Value | None) -> bytes | None:
    return None if value is None else value.pdq
