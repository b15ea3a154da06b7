# SPDX-License-Identifier: Apache-2.0
"""The threads of a scan: each takes units of work in order and examines them with its own confined workers.

- Threads only read the ledger; what they find goes to the one thread that writes it, some thousand rows at a time.
- A unit is delivered whole or not at all: its last chunk says so.
- A failure that is not a file's own ends the scan: it is handed over, and the others stop.
- A thread that is asked to stop does so after the file or member it is at; one that takes longer is left behind, and
  nothing of its unit counts.
"""

import math
import os
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from vigie.evidence.examine import Examination
from vigie.evidence.ledger import Reader
from vigie.evidence.seen import Memory, SeenContents
from vigie.evidence.walk import Entry, open_source
from vigie.fingerprints.hashing import Examiner
from vigie.matching.matcher import Matcher
from vigie.matching.verdicts import Outcome

CHUNK_ROWS = 5_000
STOP_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows of one unit as JSON lines, and what was learnt of contents; `verdicts` counts the unit where it is done."""

    unit: int
    number: int
    lines: bytes
    contents: list[tuple[bytes, bytes]]
    confinement: tuple[str, ...] | None
    verdicts: dict[str, int] | None


class Tally:
    """What one thread has examined so far; only that thread writes it."""

    def __init__(self) -> None:
        self.files = 0
        self.size_bytes = 0
        self.verdicts = {outcome.value: 0 for outcome in Outcome}  # never grows: others read it meanwhile


class Crew:
    """The threads of one scan. Use it as a context; `chunks` gives what they find."""

    def __init__(
        self,
        source: Path,
        *,
        workers: int,
        matcher: Matcher,
        open_examiner: Callable[[], Examiner],
        open_reader: Callable[[], Reader],
    ) -> None:
        self.tallies = [Tally() for _ in range(workers)]
        self._source = source
        self._matcher = matcher
        self._open_examiner = open_examiner
        self._open_reader = open_reader
        self._seen = SeenContents()
        self._halt = threading.Event()
        self._taking = threading.Lock()
        self._last_unit = 0
        self._found: queue.Queue[Chunk | Exception | None] = queue.Queue(maxsize=4 * workers)
        self._threads = [
            threading.Thread(target=self._work, args=(tally,), name=f"scan-{number}", daemon=True)
            for number, tally in enumerate(self.tallies)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._halt.set()
        leave_at = time.monotonic() + STOP_SECONDS
        for thread in self._threads:
            thread.join(max(0, leave_at - time.monotonic()))

    def chunks(self, *, stop: threading.Event, wait_seconds: float) -> Iterator[Chunk | None]:
        """Give what the threads find until all is done or `stop` is set; None where nothing came for a while.

        Raises:  the failure of a thread.
        """
        at_work = len(self._threads)
        leave_at = math.inf
        while at_work and time.monotonic() < leave_at:
            if stop.is_set() and not self._halt.is_set():
                self._halt.set()
                leave_at = time.monotonic() + STOP_SECONDS
            try:
                found = self._found.get(timeout=wait_seconds)
            except queue.Empty:
                yield None
                continue
            if isinstance(found, Exception):
                raise found
            if found is None:
                at_work -= 1
                continue
            yield found
            self._seen.forget([sha256 for sha256, _ in found.contents])

    def _work(self, tally: Tally) -> None:
        try:
            with self._open_examiner() as examiner, closing(self._open_reader()) as reader:
                root = open_source(self._source)
                memory = Memory(self._seen, reader=reader)
                examination = Examination(root, examiner=examiner, matcher=self._matcher, memory=memory)
                try:
                    while (taken := self._take(reader)) is not None:
                        self._examine(*taken, examination=examination, memory=memory, tally=tally)
                finally:
                    examination.close()
                    os.close(root)
        except Exception as error:  # noqa: BLE001  (handed to the thread that writes, which raises it)
            self._hand_over(error)
        finally:
            self._hand_over(None)

    def _take(self, reader: Reader) -> tuple[int, list[Entry]] | None:
        with self._taking:
            taken = None if self._halt.is_set() else reader.unit_after(self._last_unit)
            if taken is not None:
                self._last_unit = taken[0]
            return taken

    def _examine(
        self, unit: int, entries: list[Entry], *, examination: Examination, memory: Memory, tally: Tally
    ) -> None:
        lines: list[bytes] = []
        number = 0
        verdicts: Counter[str] = Counter()

        def chunk(*, done: bool) -> Chunk:
            learnt, memory.learnt = memory.learnt, []
            told = dict(verdicts) if done else None
            return Chunk(unit, number, b"".join(lines), learnt, examination.confinement, told)

        for entry in entries:
            with closing(examination.rows(entry)) as rows:
                for verdict, line in rows:
                    lines.append(line)
                    verdicts[verdict] += 1
                    tally.verdicts[verdict] += 1
                    if len(lines) >= CHUNK_ROWS:
                        self._hand_over(chunk(done=False))
                        lines.clear()
                        number += 1
                    if self._halt.is_set():
                        return
            tally.files += 1
            tally.size_bytes += entry.size_bytes
        self._hand_over(chunk(done=True))

    def _hand_over(self, found: Chunk | Exception | None) -> None:
        while True:
            try:
                self._found.put(found, timeout=1)
            except queue.Full:
                if self._halt.is_set():  # nobody takes it any more
                    return
            else:
                return
