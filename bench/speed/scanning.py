# SPDX-License-Identifier: Apache-2.0
"""A whole folder: `vigie scan` beside the peer's `match`, the sum of its own parts, and what confinement costs.

- The folder is mixed: photographs of 1, 4 and 12 megapixels, other formats, videos, texts, archives, copies, known and
  broken files. Its photographs are repeated with different comments: other contents, the same decoding.
- The peer gets photographs of the same folder in one call; its start is taken off, and files that it cannot take
  (texts, videos, archives, broken ones) cost it nothing. Both favour the peer.
- The parts: digests of every file, and decoding of each content that is not known exactly, each on two threads alone.
"""

import os
import shutil
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from bench import lists, measure, ours, scanned
from bench.corpus import folders, photos
from bench.rows import Better, Judged, Row
from bench.speed import Bench
from vigie.fingerprints import digests
from vigie.fingerprints.decode import pictures as decoder
from vigie.fingerprints.hashing import Examiner

_WORKERS = 2
_PEER_SAMPLE, _IN_PROCESS_SAMPLE = 40, 200


def rows(bench: Bench) -> list[Row]:
    """Scan the folder, then measure the peer on a sample, the parts, and the worker against no worker."""
    cameras = _cameras(bench)
    home = bench.store / "mixed" / str(bench.sizes.scan_files)
    folder = folders.make(home, files=bench.sizes.scan_files, seed=8, cameras=cameras)
    known = lists.make(bench.store, count=bench.sizes.scan_list, originals=folder.originals)
    result = bench.store / "scan-result"
    times = [_scan(folder.root, known.ours, result) for _ in range(min(3, bench.sizes.rounds))]
    seconds = statistics.median(times)
    found = scanned.rows(result, "path, kind, pdq_quality, verdict, sha256")
    sizes = lists.size_bytes(folder.root)
    peer_rate, peer_note = _peer_rate(bench, folder, known, result)
    rate = folder.files / seconds
    name = f"scan of {folder.files} mixed files ({sizes / 1e9:.1f} GB), {_WORKERS} workers"
    parts = _parts_seconds(folder.root, {bytes(row[4]) for row in found if row[3] == "known"})
    return [
        Row(what=name, unit="files/s", ours=rate, peer=peer_rate, against="threatexchange match", better=Better.MORE,
            judged=Judged.RATIO, must=20, note=f"{peer_note}; {len(found)} rows"),
        Row(what=f"{name}: share of the sum of its parts", unit="%", ours=100 * sum(parts) / seconds,
            better=Better.MORE, must=85,
            note=f"digests {parts[0]:.1f} s, decoding {parts[1]:.1f} s, scan {seconds:.1f} s"),
        _confinement_row(folder, result),
    ]  # fmt: skip


def _cameras(bench: Bench) -> tuple[Path, ...]:
    """Half of the photographs have 1 MP, three in ten 4 MP, two in ten 12 MP."""
    shares = ((photos.SIZES[0], 5), (photos.SIZES[1], 3), (photos.SIZES[2], 2))
    count = max(1, bench.sizes.photos // 5)
    return tuple(path for size, share in shares for path in photos.photos(bench.store, size=size, count=count * share))


def _scan(root: Path, known: Path, result: Path) -> float:
    shutil.rmtree(result, ignore_errors=True)
    command = [*measure.VIGIE, "scan", root, "--list", known, "--out", result, "--workers", _WORKERS]
    return measure.run([str(word) for word in command]).seconds


def _peer_rate(bench: Bench, folder: folders.Folder, known: lists.Lists, result: Path) -> tuple[float, str]:
    """Give the files a second that the peer would do, and how that was measured."""
    condition = "CASE WHEN kind = 'picture' AND len(container) = 0 THEN 1 ELSE 0 END, pdq_quality, path"
    pictures = [row for row in scanned.rows(result, condition) if row[0] and row[1] is not None]
    usable = [folder.root / row[2] for row in pictures if row[1] >= 60 and not row[2].endswith(".heif")]
    sample = [usable[at] for at in np.random.default_rng(2).permutation(len(usable))[:_PEER_SAMPLE]]
    one = measure.median_seconds(known.peer_command(sample[0]), times=min(3, bench.sizes.rounds))
    each = (measure.run(known.peer_command(*sample)).seconds - one) / (len(sample) - 1)
    share = len(pictures) / folder.files
    note = (
        f"the peer took {each * 1e3:.0f} ms a picture, one call with {len(sample)} of them, its start ({one:.1f} s) off"
    )
    return 1 / (
        each * share
    ), f"{note}; {share:.0%} of the files are pictures that it takes, the others cost it nothing"


def _parts_seconds(root: Path, known: set[bytes]) -> tuple[float, float]:
    """Give the seconds of the digests alone and of decoding alone."""
    paths = sorted(path for path in root.rglob("*") if path.is_file())
    start = time.perf_counter()
    with ThreadPoolExecutor(_WORKERS) as pool:
        contents = dict(zip(pool.map(_sha256, paths), paths, strict=True))
    digesting = time.perf_counter() - start
    waiting = [path for digest, path in contents.items() if digest not in known and path.stat().st_size]
    start = time.perf_counter()
    with ThreadPoolExecutor(_WORKERS) as pool:
        list(pool.map(_examine_all, [waiting[number::_WORKERS] for number in range(_WORKERS)]))
    return digesting, time.perf_counter() - start


def _sha256(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return digests.of_descriptor(descriptor)[0].sha256
    finally:
        os.close(descriptor)


def _examine_all(paths: Sequence[Path]) -> None:
    with Examiner() as examiner:
        for path in paths:
            descriptor = os.open(path, os.O_RDONLY)
            try:
                size_bytes = path.stat().st_size
                for _ in examiner.examine(
                    descriptor, size_bytes=size_bytes, full=False, wants=lambda _: True, enough=lambda _: False
                ):
                    pass
            finally:
                os.close(descriptor)


def _confinement_row(folder: folders.Folder, result: Path) -> Row:
    """Compare the confined worker with decoding in this process, on pictures of the folder, on one core."""
    found = scanned.rows(result, "CASE WHEN kind = 'picture' AND len(container) = 0 THEN path END")
    paths = sorted({folder.root / row[0] for row in found if row[0]})
    sample = [paths[at] for at in np.random.default_rng(3).permutation(len(paths))[:_IN_PROCESS_SAMPLE]]
    with measure.pinned({0}), Examiner() as examiner:
        confined = _each(sample, lambda path: ours.examined(examiner, path))
        plain = _each(sample, lambda path: decoder.examine(path.read_bytes(), limits=decoder.PictureLimits()))
    cost = 100 * (sum(confined) / sum(plain) - 1)
    note = f"{len(sample)} pictures, the confined worker and its parent on one core beside the decoder in this process"
    return Row(what="cost of confinement", unit="%", ours=cost, must=15, note=note)


def _each(paths: Sequence[Path], examine: Callable[[Path], object]) -> list[float]:
    examine(paths[0])
    return [min(measure.timed(lambda path=path: examine(path)) for _ in range(2)) for path in paths]
