# SPDX-License-Identifier: Apache-2.0
"""Hostile files from seeds: mutated media and archives, and bombs.

- File number n of a seed always has the same bytes.
- The seeds of the mutations are benign files of every format that the decoders know.
- A bomb declares or unfolds far more than it holds: pixels, frames, members, levels, bytes.
"""

import gzip
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from pathlib import Path

import numpy as np
import pillow_heif
from PIL import Image

from bench.corpus import archives, clips, pictures

pillow_heif.register_heif_opener()

Mutation = Callable[[bytearray, np.random.Generator], bytearray]
_BOMB_SHARE = 0.02
_EXTREMES = (b"\xff" * 4, b"\x7f\xff\xff\xff", b"\x00" * 4, b"\xff\xff\xff\x7f", b"\x80\x00\x00\x00")


def make(folder: Path, *, files: int, seed: int) -> None:
    """Write so many hostile files below a folder."""
    folder.mkdir(parents=True)
    with ProcessPoolExecutor(2) as pool:
        list(pool.map(partial(_write, folder, seed), range(files), chunksize=100))


def _write(folder: Path, seed: int, number: int) -> None:
    name, content = hostile(number, seed=seed)
    target = folder / f"{number // 500:02}" / f"{number:05}{name}"
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(content)


def hostile(number: int, *, seed: int) -> tuple[str, bytes]:
    """Make one file: the end of its name, and its bytes."""
    rng = np.random.default_rng([seed, number])
    if rng.random() < _BOMB_SHARE:
        name, bomb = list(BOMBS.items())[int(rng.integers(0, len(BOMBS)))]
        return f"-{name}", bomb(rng)
    names = list(benign())
    name = names[int(rng.integers(0, len(names)))]
    content = bytearray(benign()[name])
    for _ in range(int(rng.integers(1, 4))):
        content = _MUTATIONS[int(rng.integers(0, len(_MUTATIONS)))](content, rng)
    return f"-{name}", bytes(content)


@cache
def benign() -> dict[str, bytes]:
    """Draw one small file of every format."""
    picture = Image.fromarray(pictures.photo(77, width_px=160, height_px=120))
    turned = [picture.rotate(angle) for angle in (15, 30, 45)]
    animated = {"save_all": True, "append_images": turned, "duration": 100}
    files = {
        "baseline.jpg": pictures.encoded(picture, quality=80),
        "progressive.jpg": pictures.encoded(picture, quality=80, progressive=True),
        "grey.jpg": pictures.encoded(picture.convert("L"), quality=80),
        "cmyk.jpg": pictures.encoded(picture.convert("CMYK"), quality=80),
        "rgb.png": pictures.encoded(picture, kind="PNG"),
        "palette.png": pictures.encoded(picture.quantize(32), kind="PNG"),
        "alpha.png": pictures.encoded(picture.convert("RGBA"), kind="PNG"),
        "one-bit.png": pictures.encoded(picture.convert("1"), kind="PNG"),
        "animated.png": pictures.encoded(picture, kind="PNG", **animated),
        "lossy.webp": pictures.encoded(picture, kind="WEBP", quality=70),
        "lossless.webp": pictures.encoded(picture, kind="WEBP", lossless=True),
        "animated.webp": pictures.encoded(picture, kind="WEBP", **animated),
        "animated.gif": pictures.encoded(picture, kind="GIF", **animated),
        "plain.bmp": pictures.encoded(picture, kind="BMP"),
        "plain.tiff": pictures.encoded(picture, kind="TIFF"),
        "lzw.tiff": pictures.encoded(picture, kind="TIFF", compression="tiff_lzw"),
        "still.heic": pictures.encoded(picture, kind="HEIF", quality=60),
        "still.avif": pictures.encoded(picture, kind="AVIF", quality=60),
    }
    return files | _videos() | _archives(files)


def _videos() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "clip")
        found = {}
        for kind, name in (("mp4", "clip.mp4"), ("matroska", "clip.mkv"), ("avi", "clip.avi")):
            clips.write(path, seconds=2, seed=78, width_px=160, height_px=120, rate=10, container=kind)
            found[name] = path.read_bytes()
        return found


def _archives(files: dict[str, bytes]) -> dict[str, bytes]:
    chosen = {name: files[name] for name in ("baseline.jpg", "palette.png", "animated.gif")}
    inner = archives.zipped(chosen)
    return {
        "plain.zip": inner,
        "nested.zip": archives.zipped({"inner.zip": inner, **chosen}),
        "plain.tar": archives.tarred(chosen),
        "plain.tar.gz": gzip.compress(archives.tarred(chosen), mtime=0),
        "plain.7z": archives.sevened(chosen),
    }


def _flip(content: bytearray, rng: np.random.Generator) -> bytearray:
    for at in rng.integers(0, len(content), int(rng.integers(1, 30))):
        content[at] ^= int(rng.integers(1, 256))
    return content


def _flip_in_header(content: bytearray, rng: np.random.Generator) -> bytearray:
    for at in rng.integers(0, min(len(content), 200), int(rng.integers(1, 8))):
        content[at] ^= int(rng.integers(1, 256))
    return content


def _cut(content: bytearray, rng: np.random.Generator) -> bytearray:
    return content[: int(rng.integers(1, len(content) + 1))]


def _extreme(content: bytearray, rng: np.random.Generator) -> bytearray:
    """Put an extreme number into the header: a length, a size, a count."""
    at = int(rng.integers(0, max(1, min(len(content), 400) - 4)))
    content[at : at + 4] = _EXTREMES[int(rng.integers(0, len(_EXTREMES)))]
    return content


def _splice(content: bytearray, rng: np.random.Generator) -> bytearray:
    """Put the head of this file before the body of another."""
    others = list(benign().values())
    other = others[int(rng.integers(0, len(others)))]
    return content[: int(rng.integers(4, min(len(content), 600) + 4))] + other[int(rng.integers(0, len(other))) :]


def _repeat(content: bytearray, rng: np.random.Generator) -> bytearray:
    begin, end = sorted(int(at) for at in rng.integers(0, len(content) + 1, 2))
    return content[:end] + content[begin:end][:5000] * int(rng.integers(1, 20)) + content[end:]


def _remove(content: bytearray, rng: np.random.Generator) -> bytearray:
    begin = int(rng.integers(0, len(content)))
    kept = content[:begin] + content[begin + int(rng.integers(1, 200)) :]
    return kept or bytearray(b"\0")


_MUTATIONS: tuple[Mutation, ...] = (_flip, _flip_in_header, _cut, _extreme, _splice, _repeat, _remove)


def _png(width_px: int, height_px: int, raw: bytes, *, depth: int = 8, colour: int = 0) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width_px, height_px, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", raw) + chunk(b"IEND", b"")


@cache
def _zeros(megabytes: int) -> bytes:
    """Compress zeros, as a deflate stream."""
    packer = zlib.compressobj(9)
    block = bytes(1 << 20)
    return b"".join([*(packer.compress(block) for _ in range(megabytes)), packer.flush()])


def _png_bomb(rng: np.random.Generator) -> bytes:
    side = int(rng.integers(15_000, 60_000))
    return _png(side, side, _zeros(200), depth=1)


def _png_text_bomb(_: np.random.Generator) -> bytes:
    body = b"Comment\0\0" + _zeros(200)
    text = struct.pack(">I", len(body)) + b"zTXt" + body + struct.pack(">I", zlib.crc32(b"zTXt" + body))
    small = benign()["palette.png"]
    return small[:33] + text + small[33:]


def _jpeg_giant(rng: np.random.Generator) -> bytes:
    """Declare 65 500 x 65 500 pixels in the frame header."""
    content = bytearray(benign()[("baseline.jpg", "progressive.jpg")[int(rng.integers(0, 2))]])
    marker = b"\xff\xc2" if b"\xff\xc2" in content else b"\xff\xc0"
    at = content.index(marker)
    content[at + 5 : at + 9] = struct.pack(">HH", 65_500, 65_500)
    return bytes(content)


def _jpeg_scans(_: np.random.Generator) -> bytes:
    """Repeat one scan of a progressive JPEG a thousand times."""
    content = benign()["progressive.jpg"]
    at = content.index(b"\xff\xda")
    end = content.index(b"\xff\xda", at + 2)
    return content[:end] + content[at:end] * 1000 + content[end:]


def _gif_giant(rng: np.random.Generator) -> bytes:
    content = bytearray(benign()["animated.gif"])
    content[6:10] = struct.pack("<HH", 65_535, int(rng.integers(20_000, 65_536)))
    return bytes(content)


def _gif_frames(_: np.random.Generator) -> bytes:
    """Hold 20 000 frames of a few bytes each."""
    head = b"GIF89a" + struct.pack("<HH", 500, 500) + b"\x80\x00\x00" + b"\0\0\0\xff\xff\xff"
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    return head + frame * 20_000 + b";"


def _zip_bomb(_: np.random.Generator) -> bytes:
    return archives.zipped({f"{number}.bin": bytes(30 << 20) for number in range(4)})


def _zip_overlapping(rng: np.random.Generator) -> bytes:
    """Let thousands of entries of the directory point at the same content."""
    one = archives.zipped({"zeros.jpg": bytes(4 << 20)})
    start = one.index(b"PK\x01\x02")
    end = one.index(b"PK\x05\x06")
    count = int(rng.integers(2_000, 20_000))
    directory = one[start:end] * count
    tail = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, count, count, len(directory), start, 0)
    return one[:start] + directory + tail


def _zip_nested(rng: np.random.Generator) -> bytes:
    content = benign()["baseline.jpg"]
    for _ in range(int(rng.integers(9, 40))):
        content = archives.zipped({"again.zip": content}, kind=zipfile.ZIP_STORED)
    return content


def _zip_names(_: np.random.Generator) -> bytes:
    names = (
        "../../../etc/passwd",
        "/absolute",
        "C:\\x",
        "a\0b",
        "\u202egpj.exe",
        "x" * 5000,
        "-rf",
        "con",
        "\n\r\x1b[2J",
    )
    return archives.zipped({name: benign()["baseline.jpg"] for name in names})


def _zip_many(rng: np.random.Generator) -> bytes:
    return archives.zipped(
        {f"{number}": b"" for number in range(int(rng.integers(5_000, 30_000)))}, kind=zipfile.ZIP_STORED
    )


def _tar_bomb(_: np.random.Generator) -> bytes:
    """Hold a member that declares 2 GB of zeros, well compressed."""
    head = tarfile.TarInfo("zeros.jpg")
    head.size = 2 << 30
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = bytes(1 << 20)
    parts = [packer.compress(head.tobuf())] + [packer.compress(block) for _ in range(300)]
    return b"".join([*parts, packer.flush()])


def _gzip_chain(_: np.random.Generator) -> bytes:
    content = bytes(20 << 20)
    for _level in range(3):
        content = gzip.compress(content, mtime=0)
    return content


def _7z_bomb(_: np.random.Generator) -> bytes:
    return archives.sevened({"zeros.jpg": bytes(60 << 20)})


def _tiff_giant(rng: np.random.Generator) -> bytes:
    """Declare a huge picture, or a chain of directories that bites its tail."""
    entries = [(256, 4, 1, 100_000), (257, 4, 1, 100_000), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1),
               (273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, 100_000), (279, 4, 1, 2**31)]  # fmt: skip
    body = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    following = 8 if rng.random() < 0.5 else 0
    return b"II*\0" + struct.pack("<I", 8) + body + struct.pack("<I", following)


def _bmp_giant(_: np.random.Generator) -> bytes:
    head = struct.pack("<IiiHHIIiiII", 40, 2**30, 2**30, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 2**31, 0, 0, 54) + head + b"\0" * 1000


def _svg_like(_: np.random.Generator) -> bytes:
    entities = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    return f'<?xml version="1.0"?><!DOCTYPE s [<!ENTITY a0 "x">{entities}]><svg><text>&a11;</text></svg>'.encode()


BOMBS: dict[str, Callable[[np.random.Generator], bytes]] = {
    "pixels.png": _png_bomb, "text.png": _png_text_bomb, "giant.jpg": _jpeg_giant, "scans.jpg": _jpeg_scans,
    "giant.gif": _gif_giant, "frames.gif": _gif_frames, "zeros.zip": _zip_bomb, "overlapping.zip": _zip_overlapping,
    "levels.zip": _zip_nested, "names.zip": _zip_names, "many.zip": _zip_many, "zeros.tar.gz": _tar_bomb,
    "chain.gz": _gzip_chain, "zeros.7z": _7z_bomb, "giant.tiff": _tiff_giant, "giant.bmp": _bmp_giant,
    "entities.svg": _svg_like,
}  # fmt: skip
