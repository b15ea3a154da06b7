# SPDX-License-Identifier: Apache-2.0
"""The files that a command was given, and the confined workers that look at them side by side.

- A folder stands for everything below it, in the order of its names' bytes; nothing below it is left out silently.
- Results come in the order of the files, whichever worker was first.
- A path that does not exist is a row with its problem, and makes the command end with the code for that.
"""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from vigie.errors import InvalidInputError, NotFoundError
from vigie.evidence import walk
from vigie.fingerprints.hashing import Examiner

_AHEAD = 4  # files handed to the workers before the first of them is back, for each worker
_MAX_WORKERS = 64

Result = TypeVar("Result")


class MissingPathError(NotFoundError):
    """A path on the command line leads nowhere."""

    code = "cli.missing-path"


class WorkersOutOfRangeError(InvalidInputError):
    """The number of workers is absurd."""

    code = "cli.workers-out-of-range"


@dataclass(frozen=True, slots=True)
class Input:
    """One file to look at, or why it is not looked at."""

    path: bytes
    refusal: tuple[str, str] | None = None


def workers_of(asked: int | None) -> int:
    """Return how many files are looked at side by side.

    Raises:  WorkersOutOfRangeError.
    """
    workers = asked if asked is not None else len(os.sched_getaffinity(0))
    if not 1 <= workers <= _MAX_WORKERS:
        raise WorkersOutOfRangeError(f"--workers is a number from 1 to {_MAX_WORKERS}")
    return workers


def files_of(paths: Sequence[Path]) -> Iterator[Input]:
    """Give each file that the paths stand for.

    Order:   that of the paths; below a folder, the names' bytes.
    """
    for path in paths:
        if not path.is_dir() or path.is_symlink():
            yield Input(os.fsencode(path))
            continue
        try:
            os.close(walk.open_source(path))
        except walk.SourceMissingError:
            message = "the folder cannot be opened: check its permissions"
            yield Input(os.fsencode(path), (walk.Refusal.UNREADABLE_FOLDER.value, message))
            continue
        for entry in walk.walk(path):
            refusal = (entry.refusal, walk.MESSAGES[walk.Refusal(entry.refusal)]) if entry.refusal else None
            yield Input(os.path.join(os.fsencode(path), entry.path), refusal)  # noqa: PTH118 - names are bytes


def check_exist(paths: Sequence[Path]) -> None:
    """Say of how many paths nothing was found, after the others were done.

    Raises:  MissingPathError.
    """
    missing = sum(not os.path.lexists(path) for path in paths)
    if missing:
        raise MissingPathError(f"{missing} of {len(paths)} paths do not exist: check their spelling")


def look_at_each(
    inputs: Iterator[Input],
    look: Callable[[Input, Examiner], Result],
    *,
    workers: int,
    allow_unconfined: bool,
) -> Iterator[Result]:
    """Give what `look` says of each input, several at once, each thread with confined workers of its own.

    Order:   that of the inputs.
    Raises:  UnconfinedError, StartFailedError.
    """
    own = threading.local()
    with ExitStack() as open_until_end:
        examiners: list[Examiner] = []

        def run(one: Input) -> Result:
            if not hasattr(own, "examiner"):
                own.examiner = Examiner(allow_unconfined=allow_unconfined)
                examiners.append(own.examiner)
            return look(one, own.examiner)

        def close() -> None:
            for examiner in examiners:
                examiner.close()

        open_until_end.callback(close)
        pool = open_until_end.enter_context(ThreadPoolExecutor(max_workers=workers))
        open_until_end.callback(pool.shutdown, wait=True, cancel_futures=True)
        pending: deque[Future[Result]] = deque()
        for one in inputs:
            pending.append(pool.submit(run, one))
            if len(pending) >= _AHEAD * workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
