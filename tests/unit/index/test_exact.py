# SPDX-License-Identifier: Apache-2.0
"""The exact index answers as a dictionary would, duplicates included."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vigie.index import exact, snapshot
from vigie.index.exact import ExactIndex, WrongShapeError


def saved(digests, tmp_path):
    sections, order = exact.build(digests)
    path = tmp_path / "index"
    snapshot.write(path, kind="test", meta={}, sections={f"exact.{name}": array for name, array in sections.items()})
    return ExactIndex(snapshot.open_file(path, kind="test"), "exact"), sections["rows"], order


class TestLookup:
    @pytest.mark.parametrize("size", [16, 20, 32])
    @pytest.mark.parametrize("count", [0, 1, 2, 15, 16, 17, 1000, 50_000])
    def test_finds_each_digest_and_no_other_after_save_and_reload(self, size, count, tmp_path):
        rng = np.random.default_rng(count)
        digests = rng.integers(0, 256, (count, size), dtype=np.uint8)
        index, rows, order = saved(digests, tmp_path)
        assert np.array_equal(digests[order], rows)
        strangers = rng.integers(0, 256, (300, size), dtype=np.uint8)
        queries = np.concatenate([digests[:300], strangers])
        first, found = index.lookup(queries, threads=2)
        assert (found[: min(300, count)] == 1).all()
        assert np.array_equal(rows[first[: min(300, count)]], digests[:300])
        assert (first[min(300, count) :] == -1).all()
        assert (found[min(300, count) :] == 0).all()

    @settings(max_examples=100, deadline=None)
    @given(st.integers(0, 2**32 - 1), st.integers(0, 200), st.sampled_from([16, 20, 32]), st.integers(1, 4))
    def test_equal_digests_are_adjacent_rows_in_the_order_given(self, seed, count, size, varied):
        rng = np.random.default_rng(seed)
        digests = np.zeros((count, size), np.uint8)
        digests[:, size - varied :] = rng.integers(0, 3, (count, varied))
        sections, order = exact.build(digests)
        keys = [row.tobytes() for row in digests]
        assert order.tolist() == sorted(range(count), key=lambda at: (keys[at], at))
        first, found = exact.lookup_plain(sections["rows"], digests)
        assert [keys.count(key) for key in keys] == found.tolist()
        assert all(keys[order[at]] == key for at, key in zip(first.tolist(), keys, strict=True))

    @settings(max_examples=60, deadline=None)
    @given(st.integers(0, 2**32 - 1), st.integers(1, 3000), st.integers(1, 32))
    def test_the_kernel_answers_as_the_plain_path(self, seed, count, varied):
        rng = np.random.default_rng(seed)
        digests = np.zeros((count, 32), np.uint8)
        digests[:, 32 - varied :] = rng.integers(0, 256, (count, varied))
        digests[rng.integers(0, count, count // 3)] = digests[0]
        rows = digests[exact.sorted_order(digests)]
        queries = np.concatenate([digests, rng.integers(0, 256, (50, 32), dtype=np.uint8)])
        index = ExactIndex(in_memory(digests), "exact")
        for ours, plain in zip(index.lookup(queries), exact.lookup_plain(rows, queries), strict=True):
            assert np.array_equal(ours, plain)

    def test_refuses_digests_of_another_length(self, tmp_path):
        index, _, _ = saved(np.zeros((3, 16), np.uint8), tmp_path)
        with pytest.raises(WrongShapeError, match="16 bytes"):
            index.lookup(np.zeros((1, 20), np.uint8))


class TestSortedOrder:
    @settings(max_examples=80, deadline=None)
    @given(st.integers(0, 2**32 - 1), st.integers(0, 400), st.integers(1, 32))
    def test_the_kernel_sorts_as_the_plain_path(self, seed, count, varied):
        rng = np.random.default_rng(seed)
        rows = np.zeros((count, 32), np.uint8)
        rows[:, 32 - varied :] = rng.integers(0, 2, (count, varied))
        assert np.array_equal(exact.sorted_order(rows), exact.sorted_order_plain(rows))


def in_memory(digests):
    sections, _ = exact.build(digests)
    named = {f"exact.{name}": array for name, array in sections.items()}
    return snapshot.open_bytes(snapshot.to_bytes(kind="test", meta={}, sections=named), kind="test")
