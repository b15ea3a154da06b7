# SPDX-License-Identifier: Apache-2.0
"""Generated video clips: a camera that wanders over a photo-like field, with a cut now and then.

- H.264, YUV 4:2:0, at the bits of video on the web (5 Mbit/s for 1080p), the encoder's usual distance of key frames.
- Files are kept under the store and made once.
"""

from pathlib import Path

import av
import numpy as np

from bench.corpus import pictures

_BITS_A_PIXEL = 0.08


def clip(store: Path, *, seconds: int, seed: int, width_px: int = 1920, height_px: int = 1080) -> Path:
    """Give the file of one clip of 30 frames a second."""
    path = store / "clips" / f"{width_px}x{height_px}-{seconds}s-{seed}.mp4"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        write(partial, seconds=seconds, seed=seed, width_px=width_px, height_px=height_px)
        partial.rename(path)
    return path


def write(
    path: Path, *, seconds: float, seed: int, width_px: int, height_px: int, rate: int = 30, container: str = "mp4"
) -> None:
    """Encode one clip: a new scene every five seconds, each a slow pan, with the grain of a sensor."""
    rng = np.random.default_rng(seed)
    grain = rng.normal(0, 3.5, (height_px + 64, width_px + 64, 1)).astype(np.int16)
    with av.open(path, "w", format=container, options={"fflags": "+bitexact"}) as file:
        stream = file.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = width_px, height_px, "yuv420p"
        stream.bit_rate = round(_BITS_A_PIXEL * width_px * height_px * rate)
        stream.options = {"preset": "veryfast"}
        for number in range(int(seconds * rate)):
            if number % (5 * rate) == 0:
                scene = pictures.photo(int(rng.integers(2**31)), width_px=width_px + 320, height_px=height_px + 180)
                step = rng.uniform(-1, 1, 2)
            at = (0.5 + 0.5 * step * (number % (5 * rate)) / (5 * rate)) * (180, 320)
            top, left = (int(value) // 2 * 2 for value in at)
            down, across = rng.integers(0, 64, 2)
            view = scene[top : top + height_px, left : left + width_px] + grain[down:, across:][:height_px, :width_px]
            view = np.clip(view, 0, 255).astype(np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(view, format="rgb24")))
        file.mux(stream.encode())
