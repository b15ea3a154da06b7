# SPDX-License-Identifier: Apache-2.0
"""What happens to one entry of a scan: its digests, then what is known of them, then, only then, decoding.

- One row for each file, and one for each member of an archive; an archive's own row comes after those of its members.
- What the digests decide is not decoded; nor is what was seen before. An archive is opened whatever is known of its
  own digests: what was asserted of it was not asserted of each file in it.
- A statement about a content depends on the content alone, so that every copy has the same.
- A file that cannot be opened, or changes while it is read, is a row that says so.
"""

import os
from collections.abc import Generator, Iterator

from vigie.evidence import row, statements, walk
from vigie.evidence.row import Row
from vigie.evidence.seen import Memory
from vigie.evidence.statements import Judged
from vigie.evidence.unpack import Unpacking
from vigie.evidence.walk import Entry
from vigie.fingerprints import source
from vigie.fingerprints.decode import kinds
from vigie.fingerprints.decode.kinds import Kind, Role
from vigie.fingerprints.hashing import Examiner
from vigie.fingerprints.messages import Archive, Member, MemberProblem, Other, Problem
from vigie.fingerprints.source import ChangedSourceError, Source
from vigie.matching.matcher import Matcher
from vigie.matching.verdicts import ExactVerdict

FOLDER_GONE = "scan.folder-gone"

_FOLDER_GONE_MESSAGE = "The folder that held it could not be opened any more: scan it again when nothing changes it."
_SOURCE_ERRORS = (
    source.MissingSourceError,
    source.NotRegularSourceError,
    source.UnreadableSourceError,
    source.ChangedSourceError,
)


class Examination:
    """What one thread of a scan examines entries with; `confinement` is what held around its decoders, if any ran."""

    def __init__(self, root: int, *, examiner: Examiner, matcher: Matcher, memory: Memory) -> None:
        self.confinement: tuple[str, ...] | None = None
        self._examiner = examiner
        self._matcher = matcher
        self._memory = memory
        self._root = root
        self._folder, self._folder_path = os.dup(root), b""

    def close(self) -> None:
        """Close the folder it looked into last."""
        os.close(self._folder)

    def rows(self, entry: Entry) -> Generator[Row, None, None]:
        """Examine one entry and give its rows.

        Raises:  StartFailedError, UnconfinedError; DamagedFileError of a list. Every other failure is a row.
        """
        if entry.refusal is not None:
            yield _refused(entry, code=entry.refusal, message=walk.MESSAGES[entry.refusal])
            return
        folder, _, name = entry.path.rpartition(b"/")
        try:
            self._enter(folder)
        except OSError:
            yield _refused(entry, code=FOLDER_GONE, message=_FOLDER_GONE_MESSAGE)
            return
        try:
            with source.opened(name, folder=self._folder) as file:
                yield from self._file(entry, file)
        except _SOURCE_ERRORS as error:
            yield _refused(entry, code=error.code, message=str(error))

    def _enter(self, folder: bytes) -> None:
        if folder != self._folder_path:
            entered = walk.open_folder(self._root, folder)
            os.close(self._folder)
            self._folder, self._folder_path = entered, folder

    def _file(self, entry: Entry, file: Source) -> Iterator[Row]:
        digests = file.digests()
        kind = kinds.sniff(_head(file))
        exact = self._matcher.exact(digests, size_bytes=file.size_bytes)
        if kind.role is Role.ARCHIVES and exact.gate is None:
            statement = yield from self._archive(entry, file, exact=exact, kind=kind)
        elif exact.is_decided:
            statement = row.encode(Judged(self._matcher, exact=exact).statement(kind))
        else:
            statement = self._content(file, digests.sha256, exact=exact, kind=kind)
        changed_at = walk.calendar_us(file.modified_ns)
        place = row.place([entry.path], size_bytes=file.size_bytes, digests=digests, modified_us=changed_at)
        if (error := _change(file)) is not None:
            said, place = statements.of_changed(row.decode(statement), place, error=error)
            statement = row.encode(said)
        yield row.of(place, statement)

    def _content(self, file: Source, sha256: bytes, *, exact: ExactVerdict, kind: Kind) -> bytes:
        """State what one picture, video or other content is, decoding it where nobody did."""
        if (earlier := self._memory.recall(sha256)) is not None:
            return earlier
        try:
            judged = Judged(self._matcher, exact=exact)
            if kind.role is None:
                judged.take(kinds.unopened(kind))
                statement = row.encode(judged.statement(kind))
            else:
                for found in self._examiner.examine(file.descriptor, size_bytes=file.size_bytes, enough=judged.enough):
                    if not isinstance(found, Archive | Member | MemberProblem):
                        judged.take(found)
                statement = row.encode(judged.statement(kind, confinement=self._layers()))
            if _change(file) is None:
                self._memory.learn(sha256, statement=statement)
            return statement
        finally:
            self._memory.release(sha256)

    def _archive(self, entry: Entry, file: Source, *, exact: ExactVerdict, kind: Kind) -> Generator[Row, None, bytes]:
        """Give the rows of an archive's members, and return what is said of the archive itself."""
        unpacking = Unpacking(
            entry.path,
            own=Judged(self._matcher, exact=exact, what=Other(format=kind.format)),
            matcher=self._matcher,
            memory=self._memory,
            confinement=self._layers,
        )
        try:
            for found in self._examiner.examine(
                file.descriptor, size_bytes=file.size_bytes, wants=unpacking.wants, enough=unpacking.enough
            ):
                unpacking.take(found)
                yield from unpacking.rows()
            unpacking.finish()
            yield from unpacking.rows()
        finally:
            unpacking.give_up()
        return row.encode(unpacking.own.statement(kind, confinement=self._layers()))

    def _layers(self) -> tuple[str, ...]:
        self.confinement = self._examiner.confinement
        return self.confinement


def _refused(entry: Entry, *, code: str, message: str) -> Row:
    problem = Problem(code=code, message=message, examined=False)
    said = statements.of_problem(problem, kind=entry.kind)
    size_bytes = entry.size_bytes if entry.kind == "file" else None
    place = row.place([entry.path], size_bytes=size_bytes, modified_us=entry.modified_us)
    return row.of(place, row.encode(said))


def _head(file: Source) -> bytes:
    try:
        return os.pread(file.descriptor, kinds.HEAD_BYTES, 0)
    except OSError as error:
        raise source.UnreadableSourceError("the file cannot be read: check the medium") from error


def _change(file: Source) -> ChangedSourceError | None:
    try:
        file.check_unchanged()
    except ChangedSourceError as error:
        return error
    return None
