# SPDX-License-Identifier: Apache-2.0
"""What the worker watches of its own machine: room on the disk, and the clock.

- Little room raises an alarm before there is none: at DISK_PART of the disk or DISK_BYTES, whichever is less room.
- The clock is compared with the machine's monotonic one: a step beyond CLOCK_SECONDS raises an alarm, since times of
  records before and after it cannot be compared. Durations never rest on the clock.
- Nothing is deleted by a clock that was put forward until it has stood so for BELIEVED_SECONDS: what is kept too
  long can still be deleted, what was deleted too early is lost.
- The alarm of little room is repeated at most once in REPEAT_SECONDS while that lasts.
"""

import shutil
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings

from vigie_node.alarms import actions as alarms
from vigie_node.alarms.codes import Alarm
from vigie_node.base.actor import NODE

DISK_PART = 0.05
DISK_BYTES = 2 * 1024**3
CLOCK_SECONDS = 5.0
REPEAT_SECONDS = 3600.0
BELIEVED_SECONDS = 86_400.0


@dataclass(slots=True)
class Watcher:
    """What was seen before; one a process."""

    told_of_disk: float | None = None  # when, by the monotonic clock; None while there is room
    clock: tuple[float, float] | None = None  # wall clock and monotonic, in seconds
    steps: list[tuple[float, float]] = field(default_factory=list)  # when, by the monotonic clock, and by how much
    one_thread: threading.Lock = field(default_factory=threading.Lock)


_watcher = Watcher()


def is_short(*, total_bytes: int, free_bytes: int) -> bool:
    """Say whether a disk has so little room left that somebody has to act."""
    return free_bytes < DISK_BYTES or free_bytes < total_bytes * DISK_PART


def clock_step(before: tuple[float, float], after: tuple[float, float]) -> float:
    """Return by how many seconds the wall clock ran away from the monotonic one between two readings."""
    return (after[0] - before[0]) - (after[1] - before[1])


def disk(now: datetime, *, home: Path | None = None, watcher: Watcher = _watcher) -> bool:
    """Raise DISK_SHORT where the node's home has little room; never asks to be called again at once."""
    usage, at = shutil.disk_usage(home or settings.HOME), time.monotonic()
    if not is_short(total_bytes=usage.total, free_bytes=usage.free):
        watcher.told_of_disk = None
    elif watcher.told_of_disk is None or at - watcher.told_of_disk >= REPEAT_SECONDS:
        watcher.told_of_disk = at
        alarms.raise_alarm(Alarm.DISK_SHORT, subject="home", by=NODE, now=now)
    return False


def clock(now: datetime, *, monotonic: float | None = None, watcher: Watcher = _watcher) -> bool:
    """Raise CLOCK where the wall clock was set since the last call."""
    reading = (now.timestamp(), time.monotonic() if monotonic is None else monotonic)
    with watcher.one_thread:
        before, watcher.clock = watcher.clock, reading
        step = clock_step(before, reading) if before else 0.0
        if abs(step) > CLOCK_SECONDS:
            watcher.steps.append((reading[1], step))
    if abs(step) > CLOCK_SECONDS:
        alarms.raise_alarm(Alarm.CLOCK, subject="forward" if step > 0 else "back", by=NODE, now=now)
    return False


def believed(now: datetime, *, monotonic: float | None = None, watcher: Watcher = _watcher) -> datetime:
    """Return the time to delete by: the clock's, without the steps forward that are too new to be believed."""
    at = time.monotonic() if monotonic is None else monotonic
    clock(now, monotonic=at, watcher=watcher)
    with watcher.one_thread:
        watcher.steps = [(when, step) for when, step in watcher.steps if at - when < BELIEVED_SECONDS]
    return now - timedelta(seconds=max(0.0, sum(step for _, step in watcher.steps)))
