# SPDX-License-Identifier: Apache-2.0
"""What the parent says to a worker about one file, and what it believes of the answers.

- The order is fixed (messages.py). Whatever is out of order is a ProtocolError: the worker may be under the file's
  control, and nothing more is taken from it.
- What was delivered is never delivered again, and never taken back.
- What a worker was at when it was lost is tried once more in the next one; lost again, it is a problem, and the
  conversation goes on behind it. Where going on does not help, or too many workers were lost, the rest of an archive
  is said to be unseen.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from msgspec import structs

from vigie.fingerprints.decode.kinds import Role
from vigie.fingerprints.messages import (
    Archive,
    Content,
    Done,
    Found,
    Job,
    Member,
    MemberProblem,
    Other,
    Picture,
    Problem,
    Reply,
    Video,
)
from vigie.fingerprints.sandbox import Limits, LostWorkerError, OutOfMemoryError, ProtocolError, Worker

Finding = Picture | Video | Other | Problem | Archive | Member | MemberProblem
Wants = Callable[[Member], bool]
Enough = Callable[[Video], bool]

_EXPECTED: Final = {
    Role.PICTURES: Picture | Other | Problem,
    Role.VIDEOS: Video | Other | Problem,
    Role.ARCHIVES: Picture | Video | Other | Problem,
}

_MEMORY_LIMIT: Final = "decode.memory-limit"


@dataclass(slots=True)
class _Content:
    """One picture or video: what was delivered of it so far, whichever worker said it."""

    role: Role
    kind: Literal["picture", "video", "other"]
    seconds: float
    seen: Video | None = None
    is_told: bool = False

    def hear(self, worker: Worker, *, enough: Enough) -> Iterator[Content]:
        """Yield what a worker says of the content; the last one counts."""
        what, asks = self._next(worker)
        if asks and isinstance(what, Video):
            go_on = True
            if self.seen is None:
                self.seen = what
                yield what
                go_on = not enough(what)
            worker.send(Reply(go_on=go_on))
            if not go_on:
                self.is_told = True
                return
            what, asks = self._next(worker)
        if asks:
            raise ProtocolError
        yield self._last(what)

    def give_up(self, lost: LostWorkerError) -> Content:
        """Say what is left of content that cost two workers."""
        return self._last(_problem(lost, kind=self.kind))

    def _next(self, worker: Worker) -> tuple[Content, bool]:
        found = _receive(worker, self.seconds)
        if found is None or not isinstance(found.what, _EXPECTED[self.role]):
            raise ProtocolError
        if found.asks != (isinstance(found.what, Video) and not found.what.full):
            raise ProtocolError
        if isinstance(found.what, Problem) and found.what.code == _MEMORY_LIMIT and worker.files:
            raise OutOfMemoryError  # what a file is must not depend on the files before it
        return found.what, found.asks

    def _last(self, what: Content) -> Content:
        self.is_told = True
        if self.seen is None or isinstance(what, Video):
            return what
        reason = what.message if isinstance(what, Problem) else "it found no frame"
        return structs.replace(self.seen, shortened=f"the full pass failed: {reason}"[:400])


class OneFile:
    """The conversation about a file that is one picture or one video.

    A video may be delivered twice: its key pass, then its full pass or, where that failed, the key pass again with the
    reason in `shortened`. The last one counts.
    """

    def __init__(
        self, role: Role, *, kind: Literal["picture", "video", "other"], size_bytes: int, full: bool, limits: Limits
    ) -> None:
        self.role = role
        self._content = _Content(role, kind, limits.content_seconds(role, size_bytes=size_bytes))
        self._size_bytes = size_bytes
        self._full = full
        self._is_lost = False

    @property
    def is_over(self) -> bool:
        """Whether everything is delivered."""
        return self._content.is_told

    def job(self) -> Job:
        """Return what to ask of the next worker; a key pass that was delivered is not asked for again."""
        return Job(size_bytes=self._size_bytes, frames_full=self._full or self._content.seen is not None)

    def hear(self, worker: Worker, *, wants: Wants, enough: Enough) -> Iterator[Finding]:  # noqa: ARG002 - as Members
        """Yield what a worker says of the file.

        Raises:  LostWorkerError.
        """
        yield from self._content.hear(worker, enough=enough)
        if _receive(worker, self._content.seconds) is not None:
            raise ProtocolError

    def go_on_without(self, lost: LostWorkerError) -> Iterator[Finding]:
        """Yield what the loss of a worker ends; another one is to be asked where it is not over."""
        if not self.is_over and (self._is_lost or not lost.may_retry):
            yield self._content.give_up(lost)
        self._is_lost = True


class Members:
    """The conversation about an archive: how far its members were delivered, whichever workers took them out."""

    role = Role.ARCHIVES

    def __init__(self, *, size_bytes: int, limits: Limits) -> None:
        self.is_over = False
        self._limits = limits
        self._size_bytes = size_bytes
        self._announced = False
        self._next_ordinal = 0
        self._owed: tuple[Member, _Content] | None = None  # delivered, but for what it contains
        self._passed_over: dict[int, Problem] = {}  # what cost two workers each
        self._losses = self._losses_here = 0

    def job(self) -> Job:
        """Return what to ask of the next worker."""
        start = self._next_ordinal if self._owed is None else self._owed[0].ordinal
        return Job(size_bytes=self._size_bytes, has_scratch=True, start_at=start, skip=sorted(self._passed_over))

    def hear(self, worker: Worker, *, wants: Wants, enough: Enough) -> Iterator[Finding]:
        """Yield what a worker takes out, each member followed by what it contains where that is wanted.

        Raises:  LostWorkerError.
        """
        seconds = self._limits.step_seconds(size_bytes=self._size_bytes)
        opening = _receive(worker, seconds)
        if opening is None or not isinstance(opening.what, Archive):
            raise ProtocolError
        if not self._announced:
            self._announced = True
            yield opening.what
        while found := _receive(worker, seconds):
            if isinstance(found.what, Member) and found.asks:
                yield from self._member(found.what, worker, wants=wants, enough=enough)
            elif isinstance(found.what, MemberProblem) and not found.asks:
                yield from self._member_problem(found.what)
            else:
                raise ProtocolError
        if self._owed is not None:
            raise ProtocolError
        self.is_over = True

    def go_on_without(self, lost: LostWorkerError) -> Iterator[Finding]:
        """Yield what the loss of a worker ends; `job` then tells where the next one goes on, unless it `is_over`."""
        if self.is_over:
            return
        self._losses += 1
        self._losses_here += 1
        final = not lost.may_retry or self._losses >= self._limits.max_archive_losses
        if self._losses_here == 1 and not final:
            return
        if self._owed is not None:
            yield self._owed[1].give_up(lost)
            self._owed, self._losses_here = None, 0
        elif not self._announced:
            yield _problem(lost, kind="other")
            self.is_over = True
            return
        elif self._next_ordinal in self._passed_over:
            final = True
        else:
            self._passed_over[self._next_ordinal] = _problem(lost, kind="other")
        if final:
            problem = _problem(lost, kind="other")
            yield MemberProblem(ordinal=self._next_ordinal, names=[], problem=problem, rest=True)
            self.is_over = True

    def _member(self, member: Member, worker: Worker, *, wants: Wants, enough: Enough) -> Iterator[Finding]:
        if self._owed is None:
            self._advance_to(member.ordinal)
            wanted = wants(member)
            if wanted:
                seconds = self._limits.content_seconds(Role.ARCHIVES, size_bytes=member.size_bytes)
                self._owed = member, _Content(Role.ARCHIVES, "other", seconds)
            yield member
        elif member == self._owed[0]:
            wanted = True
        else:
            raise ProtocolError
        worker.send(Reply(go_on=wanted))
        if self._owed is not None:
            yield from self._owed[1].hear(worker, enough=enough)
            self._owed, self._losses_here = None, 0

    def _member_problem(self, said: MemberProblem) -> Iterator[Finding]:
        if self._owed is not None:
            raise ProtocolError
        self._advance_to(said.ordinal)
        yield structs.replace(said, problem=self._passed_over.get(said.ordinal, said.problem))

    def _advance_to(self, ordinal: int) -> None:
        if ordinal != self._next_ordinal or ordinal >= self._limits.max_members:
            raise ProtocolError
        self._next_ordinal, self._losses_here = ordinal + 1, 0


def _receive(worker: Worker, within_seconds: float) -> Found | None:
    """Return the next finding, or None where the conversation is over."""
    message = worker.receive(within_seconds=within_seconds)
    if isinstance(message, Done):
        return None
    if not isinstance(message, Found):
        raise ProtocolError
    return message


def _problem(lost: LostWorkerError, *, kind: Literal["picture", "video", "other"]) -> Problem:
    return Problem(code=lost.code, message=str(lost), kind=kind)
