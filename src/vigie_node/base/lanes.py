# SPDX-License-Identifier: Apache-2.0
"""A lane for heavy work: so many do it at once, so many wait for it, and the others are told at once.

Whoever waits holds one of the few threads of its process: without an end to the waiting, heavy work would hold all of
them, and nobody would get an answer, however light the question.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator


class Lane:
    """A lane of one process; `full` makes the error for whoever finds no place in it, or waits too long."""

    def __init__(self, *, at_once: int, waiting: int, wait_seconds: float, full: Callable[[], Exception]) -> None:
        self._places = threading.Semaphore(at_once + waiting)
        self._free = threading.Semaphore(at_once)
        self._wait_seconds = wait_seconds
        self._full = full

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Work in the lane.

        Raises:  what `full` makes.
        """
        if not self._places.acquire(blocking=False):
            raise self._full()
        try:
            if not self._free.acquire(timeout=self._wait_seconds):
                raise self._full()
            try:
                yield
            finally:
                self._free.release()
        finally:
            self._places.release()
