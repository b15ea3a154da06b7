# SPDX-License-Identifier: Apache-2.0
"""The node's matching service beside what stands for HMA: one process each, on the same machine, in turns.

- HMA ships as a container only: its index and hasher behind Flask and gunicorn stand for it, without its database step
  (bench/hma_process.py). Of gunicorn's plain and threaded workers the faster one counts.
- The client is the same for both, keeps its connections where the server does, and costs a few microseconds.
- One look-up in a hundred is of a listed value; for the node that means a recorded sighting before the answer.
"""

import contextlib
import os
import shutil
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench import ROOT, measure, peers
from bench.corpus import photos
from bench.corpus import values as corpus
from bench.node import asking, filling_calls, homes
from bench.rows import Better, Judged, Row
from bench.speed import Bench
from vigie.fingerprints import gates
from vigie.index.live import LiveIndex, NearBase

_SECONDS = 8.0
_REQUESTS = 4000
_BATCH = 10_000
_HIT_SHARE = 0.01
_CHANGES = 60


def rows(bench: Bench) -> list[Row]:
    """Measure look-ups, then the large index, then how soon a new value counts."""
    folder = bench.store / "node"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    small = corpus.realistic(bench.store, count=bench.sizes.small_index)
    large = corpus.realistic(bench.store, count=bench.sizes.large_index)
    return [*_look_ups(bench, folder / "small", small), *_large(folder / "large", large)]


@dataclass(frozen=True, slots=True)
class _Side:
    """One of the two servers: where it listens, and what it is asked."""

    port: int
    mixed: list[bytes]  # one in a hundred is listed
    strange: list[bytes]
    upload: bytes


def _look_ups(bench: Bench, home: Path, values: Path) -> list[Row]:
    node = homes.make(home, VIGIE_PARTNER_WORKERS="1")
    array = np.load(values, mmap_mode="r")
    known = min(20_000, len(array))
    token = filling_calls.fill(node, "index", values, known)["token"]
    mixed, strange = _asked(_eligible(array[:known])), _asked(np.empty((0, 32), np.uint8))
    listed = [row.tobytes().hex() for row in _eligible(array[:known])[:_REQUESTS]]
    port, picture = node.ports["partner"], _picture(bench)
    upload = asking.request(port, "POST", "/v1/match/file", body=picture, kind="image/jpeg", token=token)
    ours = _Side(port, [_post(port, one, token) for one in mixed], [_post(port, one, token) for one in strange], upload)
    with _standing_for_hma(values) as other:
        theirs = _Side(
            other, [_get(other, one) for one in mixed], [_get(other, one) for one in strange], _form(other, picture)
        )
        node.start("partner")
        rates, delays, uploads = _in_turns(ours, theirs, rounds=bench.sizes.rounds)
        memory = measure.tree_pss_bytes(node.running["partner"].pid), _memory_of(other)
    hits = asking.keep_asking(port, [_post(port, one, token) for one in listed], clients=1, seconds=_SECONDS / 2)
    effective = _effective(node, token)
    node.stop()
    name = f"node, {len(array) / 1e6:g} million values"
    peer = "threatexchange's index behind Flask and gunicorn"
    return [
        Row(what=f"{name}: single look-ups, 1 worker, 1 % hits", unit="/s", ours=rates[0], peer=rates[1], against=peer,
            better=Better.MORE, judged=Judged.RATIO, must=15, aim=25,
            note="4 clients; HMA itself was measured at 311 /s without, 145 /s with its database step"),
        Row(what=f"{name}: latency, 1 client, 99th percentile", unit="ms", ours=delays[0], peer=delays[1], against=peer,
            judged=Judged.RATIO, must=5,
            note="of look-ups without a match; HMA itself: 6.6 ms. One with a match, its sighting recorded: "
                 f"{hits.percentile_ms(50):.1f} ms, 99th percentile {hits.percentile_ms(99):.1f} ms"),
        Row(what="node: a picture of 4 MP sent, fingerprinted and matched", unit="/s", ours=uploads[0], peer=uploads[1],
            against="threatexchange's hasher behind Flask and gunicorn, hashing alone", better=Better.MORE,
            judged=Judged.RATIO, must=10, note="1 client; HMA itself: 4.3 /s"),
        Row(what=f"{name}: memory of the worker and its confined decoder", unit="MiB", ours=memory[0] / 2**20,
            peer=memory[1] / 2**20, against=peer, note="proportional; HMA itself: 795 MB"),
        Row(what="node: a new value counts in both workers after", unit="ms", ours=effective, must=1000, aim=100,
            note=f"{_CHANGES} values, 99th percentile; HMA rebuilds and reloads: 40 to 90 s measured"),
    ]  # fmt: skip


def _large(home: Path, values: Path) -> list[Row]:
    node = homes.make(home, VIGIE_PARTNER_WORKERS="1")
    token = filling_calls.fill(node, "index", values, 2000)["token"]
    array = np.load(values, mmap_mode="r")
    listed = _eligible(array[:2000])
    port = node.ports["partner"]
    queries = _asked(listed, count=_BATCH)
    items = ",".join(f'{{"pdq":"{value}"}}' for value in queries)
    batch = asking.request(
        port, "POST", "/v1/match", body=f'{{"items":[{items}]}}'.encode(), kind="application/json", token=token
    )
    bare = _bare_seconds(home / "indexes" / "catalogue-bench" / "near.vix", queries)
    node.start("partner")
    single = [_post(port, value, token) for value in _asked(listed)]
    alone = asking.keep_asking(port, single, clients=1, seconds=_SECONDS / 2)
    took = [asking.keep_asking(port, [batch], clients=1, seconds=0.01).took_ms[0] / 1e3 for _ in range(5)]
    beside = _beside(port, single, batch)
    own = measure.tree_pss_bytes(node.running["partner"].pid, apart=home / "indexes" / "catalogue-bench" / "near.vix")
    whole = measure.tree_pss_bytes(node.running["partner"].pid)
    node.stop()
    with _standing_for_hma(values) as port:
        theirs = _memory_of(port)
    name = f"node, {len(array) / 1e6:g} million values"
    share = 100 * bare / statistics.median(took)
    return [
        Row(what=f"{name}: {_BATCH} values in one request, of the bare engine's rate", unit="%", ours=share,
            better=Better.MORE, must=80, note=f"{_BATCH / statistics.median(took):,.0f} values/s; median of 5"),
        Row(what=f"{name}: single look-ups meanwhile, 99th percentile", unit="ms", ours=beside.percentile_ms(99),
            note=f"without the large request {alone.percentile_ms(99):.1f} ms; half of them within "
                 f"{beside.percentile_ms(50):.2f} ms"),
        Row(what=f"{name}: memory of a worker", unit="MiB", ours=whole / 2**20, peer=theirs / 2**20,
            against="threatexchange's index behind Flask and gunicorn", judged=Judged.RATIO, must=4,
            note=f"proportional, the index file included; {own / 2**20:.0f} MiB without it: all workers share it"),
    ]  # fmt: skip


def _in_turns(ours: _Side, theirs: _Side, *, rounds: int) -> list[tuple[float, float]]:
    """Ask both in turns: rates of four clients, 99th percentiles of one, uploads of one; ours and theirs of each."""
    rates, delays, uploads = ([], []), ([], []), ([], [])
    seconds = _SECONDS / rounds
    for _ in range(rounds):
        for place, side in enumerate((ours, theirs)):
            rates[place].append(asking.keep_asking(side.port, side.mixed, clients=4, seconds=seconds).per_second)
            delays[place].append(
                asking.keep_asking(side.port, side.strange, clients=1, seconds=seconds).percentile_ms(99)
            )
            uploads[place].append(asking.keep_asking(side.port, [side.upload], clients=1, seconds=seconds).per_second)
    return [(statistics.median(one), statistics.median(other)) for one, other in (rates, delays, uploads)]


def _effective(node: homes.Node, token: str) -> float:
    """Record values and ask both workers until they know them; return the 99th percentile in ms."""
    node.stop()
    node.environment["VIGIE_PARTNER_WORKERS"] = "2"
    node.start("partner")
    took = filling_calls.effective(node, token, _CHANGES)
    return float(np.percentile(took, 99)) * 1e3


def _beside(port: int, single: list[bytes], batch: bytes) -> asking.Asked:
    """Ask single values while large requests are answered."""
    stop = threading.Event()

    def many() -> None:
        while not stop.is_set():
            asking.keep_asking(port, [batch], clients=1, seconds=0.01)

    other = threading.Thread(target=many)
    other.start()
    try:
        return asking.keep_asking(port, single, clients=1, seconds=_SECONDS / 2)
    finally:
        stop.set()
        other.join()


def _bare_seconds(path: Path, queries: list[str]) -> float:
    """Time the engine alone on the same values, in one thread."""
    index = LiveIndex(path, base=NearBase)
    asked = np.frombuffer(bytes.fromhex("".join(queries)), np.uint8).reshape(-1, 32)
    index.search(asked, max_distance_bits=31)
    return statistics.median(measure.timed(lambda: index.search(asked, max_distance_bits=31)) for _ in range(5))


@contextlib.contextmanager
def _standing_for_hma(values: Path) -> Iterator[int]:
    """Serve the peer's index; its quickest kind of worker."""
    port = homes.free_port()
    command = [str(peers.PYTHON), "-m", "gunicorn", "--chdir", str(ROOT / "bench"), "--workers", "1", "--worker-class",
               "gthread", "--threads", "4", "--timeout", "600", "--bind", f"127.0.0.1:{port}",
               "hma_process:app"]  # fmt: skip
    environment = {**os.environ, "BENCH_VALUES": str(values), "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 900
        while True:
            with contextlib.suppress(OSError):
                if asking.once(port, "/status")[0] == 200:
                    break
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("what stands for HMA did not come up")
            time.sleep(0.2)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def _memory_of(port: int) -> int:
    """Weigh the process tree that listens on a port."""
    found = subprocess.run(["ss", "-Hltnp", f"sport = :{port}"], capture_output=True, text=True, check=True).stdout
    return max(measure.tree_pss_bytes(int(part.split(",")[0])) for part in found.split("pid=")[1:])


def _eligible(array: NDArray[np.uint8]) -> NDArray[np.uint8]:
    rows = np.ascontiguousarray(array)
    return rows[gates.value_gates(rows, qualities=np.full(len(rows), 90, np.uint8)) == 0]


def _asked(listed: NDArray[np.uint8], *, count: int = _REQUESTS) -> list[str]:
    """Return values as hexadecimal, of no listed picture but for one in a hundred, where some are listed."""
    rng = np.random.default_rng(21)
    bits = np.zeros((count, 256), np.uint8)
    bits[:, :128] = 1
    strangers = np.packbits(rng.permuted(bits, axis=1), axis=1)
    if len(listed):
        hits = np.flatnonzero(rng.random(count) < _HIT_SHARE)
        strangers[hits] = listed[rng.integers(len(listed), size=len(hits))]
    return [row.tobytes().hex() for row in strangers]


def _post(port: int, value: str, token: str) -> bytes:
    body = f'{{"items":[{{"pdq":"{value}","pdq_quality":90}}]}}'.encode()
    return asking.request(port, "POST", "/v1/match", body=body, kind="application/json", token=token)


def _get(port: int, value: str) -> bytes:
    return asking.request(port, "GET", f"/m/raw_lookup?signal={value}&signal_type=pdq")


def _picture(bench: Bench) -> bytes:
    size = next(one for one in photos.SIZES if one.megapixels == 4)
    return photos.photos(bench.store, size=size, count=1)[0].read_bytes()


def _form(port: int, picture: bytes) -> bytes:
    mark = b"vigiebench"
    head = b'--%s\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
    body = head % mark + picture + b"\r\n--%s--\r\n" % mark
    return asking.request(port, "POST", "/h/hash", body=body, kind=f"multipart/form-data; boundary={mark.decode()}")
