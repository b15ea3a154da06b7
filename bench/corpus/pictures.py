# SPDX-License-Identifier: Apache-2.0
"""Generated pictures: photo-like ones, and the hard cases of everyday files.

- A photo-like picture is a 1/f field with a gradient, shapes and now and then some letters, in muted colours.
- A hard case is what makes perceptual values meet by accident: text pages, documents, screenshots, charts, line art,
  plain skies.
- Each function takes its own seeded generator; nothing else decides what is drawn.
"""

import functools
import io
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Rgb = NDArray[np.uint8]
_COARSE_PX = 256
_TILE_PX = 1024
_LETTERS = np.array(list("aaabcdeeeefghiiijlmnnooprrssttuuvy"))


def photo(seed: int, *, width_px: int, height_px: int, texture: float | None = None) -> Rgb:
    """Draw one photo-like picture.

    Shapes:  (height_px, width_px, 3).
    Units:   texture: how much fine detail and sensor noise, 1 as in a usual photograph; drawn by lot where None.
    """
    rng = np.random.default_rng(seed)
    luma = _field(rng, width_px, height_px)
    luma += _gradient(rng, width_px, height_px)
    luma += _detail(rng, width_px, height_px) * np.float32(texture or rng.uniform(0.4, 1.6))
    canvas = Image.fromarray(_tinted(rng, luma))
    _shapes(rng, canvas)
    if rng.random() < 0.3:
        _letters(rng, canvas)
    return np.asarray(canvas)


def encoded(picture: Rgb | Image.Image, *, kind: str = "JPEG", **options: object) -> bytes:
    """Write a picture as a file of the given kind, in memory."""
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _resized(plane: NDArray[np.float32], width_px: int, height_px: int) -> NDArray[np.float32]:
    image = Image.fromarray(plane, "F").resize((width_px, height_px), Image.Resampling.BICUBIC)
    return np.asarray(image, dtype=np.float32)


def _field(rng: np.random.Generator, width_px: int, height_px: int) -> NDArray[np.float32]:
    """Sum octaves of noise whose amplitude falls with frequency, as in photographs."""
    scale = _COARSE_PX / max(width_px, height_px, _COARSE_PX)
    small_width, small_height = max(2, round(width_px * scale)), max(2, round(height_px * scale))
    slope = rng.uniform(0.75, 1.35)
    total = np.zeros((small_height, small_width), np.float32)
    for octave in range(1, 8):
        side = 2**octave
        noise = rng.standard_normal((max(2, side * small_height // small_width), side), dtype=np.float32)
        total += _resized(noise, small_width, small_height) * np.float32(52 * 2 ** (-slope * (octave - 1)))
    if (small_height, small_width) == (height_px, width_px):
        return total
    return _resized(total, width_px, height_px).copy()


def _gradient(rng: np.random.Generator, width_px: int, height_px: int) -> NDArray[np.float32]:
    angle, strength = rng.uniform(0, 2 * np.pi), rng.uniform(0, 90)
    across = np.linspace(-1, 1, width_px, dtype=np.float32)[None, :] * np.float32(np.cos(angle) * strength)
    down = np.linspace(-1, 1, height_px, dtype=np.float32)[:, None] * np.float32(np.sin(angle) * strength)
    return across + down + np.float32(rng.uniform(90, 160))


@functools.cache
def _tile() -> NDArray[np.float32]:
    """Fine detail with a falling spectrum, one standard deviation high; large pictures repeat it, rolled."""
    rng = np.random.default_rng(1)
    spectrum = np.fft.rfft2(rng.standard_normal((_TILE_PX, _TILE_PX)))
    down, across = np.fft.fftfreq(_TILE_PX)[:, None], np.fft.rfftfreq(_TILE_PX)[None, :]
    frequency = np.hypot(down, across)
    spectrum *= (frequency > 4 / _TILE_PX) / np.maximum(frequency, 1 / _TILE_PX)
    tile = np.fft.irfft2(spectrum)
    return (tile / tile.std()).astype(np.float32)


def _detail(rng: np.random.Generator, width_px: int, height_px: int) -> NDArray[np.float32]:
    shift = rng.integers(0, _TILE_PX, 2)
    tile = np.roll(_tile(), shift, (0, 1)) * np.float32(9)
    rows, columns = -(-height_px // _TILE_PX), -(-width_px // _TILE_PX)
    detail = np.tile(tile, (rows, columns))[:height_px, :width_px]
    return detail + rng.standard_normal((height_px, width_px), dtype=np.float32) * np.float32(3)


def _tinted(rng: np.random.Generator, luma: NDArray[np.float32]) -> Rgb:
    height_px, width_px = luma.shape
    colours = rng.standard_normal((2, 4, 4), dtype=np.float32) * np.float32(rng.uniform(4, 26))
    result = np.empty((height_px, width_px, 3), np.uint8)
    red, blue = (_resized(colour, width_px, height_px) for colour in colours)
    for channel, shift in enumerate((red, -(red + blue) / 2, blue)):
        result[:, :, channel] = np.clip(luma + shift, 0, 255)
    return result


def _shapes(rng: np.random.Generator, canvas: Image.Image) -> None:
    draw = ImageDraw.Draw(canvas)
    width_px, height_px = canvas.size
    for _ in range(rng.integers(2, 9)):
        colour = tuple(int(value) for value in rng.integers(0, 256, 3))
        at = rng.uniform(0, 1, 2) * (width_px, height_px)
        size = rng.uniform(0.03, 0.35, 2) * (width_px, height_px)
        box = [*(at - size / 2), *(at + size / 2)]
        match int(rng.integers(0, 4)):
            case 0:
                draw.ellipse(box, fill=colour)
            case 1:
                draw.rectangle(box, fill=colour)
            case 2:
                points = (at + rng.uniform(-0.5, 0.5, (int(rng.integers(3, 7)), 2)) * size).ravel()
                draw.polygon([float(value) for value in points], fill=colour)
            case _:
                draw.line(box, fill=colour, width=max(1, width_px // 120))


def words(rng: np.random.Generator, *, characters: int) -> str:
    """Make up a line of about so many characters."""
    letters = rng.choice(_LETTERS, characters)
    letters[np.cumsum(rng.integers(2, 10, characters // 2 + 1)).clip(0, characters - 1)] = " "
    return "".join(letters)


@functools.cache
def font(size_px: int) -> ImageFont.FreeTypeFont:
    """Give the typeface that comes with Pillow, at one of its sizes."""
    return ImageFont.load_default(size_px)


def _letters(rng: np.random.Generator, canvas: Image.Image) -> None:
    width_px, height_px = canvas.size
    at = tuple(rng.uniform(0.05, 0.6, 2) * (width_px, height_px))
    colour = tuple(int(value) for value in rng.integers(0, 256, 3))
    text = words(rng, characters=int(rng.integers(6, 18)))
    ImageDraw.Draw(canvas).text(at, text, fill=colour, font=font(max(8, height_px // 14)))


def text_page(rng: np.random.Generator) -> Image.Image:
    """Draw a page full of lines: a letter, a book page."""
    canvas = Image.new("L", (600, 848), int(rng.integers(238, 256)))
    draw = ImageDraw.Draw(canvas)
    size_px = int(rng.integers(10, 17))
    left, top = int(rng.integers(40, 90)), int(rng.integers(40, 110))
    for line in range(top, 848 - int(rng.integers(40, 220)), size_px + int(rng.integers(4, 9))):
        short = 0.4 if rng.random() < 0.15 else 1.0
        characters = int((600 - 2 * left) / (size_px * 0.5) * short)
        draw.text((left, line), words(rng, characters=max(4, characters)), fill=20, font=font(size_px))
    return canvas


def document(rng: np.random.Generator) -> Image.Image:
    """Draw a form: a letterhead, boxes, a table, a few lines, a stamp."""
    canvas = Image.new("RGB", (600, 848), (252, 252, 250))
    draw = ImageDraw.Draw(canvas)
    draw.rectangle((40, 36, 40 + int(rng.integers(60, 240)), 36 + int(rng.integers(24, 60))), fill=_ink(rng))
    line = int(rng.integers(120, 220))
    for _ in range(int(rng.integers(4, 14))):
        draw.text((48, line), words(rng, characters=int(rng.integers(10, 70))), fill=(30, 30, 30), font=font(13))
        line += int(rng.integers(18, 34))
    rows, columns = int(rng.integers(3, 9)), int(rng.integers(2, 6))
    for row in range(rows + 1):
        draw.line((48, line + row * 22, 552, line + row * 22), fill=(90, 90, 90))
    for column in range(columns + 1):
        across = 48 + column * 504 // columns
        draw.line((across, line, across, line + rows * 22), fill=(90, 90, 90))
    if rng.random() < 0.5:
        at = rng.integers(300, 500, 2)
        draw.ellipse((*map(int, at), *map(int, at + 90)), outline=_ink(rng), width=4)
    return canvas


def screenshot(rng: np.random.Generator) -> Image.Image:
    """Draw a window or a telephone's screen: bars, a list, panels, buttons."""
    size = (960, 600) if rng.random() < 0.5 else (450, 900)
    dark = rng.random() < 0.4
    paper, ink = ((28, 28, 32), (220, 220, 225)) if dark else ((248, 248, 250), (35, 35, 40))
    canvas = Image.new("RGB", size, paper)
    draw = ImageDraw.Draw(canvas)
    draw.rectangle((0, 0, size[0], int(rng.integers(28, 72))), fill=_ink(rng))
    left = int(rng.integers(0, size[0] // 3))
    draw.rectangle((0, 72, left, size[1]), fill=tuple(int(value * 0.9) for value in paper))
    pitch = int(rng.integers(30, 80))
    for line in range(88, size[1] - pitch, pitch):
        draw.ellipse((left + 16, line, left + 16 + pitch // 2, line + pitch // 2), fill=_ink(rng))
        characters = int(rng.integers(6, max(7, (size[0] - left) // 12)))
        draw.text((left + 30 + pitch // 2, line), words(rng, characters=characters), fill=ink, font=font(14))
    if rng.random() < 0.5:
        at = rng.integers((left, 100), (size[0] - 60, size[1] - 60))
        draw.rectangle(
            (*map(int, at), int(at[0] + rng.integers(60, 400)), int(at[1] + rng.integers(60, 300))), _ink(rng)
        )
    return canvas


def chart(rng: np.random.Generator) -> Image.Image:
    """Draw a bar or a line chart with axes and a grid."""
    canvas = Image.new("RGB", (720, 480), (255, 255, 255))
    draw = ImageDraw.Draw(canvas)
    for line in range(60, 420, int(rng.integers(30, 80))):
        draw.line((60, line, 690, line), fill=(215, 215, 215))
    draw.line((60, 40, 60, 420, 690, 420), fill=(0, 0, 0), width=2)
    count = int(rng.integers(4, 30))
    heights = np.clip(np.cumsum(rng.normal(0, 40, count)) + rng.uniform(120, 260), 8, 370)
    places = np.linspace(70, 680, count + 1)
    if rng.random() < 0.5:
        for at, height in zip(places, heights, strict=False):
            draw.rectangle((at, 420 - height, at + 500 / count, 420), fill=_ink(rng))
    else:
        points = [(float(at), float(420 - height)) for at, height in zip(places, heights, strict=False)]
        draw.line(points, fill=_ink(rng), width=3)
    draw.text((80, 12), words(rng, characters=int(rng.integers(10, 40))), fill=(0, 0, 0), font=font(16))
    return canvas


def line_art(rng: np.random.Generator) -> Image.Image:
    """Draw black strokes on white: a cartoon without its story."""
    canvas = Image.new("L", (640, 640), 255)
    draw = ImageDraw.Draw(canvas)
    for _ in range(int(rng.integers(3, 16))):
        at, size = rng.uniform(80, 560, 2), rng.uniform(20, 240, 2)
        box = [*(at - size / 2), *(at + size / 2)]
        width_px = int(rng.integers(2, 6))
        if rng.random() < 0.5:
            start = float(rng.uniform(0, 360))
            draw.arc(box, start, start + float(rng.uniform(60, 360)), fill=0, width=width_px)
        else:
            points = np.clip(at + np.cumsum(rng.normal(0, 30, (int(rng.integers(3, 12)), 2)), 0), 0, 640)
            draw.line([float(value) for value in points.ravel()], fill=0, width=width_px)
    return canvas


def sky(rng: np.random.Generator) -> Image.Image:
    """Draw a plain sky: a gradient, faint clouds, sensor noise."""
    top, bottom = rng.uniform((60, 100, 150), (120, 170, 255)), rng.uniform((140, 170, 200), (235, 235, 255))
    share = np.linspace(0, 1, 480, dtype=np.float32)[:, None, None]
    clouds = _resized(rng.standard_normal((3, 4), dtype=np.float32), 640, 480) * np.float32(rng.uniform(0, 14))
    noise = rng.standard_normal((480, 640), dtype=np.float32) * np.float32(rng.uniform(0.5, 3))
    plane = top * (1 - share) + bottom * share + (clouds + noise)[:, :, None]
    return Image.fromarray(np.clip(plane, 0, 255).astype(np.uint8))


def _ink(rng: np.random.Generator) -> tuple[int, int, int]:
    red, green, blue = (int(value) for value in rng.integers(20, 230, 3))
    return red, green, blue


HARD: dict[str, Callable[[np.random.Generator], Image.Image]] = {
    "text pages": text_page,
    "documents": document,
    "screenshots": screenshot,
    "charts": chart,
    "line art": line_art,
    "plain skies": sky,
}
