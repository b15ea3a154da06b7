# SPDX-License-Identifier: Apache-2.0
"""The peers' side: run by the peers' own Python, one request a line, one answer a line.

- Arrays come and go as .npy files; times are taken here, around the peer's own call only.
- Libraries are loaded when first asked for; each peer is called as its own documents say.
"""

import json
import os
import sqlite3
import sys
import time
from importlib import import_module, metadata
from pathlib import Path

import numpy as np

_KEPT: dict[str, object] = {}
_HASHER = "threatexchange.signal_type.pdq.pdq_hasher"


def _memory_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def pin(cores: list[int]) -> dict[str, object]:
    os.sched_setaffinity(0, cores)
    return {}


def warm(**_: object) -> dict[str, object]:
    pdqhash = import_module("pdqhash")
    import_module(_HASHER)
    pdqhash.compute(np.zeros((64, 64, 3), np.uint8))
    return {}


def picture(path: str) -> dict[str, object]:
    """Hash a file as python-threatexchange does: Pillow, every pixel, pdqhash."""
    hasher = import_module(_HASHER)
    start = time.perf_counter()
    value, quality = hasher.pdq_from_file(Path(path))
    return {"seconds": time.perf_counter() - start, "value": value, "quality": quality}


def reference(paths: list[str]) -> dict[str, object]:
    """Give pdqhash's value of each file's full-resolution RGB pixels; null where it cannot be read."""
    pdqhash = import_module("pdqhash")
    pillow_heif = import_module("pillow_heif")
    images = import_module("PIL.Image")
    pillow_heif.register_heif_opener()
    values = []
    for path in paths:
        try:
            pixels = np.asarray(images.open(path).convert("RGB"))
        except OSError:
            values.append(None)
            continue
        vector, quality = pdqhash.compute(pixels)
        values.append([np.packbits(vector.astype(np.uint8)).tobytes().hex(), quality])
    return {"values": values}


def planes(path: str, out: str) -> dict[str, object]:
    """Give pdqhash's eight values and quality of each plane of an .npz file."""
    pdqhash = import_module("pdqhash")
    stored = np.load(path)
    values = np.zeros((len(stored.files), 8, 32), np.uint8)
    qualities = np.zeros(len(stored.files), np.int64)
    for row in range(len(stored.files)):
        rgb = np.repeat(stored[f"arr_{row}"][:, :, None], 3, axis=2)
        vectors, qualities[row] = pdqhash.compute_dihedral(rgb)
        values[row] = np.packbits(np.array(vectors, np.uint8), axis=1)
    np.savez(out, values=values, qualities=qualities)
    return {}


def plane(path: str, repeats: int) -> dict[str, object]:
    """Time pdqhash on one luma plane; its only door takes RGB, so the grey conversion is timed apart too."""
    pdqhash = import_module("pdqhash")
    rgb = np.repeat(np.load(path)[:, :, None], 3, axis=2)
    start = time.perf_counter()
    for _ in range(repeats):
        pdqhash.compute(rgb)
    whole = (time.perf_counter() - start) / repeats
    start = time.perf_counter()
    for _ in range(repeats):
        (rgb[:, :, 0] * 0.299 + rgb[:, :, 1] * 0.587 + rgb[:, :, 2] * 0.114).astype("float32")
    return {"seconds": whole, "grey_seconds": (time.perf_counter() - start) / repeats}


def index_build(values: str) -> dict[str, object]:
    """Build the peers' index: faiss IndexBinaryMultiHash, 16 maps of 16 bits."""
    faiss = import_module("faiss")
    _KEPT.clear()
    before = _memory_bytes()
    array = np.load(values)
    start = time.perf_counter()
    index = faiss.IndexBinaryMultiHash(256, 16, 16)
    index.nflip = 1
    index.add(array)
    seconds = time.perf_counter() - start
    del array
    _KEPT["index"] = index
    return {"seconds": seconds, "memory_bytes": _memory_bytes() - before}


def index_save(path: str) -> dict[str, object]:
    faiss = import_module("faiss")
    faiss.write_index_binary(_KEPT["index"], path)
    return {"size_bytes": Path(path).stat().st_size}


def index_open(path: str, queries: str) -> dict[str, object]:
    """Open the stored index and answer once."""
    faiss = import_module("faiss")
    _KEPT.clear()
    query = np.load(queries)[:1]
    start = time.perf_counter()
    index = faiss.read_index_binary(path)
    opened = time.perf_counter()
    index.nflip = 1
    index.range_search(query, 32)
    _KEPT["index"] = index
    return {"seconds": opened - start, "first_seconds": time.perf_counter() - opened}


def index_batch(queries: str, threads: int, radius: int, out: str | None = None) -> dict[str, object]:
    faiss = import_module("faiss")
    array = np.load(queries)
    faiss.omp_set_num_threads(threads)
    start = time.perf_counter()
    limits, distances, rows = _KEPT["index"].range_search(array, radius + 1)
    seconds = time.perf_counter() - start
    if out:
        order = np.repeat(np.arange(len(array)), np.diff(limits.astype(np.int64)))
        np.save(out, np.stack([order, rows, distances.astype(np.int64)], axis=1))
    return {"seconds": seconds, "queries": len(array)}


def index_single(queries: str, radius: int) -> dict[str, object]:
    """Time one query at a time, on one thread: with more, the peer's threads only wait for each other."""
    faiss = import_module("faiss")
    array = np.load(queries)
    faiss.omp_set_num_threads(1)
    times = []
    for row in range(len(array)):
        start = time.perf_counter()
        _KEPT["index"].range_search(array[row : row + 1], radius + 1)
        times.append(time.perf_counter() - start)
    return {"times": times}


def forget() -> dict[str, object]:
    _KEPT.clear()
    return {}


def exact_set(keys: str, queries: str) -> dict[str, object]:
    """Look digests up in a Python set."""
    known = {row.tobytes() for row in np.load(keys)}
    wanted = [row.tobytes() for row in np.load(queries)]
    start = time.perf_counter()
    found = sum(key in known for key in wanted)
    return {"seconds": time.perf_counter() - start, "found": found}


def exact_sqlite(keys: str, queries: str, path: str) -> dict[str, object]:
    """Look digests up in SQLite: a table that is its own primary key, sorted on the way in, mapped."""
    Path(path).unlink(missing_ok=True)
    base = sqlite3.connect(path)
    base.execute("PRAGMA mmap_size=8000000000")
    base.execute("CREATE TABLE known (digest BLOB PRIMARY KEY) WITHOUT ROWID")
    array = np.load(keys)
    array = array[np.lexsort(array.view(">u8").T[::-1])]
    base.executemany("INSERT OR IGNORE INTO known VALUES (?)", ((row.tobytes(),) for row in array))
    base.commit()
    wanted = [(row.tobytes(),) for row in np.load(queries)]
    start = time.perf_counter()
    found = sum(base.execute("SELECT 1 FROM known WHERE digest = ?", key).fetchone() is not None for key in wanted)
    seconds = time.perf_counter() - start
    base.close()
    return {"seconds": seconds, "found": found, "size_bytes": Path(path).stat().st_size}


def video(path: str, seconds_a_hash: float) -> dict[str, object]:
    vpdq = import_module("vpdq")
    start = time.perf_counter()
    features = vpdq.computeHash(path, seconds_per_hash=seconds_a_hash, thread_count=1)
    return {"seconds": time.perf_counter() - start, "frames": len(features)}


def versions() -> dict[str, object]:
    names = ("threatexchange", "pdqhash", "faiss-cpu", "vpdq", "numpy", "pillow")
    known = {distribution.metadata["Name"]: distribution.version for distribution in metadata.distributions()}
    return {"versions": {name: known[name] for name in names if name in known}}


_ANSWERS = {
    function.__name__: function
    for function in (
        pin, warm, picture, reference, planes, plane, index_build, index_save, index_open, index_batch, index_single,
        forget, exact_set, exact_sqlite, video, versions,
    )
}  # fmt: skip


def main() -> None:
    """Answer until the other side closes; what the peers print goes to stderr."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = _ANSWERS[request.pop("what")](**request)
        except Exception as error:  # noqa: BLE001 - whatever the peer raises is its answer
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
