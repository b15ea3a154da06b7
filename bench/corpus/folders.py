# SPDX-License-Identifier: Apache-2.0
"""Folders as they are found: pictures of every format, videos, texts, archives, duplicates, broken files, known ones.

- File number n of a seed always has the same bytes and the same place.
- What was planted is written beside the folder, never in it: exact copies and altered ones that the recipe promises
  to find, some of them inside archives.
- With camera files, photographs are these at full size, each made a content of its own by a comment in the file.
"""

import gzip
import json
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from bench.alterations import promised
from bench.corpus import archives, clips, pictures

_ORIGINALS, _KNOWN_CLIPS, _OTHER_CLIPS = 120, 3, 8
_SIZES = ((320, 240), (480, 640), (640, 480), (1024, 768))


@dataclass(frozen=True, slots=True)
class Planted:
    """A copy of a known picture or video: where it lies (inside archives after '!'), of what, how made."""

    path: str
    original: str
    how: str
    verdict: str


@dataclass(frozen=True, slots=True)
class Folder:
    """A generated folder, the folder of originals for the list, and what was planted."""

    root: Path
    originals: Path
    files: int
    planted: tuple[Planted, ...]


@dataclass(frozen=True, slots=True)
class _Making:
    root: Path
    originals: Path
    seed: int
    cameras: tuple[Path, ...]


Maker = Callable[[_Making, int, np.random.Generator], tuple[str, bytes, list[Planted]]]


def make(home: Path, *, files: int, seed: int, cameras: tuple[Path, ...] = (), processes: int = 2) -> Folder:
    """Make a folder of so many files under `home`, or give the one that is there."""
    making = _Making(home / "folder", home / "originals", seed, cameras)
    truth = home / "planted.json"
    if not truth.exists():
        _make_originals(home, seed)
        (home / "folder").mkdir(exist_ok=True)
        with ProcessPoolExecutor(processes) as pool:
            planted = [
                one for some in pool.map(partial(_make_file, making), range(files), chunksize=64) for one in some
            ]
        truth.write_text(json.dumps([asdict(one) for one in planted]))
    known = tuple(Planted(**one) for one in json.loads(truth.read_text()))
    return Folder(making.root, making.originals, files, known)


def _make_originals(home: Path, seed: int) -> None:
    folder = home / "originals"
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(_ORIGINALS):
        picture = pictures.photo(seed * 1_000_000 + number, width_px=800, height_px=600)
        (folder / f"{number:03}.jpg").write_bytes(pictures.encoded(picture, quality=92))
    for number in range(_KNOWN_CLIPS):
        clips.write(folder / f"clip-{number}.mp4", seconds=12, seed=seed + number, width_px=320, height_px=240, rate=10)
    others = home / "clips"
    others.mkdir(exist_ok=True)
    for number in range(_OTHER_CLIPS):
        clips.write(others / f"{number}.mp4", seconds=8, seed=seed + 900 + number, width_px=320, height_px=240, rate=10)


def _make_file(making: _Making, number: int) -> list[Planted]:
    rng = np.random.default_rng([making.seed, number])
    kinds, shares = zip(*_MIX, strict=True)
    maker: Maker = kinds[int(rng.choice(len(kinds), p=np.array(shares) / sum(shares)))]
    suffix, content, planted = maker(making, number, rng)
    path = Path(f"{number // 1000:02}", f"{'abcdefgh'[int(rng.integers(0, 8))]}", f"{number:06}{suffix}")
    target = making.root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    return [Planted(f"{path}{one.path}", one.original, one.how, one.verdict) for one in planted]


def _photo(making: _Making, number: int, rng: np.random.Generator) -> tuple[str, bytes, list[Planted]]:
    if making.cameras:
        camera = making.cameras[int(rng.integers(0, len(making.cameras)))]
        return ".jpg", _with_comment(camera.read_bytes(), number), []
    return ".jpg", pictures.encoded(_drawn(making, number, rng), quality=int(rng.integers(70, 96))), []


def _drawn(making: _Making, number: int, rng: np.random.Generator) -> pictures.Rgb:
    width_px, height_px = _SIZES[int(rng.choice(4, p=(0.5, 0.2, 0.2, 0.1)))]
    return pictures.photo(making.seed * 1_000_000 + 500_000 + number, width_px=width_px, height_px=height_px)


def _with_comment(jpeg: bytes, number: int) -> bytes:
    """Insert a comment after the start marker, so that the same pixels are another content."""
    text = f"file {number}".encode()
    return jpeg[:2] + b"\xff\xfe" + (len(text) + 2).to_bytes(2) + text + jpeg[2:]


def _other_format(making: _Making, number: int, rng: np.random.Generator) -> tuple[str, bytes, list[Planted]]:
    kind = ("PNG", "WEBP", "GIF", "BMP", "TIFF")[int(rng.choice(5, p=(0.4, 0.35, 0.15, 0.05, 0.05)))]
    image = Image.fromarray(_drawn(making, number, rng)[:240, :320])
    options: dict[str, Any] = {"method": 0} if kind == "WEBP" else {"compress_level": 1} if kind == "PNG" else {}
    if kind == "GIF" and rng.random() < 0.3:
        options = {"save_all": True, "append_images": [image.rotate(angle) for angle in (20, 40)], "duration": 200}
    return f".{kind.lower()}", pictures.encoded(image, kind=kind, **options), []


def _hard_case(_: _Making, __: int, rng: np.random.Generator) -> tuple[str, bytes, list[Planted]]:
    kinds = list(pictures.HARD.values())
    return ".png", pictures.encoded(kinds[int(rng.integers(0, len(kinds)))](rng), kind="PNG", compress_level=1), []


def _video(making: _Making, number: int, rng: np.random.Generator) -> tuple[str, bytes, list[Planted]]:
    folder = making.originals.parent / "clips"
    content = (folder / f"{int(rng.integers(0, _OTHER_CLIPS))}.mp4").read_bytes()
    return ".mp4", content + _free_box(number), []


def _free_box(number: int) -> bytes:
    """A box that players skip: the same video, another content."""
    text = f"file {number}".encode()
    return (len(text) + 8).to_bytes(4) + b"free" + text


def _text(_: _Making, __: int, rng: np.random.Generator) -> tuple[str, bytes, list[Planted]]:
    text = pictures.words(rng, characters=int(rng.integers(200, 20_000)))
    return (".txt", ".html", ".log")[int(rng.integers(0, 3))], text.encode(), []


def _binary(_: _Making, __: int, rng: np.random.Generator) -> tuple[str, bytes, list[Planted]]:
    return (".bin", ".dat", ".db")[int(rng.integers(0, 3))], rng.bytes(int(rng.integers(1_000, 60_000))), []


def _duplicate(making: _Making, number: int, rng: np.random.Generator) -> tuple[str, bytes, list[Planted]]:
    """Make once more a file that a small number of others are copies of too."""
    same = int(rng.integers(0, 1 + number // 20))
    suffix, content, _ = _photo(making, same, np.random.default_rng([making.seed, 7, same]))
    return suffix, content, []


def _planted_exact(making: _Making, _: int, rng: np.random.Generator) -> tuple[str, bytes, list[Planted]]:
    name = f"{int(rng.integers(0, _ORIGINALS)):03}.jpg"
    return ".jpg", (making.originals / name).read_bytes(), [Planted("", name, "the same bytes", "known")]


def _planted_altered(making: _Making, _: int, rng: np.random.Generator) -> tuple[str, bytes, list[Planted]]:
    name = f"{int(rng.integers(0, _ORIGINALS)):03}.jpg"
    picture = Image.open(making.originals / name).convert("RGB")
    chosen = promised(picture)
    alteration = chosen[int(rng.integers(0, len(chosen)))]
    content = alteration.copy(picture, rng)
    return f".{alteration.kind.lower()}", content, [Planted("", name, alteration.name, "near")]


def _planted_video(making: _Making, number: int, rng: np.random.Generator) -> tuple[str, bytes, list[Planted]]:
    name = f"clip-{int(rng.integers(0, _KNOWN_CLIPS))}.mp4"
    content = (making.originals / name).read_bytes() + _free_box(number)
    return ".mp4", content, [Planted("", name, "another file of the same video", "near")]


def _archive(making: _Making, number: int, rng: np.random.Generator) -> tuple[str, bytes, list[Planted]]:
    makers: tuple[Maker, ...] = (
        _photo if not making.cameras else _other_format,
        _text,
        _planted_exact,
        _planted_altered,
    )
    members: dict[str, bytes] = {}
    planted: list[Planted] = []
    for at in range(int(rng.integers(1, 6))):
        suffix, content, some = makers[int(rng.choice(4, p=(0.5, 0.3, 0.1, 0.1)))](making, number * 10 + at, rng)
        members[f"inside/{at}{suffix}"] = content
        planted += [Planted(f"!inside/{at}{suffix}", one.original, one.how, one.verdict) for one in some]
    match int(rng.integers(0, 3)):
        case 0:
            return ".zip", archives.zipped(members), planted
        case 1:
            return ".tar.gz", gzip.compress(archives.tarred(members), 1, mtime=0), planted
        case _:
            return ".7z", archives.sevened(members, preset=0), planted


def _broken(making: _Making, number: int, rng: np.random.Generator) -> tuple[str, bytes, list[Planted]]:
    _, content, _ = _photo(making, number, rng) if rng.random() < 0.7 else _other_format(making, number, rng)
    match int(rng.integers(0, 5)):
        case 0:
            return ".jpg", b"", []
        case 1:
            return ".jpg", content[: int(rng.integers(1, len(content)))], []
        case 2:
            return ".mp4", content[:2000], []
        case 3:
            return ".zip", b"PK\x03\x04" + rng.bytes(400), []
        case _:
            return ".png", b"\x89PNG\r\n\x1a\n" + rng.bytes(int(rng.integers(10, 4000))), []


_MIX: tuple[tuple[Maker, float], ...] = (
    (_photo, 44), (_other_format, 9), (_hard_case, 4), (_video, 1), (_text, 13), (_binary, 5), (_duplicate, 14),
    (_planted_exact, 2), (_planted_altered, 3), (_planted_video, 0.3), (_archive, 2), (_broken, 3),
)  # fmt: skip
