# SPDX-License-Identifier: Apache-2.0
"""Make pdq_planes.csv: our own seeded luma planes with the values that the PDQ reference gives them.

Needs pdqhash (the binding of the C++ reference), which the project does not depend on; run it by hand to check or
extend the vectors. The planes themselves are not stored: `plane` makes them again from their row.
"""

import csv
import sys
from pathlib import Path

import numpy as np

KINDS = ("noise", "blocks", "waves", "gradient", "blank", "shapes")
SIZES = ((5, 5), (7, 9), (31, 200), (63, 64), (64, 64), (65, 64), (128, 128), (129, 130), (257, 513), (480, 640))


def plane(kind, height, width, seed):
    """Make one benign plane: (height, width) uint8."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    if kind == "noise":
        return rng.integers(0, 256, (height, width), dtype=np.uint8)
    if kind == "blocks":
        side = 1 + max(height, width) // 12
        cells = rng.integers(0, 256, (height // side + 1, width // side + 1), dtype=np.uint8)
        return np.repeat(np.repeat(cells, side, 0), side, 1)[:height, :width].copy()
    if kind == "waves":
        a, b, c = rng.integers(1, 9, 3)
        return (((x * a) // 3 + (y * b) // 2 + ((x * y) // (40 * c))) % 256).astype(np.uint8)
    if kind == "gradient":
        return ((x * 255) // max(1, width - 1)).astype(np.uint8)
    if kind == "blank":
        return np.full((height, width), rng.integers(0, 256), np.uint8)
    result = np.full((height, width), 200, np.uint8)
    for _ in range(12):
        top, left = rng.integers(0, height), rng.integers(0, width)
        result[top : top + height // 3 + 1, left : left + width // 4 + 1] = rng.integers(0, 256)
    return result


def main():
    import pdqhash  # noqa: PLC0415 - the planes are made without it

    with Path(__file__).with_name("pdq_planes.csv").open("w", newline="", encoding="ascii") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["kind", "height_px", "width_px", "seed", "pdq", "quality"])
        for kind in KINDS:
            for height, width in SIZES:
                seed = height * 1000 + width
                grey = plane(kind, height, width, seed)
                bits, quality = pdqhash.compute(np.repeat(grey[:, :, None], 3, 2))
                rows.writerow([kind, height, width, seed, np.packbits(bits).tobytes().hex(), quality])


if __name__ == "__main__":
    sys.exit(main())
