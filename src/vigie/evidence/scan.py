# SPDX-License-Identifier: Apache-2.0
"""One pass over a folder: walk it, examine every entry, keep a row of each.

1. Walk: every entry becomes work in the ledger. A walk that was cut short begins again.
2. Examine: threads take units of work in order, each with its own confined workers.
3. Keep: this thread alone writes: finished units to the ledger, their rows to parts, the parts to the manifest.

- A scan killed at any moment goes on where it stood when the same call is made again, and ends with the same rows.
- The source is only read. The result is readable by its owner alone.
- Lists are judged at the time the scan was first started, however often it was stopped since.
- Nothing is left out: an entry that could not be examined is a row with its reason.
"""

import hashlib
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import metadata
from itertools import islice
from pathlib import Path
from threading import Event

import msgspec
from msgspec import structs

import vigie
from vigie.errors import InvalidInputError
from vigie.evidence import ledger, manifest, results, row
from vigie.evidence.ledger import Ledger, Work
from vigie.evidence.manifest import DamagedResultError, ListUsed, Manifest, NoResultError
from vigie.evidence.walk import Entry, open_source, walk
from vigie.evidence.workers import Chunk, Crew
from vigie.fingerprints.hashing import Examiner
from vigie.fingerprints.picture import RECIPE
from vigie.fingerprints.sandbox import Limits
from vigie.lists.file import OpenList
from vigie.matching.matcher import Matcher

UNIT_FILES = 50  # few enough that two workers share a small folder, enough that a unit's write costs little
UNIT_BYTES = 32_000_000
PART_ROWS = 50_000
TICK_SECONDS = 0.25
FILE_COST_BYTES = 200_000  # opening and decoding take about as long as reading so many bytes more

_UNITS_AT_ONCE = 200
_PROGRAMS = ("numpy", "pillow", "pillow-heif", "simplejpeg", "av", "py7zr", "duckdb")


class SourceInsideResultError(InvalidInputError):
    """The result folder is the source, or holds it."""

    code = "scan.source-inside-result"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a scan is. Totals are None while the folder is walked, `seconds_left` until there is a rate.

    Files and bytes are those of the tree; `verdicts` counts rows, members of archives included.
    """

    files_done: int
    files_total: int | None
    size_done: int
    size_total: int | None
    files_per_second: float
    seconds_left: float | None
    verdicts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Summary:
    """How a scan ended: complete, now or before, or stopped; what is done of it, and its rows by verdict."""

    complete: bool
    was_complete: bool
    files: int
    size_bytes: int
    verdicts: dict[str, int]
    started_at: str
    finished_at: str | None


def run(
    source: Path,
    *,
    lists: Sequence[OpenList],
    out: Path,
    workers: int,
    limits: Limits,
    now: datetime,
    progress: Callable[[Progress], None],
    stop: Event,
    allow_unconfined: bool = False,
    clock: Callable[[], float] = time.monotonic,
) -> Summary:
    """Scan a folder into a result folder, or go on with a scan that was stopped.

    Setting `stop` ends it early: what is finished is kept, and the same call goes on from there.

    Raises:  SourceMissingError, SourceInsideResultError, UnsuitableFolderNameError; FolderInUseError,
             ForeignFolderError, OtherScanError; DiskFullError, DamagedLedgerError; StaleListError, DamagedFileError;
             UnconfinedError, StartFailedError.
    """
    results.check_folder_name(out)
    os.close(open_source(source))
    if source.resolve().is_relative_to(out.resolve()):
        raise SourceInsideResultError("the source lies in the result folder: name a result folder outside of it")
    about = _about(source, lists=lists, limits=limits, allow_unconfined=allow_unconfined, now=now)
    with (
        ledger.storage_told(),
        ledger.locked(out),
        Ledger(out, identity=_identity(about, source), started_at=about.started_at) as book,
    ):
        about = structs.replace(about, started_at=book.started_at)
        scan = _Scan(out, book=book, about=about, now=now, progress=progress, clock=clock)
        if (before := scan.completed()) is not None:
            return before
        matcher = Matcher(lists, now=datetime.fromisoformat(book.started_at))
        scan.walk(source, stop=stop)
        if not stop.is_set():
            crew = Crew(
                source,
                workers=workers,
                matcher=matcher,
                open_examiner=partial(Examiner, limits=limits, allow_unconfined=allow_unconfined),
                open_reader=book.reader,
            )
            scan.examine(crew, stop=stop)
        return scan.end()


class _Scan:
    """One run of a scan: its ledger, what is written of it, and how far it is."""

    def __init__(
        self,
        out: Path,
        *,
        book: Ledger,
        about: Manifest,
        now: datetime,
        progress: Callable[[Progress], None],
        clock: Callable[[], float],
    ) -> None:
        self._out = out
        self._book = book
        self._about = about
        self._now = now
        self._progress = progress
        self._clock = clock
        self._began = clock()

    def completed(self) -> Summary | None:
        """Return how the scan ended where it is complete already."""
        try:
            about = manifest.read(self._out)
        except (NoResultError, DamagedResultError):
            return None  # the ledger holds all that a manifest says
        return self._summary(about, was_complete=True) if about.complete else None

    def walk(self, source: Path, *, stop: Event) -> None:
        """Write every entry of the source down as work to do, unless that is done."""
        if self._book.walked:
            return
        files = size_bytes = 0
        for units in _batches(_units(walk(source, leave_out=self._out, scratch=self._out))):
            self._book.add_units(units)
            files += sum(map(len, units))
            size_bytes += sum(entry.size_bytes for unit in units for entry in unit)
            rate = files / max(self._clock() - self._began, 1e-9)
            self._progress(Progress(files, None, size_bytes, None, rate, None, {}))
            if stop.is_set():
                return
        self._book.end_walk()

    def examine(self, crew: Crew, *, stop: Event) -> None:
        """Have every unit that is left examined, and keep what is found."""
        before, whole = self._book.done(), self._book.to_do()
        began = told_at = self._clock()
        self._write_manifest()
        self._write_parts()
        with crew:
            for chunk in crew.chunks(stop=stop, wait_seconds=TICK_SECONDS):
                if chunk is not None:
                    self._keep(chunk)
                if self._clock() - told_at >= TICK_SECONDS:
                    told_at = self._clock()
                    self._progress(_progress(crew, before, whole, seconds=told_at - began))
        self._progress(_progress(crew, before, whole, seconds=self._clock() - began))

    def end(self) -> Summary:
        """Write down how the scan ended."""
        if self._book.walked and self._book.done() == self._book.to_do():
            self._write_parts()
            self._book.compact()
            finished_at = self._now + timedelta(seconds=self._clock() - self._began)
            self._about = structs.replace(self._about, complete=True, finished_at=_iso(finished_at))
        return self._summary(self._write_manifest(), was_complete=False)

    def _keep(self, chunk: Chunk) -> None:
        if chunk.confinement is not None:
            self._book.note_confinement(chunk.confinement)
        if chunk.verdicts is None:
            self._book.stage(chunk.unit, number=chunk.number, lines=chunk.lines, contents=chunk.contents)
            return
        self._book.finish(
            chunk.unit, number=chunk.number, lines=chunk.lines, contents=chunk.contents, verdicts=chunk.verdicts
        )
        self._write_parts()

    def _write_parts(self) -> None:
        while (span := self._book.next_part(min_rows=PART_ROWS)) is not None:
            first, last = span
            number = len(self._book.parts()) + 1
            part = results.write_part(self._book.lines(first, last), folder=self._out, number=number)
            self._book.record_part(part, number=number, last_unit=last)
            self._write_manifest()

    def _write_manifest(self) -> Manifest:
        about = structs.replace(
            self._about,
            confinement=self._book.confinement() or [],
            verdicts=self._book.done().verdicts,
            parts=self._book.parts(),
        )
        manifest.write(self._out, about)
        return about

    def _summary(self, about: Manifest, *, was_complete: bool) -> Summary:
        done = self._book.done()
        return Summary(
            complete=about.complete,
            was_complete=was_complete,
            files=done.files,
            size_bytes=done.size_bytes,
            verdicts=done.verdicts,
            started_at=about.started_at,
            finished_at=about.finished_at,
        )


def _progress(crew: Crew, before: Work, whole: Work, *, seconds: float) -> Progress:
    files = sum(tally.files for tally in crew.tallies)
    size_bytes = sum(tally.size_bytes for tally in crew.tallies)
    verdicts = Counter(before.verdicts)
    for tally in crew.tallies:
        verdicts.update(tally.verdicts)
    cost_done = size_bytes + files * FILE_COST_BYTES
    files_left, size_left = whole.files - before.files - files, whole.size_bytes - before.size_bytes - size_bytes
    cost_left = max(size_left, 0) + max(files_left, 0) * FILE_COST_BYTES
    return Progress(
        files_done=before.files + files,
        files_total=whole.files,
        size_done=before.size_bytes + size_bytes,
        size_total=whole.size_bytes,
        files_per_second=files / max(seconds, 1e-9),
        seconds_left=seconds * cost_left / cost_done if cost_done else None,
        verdicts=dict(verdicts),
    )


def _units(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Cut the entries into units of work: a large file is one by itself."""
    unit: list[Entry] = []
    size_bytes = 0
    for entry in entries:
        if unit and (len(unit) == UNIT_FILES or size_bytes + entry.size_bytes > UNIT_BYTES):
            yield unit
            unit, size_bytes = [], 0
        unit.append(entry)
        size_bytes += entry.size_bytes
    if unit:
        yield unit


def _batches(units: Iterator[list[Entry]]) -> Iterator[list[list[Entry]]]:
    while batch := list(islice(units, _UNITS_AT_ONCE)):
        yield batch


def _about(
    source: Path, *, lists: Sequence[OpenList], limits: Limits, allow_unconfined: bool, now: datetime
) -> Manifest:
    return Manifest(
        complete=False,
        started_at=_iso(now),
        finished_at=None,
        source=row.visible_name(os.fsencode(source.resolve())),
        lists=[_list_used(one) for one in lists],
        recipe=RECIPE,
        versions={"vigie": vigie.__version__, **{name: metadata.version(name) for name in _PROGRAMS}},
        confinement=[],
        limits=msgspec.to_builtins(limits, str_keys=True),
        options={"allow_unconfined": allow_unconfined},
        verdicts={},
        parts=[],
    )


def _list_used(one: OpenList) -> ListUsed:
    return ListUsed(
        name=one.info.name,
        issuer=one.info.issuer,
        version=one.info.version,
        digest=hashlib.sha256(one.snapshot.header_bytes).hexdigest(),
        entries=one.info.counts.entries,
        valid_until=_iso(one.info.valid_until) if one.info.valid_until else None,
    )


def _identity(about: Manifest, source: Path) -> dict[str, str]:
    """Say what must be the same for a scan to go on; the keys are said to the user where they differ."""
    return {
        "source": os.fsencode(source.resolve()).hex(),
        "lists": " ".join(one.digest for one in about.lists),
        "versions": _text({**about.versions, "recipe": about.recipe}),
        "limits": _text(about.limits),
        "options": _text(about.options),
    }


def _text(value: object) -> str:
    return msgspec.json.encode(value, order="sorted").decode()


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")
