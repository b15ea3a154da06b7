# SPDX-License-Identifier: Apache-2.0
"""Luma planes of all sizes for comparing PDQ bit by bit: seeded noise, fields, blanks, stripes, dots."""

import numpy as np
from numpy.typing import NDArray

_FIXED = ((1, 1), (1, 64), (4, 4), (5, 5), (5, 2000), (7, 9), (63, 65), (64, 64), (127, 129), (512, 512), (2000, 5))


def planes(count: int, *, seed: int = 11) -> list[NDArray[np.uint8]]:
    """Make so many planes: the fixed odd sizes first, then sizes by lot, most of them small."""
    rng = np.random.default_rng(seed)
    sizes = list(_FIXED[:count])
    while len(sizes) < count:
        most = 2000 if rng.random() < 0.03 else 400
        sizes.append((int(rng.integers(1, most + 1)), int(rng.integers(1, most + 1))))
    return [_plane(rng, height, width) for height, width in sizes]


def _plane(rng: np.random.Generator, height: int, width: int) -> NDArray[np.uint8]:
    match int(rng.integers(0, 6)):
        case 0:
            return rng.integers(0, 256, (height, width), dtype=np.uint8)
        case 1:
            return np.full((height, width), rng.integers(0, 256), np.uint8)
        case 2:
            down, across = np.ogrid[0:height, 0:width]
            wave = np.sin(down * rng.uniform(0, 0.5)) + np.cos(across * rng.uniform(0, 0.5))
            return ((wave + 2) * 63).astype(np.uint8)
        case 3:
            plane = np.zeros((height, width), np.uint8)
            plane[rng.integers(0, height), rng.integers(0, width)] = 255
            return plane
        case 4:
            steps = rng.normal(0, 6, (height, width)).cumsum(0).cumsum(1) / 8
            return (steps % 256).astype(np.uint8)
        case _:
            return np.broadcast_to(np.linspace(0, 255, width), (height, width)).astype(np.uint8)
