# SPDX-License-Identifier: Apache-2.0
"""From a picture's file to its PDQ value, beside python-threatexchange and pdqhash.

- Both sides read the same file; ours goes through the confined worker, pinned with its parent to the peer's core.
- The files of the speed row are the files of the fidelity row, with the same recipe; the reference vectors are added
  where a clone has them.
- The reference is pdqhash, the binding of the C++ implementation, on the full-resolution RGB pixels.
"""

import statistics
import time
from pathlib import Path

import numpy as np
import simplejpeg

from bench import VECTORS, ours
from bench.corpus import photos
from bench.corpus.planes import planes
from bench.measure import in_turns, pinned
from bench.rows import Better, Judged, Row
from bench.speed import Bench
from vigie.fingerprints import messages, picture
from vigie.fingerprints.hashing import Examiner
from vigie.fingerprints.values import distance_bits

_GOALS = {1: (5, 7), 4: (12, 15), 12: (22, 34)}
_PEER = "threatexchange"


def rows(bench: Bench) -> list[Row]:
    """Measure speed by size, the kernel alone, its bits, and the fidelity of the fast path."""
    bench.peer.ask("warm")
    bench.peer.ask("pin", cores=[0])
    found: list[Row] = []
    values: dict[Path, messages.Value] = {}
    with pinned({0}), Examiner() as examiner:
        for size in photos.SIZES:
            paths = photos.photos(bench.store, size=size, count=bench.sizes.photos)
            found.append(_speed_row(bench, examiner, size, paths, values))
        found.append(_kernel_row(bench))
        for path in sorted((VECTORS / "pdq").glob("*.jpg")):
            values[path] = _value(examiner, path)
    bench.peer.ask("pin", cores=list(range(2)))
    return [*found, *_bits_rows(bench), *_fidelity_rows(bench, values)]


def _value(examiner: Examiner, path: Path) -> messages.Value:
    found = ours.examined(examiner, path)
    assert isinstance(found, messages.Picture), f"a picture of the corpus was not read: {found}"
    return found.stored


def _speed_row(
    bench: Bench, examiner: Examiner, size: photos.Size, paths: list[Path], values: dict[Path, messages.Value]
) -> Row:
    _value(examiner, paths[0])
    bench.peer.ask("picture", path=paths[0])
    our_times, peer_times, floor_times = [], [], []
    for path in paths:
        start = time.perf_counter()
        values[path] = _value(examiner, path)
        our_times.append(time.perf_counter() - start)
        peer_times.append(bench.peer.seconds("picture", path=path))
        floor_times.append(_entropy_seconds(path.read_bytes()))
    our_median, peer_median, floor = (statistics.median(times) for times in (our_times, peer_times, floor_times))
    must, aim = _GOALS[size.megapixels]
    return Row(
        what=f"file to PDQ in the confined worker, JPEG {size.megapixels} MP, one core",
        unit="ms",
        ours=our_median * 1e3,
        peer=peer_median * 1e3,
        against=_PEER,
        judged=Judged.RATIO,
        must=must,
        aim=aim,
        note=f"the entropy decoder alone (decoding at 1/8): {floor * 1e3:.1f} ms, "
        f"{floor / our_median:.0%} of our time; "
        f"{len(paths)} files, mean {statistics.mean(path.stat().st_size for path in paths) / 1e6:.2f} MB",
    )


def _entropy_seconds(content: bytes) -> float:
    start = time.perf_counter()
    simplejpeg.decode_jpeg(content, "GRAY", min_height=1, min_width=1)
    return time.perf_counter() - start


def _kernel_row(bench: Bench) -> Row:
    plane = np.random.default_rng(2).integers(0, 256, (512, 512), dtype=np.uint8)
    path = bench.store / "plane.npy"
    np.save(path, plane)
    repeats = bench.sizes.plane_repeats

    def ours_seconds() -> float:
        start = time.perf_counter()
        for _ in range(repeats):
            picture.pdq(plane)
        return (time.perf_counter() - start) / repeats

    def peer_seconds() -> float:
        return bench.peer.seconds("plane", path=path, repeats=max(5, repeats // 10))

    our_seconds, their_seconds = in_turns(ours_seconds, peer_seconds, rounds=bench.sizes.rounds)
    grey = float(bench.peer.ask("plane", path=path, repeats=20)["grey_seconds"])
    alone = (their_seconds - grey) / our_seconds
    return Row(
        what="PDQ of a 512×512 luma plane",
        unit="ms",
        ours=our_seconds * 1e3,
        peer=their_seconds * 1e3,
        against="pdqhash",
        judged=Judged.RATIO,
        must=5,
        aim=7,
        note=f"ours gives all eight turns; without pdqhash's conversion from RGB the ratio is {alone:.1f}×",
    )


def _bits_rows(bench: Bench) -> list[Row]:
    """Count planes of all sizes on which the value or the quality differs from the reference."""
    drawn = planes(bench.sizes.planes)
    given, answer = bench.store / "planes.npz", bench.store / "planes-values.npz"
    np.savez(given, *drawn)
    bench.peer.ask("planes", path=given, out=str(answer))
    expected = np.load(answer)
    values, qualities = expected["values"], expected["qualities"]
    wrong = sum(not _same(plane, values[row], int(qualities[row])) for row, plane in enumerate(drawn))
    given.unlink()
    answer.unlink()
    note = f"value and quality compared on {len(drawn)} planes, 1×1 to 2000 pixels a side"
    return [
        Row(what="PDQ of luma planes of all sizes: mismatches", unit="planes", ours=wrong, must=0, aim=0, note=note)
    ]


def _same(plane: np.ndarray, values: np.ndarray, quality: int) -> bool:
    value, our_quality = picture.pdq(plane)
    return our_quality == quality and value == values[0].tobytes()


def _fidelity_rows(bench: Bench, values: dict[Path, messages.Value]) -> list[Row]:
    paths = list(values)
    answers = bench.peer.ask("reference", paths=[str(path) for path in paths])["values"]
    distances = []
    for path, (value, quality) in zip(paths, answers, strict=True):
        if quality >= 80:
            distances.append(distance_bits(values[path].pdq, bytes.fromhex(value)))
    vectors = sum(path.is_relative_to(VECTORS) for path in paths)
    corpus = f"{len(paths) - vectors} generated photographs of the speed rows"
    note = f"{corpus} and {vectors} reference photographs; {len(distances)} of them of quality ≥ 80"
    name = "fast path against full-resolution pixels"
    return [
        Row(what=f"{name}: farthest", unit="bits", ours=max(distances), must=10, note=note),
        Row(what=f"{name}: mean", unit="bits", ours=statistics.mean(distances), aim=3, better=Better.LESS),
    ]
