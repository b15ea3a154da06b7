# SPDX-License-Identifier: Apache-2.0
"""Photo-like planes of 64 by 64 pixels, millions of them: what PDQ sees of a photograph, without the file around it.

- Drawn as `pictures.photo` draws: a 1/f field, a gradient, shapes, grain; every plane is a picture of its own.
- Seed and block number decide everything.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from vigie.fingerprints import picture

SIDE = 64
BLOCK = 4000
_OCTAVES = (2, 4, 8, 16, 32, 64)


def values(seed: int, *, count: int) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """Give the eight PDQ values and the quality of so many planes, a block at a time.

    Shapes:  (b, 8, 32) uint8 and (b,) uint8.
    """
    for number, start in enumerate(range(0, count, BLOCK)):
        drawn = planes(np.random.default_rng([seed, number]), count=min(BLOCK, count - start))
        turns = np.empty((len(drawn), 8, 32), np.uint8)
        qualities = np.empty(len(drawn), np.uint8)
        for row, plane in enumerate(drawn):
            turns[row], qualities[row] = picture.pdq_turns(plane)
        yield turns, qualities


def planes(rng: np.random.Generator, *, count: int) -> NDArray[np.uint8]:
    """Draw so many planes: (count, 64, 64)."""
    luma = _field(rng, count) + _gradient(rng, count)
    shapes = rng.integers(2, 9, count)
    for turn in range(8):
        _shape(rng, luma, shapes > turn)
    luma += rng.standard_normal(luma.shape, dtype=np.float32) * rng.uniform(0.5, 4, (count, 1, 1)).astype(np.float32)
    return np.clip(luma, 0, 255, out=luma).astype(np.uint8)


def _field(rng: np.random.Generator, count: int) -> NDArray[np.float32]:
    total = np.zeros((count, SIDE, SIDE), np.float32)
    slope = rng.uniform(0.75, 1.35, (count, 1, 1)).astype(np.float32)
    for octave, side in enumerate(_OCTAVES):
        spread = _interpolation(side)
        noise = rng.standard_normal((count, side, side), dtype=np.float32)
        total += (spread @ noise @ spread.T) * (52 * 2 ** (-slope * octave))
    return total


def _interpolation(side: int) -> NDArray[np.float32]:
    """Linear interpolation from `side` points to 64."""
    places = np.clip((np.arange(SIDE) + 0.5) * side / SIDE - 0.5, 0, side - 1)
    return np.maximum(0, 1 - np.abs(places[:, None] - np.arange(side)[None, :])).astype(np.float32)


def _gradient(rng: np.random.Generator, count: int) -> NDArray[np.float32]:
    angle, strength = rng.uniform(0, 2 * np.pi, (count, 1, 1)), rng.uniform(0, 90, (count, 1, 1))
    line = np.linspace(-1, 1, SIDE)
    slope = np.cos(angle) * strength * line[None, None, :] + np.sin(angle) * strength * line[None, :, None]
    return (slope + rng.uniform(90, 160, (count, 1, 1))).astype(np.float32)


def _shape(rng: np.random.Generator, luma: NDArray[np.float32], wanted: NDArray[np.bool_]) -> None:
    """Put one more ellipse or rectangle of one grey on the planes that want one, in place."""
    rows = np.flatnonzero(wanted)
    line = np.arange(SIDE, dtype=np.float32)
    places = (rng.uniform(low, high, (2, len(rows), 1)) * SIDE for low, high in ((0, 1), (0.015, 0.175)))
    centre, half = (place.astype(np.float32) for place in places)
    down, across = ((line[None, :] - centre[axis]) / half[axis] for axis in range(2))
    round_ones = rng.random((len(rows), 1, 1)) < 0.5
    inside = np.where(
        round_ones,
        down[:, :, None] ** 2 + across[:, None, :] ** 2 <= 1,
        (np.abs(down) <= 1)[:, :, None] & (np.abs(across) <= 1)[:, None, :],
    )
    level = rng.uniform(0, 256, (len(rows), 1, 1)).astype(np.float32)
    luma[rows] = np.where(inside, level, luma[rows])
