# SPDX-License-Identifier: Apache-2.0
"""Make `src/vigie/fingerprints/negative.json`: values and digests that may never match.

- Every picture is drawn here from a formula and every content is written here byte by byte; nothing is copied.
- Each pattern is taken in both polarities and all eight turns; the same value is kept once.
- The file is the same on every machine: the PDQ kernel is bit-identical everywhere.

Run:  python tools/make_negative_values.py   (a test compares the file with what this makes)
"""

import hashlib
import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vigie.fingerprints.picture import RECIPE, pdq_turns

SIDE_PX = 512
DIGESTS = ("md5", "sha1", "sha256")
TARGET = Path(__file__).parent.parent / "src/vigie/fingerprints/negative.json"
Plane = NDArray[np.float64]


def patterns() -> Iterator[tuple[str, Plane]]:
    """Draw every pattern as a plane of 0 to 1."""
    y, x = np.mgrid[0:SIDE_PX, 0:SIDE_PX] / (SIDE_PX - 1)
    radius = np.hypot(x - 0.5, y - 0.5)
    square = np.maximum(abs(x - 0.5), abs(y - 0.5))
    yield "blank", np.zeros_like(x)
    yield "grey", np.full_like(x, 128 / 255)
    yield "gradient", x
    yield "gradient diagonal", (x + y) / 2
    yield "gradient radial", radius / radius.max()
    yield "spot soft", np.exp(-((radius / 0.2) ** 2))
    for share in (1 / 4, 1 / 3, 1 / 2):
        yield f"part of {share:.2f}", (x > share) * 1.0
    yield "half diagonal", (x > y) * 1.0
    yield "quarter", ((x > 0.5) & (y > 0.5)) * 1.0
    for count in (2, 3, 4, 5, 6, 8, 10, 12, 16, 32, 64):
        stripes, rows = (x * count).astype(int) % 2, (y * count).astype(int) % 2
        yield f"stripes {count}", stripes * 1.0
        yield f"checkerboard {count}", (stripes ^ rows) * 1.0
    for size in (0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45):
        yield f"disc {size}", (radius < size) * 1.0
        yield f"ring {size}", (abs(radius - size) < 0.02) * 1.0
        yield f"square {size}", (square < size) * 1.0
        yield f"square outline {size}", (abs(square - size) < 0.02) * 1.0
        yield f"bar {size}", (abs(x - 0.5) < size) * 1.0
    for width in (0.02, 0.05, 0.1, 0.2):
        yield f"cross {width}", ((abs(x - 0.5) < width) | (abs(y - 0.5) < width)) * 1.0
        yield f"cross diagonal {width}", ((abs(x - y) < width) | (abs(x + y - 1) < width)) * 1.0


def contents() -> Iterator[tuple[str, bytes]]:
    """Write every trivial content."""
    yield "empty", b""
    for name, content in {
        "line feed": b"\n",
        "carriage return and line feed": b"\r\n",
        "space": b" ",
        "byte order mark": b"\xef\xbb\xbf",
        "empty JSON object": b"{}",
        "empty JSON list": b"[]",
        "empty ZIP": b"PK\x05\x06" + bytes(18),
        "empty TAR": bytes(10240),
    }.items():
        yield name, content
    for power in range(27):  # to 64 MiB: the block, cluster and pre-allocation sizes of storage
        for byte in (b"\x00", b"\xff"):
            yield f"{byte.hex()} times 2^{power}", byte * 2**power
    for name, colour in {"black": 0, "white": 255}.items():
        yield f"GIF of one {name} pixel", _gif(colour, transparent=False)
        yield f"GIF of one transparent {name} pixel", _gif(colour, transparent=True)
        for level in (1, 6, 9):
            yield f"PNG of one {name} grey pixel, level {level}", _png(0, bytes([colour]), level)
            yield f"PNG of one {name} pixel, level {level}", _png(2, bytes([colour] * 3), level)
            yield f"PNG of one transparent {name} pixel, level {level}", _png(6, bytes([colour] * 3 + [0]), level)


def _gif(colour: int, *, transparent: bool) -> bytes:
    header = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes([colour] * 3) + bytes(3)
    control = b"\x21\xf9\x04\x01\x00\x00\x00\x00" if transparent else b""
    return header + control + b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00\x3b"


def _png(colour_type: int, pixel: bytes, level: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 1, 1, 8, colour_type, 0, 0, 0)
    rows = zlib.compress(b"\x00" + pixel, level)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def make() -> str:
    """Return the whole file as text."""
    seen: set[str] = set()
    values: dict[str, list[str]] = {}
    for name, plane in patterns():
        for polarity, drawn in (("", plane), (", inverted", 1 - plane)):
            turns, _ = pdq_turns(np.round(drawn * 255).astype(np.uint8))
            fresh = [value for value in dict.fromkeys(turn.tobytes().hex() for turn in turns) if value not in seen]
            seen.update(fresh)
            if fresh:
                values[name + polarity] = fresh
    digests = {
        name: {kind: hashlib.new(kind, content, usedforsecurity=False).hexdigest() for kind in DIGESTS}
        for name, content in contents()
    }
    file = {"made_by": "tools/make_negative_values.py", "recipe": RECIPE, "patterns": values, "contents": digests}
    return json.dumps(file, indent=1) + "\n"


if __name__ == "__main__":
    TARGET.write_text(make(), encoding="ascii")
