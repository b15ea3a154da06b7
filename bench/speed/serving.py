# SPDX-License-Identifier: Apache-2.0
"""An index that changes while it serves, and a published file that was damaged.

- Additions and removals are timed until another thread's search shows them; the peer rebuilds its whole index.
- A reader searches without pause meanwhile, also through a fold; its longest wait is measured.
- Damage is one flipped bit at a place drawn by lot: in the header and the tables opening must refuse it, elsewhere
  the first search or look that touches the block, and a full check always.
"""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.corpus import values as corpus
from bench.rows import Better, Row
from bench.speed import Bench, hamming
from vigie.errors import VigieError
from vigie.index import snapshot
from vigie.index.live import LiveIndex, NearBase

_CHANGES = 200
_DAMAGES = 40
_RADIUS = 31


def rows(bench: Bench) -> list[Row]:
    """Measure changes while serving, then damage."""
    return [*_changing(bench), *_damaged(bench)]


def _changing(bench: Bench) -> list[Row]:
    count = bench.sizes.small_index
    values_path = corpus.realistic(bench.store, count=count)
    rebuild = bench.peer.seconds("index_build", values=values_path)
    bench.peer.ask("forget")
    array = np.load(values_path)
    folder = bench.store / "index"
    folder.mkdir(exist_ok=True)
    LiveIndex.create(folder / "live.vigie", base=NearBase, values=array, items=np.arange(len(array)))
    index = LiveIndex(folder / "live.vigie", base=NearBase)
    stop = threading.Event()
    waits: list[float] = []
    reader = threading.Thread(target=_read, args=(index, array[:512], stop, waits))
    reader.start()
    added, removed = _change_and_look(index, len(array))
    start = time.perf_counter()
    index.fold(folder / "folded.vigie")
    folding = time.perf_counter() - start
    stop.set()
    reader.join()
    name = f"serving {count / 1e6:g} million values"
    peer = "faiss MultiHash 16×16, full rebuild"
    note = f"{_CHANGES} changes, 99th percentile; a reader searched without pause"
    return [
        Row(what=f"{name}: an addition is visible after", unit="ms", ours=_tail_ms(added), peer=rebuild * 1e3,
            against=peer, must=100, note=note),
        Row(what=f"{name}: a removal is visible after", unit="ms", ours=_tail_ms(removed), peer=rebuild * 1e3,
            against=peer, must=100, note=note),
        Row(what=f"{name}: longest wait of a reader", unit="ms", ours=max(waits) * 1e3, must=100,
            note=f"{len(waits)} searches during {2 * _CHANGES} changes and a fold of {folding:.1f} s, one query each"),
    ]  # fmt: skip


def _tail_ms(times: list[float]) -> float:
    return float(np.percentile(times, 99)) * 1e3


def _read(index: LiveIndex, queries: NDArray[np.uint8], stop: threading.Event, waits: list[float]) -> None:
    at = 0
    while not stop.is_set():
        start = time.perf_counter()
        index.search(queries[at : at + 1], max_distance_bits=_RADIUS)
        waits.append(time.perf_counter() - start)
        at = (at + 1) % len(queries)


def _change_and_look(index: LiveIndex, first_item: int) -> tuple[list[float], list[float]]:
    rng = np.random.default_rng(12)
    added, removed = [], []
    for item in range(first_item, first_item + _CHANGES):
        value = rng.integers(0, 256, (1, 32), dtype=np.uint8)
        number = np.array([item])
        start = time.perf_counter()
        index.add(value, number)
        while item not in index.search(value, max_distance_bits=_RADIUS).item:
            pass
        added.append(time.perf_counter() - start)
        start = time.perf_counter()
        index.remove(number)
        while item in index.search(value, max_distance_bits=_RADIUS).item:
            pass
        removed.append(time.perf_counter() - start)
    return added, removed


def _damaged(bench: Bench) -> list[Row]:
    values_path = corpus.realistic(bench.store, count=bench.sizes.small_index)
    path = bench.store / "index" / "damaged.vigie"
    hamming.publish(values_path, path=path)
    start = time.perf_counter()
    hamming.opened(path)
    seconds = time.perf_counter() - start
    rng = np.random.default_rng(21)
    places = np.sort(rng.integers(0, path.stat().st_size, _DAMAGES))
    found = sum(_noticed(path, int(place), _verify) for place in places)
    # The header and its tables vouch for the rest: a flip at the very start must be refused by opening alone.
    at_once = sum(_noticed(path, place, hamming.opened) for place in range(8))
    path.unlink()
    name = "opening a snapshot"
    return [
        Row(what=f"{name} of {bench.sizes.small_index / 1e6:g} million values", unit="ms", ours=seconds * 1e3,
            note="the header and the table of checksums are checked"),
        Row(what=f"{name}: flipped bits found by a full check", unit=f"of {_DAMAGES}", ours=found, better=Better.MORE,
            must=_DAMAGES),
        Row(what=f"{name}: flipped bits in the header refused at once", unit="of 8", ours=at_once, better=Better.MORE,
            must=8),
    ]  # fmt: skip


def _verify(path: Path) -> None:
    hamming.opened(path)
    snapshot.open_file(path, kind=hamming.KIND).verify()


def _noticed(path: Path, place: int, look: Callable[[Path], object]) -> bool:
    """Flip one bit, look, flip it back."""
    _flip(path, place)
    try:
        look(path)
    except VigieError:
        return True
    finally:
        _flip(path, place)
    return False


def _flip(path: Path, place: int) -> None:
    with path.open("r+b") as file:
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ 1]))
