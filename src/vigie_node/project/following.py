# SPDX-License-Identifier: Apache-2.0
"""Tell people when a process cannot follow the change log, and when it follows again.

- Such a process answers 503 within a second. After AFTER_SECONDS it also raises INDEX_STALE, as soon as the database
  takes it, with its face as the subject; the figure `vigie_index_is_stale` says so meanwhile.
- The alarm is settled as soon as a process of that face follows again; one that still does not raises it anew. A
  process that could tell nobody while it lasted leaves an alarm raised and settled.
"""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

import structlog
from django.db import DatabaseError, connection
from prometheus_client import Gauge

from vigie.errors import UnavailableError, VigieError
from vigie_node.alarms import actions as alarms
from vigie_node.alarms.codes import Alarm
from vigie_node.base.actor import NODE
from vigie_node.project.faces import Face

AFTER_SECONDS = 5.0
START_SECONDS = 60.0  # which a process has to load its index
REPEAT_SECONDS = 30.0
_TICK_SECONDS = 1.0
_STALE = Gauge(
    "vigie_index_is_stale", "1 while a process cannot follow the change log", ["face"], multiprocess_mode="livemax"
)
_log = structlog.get_logger("vigie_node.following")


class Following:
    """Whether one index of this process is fresh, and what was told of it."""

    def __init__(self, check_fresh: Callable[[], None], *, face: Face, at: float) -> None:
        self._check_fresh = check_fresh
        self._face = face
        self._last_fresh = at + START_SECONDS - AFTER_SECONDS
        self._told_at: float | None = None
        self._is_settled = False  # a process before this one may have left an alarm

    def step(self, *, at: float, now: datetime) -> None:
        """Look, and tell what is to be told; `at` is of the monotonic clock, in seconds.

        Raises:  DatabaseError where nothing could be told; the next step tries again.
        """
        try:
            self._check_fresh()
        except UnavailableError:
            self._note_stale(at=at, now=now)
        else:
            self._note_fresh(at=at, now=now)

    def _note_stale(self, *, at: float, now: datetime) -> None:
        if at - self._last_fresh <= AFTER_SECONDS:
            return
        _STALE.labels(self._face.value).set(1)
        self._is_settled = False
        if self._told_at is None or at - self._told_at >= REPEAT_SECONDS:
            self._raise(now)
            self._told_at = at

    def _note_fresh(self, *, at: float, now: datetime) -> None:
        was_stale = at - self._last_fresh > AFTER_SECONDS
        if was_stale and self._told_at is None:
            self._raise(now)
            self._told_at = at
        if not self._is_settled:
            alarms.settle_standing(Alarm.INDEX_STALE, subject=self._face.value, by=NODE, now=now)
        _STALE.labels(self._face.value).set(0)
        self._is_settled, self._told_at = True, None
        self._last_fresh = at

    def _raise(self, now: datetime) -> None:
        alarms.raise_alarm(Alarm.INDEX_STALE, subject=self._face.value, by=NODE, now=now)


def start(check_fresh: Callable[[], None], *, face: Face) -> None:
    """Watch over an index of this process from now on, in a thread."""
    following = Following(check_fresh, face=face, at=time.monotonic())

    def watch() -> None:
        while True:
            time.sleep(_TICK_SECONDS)
            try:
                following.step(at=time.monotonic(), now=datetime.now(UTC))
            except (DatabaseError, VigieError):
                _log.warning("alarm-not-raised", alarm=Alarm.INDEX_STALE.value)
                connection.close()

    threading.Thread(target=watch, name="watch-following", daemon=True).start()
