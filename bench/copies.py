# SPDX-License-Identifier: Apache-2.0
"""How many altered copies are still found: our full query beside plain PDQ.

- The known picture is on the list as a JPEG file; each altered copy is another file, read by the confined worker.
- Ours is the nearest distance of all turns of all values of the copy (as stored, upright, without borders) to any
  value of the known picture. Plain PDQ is the one value of the reference on the full-resolution pixels of both files.
- A picture that a gate keeps off every list is counted apart. A copy whose value a gate or the reference's own floor
  (quality 50) refuses is not found, at any threshold.
"""

import io
import tempfile
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench import VECTORS, ours, peers
from bench.alterations import ALTERATIONS
from bench.corpus import pictures
from vigie.fingerprints import messages
from vigie.fingerprints.hashing import Examiner

_LONGEST_PX = 1280
_FLOOR = 50
NEVER = 256


@dataclass(frozen=True, slots=True)
class Distances:
    """The distances of the copies of one alteration, `NEVER` where there is none: ours and plain PDQ's."""

    ours: NDArray[np.int64]
    plain: NDArray[np.int64]

    def found(self, threshold_bits: int) -> tuple[float, float]:
        """Give the share of copies within a threshold: ours, plain."""
        return float((self.ours <= threshold_bits).mean()), float((self.plain <= threshold_bits).mean())


@dataclass(frozen=True, slots=True)
class Amounts:
    """How many pictures were altered, and how many of them a gate kept off the list."""

    generated: int
    vectors: int
    refused: int


def measure(*, generated: int, processes: int = 2) -> tuple[dict[str, Distances], Amounts]:
    """Alter every picture in every way; return the distances by alteration, and how many pictures there were."""
    vectors = sorted((VECTORS / "pdq").glob("*.jpg"))
    sources: list[int | Path] = [*range(generated), *vectors]
    distances: dict[str, list[tuple[int, int]]] = defaultdict(list)
    with ProcessPoolExecutor(processes) as pool:
        for found in pool.map(_measure_some, [sources[start :: 8 * processes] for start in range(8 * processes)]):
            for name, pairs in found.items():
                distances[name] += pairs
    tables = {name: np.array(pairs, np.int64) for name, pairs in distances.items()}
    kept = len(next(iter(tables.values())))
    amounts = Amounts(generated, len(vectors), len(sources) - kept)
    return {name: Distances(table[:, 0], table[:, 1]) for name, table in tables.items()}, amounts


def _picture(source: int | Path) -> Image.Image:
    if isinstance(source, Path):
        picture = Image.open(source).convert("RGB")
        picture.thumbnail((_LONGEST_PX, _LONGEST_PX))
        return picture
    rng = np.random.default_rng([source, 31])
    width_px, height_px = ((960, 720), (720, 960), (1280, 720), (800, 800))[int(rng.integers(0, 4))]
    return Image.fromarray(pictures.photo(9_000_000 + source, width_px=width_px, height_px=height_px))


def _measure_some(sources: list[int | Path]) -> dict[str, list[tuple[int, int]]]:
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    with ExitStack() as stack:
        examiner = stack.enter_context(Examiner())
        peer = stack.enter_context(peers.peer())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for number, source in enumerate(sources):
            for name, pair in _measure_one(_picture(source), number, examiner, peer, folder).items():
                found[name].append(pair)
    return found


def _measure_one(
    picture: Image.Image, number: int, examiner: Examiner, peer: peers.Peer, folder: Path
) -> dict[str, tuple[int, int]]:
    known = io.BytesIO()
    picture.save(known, "JPEG", quality=92)
    files = {"": known.getvalue()}
    for row, alteration in enumerate(ALTERATIONS):
        files[alteration.name] = alteration.copy(picture, np.random.default_rng([number, row]))
    paths = [folder / str(row) for row in range(len(files))]
    for path, content in zip(paths, files.values(), strict=True):
        path.write_bytes(content)
    plain = [_plain(answer) for answer in peer.ask("reference", paths=[str(path) for path in paths])["values"]]
    values = [_values(ours.examined_bytes(examiner, content)) for content in files.values()]
    on_list = ours.unturned(values[0])
    if not len(on_list):
        return {}
    return {
        name: (_nearest(ours.turns_of(value), on_list), _nearest(one, plain[0]))
        for name, value, one in zip(files, values, plain, strict=True)
        if name
    }


def _values(found: messages.Content) -> list[messages.Value]:
    return list(ours.values_of(found)) if isinstance(found, messages.Picture) else []


def _plain(answer: tuple[str, int] | None) -> NDArray[np.uint8]:
    if answer is None or answer[1] < _FLOOR:
        return np.empty((0, 32), np.uint8)
    return np.frombuffer(bytes.fromhex(answer[0]), np.uint8).reshape(1, 32)


def _nearest(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> int:
    if not len(one) or not len(other):
        return NEVER
    return int(np.bitwise_count(one[:, None] ^ other[None]).sum(axis=2, dtype=np.int64).min())
