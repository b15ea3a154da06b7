# SPDX-License-Identifier: Apache-2.0
"""The benign sample that the demonstration traces: generated landscapes, altered copies, strangers, broken files.

- Everything is drawn from a seed: hills, skies, discs and noise. No picture from outside is used or shipped.
- Media are only written here, never opened: the door to untrusted media stays the confined worker.
"""

import io
import random
import zipfile
import zlib
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
_WIDTH, _HEIGHT = 720, 480


def write_sample(folder: Path) -> None:
    """Write `originals` (what becomes the list) and `found` (what is scanned) below a folder."""
    originals, found = folder / "originals", folder / "found"
    for path in (originals, found / "album", found / "other"):
        path.mkdir(parents=True)
    scenes = [landscape(seed) for seed in range(8)]
    for number, scene in enumerate(scenes):
        Image.fromarray(scene).save(originals / f"landscape-{number}.jpg", quality=92)
    clip = [landscape(100 + n // 4, shift=n % 4 * 14, step=2) for n in range(16)]
    write_video(originals / "clip.mp4", clip)
    _write_copies(found / "album", scenes, originals)
    write_video(
        found / "album" / "longer.mp4",
        [landscape(200 + n // 4, shift=n * 9, step=2) for n in range(12)]
        + clip
        + [landscape(300 + n // 4, shift=n * 9, step=2) for n in range(8)],
    )
    _write_strangers(found / "other")
    _write_broken(found / "other", originals)


def landscape(seed: int, *, shift: int = 0, step: int = 1) -> Pixels:
    """Draw one landscape: a sky, a sun, rows of hills, some grain.

    Units:   `shift` moves the view to the right, in pixels; `step` draws every so many pixels only.
    """
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:_HEIGHT:step, 0:_WIDTH:step].astype(np.float32)
    x = x + shift
    top, bottom = rng.integers(40, 220, 3), rng.integers(40, 220, 3)
    blend = (y / _HEIGHT)[:, :, None]
    pixels = top * (1 - blend) + bottom * blend
    sun_x, sun_y, radius = rng.uniform(100, 860), rng.uniform(60, 260), rng.uniform(30, 90)
    pixels[(x - sun_x) ** 2 + (y - sun_y) ** 2 < radius**2] = rng.integers(180, 255, 3)
    for hill in range(6):
        crest = (
            200
            + 70 * hill
            + sum(rng.uniform(10, 60) * np.sin(x[0] / rng.uniform(30, 260) + rng.uniform(0, 6.3)) for _ in range(4))
        )
        pixels[y > crest[None, :]] = rng.integers(10, 200, 3)
    for _ in range(25):
        left, up, size = rng.uniform(0, 960), rng.uniform(200, 600), rng.uniform(6, 50)
        pixels[(abs(x - left) < size) & (abs(y - up) < size * rng.uniform(0.3, 2))] = rng.integers(0, 255, 3)
    drawn: Pixels = np.clip(pixels + 5 * rng.standard_normal(pixels.shape, np.float32), 0, 255).astype(np.uint8)
    return drawn


def write_picture(path: Path, scene: Pixels) -> None:
    """Write a scene as a photograph."""
    Image.fromarray(scene).save(path, quality=92)


def write_video(path: Path, scenes: list[Pixels]) -> None:
    """Write a video that shows each scene, drawn at half size, for a second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 360, 240, "yuv420p", 2_000_000
        for scene in scenes:
            frame = av.VideoFrame.from_ndarray(scene, format="rgb24")
            for _ in range(10):
                container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _write_copies(folder: Path, scenes: list[Pixels], originals: Path) -> None:
    pictures = [Image.fromarray(scene) for scene in scenes]
    (folder / "same.jpg").write_bytes((originals / "landscape-0.jpg").read_bytes())
    (folder / "same-again.dat").write_bytes((originals / "landscape-0.jpg").read_bytes())
    pictures[0].save(folder / "compressed.jpg", quality=35)
    pictures[1].resize((400, 267)).save(folder / "small.png")
    pictures[2].transpose(Image.Transpose.ROTATE_90).save(folder / "turned.jpg", quality=85)
    pictures[3].transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(folder / "mirrored.webp", quality=80)
    pictures[4].convert("L").save(folder / "grey.jpg", quality=80)
    bars = Image.new("RGB", (_WIDTH, _HEIGHT + 320), (0, 0, 0))
    bars.paste(pictures[5], (0, 160))
    bars.save(folder / "letterbox.jpg", quality=85)
    exif = Image.Exif()
    exif[0x0112] = 6
    pictures[6].transpose(Image.Transpose.ROTATE_90).save(folder / "phone.jpg", quality=88, exif=exif)
    pictures[7].save(folder / "converted.avif", quality=70)
    with zipfile.ZipFile(folder / "bundle.zip", "w", zipfile.ZIP_DEFLATED) as bundle:
        for number in (1, 2):
            content = io.BytesIO()
            pictures[number].save(content, "JPEG", quality=60)
            bundle.writestr(f"pictures/{number}.jpg", content.getvalue())
        bundle.writestr("read me.txt", "Landscapes.\n")


def _write_strangers(folder: Path) -> None:
    for number in range(6):
        Image.fromarray(landscape(1000 + number)).save(folder / f"stranger-{number}.jpg", quality=85)
    write_video(folder / "stranger.mp4", [landscape(2000 + n // 3, shift=n * 11, step=2) for n in range(9)])
    (folder / "notes.txt").write_text("Shopping: apples, bread.\n" * 20, encoding="utf-8")
    Image.new("RGB", (800, 600), (250, 250, 250)).save(folder / "blank.png")
    Image.fromarray(landscape(7)).resize((24, 16)).save(folder / "tiny.png")


def _write_broken(folder: Path, originals: Path) -> None:
    whole = (originals / "landscape-3.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 5])
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "noise.png").write_bytes(b"\x89PNG\r\n\x1a\n" + random.Random(1).randbytes(4000))  # noqa: S311 - a sample
    (folder / "bomb.png").write_bytes(_png_of_zeros(40_000))
    archive = (folder.parent / "album" / "bundle.zip").read_bytes()
    (folder / "damaged.zip").write_bytes(archive[: len(archive) // 2])


def _png_of_zeros(side: int) -> bytes:
    """Write a picture that is small as a file and huge when decoded."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return len(content).to_bytes(4) + kind + content + zlib.crc32(kind + content).to_bytes(4)

    header = side.to_bytes(4) * 2 + bytes([1, 0, 0, 0, 0])
    packer = zlib.compressobj(9)
    row = bytes(side // 8 + 1)
    rows = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
