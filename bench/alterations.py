# SPDX-License-Identifier: Apache-2.0
"""What happens to pictures on their way: the altered copies that a fingerprint should, or cannot, survive.

- An alteration takes a picture and its own generator, and gives the bytes of the copy's file.
- Unless the file format is the alteration itself, the copy is a JPEG of quality 90.
- `promised` gives those that the recipe promises to find at 31 bits; the others are measured, and said.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pillow_heif
from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from bench.corpus import pictures

pillow_heif.register_heif_opener()

# What the encoders do to be small does not matter here; what they take does.
_FAST: dict[str, dict[str, object]] = {
    "PNG": {"compress_level": 1},
    "AVIF": {"speed": 9},
    "HEIF": {"enc_params": {"preset": "ultrafast"}},
    "WEBP": {"method": 0},
}

Change = Callable[[Image.Image, np.random.Generator], Image.Image]


@dataclass(frozen=True, slots=True)
class Alteration:
    """One way of altering a picture: its group and name in the tables, and how the copy is written."""

    group: str
    name: str
    change: Change
    kind: str = "JPEG"
    quality: int = 90

    def copy(self, picture: Image.Image, rng: np.random.Generator) -> bytes:
        """Alter a picture and write the copy."""
        changed = self.change(picture, rng)
        options = {} if self.kind in {"PNG", "GIF"} else {"quality": self.quality}
        buffer = io.BytesIO()
        changed.save(buffer, self.kind, **options, **_FAST.get(self.kind, {}))
        return buffer.getvalue()


def _same(picture: Image.Image, _: np.random.Generator) -> Image.Image:
    return picture


def _scaled(share: float) -> Change:
    def change(picture: Image.Image, _: np.random.Generator) -> Image.Image:
        size = (max(8, round(picture.width * share)), max(8, round(picture.height * share)))
        return picture.resize(size, Image.Resampling.LANCZOS)

    return change


def _stretched(picture: Image.Image, _: np.random.Generator) -> Image.Image:
    return picture.resize((round(picture.width * 1.25), picture.height), Image.Resampling.BICUBIC)


def _grey(picture: Image.Image, _: np.random.Generator) -> Image.Image:
    return picture.convert("L")


def _hue(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    gains = rng.uniform(0.8, 1.2, 3)
    channels = [
        channel.point(lambda value, gain=gain: min(255, value * gain))
        for channel, gain in zip(picture.split(), gains, strict=True)
    ]
    return Image.merge("RGB", channels)


def _enhanced(kind: Callable[[Image.Image], ImageEnhance._Enhance], amount: float) -> Change:
    return lambda picture, _: kind(picture).enhance(amount)


def _gamma(power: float) -> Change:
    return lambda picture, _: picture.point(lambda value: round(255 * (value / 255) ** power))


def _filtered(kind: ImageFilter.Filter) -> Change:
    return lambda picture, _: picture.filter(kind)


def _noisy(sigma: float) -> Change:
    def change(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
        pixels = np.asarray(picture, np.float32)
        noise = rng.standard_normal(pixels.shape, dtype=np.float32) * np.float32(sigma)
        return Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8))

    return change


def _written(height_share: float) -> Change:
    def change(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
        copy = picture.copy()
        size_px = max(8, round(picture.height * height_share))
        at = (round(picture.width * 0.05), round(picture.height * rng.uniform(0.05, 0.8)))
        text = pictures.words(rng, characters=14)
        face = pictures.font(size_px)
        ImageDraw.Draw(copy).text(
            at, text, fill="white", font=face, stroke_width=max(1, size_px // 12), stroke_fill="black"
        )
        return copy

    return change


def _logo(share: float) -> Change:
    def change(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
        copy = picture.copy()
        side = round(min(picture.size) * share)
        left, top = picture.width - side - side // 8, picture.height - side - side // 8
        ImageDraw.Draw(copy).ellipse(
            (left, top, left + side, top + side), fill=tuple(map(int, rng.integers(0, 256, 3)))
        )
        return copy

    return change


def _watermark(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    layer = Image.new("RGB", picture.size, "white")
    draw = ImageDraw.Draw(layer)
    for down in range(0, picture.height, max(20, picture.height // 6)):
        draw.text(
            (down % 90, down),
            pictures.words(rng, characters=40),
            fill=(120, 120, 120),
            font=pictures.font(picture.height // 16),
        )
    return Image.blend(picture, ImageChops.multiply(picture, layer), 0.5)


def _bordered(share: float, colour: str) -> Change:
    return lambda picture, _: ImageOps.expand(picture, round(min(picture.size) * share), colour)


def _letterbox(share: float) -> Change:
    def change(picture: Image.Image, _: np.random.Generator) -> Image.Image:
        bar = round(picture.height * share)
        canvas = Image.new("RGB", (picture.width, picture.height + 2 * bar), "black")
        canvas.paste(picture, (0, bar))
        return canvas

    return change


def _screenshot(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Show the picture on a telephone's screen: uniform margins above and below, no other content."""
    paper = int(rng.choice([0, 18, 245, 255]))
    canvas = Image.new("RGB", (picture.width, round(picture.width * 2.0)), (paper, paper, paper))
    canvas.paste(picture, (0, (canvas.height - picture.height) // 2))
    return canvas


def _screenshot_with_bars(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """As `_screenshot`, with a status bar and buttons in the margins."""
    canvas = _screenshot(picture, rng)
    draw = ImageDraw.Draw(canvas)
    ink = (128, 128, 128)
    draw.text((12, 6), "12:00", fill=ink, font=pictures.font(max(10, canvas.height // 50)))
    for number in range(4):
        left = round(canvas.width * (0.12 + 0.22 * number))
        draw.ellipse((left, canvas.height - 60, left + 36, canvas.height - 24), outline=ink, width=3)
    return canvas


def _cropped(share: float, *, one_side: bool = False) -> Change:
    """Cut a share of each dimension away: evenly from all sides, or from one side only."""

    def change(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
        width, height = picture.size
        across, down = width * share / 2, height * share / 2
        if not one_side:
            return picture.crop((round(across), round(down), round(width - across), round(height - down)))
        sides = [(2 * across, 0, width, height), (0, 0, width - 2 * across, height), (0, 2 * down, width, height)]
        return picture.crop(tuple(map(round, sides[int(rng.integers(0, 3))])))

    return change


def _rotated(degrees: float) -> Change:
    """Turn by a small angle, keeping the size: the corners are filled with the mean colour."""

    def change(picture: Image.Image, _: np.random.Generator) -> Image.Image:
        mean = tuple(int(value) for value in np.asarray(picture).mean((0, 1)))
        return picture.rotate(degrees, Image.Resampling.BICUBIC, fillcolor=mean)

    return change


def _turned(how: Image.Transpose) -> Change:
    return lambda picture, _: picture.transpose(how)


def _on_the_move(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Do what a chain of messengers does: scale down, a little colour, small letters; the file is a poor JPEG."""
    smaller = _scaled(0.6)(picture, rng)
    return _written(0.05)(_enhanced(ImageEnhance.Color, 1.2)(smaller, rng), rng)


def _meme(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Mirror, frame in white, scale down: each is found alone."""
    return _scaled(0.5)(_bordered(0.08, "white")(ImageOps.mirror(picture), rng), rng)


ALTERATIONS: tuple[Alteration, ...] = (
    *(Alteration("recompression", f"JPEG quality {level}", _same, quality=level) for level in (90, 75, 60, 45, 30)),
    *(Alteration("scaling", f"scaled ×{share:g}", _scaled(share)) for share in (0.25, 0.5, 0.75, 1.5, 2.0)),
    Alteration("scaling", "stretched ×1.25 in width", _stretched),
    Alteration("colour", "grey", _grey),
    Alteration("colour", "colour channels ±20 %", _hue),
    Alteration("colour", "saturation ×1.6", _enhanced(ImageEnhance.Color, 1.6)),
    Alteration("colour", "brightness ×1.3", _enhanced(ImageEnhance.Brightness, 1.3)),
    Alteration("colour", "contrast ×1.4", _enhanced(ImageEnhance.Contrast, 1.4)),
    Alteration("colour", "gamma 0.7", _gamma(0.7)),
    *(Alteration("blur and sharpening", f"blur, radius {radius}", _filtered(ImageFilter.GaussianBlur(radius)))
      for radius in (1, 3, 6)),
    Alteration("blur and sharpening", "sharpened", _filtered(ImageFilter.UnsharpMask(3, 200, 2))),
    *(Alteration("noise", f"noise, σ {sigma}", _noisy(sigma)) for sigma in (5, 15, 30)),
    *(Alteration("overlays", f"line of letters, {share:.0%} high", _written(share)) for share in (0.05, 0.1, 0.2)),
    *(Alteration("overlays", f"logo, {share:.0%} of the side", _logo(share)) for share in (0.1, 0.2, 0.3)),
    Alteration("overlays", "watermark all over", _watermark),
    *(Alteration("borders", f"black border, {share:.0%}", _bordered(share, "black")) for share in (0.02, 0.1)),
    Alteration("borders", "white border, 10%", _bordered(0.1, "white")),
    Alteration("borders", "letterbox, 1/6", _letterbox(1 / 6)),
    Alteration("screenshots", "screenshot, plain margins", _screenshot),
    Alteration("screenshots", "screenshot, bars in the margins", _screenshot_with_bars),
    *(Alteration("crops", f"crop, {share:.0%} off each dimension", _cropped(share))
      for share in (0.02, 0.05, 0.1, 0.2)),
    *(Alteration("crops", f"crop, {share:.0%} off one side", _cropped(share, one_side=True)) for share in (0.05, 0.1)),
    *(Alteration("rotation and mirroring", f"rotated {name}°", _turned(how)) for name, how in (
        (90, Image.Transpose.ROTATE_270), (180, Image.Transpose.ROTATE_180), (270, Image.Transpose.ROTATE_90))),
    Alteration("rotation and mirroring", "mirrored", _turned(Image.Transpose.FLIP_LEFT_RIGHT)),
    Alteration("rotation and mirroring", "mirrored and rotated 90°", _turned(Image.Transpose.TRANSVERSE)),
    *(Alteration("small angles", f"rotated {angle}°", _rotated(angle)) for angle in (1, 2, 5)),
    Alteration("formats", "PNG", _same, kind="PNG"),
    Alteration("formats", "WebP quality 75", _same, kind="WEBP", quality=75),
    Alteration("formats", "HEIC quality 60", _same, kind="HEIF", quality=60),
    Alteration("formats", "AVIF quality 60", _same, kind="AVIF", quality=60),
    Alteration("formats", "GIF, 256 colours", _same, kind="GIF"),
    Alteration("combinations", "scaled, coloured, lettered, JPEG 60", _on_the_move, quality=60),
    Alteration("combinations", "mirrored, framed, scaled", _meme),
)  # fmt: skip

_PROMISED = frozenset({
    "JPEG quality 90", "JPEG quality 75", "JPEG quality 60", "scaled ×0.5", "scaled ×0.75", "scaled ×1.5", "grey",
    "mirrored", "rotated 90°", "rotated 180°", "rotated 270°", "mirrored and rotated 90°", "PNG", "WebP quality 75",
})  # fmt: skip
_PROMISED_BORDERS = {"black border, 10%": 0, "white border, 10%": 255, "mirrored, framed, scaled": 255}
_ABRUPT_LEVELS, _ABRUPT_SHARE = 24, 0.6


def promised(picture: Image.Image) -> list[Alteration]:
    """Give the alterations of this picture that the recipe promises to find at 31 bits.

    A border is promised where the picture ends abruptly at it: one that fades into the border's colour has none.
    """
    levels = {name: level for name, level in _PROMISED_BORDERS.items() if _ends_abruptly(picture, level)}
    return [one for one in ALTERATIONS if one.name in _PROMISED or one.name in levels]


def _ends_abruptly(picture: Image.Image, level: int) -> bool:
    pixels = np.asarray(picture.convert("L"), np.int64)
    sides = (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1])
    return all((np.abs(side - level) > _ABRUPT_LEVELS).mean() >= _ABRUPT_SHARE for side in sides)
