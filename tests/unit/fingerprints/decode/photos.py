# SPDX-License-Identifier: Apache-2.0
"""Benign pictures for the tests, with the look of a photograph to a perceptual hash, and ways to write them."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

from vigie.fingerprints import picture, values


def photo(seed, *, width=320, height=240):
    """Make a coloured field of 1/f noise with a few shapes over it."""
    rng = np.random.default_rng(seed)
    down, right = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    slope = np.maximum(np.hypot(down, right), 1 / max(height, width)) ** -1.4
    spectrum = (rng.standard_normal(slope.shape) + 1j * rng.standard_normal(slope.shape)) * slope
    spectrum[0, 0] = 0
    field = np.fft.irfft2(spectrum, s=(height, width))
    field /= field.std()
    pixels = rng.uniform(80, 170, 3) + field[:, :, None] * rng.uniform(20, 45, 3)
    rows, columns = np.ogrid[:height, :width]
    for _ in range(8):
        near = np.hypot(rows - rng.integers(height), columns - rng.integers(width)) < rng.integers(5, height // 4)
        pixels[near] = pixels[near] * 0.4 + rng.uniform(0, 255, 3) * 0.6
    return Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))


def written(image, name, **options):
    """Write an image in a format and return the file."""
    file = io.BytesIO()
    image.save(file, name, **options)
    return file.getvalue()


def animated(images, name, *, milliseconds=200):
    """Write several images as one animation."""
    options = {"lossless": True} if name == "WEBP" else {}
    return written(images[0], name, save_all=True, append_images=images[1:], duration=milliseconds, **options)


def turned_by_exif(orientation):
    """Return EXIF data that states an orientation."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()


def reference(image):
    """Give the value that the reference gives the red, green and blue of an image."""
    return picture.pdq(picture.luma_from_rgb(np.asarray(image.convert("RGB"))))[0]


def bits(value, other):
    """Count the bits between a message's value, or its bytes, and another."""
    one, two = (item if isinstance(item, bytes) else item.pdq for item in (value, other))
    return values.distance_bits(one, two)


def png(*chunks):
    """Put a PNG together from (type, content) pairs, checksums included."""
    parts = [struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
             for kind, content in chunks]  # fmt: skip
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)
