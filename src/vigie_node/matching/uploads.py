# SPDX-License-Identifier: Apache-2.0
"""A file that somebody sends is fingerprinted in the confined worker and dropped.

- The content lives in anonymous memory, never in the file system; it is gone when the answer is. What comes over a wire
  is written there as it comes, and the worker gets that very memory: it is held once.
- At most EXAMINERS files are examined at a time in a process; WAITING more wait for WAIT_SECONDS, the others are asked
  to come back: a queue without an end would only hide the overload.
- What could not be read is said, with its code: it is never "no match".
"""

import atexit
import contextlib
import os
import queue
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self

from vigie.errors import InvalidInputError, UnavailableError
from vigie.fingerprints import digests
from vigie.fingerprints.hashing import Examiner
from vigie.fingerprints.messages import Content, Other, Problem
from vigie.fingerprints.values import Digests
from vigie_node.base.lanes import Lane
from vigie_node.matching import questions
from vigie_node.matching.questions import Question

EXAMINERS = 2
WAITING = 2
WAIT_SECONDS = 10.0
MAX_FILE_BYTES = 256 * 1024 * 1024


class FileTooLargeError(InvalidInputError):
    """A file of this size is not taken."""

    code = "matching.file-too-large"
    http_status = 413


class EmptyFileError(InvalidInputError):
    """There is nothing in the file."""

    code = "matching.empty-file"


class BusyExaminersError(UnavailableError):
    """Other files are being examined: ask again."""

    code = "matching.busy-examiners"


@dataclass(frozen=True, slots=True)
class Examined:
    """What a file is: its digests, its content as the worker described it, and the questions to ask about it."""

    size_bytes: int
    digests: Digests
    content: Content
    questions: tuple[Question, ...]

    @property
    def problem(self) -> Problem | None:
        """Say why there is no value of it, or None."""
        return self.content if isinstance(self.content, Problem) else None


class Received:
    """A file in anonymous memory, written as it comes; close it when it was examined.

    Its digests are made in a thread while the worker decodes: neither waits for the other.
    """

    def __init__(self) -> None:
        self.size_bytes = 0
        self._descriptor = os.memfd_create("vigie-upload", os.MFD_CLOEXEC)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the content."""
        os.close(self._descriptor)

    def write(self, chunk: bytes) -> None:
        """Take the next part of the file.

        Raises:  FileTooLargeError.
        """
        self.size_bytes += len(chunk)
        if self.size_bytes > MAX_FILE_BYTES:
            raise FileTooLargeError(f"a file has at most {MAX_FILE_BYTES} bytes; send its fingerprints instead")
        view = memoryview(chunk)
        while view:
            view = view[os.write(self._descriptor, view) :]

    def examine(self) -> Examined:
        """Fingerprint the file, now that it is whole.

        Raises:  EmptyFileError, BusyExaminersError; StartFailedError, UnconfinedError.
        """
        if not self.size_bytes:
            raise EmptyFileError("the file is empty; send its bytes")
        found: Content = Other()
        with _examiner() as examiner:
            hashing = _hashing.submit(digests.of_descriptor, self._descriptor)
            try:
                for one in examiner.examine(self._descriptor, size_bytes=self.size_bytes, open_archives=False):
                    if isinstance(one, Content):
                        found = one
            finally:
                exact, _ = hashing.result()
        return Examined(self.size_bytes, exact, found, questions.of_content(exact, found))


def examine(content: bytes) -> Examined:
    """Fingerprint a file that is in memory.

    Raises:  EmptyFileError, FileTooLargeError, BusyExaminersError; StartFailedError, UnconfinedError.
    """
    return examine_arriving([content])


def examine_arriving(chunks: Iterable[bytes]) -> Examined:
    """Fingerprint a file that comes in parts.

    Raises:  EmptyFileError, FileTooLargeError, BusyExaminersError; StartFailedError, UnconfinedError.
    """
    with Received() as file:
        for chunk in chunks:
            file.write(chunk)
        return file.examine()


_idle: "queue.SimpleQueue[Examiner]" = queue.SimpleQueue()
_hashing = ThreadPoolExecutor(EXAMINERS, thread_name_prefix="hashing")
_lane = Lane(
    at_once=EXAMINERS,
    waiting=WAITING,
    wait_seconds=WAIT_SECONDS,
    full=lambda: BusyExaminersError("other files are being examined; send it again in a moment"),
)


@atexit.register
def close() -> None:
    """End the confined workers of this process that wait for a file."""
    with contextlib.suppress(queue.Empty):
        while True:
            _idle.get_nowait().close()


@contextlib.contextmanager
def _examiner() -> Iterator[Examiner]:
    with _lane.held():
        try:
            examiner = _idle.get_nowait()
        except queue.Empty:
            examiner = Examiner()
        try:
            yield examiner
        finally:
            _idle.put(examiner)
