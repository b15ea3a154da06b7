# SPDX-License-Identifier: Apache-2.0
"""Pixels to perceptual hash: PDQ of a luma plane, all eight turns.

- The value is bit-identical to the reference's on the same luma plane, and so is the quality (0 to 100).
- Row t of the turns is the value of the picture of which this plane is a copy turned by `values.TURNS[t]`: looking
  all eight rows up finds a turned copy and tells the turn. Rows 1 to 7 are those of the plane turned back, but for
  rounding; the reference's shortcut by the signs of one transform would be off by up to 50 bits (ADR-0014).
- A plane smaller than 5 pixels on a side has the value zero and quality 0; the gates refuse it.
- A reduced plane (JPEG decoded at n/8) goes through the full-size plane's own filter and sampling positions.
- The plain numpy path beside the kernel serves platforms without one, and the tests.

Source: PDQ specification (2017); decoder, scales and luma: docs/reference/recipe.md.
"""

import functools
from collections.abc import Callable
from typing import cast

import numpy as np
from numpy.typing import NDArray

from vigie import kernels
from vigie.errors import InvalidInputError
from vigie.fingerprints import values

RECIPE = values.RECIPE

_SIDE, _BAND, _TURNS, _MIN_SIDE = 64, 16, 8, 5
# For each turn: axes swapped, rows mirrored, columns mirrored (the order of values.TURNS).
_TURN_TABLE = ((0, 0, 0), (1, 0, 1), (0, 1, 1), (1, 1, 0), (0, 0, 1), (1, 1, 1), (0, 1, 0), (1, 0, 0))

Luma = NDArray[np.uint8] | NDArray[np.float32]
PdqTurns = NDArray[np.uint8]


class NotALumaPlaneError(InvalidInputError):
    """The array is not a plane of luma."""

    code = "fingerprints.not-a-luma-plane"


def luma_from_rgb(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Weigh red, green and blue as the reference does: in double precision, kept in single.

    Shapes:  (h, w, 3) uint8 to (h, w) float32.
    Units:   0 to 255.
    """
    luma = rgb[:, :, 0] * 0.299
    luma += rgb[:, :, 1] * 0.587
    luma += rgb[:, :, 2] * 0.114
    return luma.astype(np.float32)


def pdq(luma: Luma) -> tuple[bytes, int]:
    """Return the PDQ value of a plane and its quality.

    Shapes:  (h, w) uint8 or float32.
    """
    turns, quality = pdq_turns(luma)
    return turns[0].tobytes(), quality


def pdq_turns(luma: Luma) -> tuple[PdqTurns, int]:
    """Return the eight PDQ values of a plane, one a turn, and its quality.

    Shapes:  (h, w) uint8 or float32 in; (8, 32) uint8 out.
    Order:   values.TURNS.
    Raises:  NotALumaPlaneError.
    """
    plane = _checked(luma)
    library = kernels.library()
    if library is None:
        return pdq_turns_plain(plane)
    turns = np.empty((_TURNS, 32), np.uint8)
    kernel = library.vigie_pdq_u8 if plane.dtype == np.uint8 else library.vigie_pdq_f32
    height, width = plane.shape
    stride = plane.strides[0] // plane.itemsize
    quality = kernel(plane.ctypes.data, height, width, stride, turns.ctypes.data)
    return turns, _quality(quality)


def pdq_turns_reduced(
    luma: NDArray[np.uint8], *, full_height_px: int, full_width_px: int, eighths: int
) -> tuple[PdqTurns, int]:
    """Return the eight PDQ values of a plane that the decoder reduced to `eighths`/8, as if it were full size.

    Shapes:  (ceil(full_height_px * eighths / 8), ceil(full_width_px * eighths / 8)) uint8 in; (8, 32) uint8 out.
    Order:   values.TURNS.
    Raises:  NotALumaPlaneError if the plane has another size.
    """
    plane = cast("NDArray[np.uint8]", _checked(luma, kinds=(np.uint8,)))
    expected = (-(-full_height_px * eighths // 8), -(-full_width_px * eighths // 8))
    if plane.shape != expected or not 1 <= eighths <= 8:
        raise NotALumaPlaneError("the reduced plane does not have the size that its scale gives")
    library = kernels.library()
    if library is None:
        return pdq_turns_reduced_plain(
            plane, full_height_px=full_height_px, full_width_px=full_width_px, eighths=eighths
        )
    turns = np.empty((_TURNS, 32), np.uint8)
    stride = plane.strides[0]
    quality = library.vigie_pdq_reduced_u8(
        plane.ctypes.data, *plane.shape, stride, full_height_px, full_width_px, eighths, turns.ctypes.data
    )
    return turns, _quality(quality)


def pdq_turns_plain(luma: Luma) -> tuple[PdqTurns, int]:
    """Do the same as `pdq_turns` in plain numpy: the fallback, and what the kernel is compared with.

    Order:   the reference's own order of additions, so that the bits are the same.
    """
    height, width = luma.shape
    if height < _MIN_SIDE or width < _MIN_SIDE:
        return np.zeros((_TURNS, 32), np.uint8), 0
    return _finish(lambda rows, columns: _sampled(luma[::-1] if rows else luma, mirror_columns=columns))


def _sampled(luma: Luma, *, mirror_columns: int) -> NDArray[np.float32]:
    plane = (luma[:, ::-1] if mirror_columns else luma).astype(np.float32)
    height, width = plane.shape
    if (height, width) != (_SIDE, _SIDE):
        for _ in range(2):
            plane = _box(_box(plane.T, _window(width)).T, _window(height))
    return plane[_samples(height)][:, _samples(width)]


def pdq_turns_reduced_plain(
    luma: NDArray[np.uint8], *, full_height_px: int, full_width_px: int, eighths: int
) -> tuple[PdqTurns, int]:
    """Do the same as `pdq_turns_reduced` as two matrix products: equal but for rounding."""
    rows = [_axis(full_height_px, eighths, mirrored=mirrored) for mirrored in (False, True)]
    columns = [_axis(full_width_px, eighths, mirrored=mirrored) for mirrored in (False, True)]
    plane = luma.astype(np.float32)
    return _finish(lambda up, left: np.asarray(rows[up] @ plane @ columns[left].T, np.float32))


def _checked(luma: Luma, *, kinds: tuple[type, ...] = (np.uint8, np.float32)) -> Luma:
    if luma.ndim != 2 or luma.dtype not in kinds:
        raise NotALumaPlaneError("a luma plane has two dimensions, of uint8 (or, where it is not reduced, float32)")
    # A row of pixels must be contiguous; rows may be apart (a crop of a larger plane).
    row_is_apart = luma.strides[1] != luma.itemsize or luma.strides[0] < 0 or luma.strides[0] % luma.itemsize
    return luma.copy() if row_is_apart else luma


def _quality(answer: int) -> int:
    if answer < 0:
        raise MemoryError("no memory for the filter of this plane")
    return answer


def _window(length: int) -> int:
    return (length + 2 * _SIDE - 1) // (2 * _SIDE)


def _samples(length: int) -> NDArray[np.int64]:
    return ((np.arange(_SIDE) + 0.5) * length / _SIDE).astype(np.int64)


def _box(plane: NDArray[np.float32], window: int) -> NDArray[np.float32]:
    """Average a window along the first axis, as one running sum from the first row to the last."""
    length = len(plane)
    ahead = (window + 2) // 2
    behind = window - ahead
    result = np.empty_like(plane)
    total = np.zeros(plane.shape[1:], np.float32)
    for row in range(min(ahead - 1, length)):
        total += plane[row]
    for at in range(length):
        if at + ahead - 1 < length:
            total += plane[at + ahead - 1]
        if at - behind - 1 >= 0:
            total -= plane[at - behind - 1]
        count = min(at + ahead - 1, length - 1) - max(at - behind, 0) + 1
        result[at] = total / np.float32(count)
    return result


@functools.cache
def _cosines() -> NDArray[np.float32]:
    rows, columns = np.arange(1, _BAND + 1)[:, None], np.arange(_SIDE)[None, :]
    scale = np.float32(np.sqrt(2.0 / _SIDE))
    cosines = np.cos((np.pi / 2 / _SIDE) * rows * (2 * columns + 1))
    return np.asarray(float(scale) * cosines, np.float32)


def _finish(sampled: Callable[[int, int], NDArray[np.float32]]) -> tuple[PdqTurns, int]:
    """Make values of the 64 x 64 planes that `sampled(mirror rows, mirror columns)` gives."""
    bands = [[_band(sampled(rows, columns)) for columns in range(2)] for rows in range(2)]
    turns = np.empty((_TURNS, 32), np.uint8)
    for row, (swap, rows, columns) in enumerate(_TURN_TABLE):
        turned = (bands[rows][columns].T if swap else bands[rows][columns]).ravel()
        turns[row] = np.packbits((turned > np.sort(turned)[127])[::-1])
    return turns, _plain_quality(sampled(0, 0))


def _band(small: NDArray[np.float32]) -> NDArray[np.float32]:
    matrix = _cosines()
    half = np.zeros((_BAND, _SIDE), np.float32)
    for k in range(_SIDE):
        half += matrix[:, k, None] * small[None, k, :]
    band = np.zeros((_BAND, _BAND), np.float32)
    for k in range(_SIDE):
        band += half[:, k, None] * matrix[None, :, k]
    return band


def _plain_quality(small: NDArray[np.float32]) -> int:
    total = 0
    for difference in (small[:-1] - small[1:], small[:, :-1] - small[:, 1:]):
        steps = (difference * np.float32(100) / np.float32(255)).astype(np.int64)
        total += int(np.abs(steps).sum())
    return min(100, total // 90)


@functools.lru_cache(maxsize=16)
def _axis(full: int, eighths: int, *, mirrored: bool) -> NDArray[np.float32]:
    """One axis of the full-size filter, its weights gathered into reduced pixels: (64, reduced)."""
    filtered = _box(_box(np.eye(full, dtype=np.float32), _window(full)), _window(full))[_samples(full)]
    filtered = filtered[:, ::-1] if mirrored else filtered
    step = eighths / 8
    reduced = -(-full * eighths // 8)
    begin = np.arange(full) * step
    result = np.zeros((_SIDE, reduced), np.float32)
    for offset in range(2):
        pixel = np.minimum(begin.astype(np.int64) + offset, reduced - 1)
        share = np.minimum(begin + step, begin.astype(np.int64) + offset + 1) - np.maximum(
            begin, begin.astype(np.int64) + offset
        )
        np.add.at(result.T, pixel, (filtered * np.maximum(share, 0) / step).T)
    return result
