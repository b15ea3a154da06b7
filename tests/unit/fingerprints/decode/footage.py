# SPDX-License-Identifier: Apache-2.0
"""Benign moving pictures for the tests: a camera that wanders over seeded noise, and ways to write them as videos."""

import io
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT, RATE = 128, 96, 25
Plane = NDArray[np.uint8]


def texture(seed: int, *, height: int, width: int) -> Plane:
    """Return a crowd of shapes in all greys from 16 to 235: it has the look of a photograph to a perceptual hash."""
    rng = np.random.default_rng(seed)
    plane = np.full((height, width), 126, np.uint8)
    rows, columns = np.ogrid[:height, :width]
    for _ in range(height * width // 300):
        row, column, radius = rng.integers(height), rng.integers(width), rng.integers(5, 30)
        down, right = np.abs(rows - row), np.abs(columns - column)
        inside = (down**2 + right**2 < radius**2) if rng.random() < 0.5 else (down < radius) & (right < radius / 2)
        plane[inside] = rng.integers(16, 236)
    return plane


def wander(seed: int, frames: int) -> Iterator[Plane]:
    """Yield the view of a camera that looks here, rests, and looks there, over one texture, with a little noise."""
    world = texture(seed, height=3 * HEIGHT, width=3 * WIDTH)
    rng = np.random.default_rng(seed + 1)
    phase = rng.uniform(0, 6, size=3)
    for number in range(frames):
        time = number / RATE
        moved = time - np.sin(3 * time + phase[0]) / 3  # at rest every two seconds
        top = int((np.sin(0.07 * moved + phase[1]) + 1) * HEIGHT)
        left = int((np.sin(0.1 * moved + phase[2]) + 1) * WIDTH)
        view = world[top : top + HEIGHT, left : left + WIDTH].astype(np.int16)
        yield np.clip(view + rng.integers(-2, 3, size=view.shape), 16, 235).astype(np.uint8)


def still(seed: int, frames: int) -> Iterator[Plane]:
    """Yield the same view again and again, with a little noise."""
    view = texture(seed, height=HEIGHT, width=WIDTH).astype(np.int16)
    rng = np.random.default_rng(seed + 1)
    for _ in range(frames):
        yield np.clip(view + rng.integers(-2, 3, size=view.shape), 16, 235).astype(np.uint8)


def black(frames: int) -> Iterator[Plane]:
    for _ in range(frames):
        yield np.full((HEIGHT, WIDTH), 16, np.uint8)


def written(
    planes: Iterable[Plane],
    *,
    container: str = "mp4",
    codec: str = "libx264",
    pixels: str = "yuv420p",
    rate: int = RATE,
    keys_every: int = 2 * RATE,
    times: Callable[[int], int] | None = None,
    options: dict[str, str] | None = None,
) -> bytes:
    """Encode grey planes (limited range) as a video; `times` gives the milliseconds at which each frame is shown."""
    file = io.BytesIO()
    quiet = {"libx264": {"preset": "veryfast"}, "libx265": {"preset": "ultrafast", "x265-params": "log-level=none"}}
    with av.open(file, "w", format=container) as output:
        stream = None
        for number, plane in enumerate(planes):
            if stream is None:
                stream = output.add_stream(codec, rate=rate, options=options or quiet.get(codec, {}))
                stream.height, stream.width, stream.pix_fmt = *plane.shape, pixels
                stream.codec_context.gop_size = keys_every
                if times is not None:
                    stream.codec_context.time_base = Fraction(1, 1000)
            frame = coloured(plane).reformat(format=pixels, threads=1)
            if times is not None:
                frame.pts, frame.time_base = times(number), Fraction(1, 1000)
            output.mux(stream.encode(frame))
        if stream is not None:
            output.mux(stream.encode())
    return file.getvalue()


def coloured(plane: Plane) -> av.VideoFrame:
    """Return a frame whose luma is the plane, without colour."""
    height, width = plane.shape
    return av.VideoFrame.from_ndarray(
        np.concatenate([plane, np.full((height // 2, width), 128, np.uint8)]), format="yuv420p"
    )


def sound() -> bytes:
    """Return a file with nothing but sound."""
    file = io.BytesIO()
    with av.open(file, "w", format="mov") as output:
        stream = output.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        output.mux(stream.encode(frame))
    return file.getvalue()
