# SPDX-License-Identifier: Apache-2.0
"""The pixels of any decoded picture, whatever their mode, as a plane of luma.

- Every mode becomes red, green and blue first, then luma as the reference weighs it: a picture saved as CMYK, with a
  palette, in 16 bits or in black and white keeps its fingerprint.
- Grey is its own luma. 16 bits are scaled, not clipped; grey of no fixed range (32 bits, floating point) is stretched
  from its least to its greatest value. The lightness of LAB is taken as luma.
- Transparency shows the background: white, unless black is asked for.
- Strips of rows are converted one by one: beside the decoded picture, only the plane is held. Above LARGE_PX it is
  reduced to half each side on the way.
"""

import math
from collections.abc import Iterator
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vigie.fingerprints import picture
from vigie.fingerprints.decode.luma import Plane

WHITE, BLACK = 255, 0
LARGE_PX = 50_000_000
LARGE_EIGHTHS = 4

_STRIP_PX = 1_000_000
_GREY = frozenset({"1", "L", "LAB"})
_UNBOUNDED = frozenset({"I", "F"})
_WIDE_STEP = 257.0  # 65535 / 255


def plane_of(image: Image.Image, *, background: int = WHITE) -> Plane:
    """Convert a decoded picture to luma, its transparency over a background.

    Shapes:  as Plane: uint8 for grey of 8 bits and for a reduced plane, else float32.
    Raises:  ValueError where the pixels of floating point are not numbers.
    """
    width, height = image.size
    step = 8 // LARGE_EIGHTHS if width * height > LARGE_PX else 1
    least, greatest = _range(image)
    is_grey = image.mode in _GREY and not image.has_transparency_data
    levels = np.empty((-(-height // step), -(-width // step)), np.uint8 if is_grey or step > 1 else np.float32)
    for top, strip in _strips(image):
        luma = _luma(strip, background=background)
        if greatest > least:
            luma = (luma - least) * np.float32(255 / (greatest - least))
        if step > 1:
            luma = _averaged(luma)
        levels[top // step : top // step + len(luma)] = luma
    return Plane(levels, height, width, LARGE_EIGHTHS if step > 1 else None)


def is_transparent(image: Image.Image) -> bool:
    """Tell whether any pixel lets the background through; a channel for it alone is not enough."""
    if not image.has_transparency_data:
        return False
    return any(_opacity(strip).min() < WHITE for _, strip in _strips(image))


def _strips(image: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """Yield (top row, strip) from the top, an even number of rows each but the last."""
    width, height = image.size
    rows = max(_STRIP_PX // width // 2 * 2, 2)
    for top in range(0, height, rows):
        yield top, image.crop((0, top, width, min(top + rows, height)))


def _range(image: Image.Image) -> tuple[float, float]:
    """Return the least and the greatest value of a mode that has no fixed range, else (0, 0)."""
    if image.mode not in _UNBOUNDED:
        return 0.0, 0.0
    least, greatest = cast("tuple[float, float]", image.getextrema())
    if not (math.isfinite(least) and math.isfinite(greatest)):
        raise ValueError("the pixels are not numbers")
    return least, greatest


def _luma(strip: Image.Image, *, background: int) -> picture.Luma:
    if strip.mode.startswith("I;16"):
        levels = np.asarray(strip).astype(np.float32) / np.float32(_WIDE_STEP)
        if strip.has_transparency_data:
            levels[_opacity(strip) == 0] = background
        return levels
    if strip.mode in _UNBOUNDED:
        return np.nan_to_num(np.asarray(strip).astype(np.float32))
    if strip.has_transparency_data:
        under = Image.new("RGBA", strip.size, (background, background, background, 255))
        strip = Image.alpha_composite(under, strip.convert("RGBA"))
    elif strip.mode in _GREY:
        return np.asarray(strip.getchannel(0) if strip.mode == "LAB" else strip.convert("L"))
    return picture.luma_from_rgb(np.asarray(strip.convert("RGB")))


def _opacity(strip: Image.Image) -> NDArray[np.uint8]:
    if strip.mode.startswith("I;16"):
        see_through = np.asarray(strip) == strip.info["transparency"]
        return np.where(see_through, np.uint8(0), np.uint8(WHITE))
    return np.asarray(strip.convert("RGBA").getchannel("A"))


def _averaged(luma: picture.Luma) -> NDArray[np.uint8]:
    """Give the mean of each 2 by 2 pixels, the last row and column repeated where there is an odd number.

    Shapes:  (h, w) to (ceil(h / 2), ceil(w / 2)).
    """
    height, width = luma.shape
    even = np.pad(luma, ((0, height % 2), (0, width % 2)), mode="edge").astype(np.float32)
    pairs = even[0::2] + even[1::2]
    return np.rint((pairs[:, 0::2] + pairs[:, 1::2]) / 4).astype(np.uint8)
