# SPDX-License-Identifier: Apache-2.0
"""Take the members out of an archive, and out of the archives in it, inside the confined worker.

- Every member comes out once, in a fixed order, with its digests and its content; an archive in an archive is itself a
  member, and its members follow it. `Member.ordinal` counts everything that is told.
- What cannot be taken out is told with its reason; what was not seen at all is told by `rest`. Nothing is left out
  silently, and damage costs what it touches, not the archive around it.
- Nothing is ever written under a member's name.
- Budgets bound what an archive may expand to (bombs), in bytes, in members, in depth; a member is in memory or in the
  scratch file only as long as it is looked at.
- Going on at `start_at` tells the same as the first run would have told from there.
"""

import bz2
import codecs
import gzip
import lzma
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import IO, BinaryIO, Final, cast

from py7zr.exceptions import PasswordRequired, UnsupportedCompressionMethodError

from vigie.fingerprints import digests
from vigie.fingerprints.decode import entries, kinds, sevenzips, spools, tars, zips
from vigie.fingerprints.decode.entries import DamagedError, Entry, StopError
from vigie.fingerprints.decode.kinds import Role
from vigie.fingerprints.decode.spools import NoRoomError, Slot, Spool
from vigie.fingerprints.messages import Member, MemberProblem, Problem
from vigie.fingerprints.values import Digests

_NAME_BYTES = 4096
_COMPRESSED: Final[dict[str, Callable[[BinaryIO], IO[bytes]]]] = {
    "gzip": lambda file: cast("IO[bytes]", gzip.GzipFile(fileobj=file)),
    "bzip2": bz2.BZ2File,
    "xz": lzma.LZMAFile,
}
_CODECS = ("ascii", "cp437", "utf-8", "utf-16-le", "iso8859-1")  # of names

Step = tuple[Member, BinaryIO] | MemberProblem


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """What one archive may cost, all that is inside it included."""

    total_bytes: int = 1 << 40  # expanded
    ratio: int = 200  # expanded bytes for each byte of the archive itself ...
    ratio_free_bytes: int = 256 << 20  # ... where that is more than this
    member_bytes: int = 8 << 30
    memory_bytes: int = 64 << 20  # what is larger goes into the scratch file
    members: int = 1_000_000
    depth: int = 8


def preload() -> None:
    """Load what the openers load on first use."""
    for name in _CODECS:
        codecs.lookup(name)


def members(
    file: BinaryIO, *, limits: ArchiveLimits, scratch: BinaryIO | None, start_at: int, skip: frozenset[int]
) -> Iterator[Step]:
    """Yield every member of an archive with its content, or why it cannot be taken out.

    The content stands at its beginning, may be read and sought in, and is valid until the next step.
    `scratch`: an empty file to read and write, without a name; without one, large members are refused.
    `start_at`: what has a lower ordinal is not told again, and not decompressed again where the format allows.
    `skip`: ordinals that are not tried.
    Order:   that of the archive; a nested archive's members directly after it.
    """
    size_bytes = file.seek(0, 2)
    spool = Spool(memory_bytes=limits.memory_bytes, scratch=scratch)
    walk = _Walk(limits, spool, start_at=start_at, skip=skip, size_bytes=size_bytes)
    yield from walk.root(spools.window(file, begin=0, size_bytes=size_bytes))


class _SpentError(StopError):
    """A budget of the whole archive is used up."""


class _TooLargeError(Exception):
    """One member is larger than a member may be."""


class _EnoughError(Exception):
    """The beginning of a member is known, and no more is wanted of it."""


def _unexamined(code: str, message: str) -> Problem:
    return Problem(code=code, message=message, examined=False)


_DAMAGED = Problem(code="archive.damaged", message="this part of the archive is damaged")
_DIED = _unexamined("sandbox.worker-died", "the worker that examined this died twice")
_SPENT = _unexamined("archive.expands-too-much", "the archive holds more than its limits allow: it may be a bomb")
_TOO_LARGE = _unexamined("archive.member-too-large", "this member is larger than the limit")
_TOO_DEEP = _unexamined("archive.too-deep", "archives within archives are not opened any deeper")
_NO_ROOM = _unexamined("archive.no-room", "there is no room to take this member out")
_REASONS: Final[tuple[tuple[type[Exception], Problem], ...]] = (
    (_TooLargeError, _TOO_LARGE),
    (NoRoomError, _NO_ROOM),
    (MemoryError, _unexamined("archive.memory-limit", "taking this member out needs too much memory")),
    (PasswordRequired, _unexamined(*entries.ENCRYPTED)),
    (UnsupportedCompressionMethodError, _unexamined(*entries.UNSUPPORTED)),
    (NotImplementedError, _unexamined(*entries.UNSUPPORTED)),
)


class _Walk:
    """One pass over an archive: what was told, and what was spent."""

    def __init__(
        self, limits: ArchiveLimits, spool: Spool, *, start_at: int, skip: frozenset[int], size_bytes: int
    ) -> None:
        self._limits, self._spool, self._start_at, self._skip = limits, spool, start_at, skip
        self._ordinal = 0
        self._left_bytes = min(limits.total_bytes, max(limits.ratio_free_bytes, limits.ratio * size_bytes))

    def root(self, file: BinaryIO) -> Iterator[Step]:
        try:
            yield from self._archive(file, names=[], depth=1)
        except _SpentError:
            if self._ordinal >= self._start_at:
                yield MemberProblem(ordinal=self._ordinal, names=[], problem=_SPENT, rest=True)

    def _archive(self, file: BinaryIO, *, names: list[bytes], depth: int) -> Iterator[Step]:
        if self._ordinal in self._skip:
            yield from self._refuse(names, _DIED, rest=True)
            return
        with closing(self._entries(file)) as found:
            while True:
                try:
                    entry = next(found, None)
                except _SpentError:
                    raise
                except Exception as error:  # noqa: BLE001 - readers of damaged archives raise anything
                    yield from self._refuse(names, _why(error), rest=True)
                    return
                if entry is None:
                    return
                yield from self._entry(entry, names=[*names, entry.name[:_NAME_BYTES]], depth=depth)

    def _entries(self, file: BinaryIO) -> Generator[Entry]:
        kind = kinds.sniff(file.read(kinds.HEAD_BYTES))
        file.seek(0)
        match kind.format:
            case "zip":
                yield from zips.entries(file)
            case "7z":
                yield from sevenzips.entries(file, drop=self._drop)
            case "tar":
                yield from tars.entries(file, can_seek=True)
            case "gzip" | "bzip2" | "xz":
                yield from self._decompressed(file, kind.format)
            case _:
                raise DamagedError("this is no archive that is opened")

    def _decompressed(self, file: BinaryIO, name: str) -> Iterator[Entry]:
        """Yield the one entry of a compressed file, or those of the tape archive that was compressed."""
        with _COMPRESSED[name](file) as stream:
            head = stream.read(kinds.HEAD_BYTES)
            if kinds.sniff(head).format == "tar":
                yield from tars.entries(entries.rejoined(head, stream, passing=self._spend), can_seek=False)
            else:
                whole = entries.rejoined(head, stream)
                yield Entry(name=b"", pour=lambda sink: entries.pour_from(whole, sink), restartable=False)

    def _entry(self, entry: Entry, *, names: list[bytes], depth: int) -> Iterator[Step]:
        if entry.problem is not None:
            yield from self._refuse(names, entry.problem)
        elif self._ordinal in self._skip:
            yield from self._refuse(names, _DIED)
        elif entry.size_bytes is not None and entry.size_bytes > self._limits.member_bytes:
            yield from self._refuse(names, _TOO_LARGE)
        elif self._ordinal < self._start_at and entry.restartable and not _is_archive(_head(entry)):
            self._spend(entry.size_bytes or 0)
            self._count()
        else:
            with self._spool.slot() as slot:
                yield from self._member(entry, slot, names=names, depth=depth)

    def _member(self, entry: Entry, slot: Slot, *, names: list[bytes], depth: int) -> Iterator[Step]:
        """Tell one member, then those inside it."""
        try:
            found, content, size_bytes = self._take(entry, slot)
        except _SpentError:
            raise
        except Exception as error:  # noqa: BLE001 - readers of damaged archives raise anything
            yield from self._refuse(names, _why(error))
            return
        nested = _is_archive(content.read(kinds.HEAD_BYTES))
        ordinal = self._count()
        if ordinal >= self._start_at:
            content.seek(0)
            told = Member(
                ordinal=ordinal,
                names=names,
                size_bytes=size_bytes,
                md5=found.md5,
                sha1=found.sha1,
                sha256=found.sha256,
            )
            yield told, content
        if nested and depth < self._limits.depth:
            content.seek(0)
            yield from self._archive(content, names=names, depth=depth + 1)
        elif nested:
            yield from self._refuse(names, _TOO_DEEP, rest=True)

    def _take(self, entry: Entry, slot: Slot) -> tuple[Digests, BinaryIO, int]:
        """Read the content of an entry once: hash it and, unless it lies in the archive as it is, keep it."""
        hasher = digests.Hasher()
        size_bytes = 0

        def sink(block: bytes) -> None:
            nonlocal size_bytes
            size_bytes += len(block)
            self._spend(len(block))
            if size_bytes > self._limits.member_bytes:
                raise _TooLargeError
            hasher.update(block)
            if entry.stored is None:
                slot.write(block)

        entry.pour(sink)
        return hasher.digests(), entry.stored or slot.opened(), size_bytes

    def _refuse(self, names: list[bytes], problem: Problem, *, rest: bool = False) -> Iterator[MemberProblem]:
        ordinal = self._count()
        if ordinal >= self._start_at:
            yield MemberProblem(ordinal=ordinal, names=names, problem=problem, rest=rest)

    def _count(self) -> int:
        if self._ordinal >= self._limits.members - 1:
            raise _SpentError
        self._ordinal += 1
        return self._ordinal - 1

    def _spend(self, size_bytes: int) -> None:
        self._left_bytes -= size_bytes
        if self._left_bytes < 0:
            raise _SpentError

    def _drop(self, block: bytes) -> None:
        self._spend(len(block))


def _head(entry: Entry) -> bytes:
    """Return the beginning of an entry, as far as it can be read."""
    head = bytearray()

    def sink(block: bytes) -> None:
        head.extend(block)
        if len(head) >= kinds.HEAD_BYTES:
            raise _EnoughError

    with suppress(Exception):  # of damage, the run before told the reason
        entry.pour(sink)
    return bytes(head)


def _is_archive(head: bytes) -> bool:
    return kinds.sniff(head[: kinds.HEAD_BYTES]).role is Role.ARCHIVES


def _why(error: Exception) -> Problem:
    """Return what to tell of an error; what is no limit, no lock and no unknown method is damage."""
    return next((problem for kind, problem in _REASONS if isinstance(error, kind)), _DAMAGED)
