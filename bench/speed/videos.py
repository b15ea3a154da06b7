# SPDX-License-Identifier: Apache-2.0
"""Videos beside vpdq at one value a second: our first pass (key frames), and our full pass (one frame a second).

- Both sides are pinned to the same core and hash from the same file; ours goes through the confined worker.
- The pure decoding time of the same clip stands in the note: the full pass cannot be faster.
"""

import statistics
import time
from pathlib import Path

import av

from bench import ours
from bench.corpus import clips
from bench.measure import pinned
from bench.rows import Judged, Row
from bench.speed import Bench
from vigie.fingerprints import messages
from vigie.fingerprints.hashing import Examiner

_SEEDS = (1, 2)
_PEER = "vpdq, 1 value/s"


def rows(bench: Bench) -> list[Row]:
    """Measure both passes over two clips."""
    seconds = bench.sizes.clip_seconds
    paths = [clips.clip(bench.store, seconds=seconds, seed=seed) for seed in _SEEDS]
    bench.peer.ask("pin", cores=[0])
    with pinned({0}), Examiner() as examiner:
        ours.examined(examiner, paths[0])
        times = [_times(bench, examiner, path) for path in paths for _ in range(min(3, bench.sizes.rounds))]
    bench.peer.ask("pin", cores=[0, 1])
    first, full, decoding = (statistics.median(one[key] for one in times) for key in ("first", "full", "decoding"))
    peer = statistics.median(one["peer"] for one in times) if bench.vpdq_missing is None else None
    name = f"video, 1080p30 H.264, {seconds} s"
    missing = f"; {bench.vpdq_missing}" if bench.vpdq_missing else ""
    return [
        Row(what=f"{name}: first pass (key frames)", unit="s", ours=first, peer=peer, against=_PEER,
            judged=Judged.RATIO, must=10, aim=30, note=f"{times[0]['key_frames']:.0f} key frames{missing}"),
        Row(what=f"{name}: full pass (1 frame/s)", unit="s", ours=full, peer=peer, against=_PEER,
            judged=Judged.RATIO, must=1.2,
            note=f"decoding alone takes {decoding:.2f} s: {decoding / full:.0%}{missing}"),
    ]  # fmt: skip


def _times(bench: Bench, examiner: Examiner, path: Path) -> dict[str, float]:
    times: dict[str, float] = {}
    for name, whole in (("first", False), ("full", True)):
        start = time.perf_counter()
        found = ours.examined(examiner, path, full=whole)
        times[name] = time.perf_counter() - start
        assert isinstance(found, messages.Video), f"a clip of the corpus was not read: {found}"
        times.setdefault("key_frames", len(found.frames))
    start = time.perf_counter()
    with av.open(path) as container:
        container.streams.video[0].thread_type = "NONE"
        for _ in container.decode(video=0):
            pass
    times["decoding"] = time.perf_counter() - start
    if bench.vpdq_missing is None:
        times["peer"] = bench.peer.seconds("video", path=path, seconds_a_hash=1.0)
    return times
