# SPDX-License-Identifier: Apache-2.0
"""The worker: load the decoders of a role, be confined, then examine one file after another.

1. cut itself off (confine.isolate); 2. load and warm up the decoders; 3. give up the rest (confine.lock); 4. say Ready.
Only then does the first file arrive, as an open descriptor.

- What leaves is what `messages` can say: fingerprints, sizes, reasons.
- A decoder's error costs one content, which becomes a Problem; the worker goes on with the next.
- When the parent is gone, the worker ends.
"""

import contextlib
import importlib
import sys
from collections.abc import Callable, Iterator, Sequence
from types import ModuleType
from typing import BinaryIO, Final, Literal, cast

import msgspec

from vigie.fingerprints import channel
from vigie.fingerprints.decode import confine, kinds
from vigie.fingerprints.decode.kinds import Role
from vigie.fingerprints.messages import (
    Archive,
    Content,
    Done,
    Found,
    Job,
    Member,
    MemberProblem,
    Problem,
    Ready,
    Reply,
    ToWorker,
    Video,
)

# A role loads the modules it needs and no more: that is most of a worker's start and size.
_MODULES: Final = {
    Role.PICTURES: ("pictures",),
    Role.VIDEOS: ("videos",),
    Role.ARCHIVES: ("pictures", "videos", "archives"),
}
# What one content may use: the parent cannot see what a member of an archive is, so it waits as long as for a video.
_CPU_SECONDS: Final = {Role.PICTURES: 30, Role.VIDEOS: 3_600}
_LIBRARIES: Final = ("PIL", "simplejpeg", "pillow_heif", "av", "py7zr")
_DECODER: Final[msgspec.msgpack.Decoder[ToWorker]] = msgspec.msgpack.Decoder(ToWorker)

Openers = dict[str, ModuleType]
Line = channel.Channel[Job | Reply]


def main(arguments: Sequence[str]) -> None:
    """Run a worker until its parent is gone.

    `arguments`: the descriptor of its end of the line, its role, and its budget (confine.Budget) in bytes, seconds
    and bytes.
    """
    descriptor, name, *budget = arguments
    role = Role(name)
    memory_bytes, cpu_seconds, scratch_bytes = map(int, budget)
    isolated = confine.isolate()
    openers = load(role)
    line = channel.Channel(channel.attach(int(descriptor)), incoming=_DECODER, takes_files=True)
    layers = confine.lock(
        confine.Budget(memory_bytes=memory_bytes, cpu_seconds=cpu_seconds, scratch_bytes=scratch_bytes),
        isolated=isolated,
    )
    line.send(Ready(confinement=list(layers), decoders=_versions()))
    while True:
        try:
            job = line.receive()
        except EOFError:
            return
        if isinstance(job, Job):
            serve(line, job, role=role, openers=openers)


def load(role: Role) -> Openers:
    """Import the decoders of a role and let each load what it loads on first use."""
    openers = {name: importlib.import_module(f"vigie.fingerprints.decode.{name}") for name in _MODULES[role]}
    for module in openers.values():
        module.preload()
    return openers


def serve(line: Line, job: Job, *, role: Role, openers: Openers) -> None:
    """Examine one file, tell what is found, and say Done."""
    talk = _Talk(line)
    with contextlib.ExitStack() as files:
        modes = zip(line.take_descriptors(), ("rb", "r+b"), strict=False)
        file, *scratch = [files.enter_context(_open(descriptor, mode)) for descriptor, mode in modes]
        if role is Role.ARCHIVES:
            _tell_members(talk, job, file, scratch=scratch[0] if scratch else None, openers=openers)
        else:
            _tell_content(talk, role, file, size_bytes=job.size_bytes, full=job.frames_full, openers=openers)
    talk.end()


class _Talk:
    """The worker's side of one conversation. What is told leaves with the next question, or at the end."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._told: list[Found] = []

    def tell(self, what: Content | Archive | MemberProblem) -> None:
        self._told.append(Found(what=what))

    def ask(self, what: Video | Member) -> bool:
        self._send(Found(what=what, asks=True))
        reply = self._line.receive()
        return isinstance(reply, Reply) and reply.go_on

    def flush(self) -> None:
        """Let what was told leave now: what comes next may be the end of this worker."""
        self._send()

    def end(self) -> None:
        self._send(Done())

    def _send(self, *last: Found | Done) -> None:
        self._line.send(*self._told, *last)
        self._told.clear()


def _tell_content(talk: _Talk, role: Role, file: BinaryIO, *, size_bytes: int, full: bool, openers: Openers) -> None:
    """Tell what one picture or video is; a video is first seen quickly, then in full where the parent wants it."""
    if role is Role.PICTURES:
        pictures = openers["pictures"]
        talk.tell(
            _examined(role, file, lambda: pictures.examine(file.read(size_bytes), limits=pictures.PictureLimits()))
        )
        return
    videos = openers["videos"]
    limits = videos.VideoLimits()
    seen = _examined(role, file, lambda: videos.examine(file, full=full, limits=limits))
    if not isinstance(seen, Video) or seen.full:
        talk.tell(seen)
    elif talk.ask(seen):
        talk.tell(_examined(role, file, lambda: videos.examine(file, full=True, limits=limits)))


def _tell_members(talk: _Talk, job: Job, file: BinaryIO, *, scratch: BinaryIO | None, openers: Openers) -> None:
    """Tell every member of an archive, and what each is where the parent wants to know."""
    talk.tell(Archive(format=kinds.sniff(_head(file)).format or "unknown"))
    for step in _members(file, job, scratch=scratch, archives=openers["archives"]):
        if isinstance(step, MemberProblem):
            talk.tell(step)
        elif talk.ask(step[0]):
            member, content = step
            kind = kinds.sniff(_head(content))
            if kind.role in (Role.PICTURES, Role.VIDEOS):
                _tell_content(talk, kind.role, content, size_bytes=member.size_bytes, full=False, openers=openers)
            else:
                talk.tell(kinds.unopened(kind))
        talk.flush()


def _members(
    file: BinaryIO, job: Job, *, scratch: BinaryIO | None, archives: ModuleType
) -> Iterator[MemberProblem | tuple[Member, BinaryIO]]:
    """Take the members out one by one; an error that no opener foresaw ends the archive, and is said."""
    ordinal = job.start_at
    try:
        for step in archives.members(
            file, limits=archives.ArchiveLimits(), scratch=scratch, start_at=job.start_at, skip=frozenset(job.skip)
        ):
            ordinal = (step if isinstance(step, MemberProblem) else step[0]).ordinal + 1
            yield step
    except Exception as error:  # noqa: BLE001 - whatever an opener raises, the worker goes on with the next file
        yield MemberProblem(ordinal=ordinal, names=[], problem=_problem("other", error), rest=True)


def _examined(role: Role, file: BinaryIO, examine: Callable[[], Content]) -> Content:
    """Examine from the first byte; an error that no decoder foresaw is a Problem of this content alone."""
    try:
        with confine.cpu_limit(_CPU_SECONDS[role]):
            file.seek(0)  # the position is shared with every worker that had this file before
            return examine()
    except Exception as error:  # noqa: BLE001 - whatever a decoder raises, the worker goes on with the next content
        return _problem("picture" if role is Role.PICTURES else "video", error)


def _problem(kind: Literal["picture", "video", "other"], error: Exception) -> Problem:
    if isinstance(error, MemoryError):
        return Problem(code="decode.memory-limit", message="decoding this content needs too much memory", kind=kind)
    return Problem(code="decode.failed", message="the decoder failed on this content: it is damaged", kind=kind)


def _head(file: BinaryIO) -> bytes:
    file.seek(0)
    head = file.read(kinds.HEAD_BYTES)
    file.seek(0)
    return head


def _open(descriptor: int, mode: str) -> BinaryIO:
    return cast("BinaryIO", open(descriptor, mode))


def _versions() -> dict[str, str]:
    return {name: sys.modules[name].__version__ for name in _LIBRARIES if name in sys.modules}
