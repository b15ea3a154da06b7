# SPDX-License-Identifier: Apache-2.0
"""How the near-match index grows: latency, bytes and build time from one million values to a hundred.

- Realistic values at every size; at the largest two also uniformly random ones, as other published figures use.
- A size that does not fit the memory of this machine is a row that says so.
"""

import os

import numpy as np

from bench.corpus import values as corpus
from bench.rows import Row
from bench.speed import Bench, hamming

_QUERIES = 600
_BUILD_BYTES_A_VALUE = 170
_GOALS = {50_000_000: (3.0, None), 100_000_000: (None, 3.0)}


def rows(bench: Bench) -> list[Row]:
    """Measure each size in turn; its files are removed afterwards but for the values."""
    found: list[Row] = []
    for count in bench.sizes.growth:
        found += _size(bench, count, "realistic")
        if count >= 50_000_000:
            found += _size(bench, count, "random")
    return found


def _size(bench: Bench, count: int, kind: str) -> list[Row]:
    name = f"growth, {count / 1e6:g} million {kind} values"
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if count * _BUILD_BYTES_A_VALUE > memory:
        return [Row(what=name, unit="ms", ours=None, note="does not fit the memory of this machine")]
    make = corpus.realistic if kind == "realistic" else corpus.random
    values_path = make(bench.store, count=count)
    built = hamming.publish(values_path, path=bench.store / "index" / f"growth-{kind}-{count}.vigie")
    queries = corpus.queries(np.load(values_path, mmap_mode="r"), count=_QUERIES)
    index = hamming.verified(built.path)
    hamming.single_seconds(index, queries[:50])
    times = np.array(hamming.single_seconds(index, queries[50:])) * 1e3
    size = built.path.stat().st_size / count
    built.path.unlink()
    must, aim = _GOALS.get(count, (None, None))
    sized_must = 90.0 if count == 50_000_000 else None
    note = f"99th percentile {np.percentile(times, 99):.2f} ms; one thread"
    return [
        Row(what=f"{name}: one query, median", unit="ms", ours=float(np.median(times)), must=must, aim=aim, note=note),
        Row(what=f"{name}: size", unit="bytes/value", ours=size, must=sized_must),
        Row(what=f"{name}: build", unit="s", ours=built.build_seconds),
    ]
