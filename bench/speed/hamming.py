# SPDX-License-Identifier: Apache-2.0
"""Near-match search beside the peers' index (faiss IndexBinaryMultiHash, 16 maps of 16 bits, radius 31).

- Both sides hold the same values and answer the same queries, half of them planted at 0 to 31 bits; every pair that
  either finds must be found by the other, or the rows say so.
- Batches use two threads on both sides, single queries one thread (with more, the peer's threads wait for each other).
- Our index is a published file, mapped and verified, as a serving process has it.
"""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import peers
from bench.corpus import values as corpus
from bench.measure import in_turns
from bench.rows import Better, Judged, Row
from bench.speed import Bench
from vigie.index import hamming, snapshot

KIND = "bench-hamming"
_RADIUS = 31
_PEER_BATCH, _OUR_BATCH = 1000, 20_000
_PEER_SINGLE, _OUR_SINGLE = 40, 400


@dataclass(frozen=True, slots=True)
class Built:
    """One of our indexes on disk, and what its making took."""

    path: Path
    order: NDArray[np.int64]
    build_seconds: float
    publish_seconds: float


def rows(bench: Bench) -> list[Row]:
    """Measure both sizes beside the peer, the larger one with size, opening and building."""
    found: list[Row] = []
    for count, batch, single in (
        (bench.sizes.small_index, (10, 20), None),
        (bench.sizes.large_index, (50, 120), (30, 60)),
    ):
        # A process that held another index before keeps its memory: a fresh one is weighed fairly.
        with peers.peer() as fresh:
            found += _beside_peer(replace(bench, peer=fresh), count, batch=batch, single=single)
    return found


def publish(values_path: Path, *, path: Path) -> Built:
    """Build our index over a file of values and publish it."""
    array = np.load(values_path, mmap_mode="r")
    start = time.perf_counter()
    sections, order = hamming.build(array, threads=2)
    built = time.perf_counter()
    path.parent.mkdir(parents=True, exist_ok=True)
    named = {f"pdq.{name}": section for name, section in sections.items()}
    snapshot.write(path, kind=KIND, meta={}, sections=named)
    return Built(path, order, built - start, time.perf_counter() - built)


def opened(path: Path) -> hamming.HammingIndex:
    """Open our index as a serving process does."""
    return hamming.HammingIndex(snapshot.open_file(path, kind=KIND), "pdq")


def single_seconds(index: hamming.HammingIndex, queries: NDArray[np.uint8]) -> list[float]:
    """Time one query at a time."""
    times = []
    for row in range(len(queries)):
        start = time.perf_counter()
        index.search(queries[row : row + 1], max_distance_bits=_RADIUS)
        times.append(time.perf_counter() - start)
    return times


def verified(path: Path) -> hamming.HammingIndex:
    """Open our index and check every block, so that steady state is measured."""
    content = snapshot.open_file(path, kind=KIND)
    content.verify()
    return hamming.HammingIndex(content, "pdq")


def _beside_peer(
    bench: Bench, count: int, *, batch: tuple[float, float], single: tuple[float, float] | None
) -> list[Row]:
    values_path = corpus.realistic(bench.store, count=count)
    array = np.load(values_path, mmap_mode="r")
    queries = corpus.queries(array, count=_OUR_BATCH)
    asked = bench.store / "queries.npy"
    np.save(asked, queries[:_PEER_BATCH])
    built = publish(values_path, path=bench.store / "index" / f"realistic-{count}.vigie")
    peers_build = bench.peer.ask("index_build", values=values_path)
    opening = _opening_rows(bench, count, built, peers_build, asked) if single else []
    index = verified(built.path)
    name = f"Hamming search, {_millions(count)} realistic values"
    agreement = _agreement(bench, index, built, queries[:_PEER_BATCH], asked)
    found = [_batch_row(bench, index, name, queries, asked, batch, agreement)]
    if single:
        found += _single_rows(bench, index, name, queries, single)
    return found + opening


def _millions(count: int) -> str:
    return f"{count // 1_000_000} million" if count >= 1_000_000 else f"{count:,}".replace(",", " ")


def _agreement(bench: Bench, index: hamming.HammingIndex, built: Built, queries: NDArray[np.uint8], asked: Path) -> str:
    """Say whether both sides found exactly the same pairs at the same distances."""
    out = bench.store / "hits.npy"
    bench.peer.ask("index_batch", queries=asked, threads=2, radius=_RADIUS, out=str(out))
    theirs = np.load(out)
    hits = index.search(queries, max_distance_bits=_RADIUS, threads=2)
    ours = np.stack([hits.query, built.order[hits.row], hits.distance.astype(np.int64)], axis=1)
    same = np.array_equal(ours[np.lexsort(ours.T[::-1])], theirs[np.lexsort(theirs.T[::-1])])
    verdict = "the same pairs as the peer's complete search" if same else "DIFFERENT pairs from the peer's"
    return f"{verdict} ({len(ours)} pairs of {len(queries)} queries)"


def _batch_row(
    bench: Bench,
    index: hamming.HammingIndex,
    name: str,
    queries: NDArray[np.uint8],
    asked: Path,
    goals: tuple[float, float],
    agreement: str,
) -> Row:
    def ours() -> float:
        start = time.perf_counter()
        index.search(queries, max_distance_bits=_RADIUS, threads=2)
        return (time.perf_counter() - start) / len(queries)

    def theirs() -> float:
        return bench.peer.seconds("index_batch", queries=asked, threads=2, radius=_RADIUS) / _PEER_BATCH

    our_seconds, peer_seconds = in_turns(ours, theirs, rounds=bench.sizes.rounds)
    note = f"{agreement}; our batch {len(queries)} queries, the peer's {_PEER_BATCH} of them"
    return Row(
        what=f"{name}, batch, 2 threads",
        unit="queries/s",
        ours=1 / our_seconds,
        peer=1 / peer_seconds,
        against="faiss MultiHash 16×16",
        better=Better.MORE,
        judged=Judged.RATIO,
        must=goals[0],
        aim=goals[1],
        note=note if agreement.startswith("the same") else f"NOT COMPARABLE: {note}",
    )


def _single_rows(
    bench: Bench, index: hamming.HammingIndex, name: str, queries: NDArray[np.uint8], goals: tuple[float, float]
) -> list[Row]:
    ours: list[float] = []
    theirs: list[float] = []
    asked = bench.store / "single.npy"
    for turn in range(bench.sizes.rounds):
        ours += single_seconds(index, queries[turn * _OUR_SINGLE : (turn + 1) * _OUR_SINGLE])
        np.save(asked, queries[turn * _PEER_SINGLE : (turn + 1) * _PEER_SINGLE])
        theirs += bench.peer.ask("index_single", queries=asked, radius=_RADIUS)["times"]
    median = Row(
        what=f"{name}, one query, median",
        unit="ms",
        ours=float(np.median(ours)) * 1e3,
        peer=float(np.median(theirs)) * 1e3,
        against="faiss MultiHash 16×16",
        judged=Judged.RATIO,
        must=goals[0],
        aim=goals[1],
        note=f"{len(ours)} queries of ours, {len(theirs)} of the peer's, one thread each",
    )
    tail = Row(
        what=f"{name}, one query, 99th percentile",
        unit="ms",
        ours=float(np.percentile(ours, 99)) * 1e3,
        peer=float(np.percentile(theirs, 99)) * 1e3,
        against="faiss MultiHash 16×16",
        aim=2.0,
    )
    return [median, tail]


def _opening_rows(bench: Bench, count: int, built: Built, peers_build: dict[str, Any], asked: Path) -> list[Row]:
    """Measure size, opening, the first answer and building, at the larger size."""
    stored = bench.store / "index" / f"peer-{count}.faiss"
    bench.peer.ask("index_save", path=stored)
    peers_open = bench.peer.ask("index_open", path=stored, queries=asked)
    query = np.load(asked)[:1]
    start = time.perf_counter()
    index = opened(built.path)
    ready = time.perf_counter()
    index.search(query, max_distance_bits=_RADIUS)
    first = time.perf_counter() - ready
    stored.unlink()
    name, peer = f"index at {_millions(count)}", "faiss MultiHash 16×16"
    memory = float(peers_build["memory_bytes"]) / count
    return [
        Row(what=f"{name}: size mapped", unit="bytes/value", ours=built.path.stat().st_size / count, peer=memory,
            against=f"{peer}, in memory", must=125, aim=100, note="values and checksums included"),
        Row(what=f"{name}: open", unit="ms", ours=(ready - start) * 1e3, peer=_ms(peers_open["seconds"]),
            against=peer, must=50, note="page cache warm on both sides"),
        Row(what=f"{name}: first answer after opening", unit="ms", ours=first * 1e3,
            peer=_ms(peers_open["first_seconds"]), against=peer, must=100,
            note="kernels warm; blocks checked on touch"),
        Row(what=f"{name}: build", unit="s", ours=built.build_seconds, peer=float(peers_build["seconds"]),
            against=peer, must=6, note=f"publishing (checksums, write, flush) took {built.publish_seconds:.1f} s more"),
    ]  # fmt: skip


def _ms(seconds: float) -> float:
    return seconds * 1e3
