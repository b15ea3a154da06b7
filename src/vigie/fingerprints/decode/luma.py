# SPDX-License-Identifier: Apache-2.0
"""One picture's luma on its way from the decoder to its fingerprint.

- A plane is whole, or reduced to n/8 of the size where each pixel is the mean of the full-size pixels it stands for.
- A whole plane gives the reference's own bits; a reduced one goes through the full-size plane's filter.
- Turning and cutting keep both descriptions true: the plane and the full size that it stands for.
"""

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from vigie.fingerprints import borders, messages, picture

EIGHTHS_WHOLE = 8
# How EXIF's orientation 2 to 8 makes the stored plane upright (EXIF 2.32, tag 274): axes swapped first, then rows
# mirrored, then columns mirrored.
_UPRIGHT = {
    2: (False, False, True),
    3: (False, True, True),
    4: (False, True, False),
    5: (True, False, False),
    6: (True, False, True),
    7: (True, True, True),
    8: (True, True, False),
}
UNTURNED = 1
_UNDONE_BY = {6: 8, 8: 6}  # every other orientation undoes itself


@dataclass(frozen=True, slots=True)
class Plane:
    """The luma of one picture.

    Shapes:  luma (height_px, width_px) uint8 or float32 where `eighths` is None; else uint8, each side
             ceil(side * eighths / 8).
    Units:   height_px and width_px of the full-size picture; luma 0 to 255.
    """

    luma: picture.Luma
    height_px: int
    width_px: int
    eighths: int | None = None


def value_of(plane: Plane) -> messages.Value:
    """Compute the eight values of a plane and its quality."""
    if plane.eighths is None:
        turns, quality = picture.pdq_turns(plane.luma)
    else:
        turns, quality = picture.pdq_turns_reduced(
            cast("NDArray[np.uint8]", plane.luma),
            full_height_px=plane.height_px,
            full_width_px=plane.width_px,
            eighths=plane.eighths,
        )
    return messages.Value(turns=turns.tobytes(), quality=quality)


def is_turned(orientation: int) -> bool:
    """Tell whether an EXIF orientation turns the picture; unknown numbers do not."""
    return orientation in _UPRIGHT


def upright(plane: Plane, *, orientation: int) -> Plane:
    """Turn a stored plane as its EXIF orientation says."""
    if not is_turned(orientation):
        return plane
    swap, mirror_rows, mirror_columns = _UPRIGHT[orientation]
    plane = _whole_pixels(plane)
    luma = plane.luma.T if swap else plane.luma
    luma = luma[:: -1 if mirror_rows else 1, :: -1 if mirror_columns else 1]
    height_px, width_px = (plane.width_px, plane.height_px) if swap else (plane.height_px, plane.width_px)
    turned = cast("picture.Luma", np.ascontiguousarray(luma))
    return Plane(turned, height_px, width_px, plane.eighths)


def as_stored(plane: Plane, *, orientation: int) -> Plane:
    """Undo the turn of a decoder that has already made the plane upright."""
    return upright(plane, orientation=_UNDONE_BY.get(orientation, orientation))


def inside(plane: Plane, *, box: borders.Box) -> Plane:
    """Keep the part of a plane inside a box."""
    if plane.eighths is None:
        return Plane(box.cut(plane.luma), box.bottom - box.top, box.right - box.left)
    step = EIGHTHS_WHOLE // plane.eighths
    height_px = min(box.bottom * step, plane.height_px) - box.top * step
    width_px = min(box.right * step, plane.width_px) - box.left * step
    return Plane(box.cut(plane.luma), height_px, width_px, plane.eighths)


def _whole_pixels(plane: Plane) -> Plane:
    """Leave out the last reduced row or column that stands for less than the others.

    Mirrored, it would come first and shift all that follows: up to 20 bits at 2/8, against 8 without it.
    """
    if plane.eighths is None:
        return plane
    step = EIGHTHS_WHOLE // plane.eighths
    rows, columns = max(plane.height_px // step, 1), max(plane.width_px // step, 1)
    whole = borders.Box(0, rows, 0, columns)
    return inside(plane, box=whole)
