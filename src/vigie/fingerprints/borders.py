# SPDX-License-Identifier: Apache-2.0
"""Uniform margins found and left out: letterboxes, pillarboxes, the plain margins of screenshots.

- A margin is uniform from side to side in one colour, and each side may have its own; a few specks do not break it.
- A margin ends abruptly: where the picture only fades out of it (a sky behind trees, an object on white), there is
  none. Cutting there would cut into the picture.
- Margins within margins are found (a letterboxed film on a white page), to a small depth.
- What is left keeps a minimum share of each axis, and what is cut reaches a minimum: a hair is not worth a value.
- The plane may be the decoder's reduced one; the box is in its pixels.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TOLERANCE = 8  # levels of 255: what recompression leaves in a plain margin
SPECKS = 0.01  # of a row's pixels: a row with more is no margin any more
ABRUPT = 0.4  # of a row's pixels: the first row of the picture has at least this many off the margin's colour
FADE = 0.015  # of the axis: how far apart the end of the margin and the start of the picture may be
MIN_MARGIN = 0.01  # of the axis, on one side at least
MIN_INNER = 0.2  # of each axis
MIN_INNER_PX = 32
RINGING_PX = 8  # a JPEG block at full size: its errors reach this far into the margin
MAX_NESTED = 3
STEP_PX = 2  # a scaled picture's edge is spread over so many pixels
STEP_SPAN_PX = 2 * STEP_PX - 1
FIRST_LOOK = 16  # rows; doubled until the picture starts

Luma = NDArray[np.uint8] | NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Box:
    """A part of a plane, in its pixels: rows top to bottom, columns left to right, ends excluded."""

    top: int
    bottom: int
    left: int
    right: int

    def cut(self, luma: Luma) -> Luma:
        """Return the part of the plane inside the box, as a view."""
        return luma[self.top : self.bottom, self.left : self.right]


def find(luma: Luma) -> Box | None:
    """Return the part of the plane inside its uniform margins; None where there are none worth cutting.

    Shapes:  (h, w) uint8 or float32.
    Units:   pixels of the plane; levels of 255.
    """
    height, width = luma.shape
    box = Box(0, height, 0, width)
    for _ in range(MAX_NESTED):
        inner = _inside(luma, box)
        if inner == box:
            break
        box = inner
    margins = (box.top / height, 1 - box.bottom / height, box.left / width, 1 - box.right / width)
    return box if max(margins) >= MIN_MARGIN else None


def _inside(luma: Luma, box: Box) -> Box:
    """Cut the outermost margin of each side, rows first; a cut that leaves too little is not made."""
    part = box.cut(luma)
    top, bottom = _depth(part), _depth(part[::-1])
    if not _is_left_enough(len(part) - top - bottom, whole=len(luma)):
        top = bottom = 0
    box = Box(box.top + top, box.bottom - bottom, box.left, box.right)
    part = box.cut(luma).T
    left, right = _depth(part), _depth(part[::-1])
    if not _is_left_enough(len(part) - left - right, whole=luma.shape[1]):
        left = right = 0
    return Box(box.top, box.bottom, box.left + left, box.right - right)


def _is_left_enough(inner: int, *, whole: int) -> bool:
    return inner >= max(MIN_INNER * whole, MIN_INNER_PX)


def _depth(rows: Luma) -> int:
    """Count the leading rows that are a margin."""
    ordered = np.sort(rows[0])
    specks = int(SPECKS * len(ordered))
    if float(ordered[-1 - specks]) - float(ordered[specks]) > 2 * TOLERANCE:
        return 0
    level = float(ordered[len(ordered) // 2])
    looked = min(FIRST_LOOK, len(rows))
    while not (off := _off_share(rows[:looked], level)).max() >= ABRUPT and looked < len(rows):
        looked = min(2 * looked, len(rows))
    end, start = int(np.argmax(off > SPECKS)), int(np.argmax(off >= ABRUPT))
    fades = start - end > max(RINGING_PX, FADE * len(rows)) or not _is_step(rows, start)
    return 0 if fades else start


def _is_step(rows: Luma, start: int) -> bool:
    """Tell the edge of a picture from a gradient that slowly leaves the margin's colour."""
    at = [max(start - STEP_PX - STEP_SPAN_PX, 0), max(start - STEP_PX, 0), min(start + STEP_PX - 1, len(rows) - 1)]
    far, before, after = rows[at].astype(np.float32)
    jump, drift = float(np.abs(after - before).mean()), float(np.abs(before - far).mean())
    return jump >= TOLERANCE / 2 and jump > 2 * drift


def _off_share(rows: Luma, level: float) -> NDArray[np.float64]:
    """Give the share of each row's pixels that are off the level."""
    if rows.dtype == np.uint8:
        # Unsigned subtraction wraps around, so that one comparison tells both sides.
        low, high = max(level - TOLERANCE, 0), min(level + TOLERANCE, 255)
        off = rows - np.uint8(low) > np.uint8(high - low)
    else:
        off = np.abs(rows - np.float32(level)) > TOLERANCE
    shares: NDArray[np.float64] = np.count_nonzero(off, axis=1) / rows.shape[1]
    return shares
