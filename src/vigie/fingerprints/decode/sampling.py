# SPDX-License-Identifier: Apache-2.0
"""Which frames of a video are looked at.

- The key pass takes key frames. The full pass takes key frames and, at least once a second, the calmest frame: the one
  that differs least from the frame before it within CALM_SECONDS either way. Two copies cut at different instants
  agree on their calm moments, and hardly ever on the ticks of a clock (ADR-0012).
- Times a player would not believe are mended: a clock that jumps back or far ahead goes on by one frame instead.
- Timestamps cannot hide frames: after FRAMES_AT_MOST frames one is taken, whatever the clock says.
- The choice depends on the frames alone, never on the machine; three frames at most are held.
"""

import math
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

CALM_SECONDS = 0.2
LONGEST_SECONDS = 0.999  # one, less what times are rounded by
KEYS_APART_SECONDS = 0.5  # some videos hold nothing but key frames
FRAMES_AT_MOST = 120
LARGEST_STEP_SECONDS = 3600.0
_RECENT_FRAMES = 64

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Shot(Generic[T]):
    """A decoded frame: when, whether it is a key frame, how much it differs from the one before (0 if unknown)."""

    at_seconds: float
    frame: T
    is_key: bool = False
    change: float = 0.0


class Timeline:
    """The clock of one stream, mended where it cannot be believed.

    Units:   seconds from `start_seconds` (or from the first time there is); never negative, never going back.
             `rate` is the frames a second to go on with where a time is missing or not believed.
    """

    def __init__(self, *, start_seconds: float | None, rate: float) -> None:
        self._step = 1.0 / rate
        self._offset = None if start_seconds is None else -start_seconds
        self._last: float | None = None

    def at(self, time_seconds: float | None) -> float:
        """Return when the next frame in the order of showing is shown."""
        earliest = 0.0 if self._last is None else self._last
        at = expected = 0.0 if self._last is None else self._last + self._step
        if time_seconds is not None:
            if self._offset is None:
                self._offset = expected - time_seconds
            at = max(time_seconds + self._offset, 0.0)
            if not earliest <= at <= earliest + LARGEST_STEP_SECONDS:
                self._offset = expected - time_seconds
                at = expected
        self._last = at
        return at


def chosen(shots: Iterable[Shot[T]], *, full: bool) -> Iterator[Shot[T]]:
    """Yield the shots to look at; of the key pass (`full` is False) or of the full pass.

    Order:   time. A calm shot is known CALM_SECONDS later; a key frame taken meanwhile waits for it.
    """
    last_key, last = -math.inf, -math.inf
    passed = 0
    calm: Shot[T] | None = None
    waiting: list[Shot[T]] = []
    recent: deque[tuple[float, float]] = deque(maxlen=_RECENT_FRAMES)
    for shot in shots:
        at, passed = shot.at_seconds, passed + 1
        while recent and at - recent[0][0] > CALM_SECONDS:
            recent.popleft()
        if calm is not None and (at - calm.at_seconds > CALM_SECONDS or at - last >= LONGEST_SECONDS):
            yield calm
            yield from waiting
            last, passed, calm, waiting = calm.at_seconds, 0, None, []
        crowded = passed >= FRAMES_AT_MOST
        if shot.is_key and (at - last_key >= KEYS_APART_SECONDS or crowded):
            last_key, passed = at, 0
            last = at if last == -math.inf else last
            waiting.append(shot)
        elif full and (at - last >= LONGEST_SECONDS or crowded):
            last, passed = at, 0
            waiting.append(shot)
        elif full and all(shot.change < change for _, change in recent):
            yield from waiting
            calm, waiting = shot, []
        recent.append((at, shot.change))
        if calm is None:
            yield from waiting
            waiting = []
    if calm is not None:
        yield calm
    yield from waiting
