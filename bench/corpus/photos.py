# SPDX-License-Identifier: Apache-2.0
"""JPEG files like those of cameras, at 1, 4 and 12 megapixels, with the bytes of real ones.

- Quality 80 to 95; one in ten is progressive, one in seven is 4:4:4, the others 4:2:0.
- The texture of each is set so that a size's files have the mean bytes of real photographs of that size.
- Files are kept under the store and made once.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.corpus import pictures

_TRIAL = {"width_px": 640, "height_px": 480}


@dataclass(frozen=True, slots=True)
class Size:
    """One class of photographs, and the mean bytes of real ones."""

    megapixels: int
    width_px: int
    height_px: int
    mean_bytes: int


SIZES = (Size(1, 1152, 864, 240_000), Size(4, 2304, 1728, 820_000), Size(12, 4000, 3000, 2_120_000))


def photos(store: Path, *, size: Size, count: int) -> list[Path]:
    """Give so many files of one size, making those that are not there yet."""
    folder = store / "photos" / f"{size.megapixels}mp"
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number:04}.jpg" for number in range(count)]
    for number, path in enumerate(paths):
        if not path.exists():
            path.write_bytes(jpeg(1000 * size.megapixels + number, size=size))
    return paths


def jpeg(seed: int, *, size: Size) -> bytes:
    """Draw and encode one photograph of about the size's usual bytes."""
    rng = np.random.default_rng([seed, 7])
    options: dict[str, Any] = {
        "quality": int(rng.integers(80, 96)),
        "progressive": bool(rng.random() < 0.1),
        "subsampling": 0 if rng.random() < 1 / 7 else 2,
    }
    wanted = size.mean_bytes * float(rng.lognormal(-0.06, 0.35))
    texture = _texture(seed, wanted / (size.width_px * size.height_px), options)
    picture = pictures.photo(seed, width_px=size.width_px, height_px=size.height_px, texture=texture)
    return pictures.encoded(picture, **options)


def _texture(seed: int, bytes_a_pixel: float, options: dict[str, Any]) -> float:
    """Find the texture that gives so many bytes a pixel, by halving on a small trial picture."""
    low, high = 0.02, 4.0
    for _ in range(7):
        middle = (low * high) ** 0.5
        trial = pictures.encoded(pictures.photo(seed, texture=middle, **_TRIAL), **options)
        if len(trial) / (_TRIAL["width_px"] * _TRIAL["height_px"]) > bytes_a_pixel:
            high = middle
        else:
            low = middle
    return (low * high) ** 0.5
