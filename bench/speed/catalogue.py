# SPDX-License-Identifier: Apache-2.0
"""The node at size: the look-back over what was seen, the pages of the catalogue, and how soon a node answers.

- Nobody else looks back, and HMA's pages are for debugging: these rows have no peer.
- Pages are timed on the server alone: view, queries and template, without network or browser.
"""

import contextlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tools import postgres

from bench.corpus import values as corpus
from bench.node import filling_calls, homes
from bench.rows import Row
from bench.speed import Bench


def rows(bench: Bench) -> list[Row]:
    """Measure on either database, then the start."""
    folder = bench.store / "node-at-size"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    values = corpus.random(bench.store, count=bench.sizes.small_index)
    found: list[Row] = []
    for name, database in (("SQLite", contextlib.nullcontext(None)), ("PostgreSQL", postgres.running())):
        with database as url:
            found += _at_size(bench, folder / name, values, name, url)
        shutil.rmtree(folder / name)
    return [*found, *_starting(folder)]


def _at_size(bench: Bench, home: Path, values: Path, database: str, url: str | None) -> list[Row]:
    node = homes.make(home, database=url)
    count = len(np.load(values, mmap_mode="r"))
    start = time.perf_counter()
    filled = filling_calls.fill(node, "catalogue", values, bench.sizes.sightings)
    filling = time.perf_counter() - start
    size = f"{count / 1e6:g} million depictions, {bench.sizes.sightings / 1e6:g} million sightings, {database}"
    pages = filling_calls.pages(node, filled["depictions"])
    filling_calls.look_back(node)  # what the filling left to be followed
    filling_calls.fill(node, "known", bench.sizes.sightings // 2, bench.sizes.newly_known)
    looked = filling_calls.look_back(node)
    return [
        *(Row(what=f"page: {name}, {size}", unit="ms", ours=took, must=200, aim=50) for name, took in pages.items()),
        Row(what=f"look-back: {bench.sizes.newly_known} newly known values, {size}", unit="s", ours=looked["seconds"],
            must=60, aim=10, note=f"{looked['tasks']} sightings came up; filling took {filling:.0f} s"),
    ]  # fmt: skip


def _starting(folder: Path) -> list[Row]:
    with _demo(folder / "demo") as first:
        pass
    with _demo(folder / "demo") as again:
        pass
    return [
        Row(what="node: make run, installed, to answering: first start, with its demonstration", unit="s", ours=first,
            must=10, aim=3, note="HMA: Docker and three containers"),
        Row(what="node: the next start", unit="s", ours=again, must=10, aim=3),
    ]  # fmt: skip


@contextlib.contextmanager
def _demo(home: Path) -> Iterator[float]:
    """Start the demonstration and yield how long it took until all three faces answered."""
    ports = {face: homes.free_port() for face in ("public", "analyst", "partner")}
    environment = homes.environment(home, ports)
    start = time.perf_counter()
    process = subprocess.Popen(
        [homes.COMMAND, "demo"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        waiting = set(ports.values())
        while waiting:
            if process.poll() is not None:
                raise RuntimeError("the demonstration did not start")
            waiting = {port for port in waiting if not homes.is_ready(port)}
            time.sleep(0.02)
        yield time.perf_counter() - start
    finally:
        process.terminate()
        process.wait(30)
