# SPDX-License-Identifier: Apache-2.0
"""The near-match index finds every row that comparing row by row finds, and nothing else."""

import sys
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vigie.index import hamming, snapshot
from vigie.index.hamming import DistanceOutOfRangeError, HammingIndex, Hits, PlannedChunk


def values_of(kind, count, seed):
    """Random, clustered, or adversarial values: all near one centre, or equal in every bit but the last few."""
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 256, (count, 32), dtype=np.uint8)
    if kind == "clustered" and count:
        centres = rng.integers(0, 256, (max(1, count // 20), 32), dtype=np.uint8)
        values = centres[rng.integers(0, len(centres), count)]
        for row in values:
            flip(row, rng.choice(256, rng.integers(0, 40), replace=False))
    if kind == "same-centre" and count:
        values[:] = values[0]
        for row in values[1:]:
            flip(row, rng.choice(256, rng.integers(0, 33), replace=False))
    if kind == "last-bits" and count:
        values[:, :30] = 0
    return values


def flip(row, bits):
    for bit in bits:
        row[bit // 8] ^= 1 << (7 - bit % 8)


def queries_near(values, seed, count=40):
    """Half planted at every distance from 0 to 33, half anything."""
    rng = np.random.default_rng(seed + 1)
    queries = rng.integers(0, 256, (count, 32), dtype=np.uint8)
    for number in range(0, count if len(values) else 0, 2):
        queries[number] = values[rng.integers(0, len(values))]
        flip(queries[number], rng.choice(256, number % 34, replace=False))
    return queries


def saved(values, tmp_path):
    sections, order = hamming.build(values)
    path = tmp_path / "index"
    snapshot.write(path, kind="test", meta={}, sections={f"near.{name}": array for name, array in sections.items()})
    return HammingIndex(snapshot.open_file(path, kind="test"), "near"), sections["values"], order


def same(one: Hits, other: Hits) -> bool:
    return (
        np.array_equal(one.query, other.query)
        and np.array_equal(one.row, other.row)
        and np.array_equal(one.distance, other.distance)
    )


class TestSearch:
    @pytest.mark.parametrize("kind", ["random", "clustered", "same-centre", "last-bits"])
    @pytest.mark.parametrize("count", [0, 1, 2, 3, 63, 64, 65, 1000, 20_000, 20_001, 60_000])
    def test_finds_what_comparing_every_row_finds_after_save_and_reload(self, kind, count, tmp_path):
        if kind == "same-centre" and count > 1000:
            count = 20_001  # every query hits every row: enough to cross into the chunks
        values = values_of(kind, count, seed=count)
        index, rows, order = saved(values, tmp_path)
        assert np.array_equal(values[order], rows)
        queries = queries_near(values, seed=count, count=8 if kind == "same-centre" else 40)
        for distance in (0, 1, 15, 30, 31):
            found = index.search(queries, max_distance_bits=distance, threads=2)
            assert same(found, hamming.search_plain(rows, queries, distance))

    @settings(max_examples=40, deadline=None)
    @given(
        st.integers(0, 2**32 - 1),
        st.integers(0, 31),
        st.lists(st.tuples(st.integers(12, 18), st.integers(1, 3)), min_size=1, max_size=16),
        st.sampled_from(["random", "clustered", "same-centre", "last-bits"]),
    )
    def test_misses_nothing_under_any_plan_that_keeps_the_pigeonhole(self, seed, distance, shape, kind):
        chunks = chunks_of(shape)
        values = values_of(kind, 400, seed)
        rows = values[hamming.sorted_order(values)]
        sections = {"values": rows, "plan": np.array([[c.start, c.width, c.radius] for c in chunks], np.int64)}
        for number, chunk in enumerate(chunks):
            sections |= hamming._build_chunk(rows, number, chunk)
        index = HammingIndex(in_memory(sections), "near")
        queries = queries_near(values, seed, count=20)
        found = index.search(queries, max_distance_bits=distance)
        assert same(found, hamming.search_plain(rows, queries, distance))

    def test_a_flood_of_equal_values_is_found_whole(self, tmp_path):
        values = np.full((30_000, 32), 7, np.uint8)
        index, _, _ = saved(values, tmp_path)
        found = index.search(values[:1], max_distance_bits=31)
        assert np.array_equal(found.row, np.arange(30_000))

    @pytest.mark.parametrize("distance", [-1, 32, 256])
    def test_refuses_a_distance_it_cannot_answer(self, distance, tmp_path):
        index, _, _ = saved(values_of("random", 10, 0), tmp_path)
        with pytest.raises(DistanceOutOfRangeError):
            index.search(np.zeros((1, 32), np.uint8), max_distance_bits=distance)


def chunks_of(shape):
    """Turn any list of widths and radii into chunks that cover 256 bits and keep the pigeonhole."""
    chunks, start = [], 0
    for width, radius in shape * 30:
        if start == hamming.BITS:
            break
        left = hamming.BITS - start - width
        chunks.append(PlannedChunk(start, width + left if left < 5 else width, radius))
        start += chunks[-1].width
    while sum(chunk.radius + 1 for chunk in chunks) <= hamming.MAX_DISTANCE_BITS:
        chunks = [PlannedChunk(c.start, c.width, min(3, c.radius + 1)) for c in chunks]
    return chunks


def in_memory(sections):
    named = {f"near.{name}": array for name, array in sections.items()}
    return snapshot.open_bytes(snapshot.to_bytes(kind="test", meta={}, sections=named), kind="test")


class TestPlan:
    @pytest.mark.parametrize("rows", [0, 1, 20_000, 20_001, 10**5, 10**6, 10**7, 5 * 10**7, 10**8, 10**9])
    def test_covers_every_bit_once_and_keeps_the_pigeonhole(self, rows):
        chunks = hamming.plan(rows)
        if rows <= 20_000:
            assert chunks == ()
            return
        assert [chunk.start for chunk in chunks] == [sum(c.width for c in chunks[:n]) for n in range(len(chunks))]
        assert sum(chunk.width for chunk in chunks) == hamming.BITS
        assert sum(chunk.radius + 1 for chunk in chunks) > hamming.MAX_DISTANCE_BITS

    @pytest.mark.parametrize("distance", range(32))
    def test_lowered_radii_still_keep_the_pigeonhole(self, distance):
        for rows in (10**5, 10**6, 10**7, 10**8):
            chunks = hamming.plan(rows)
            radii = hamming.radii_for(chunks, distance)
            assert sum(radius + 1 for radius in radii) >= distance + 1
            assert all(-1 <= radius <= chunk.radius for radius, chunk in zip(radii, chunks, strict=True))


class TestThreadsThatAreFirstTogether:
    @pytest.fixture
    def _eager_threads(self):
        before = sys.getswitchinterval()
        sys.setswitchinterval(1e-5)
        yield
        sys.setswitchinterval(before)

    @pytest.mark.usefixtures("_eager_threads")
    def test_never_hand_the_kernel_an_address_of_what_was_let_go(self, tmp_path):
        values = values_of("random", 30_000, 1)
        for _ in range(20):
            hamming._masks.cache_clear()
            index, _, _ = saved(values, tmp_path)
            start = threading.Barrier(4)

            def ask(index=index, start=start):
                start.wait()
                index.search(values[:1], max_distance_bits=31)

            threads = [threading.Thread(target=ask) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            chunks, held = index._chunks_for(31)
            assert [chunk.masks for chunk in chunks] == [masks.ctypes.data for masks in held]
