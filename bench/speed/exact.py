# SPDX-License-Identifier: Apache-2.0
"""Exact look-ups of SHA-256 digests beside a Python set and SQLite.

- Half of the queries are known; all answers are compared with what was planted.
- The peers hold fewer digests than we do, which favours them; the note says how many.
"""

import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.corpus import values as corpus
from bench.rows import Better, Row
from bench.speed import Bench
from vigie.index import exact, snapshot

_KIND = "bench-exact"
_QUERIES, _PEER_QUERIES = 1_000_000, 200_000


def rows(bench: Bench) -> list[Row]:
    """Measure batch look-ups on one core and on two, and the size on disk."""
    digests = corpus.random(bench.store, count=bench.sizes.digests)
    path, build_seconds = _publish(bench, digests)
    asked, known = _queries(np.load(digests, mmap_mode="r"), _QUERIES)
    content = snapshot.open_file(path, kind=_KIND)
    content.verify()
    index = exact.ExactIndex(content, "sha256")
    right = bool(((index.lookup(asked)[1] > 0) == known).all())
    one, two = (_rate(index, asked, threads, bench.sizes.rounds) for threads in (1, 2))
    peers = _peers(bench)
    size = path.stat().st_size / (32 * len(index))
    path.unlink()
    name = f"exact look-ups, {bench.sizes.digests / 1e6:g} million digests"
    checked = "all answers right" if right else "WRONG ANSWERS"
    sample = f"the peers hold {bench.sizes.peer_digests / 1e6:g} million"
    return [
        Row(what=f"{name}, batch, one core", unit="million/s", ours=one, peer=peers["Python set"],
            against="Python set", better=Better.MORE, must=5, aim=13, note=f"{checked}; {sample}"),
        Row(what=f"{name}, batch, one core", unit="million/s", ours=one, peer=peers["SQLite"], against="SQLite",
            better=Better.MORE, must=5, aim=13, note=sample),
        Row(what=f"{name}, batch, two cores", unit="million/s", ours=two, better=Better.MORE),
        Row(what=f"{name}: size", unit="× raw size", ours=size, must=1.1),
        Row(what=f"{name}: build", unit="s", ours=build_seconds),
    ]  # fmt: skip


def _publish(bench: Bench, digests: Path) -> tuple[Path, float]:
    start = time.perf_counter()
    sections, _ = exact.build(np.load(digests, mmap_mode="r"))
    seconds = time.perf_counter() - start
    path = bench.store / "index" / "exact.vigie"
    path.parent.mkdir(parents=True, exist_ok=True)
    named = {f"sha256.{name}": section for name, section in sections.items()}
    snapshot.write(path, kind=_KIND, meta={}, sections=named)
    return path, seconds


def _queries(array: NDArray[np.uint8], count: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    rng = np.random.default_rng(3)
    known = rng.random(count) < 0.5
    asked = rng.integers(0, 256, (count, 32), dtype=np.uint8)
    asked[known] = array[np.sort(rng.integers(0, len(array), int(known.sum())))]
    order = rng.permutation(count)
    return asked[order], known[order]


def _rate(index: exact.ExactIndex, asked: NDArray[np.uint8], threads: int, rounds: int) -> float:
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        index.lookup(asked, threads=threads)
        times.append(time.perf_counter() - start)
    return len(asked) / float(np.median(times)) / 1e6


def _peers(bench: Bench) -> dict[str, float]:
    keys = corpus.random(bench.store, count=bench.sizes.peer_digests)
    queries = bench.store / "digests.npy"
    np.save(queries, _queries(np.load(keys, mmap_mode="r"), _PEER_QUERIES)[0])
    in_set = bench.peer.seconds("exact_set", keys=keys, queries=queries)
    base = bench.store / "digests.sqlite"
    in_base = bench.peer.seconds("exact_sqlite", keys=keys, queries=queries, path=base)
    base.unlink(missing_ok=True)
    return {"Python set": _PEER_QUERIES / in_set / 1e6, "SQLite": _PEER_QUERIES / in_base / 1e6}
