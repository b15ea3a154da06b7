# SPDX-License-Identifier: Apache-2.0
"""The members of one archive, as they are taken out: each becomes a row of its own.

- A member whose digests decide, or that was seen before, is not decoded.
- A member that could not be taken out is a row; so is the rest of an archive that could not be read to its end: it
  lies in that archive and has no name.
- A member is finished before the next one is looked up: no thread waits for another while it holds a content.
- Names are data: they are written down and never used as paths.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from msgspec import structs

from vigie.evidence import row, statements
from vigie.evidence.row import Row
from vigie.evidence.seen import Memory
from vigie.evidence.statements import UNTOLD, Judged
from vigie.fingerprints.conversation import Finding
from vigie.fingerprints.messages import Archive, Member, MemberProblem, Video
from vigie.fingerprints.values import Digests
from vigie.matching.matcher import Matcher

Confinement = Callable[[], tuple[str, ...]]


@dataclass(slots=True)
class _Taken:
    """A member that was taken out: its statement where it needs no decoding, else what is said of it so far."""

    names: list[bytes]
    digests: Digests
    size_bytes: int
    judged: Judged
    statement: bytes | None = None


class Unpacking:
    """One archive while it is unpacked. `own` is what is said of the archive itself."""

    def __init__(self, path: bytes, *, own: Judged, matcher: Matcher, memory: Memory, confinement: Confinement) -> None:
        self.own = own
        self._path = path
        self._matcher = matcher
        self._memory = memory
        self._confinement = confinement
        self._at: _Taken | None = None
        self._rows: list[Row] = []

    def wants(self, member: Member) -> bool:
        """Answer whether a member is to be decoded."""
        self.finish()
        digests = Digests(md5=member.md5, sha1=member.sha1, sha256=member.sha256)
        exact = self._matcher.exact(digests, size_bytes=member.size_bytes)
        judged = Judged(self._matcher, exact=exact)
        self._at = _Taken([self._path, *member.names], digests, member.size_bytes, judged)
        if exact.is_decided:
            self._at.statement = row.encode(judged.statement(UNTOLD))
        else:
            self._at.statement = self._memory.recall(digests.sha256)
        return self._at.statement is None

    def enough(self, video: Video) -> bool:
        """Answer whether the first pass of a video decides."""
        return self._at is not None and self._at.judged.enough(video)

    def take(self, found: Finding) -> None:
        """Take in what comes out of the archive next."""
        match found:
            case Archive() | Member():
                return  # the archive is named by its first bytes; a member was asked about before
            case MemberProblem():
                self.finish()
                self._rows.append(self._row_of(found))
            case _ if self._at is None:
                self.own.take(found)
            case _:
                self._at.judged.take(found)

    def rows(self) -> Iterator[Row]:
        """Give the rows that are finished, once."""
        yield from self._rows
        self._rows.clear()

    def finish(self) -> None:
        """Write the row of the member it is at, and let others have what was learnt."""
        at, self._at = self._at, None
        if at is None:
            return
        if at.statement is None:
            at.statement = row.encode(at.judged.statement(UNTOLD, confinement=self._confinement()))
            self._memory.learn(at.digests.sha256, statement=at.statement)
        place = row.place(at.names, size_bytes=at.size_bytes, digests=at.digests)
        self._rows.append(row.of(place, at.statement))

    def give_up(self) -> None:
        """Leave the content it is at to other threads; repeating is harmless."""
        if self._at is not None and self._at.statement is None:
            self._memory.release(self._at.digests.sha256)

    def _row_of(self, found: MemberProblem) -> Row:
        problem = structs.replace(found.problem, examined=False) if found.rest else found.problem
        kind = None if problem.kind == "other" else problem.kind
        nameless = [b""] if found.rest or not found.names else []
        place = row.place([self._path, *found.names, *nameless])
        return row.of(place, row.encode(statements.of_problem(problem, kind=kind)))
