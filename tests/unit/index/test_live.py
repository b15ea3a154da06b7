# SPDX-License-Identifier: Apache-2.0
"""The live index answers, at every moment, as if it had been built anew from what counts."""

import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from vigie.index import hamming
from vigie.index.live import ExactBase, FoldUnderWayError, ItemsDoNotFitError, LiveIndex, NearBase


def made(tmp_path, count=200, base=NearBase, seed=0):
    values = np.random.default_rng(seed).integers(0, 256, (count, 32), dtype=np.uint8)
    items = np.arange(count, dtype=np.int64)
    LiveIndex.create(tmp_path / "0", base=base, values=values, items=items)
    return LiveIndex(tmp_path / "0", base=base), values


class TestChanges:
    @pytest.mark.parametrize("base", [NearBase, ExactBase])
    def test_an_addition_and_a_removal_count_at_once(self, base, tmp_path):
        live, values = made(tmp_path, base=base)
        new = np.random.default_rng(9).integers(0, 256, (1, 32), dtype=np.uint8)
        assert len(live.search(new).item) == 0
        live.add(new, np.array([900], np.int64))
        assert live.search(new).item.tolist() == [900]
        live.remove(np.array([900, 7], np.int64))
        assert len(live.search(new).item) == 0
        assert len(live.search(values[7:8]).item) == 0
        assert len(live) == 199
        live.add(values[7:8], np.array([7], np.int64))
        assert live.search(values[7:8]).item.tolist() == [7]

    def test_values_and_items_come_in_pairs(self, tmp_path):
        live, values = made(tmp_path)
        with pytest.raises(ItemsDoNotFitError):
            live.add(values, np.array([1], np.int64))

    @pytest.mark.parametrize("base", [NearBase, ExactBase])
    @pytest.mark.parametrize("values", [np.zeros((1, 16), np.uint8), np.zeros((1, 32)), np.zeros((1, 32), np.int64)])
    def test_values_of_another_width_or_type_are_refused_and_change_nothing(self, base, values, tmp_path):
        live, known = made(tmp_path, base=base)
        with pytest.raises(ItemsDoNotFitError, match="32 bytes"):
            live.add(values, np.array([1], np.int64))
        assert live.search(known[3:4]).item.tolist() == [3]


class TestFold:
    @pytest.mark.parametrize("base", [NearBase, ExactBase])
    def test_the_new_snapshot_answers_as_the_old_one_with_its_changes(self, base, tmp_path):
        live, values = made(tmp_path, base=base)
        live.remove(np.arange(0, 100, dtype=np.int64))
        live.add(values[:10], np.arange(500, 510, dtype=np.int64))
        before = live.search(values)
        live.fold(tmp_path / "1")
        after = live.search(values)
        assert np.array_equal(before.item, after.item)
        assert np.array_equal(before.query, after.query)
        assert len(LiveIndex(tmp_path / "1", base=base)) == 110

    def test_readers_and_writers_go_on_while_it_folds(self, tmp_path, monkeypatch):
        live, values = made(tmp_path, count=2000)
        stranger = np.random.default_rng(3).integers(0, 256, (1, 32), dtype=np.uint8)
        real = hamming.build

        def build_with_changes_meanwhile(rows):
            live.add(stranger, np.array([7777], np.int64))
            live.remove(np.array([5], np.int64))
            assert live.search(stranger).item.tolist() == [7777]
            with pytest.raises(FoldUnderWayError):
                live.fold(tmp_path / "other")
            return real(rows)

        monkeypatch.setattr(hamming, "build", build_with_changes_meanwhile)
        live.fold(tmp_path / "1")
        assert live.search(stranger).item.tolist() == [7777]
        assert len(live.search(values[5:6]).item) == 0
        assert live.search(values[6:7]).item.tolist() == [6]

    def test_arrays_that_the_caller_uses_again_change_nothing(self, tmp_path, monkeypatch):
        live, values = made(tmp_path)
        added, items = values[:1] ^ 255, np.array([7777], np.int64)
        expected, gone = added.copy(), np.array([5], np.int64)
        real = hamming.build

        def build_with_arrays_used_again(rows):
            live.add(added, items)
            live.remove(gone)
            added[:], items[:], gone[:] = 0, 1, 6
            return real(rows)

        monkeypatch.setattr(hamming, "build", build_with_arrays_used_again)
        live.fold(tmp_path / "1")
        assert live.search(expected).item.tolist() == [7777]
        assert live.search(values[6:7]).item.tolist() == [6]

    def test_no_reader_ever_misses_a_row_that_always_counted(self, tmp_path):
        live, values = made(tmp_path, count=500)
        missed, stop = [], threading.Event()

        def read():
            while not stop.is_set():
                if live.search(values[:20], max_distance_bits=31).item.tolist() != list(range(20)):
                    missed.append(1)

        readers = [threading.Thread(target=read) for _ in range(2)]
        for reader in readers:
            reader.start()
        rng = np.random.default_rng(4)
        for number in range(5):
            live.add(
                rng.integers(0, 256, (50, 32), dtype=np.uint8), np.arange(50, dtype=np.int64) + 1000 * (number + 1)
            )
            live.remove(np.arange(30, dtype=np.int64) + 1000 * (number + 1))
            live.fold(tmp_path / f"fold-{number}")
        stop.set()
        for reader in readers:
            reader.join()
        assert not missed
        assert len(live) == 500 + 5 * 20


class LiveMachine(RuleBasedStateMachine):
    """Any order of additions, removals and folds leaves what a plain table would hold."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name)
        self.rng = np.random.default_rng(0)
        self.live, values = made(self.path, count=5)
        self.table = [(number, values[number].tobytes()) for number in range(5)]
        self.folds = 0

    @rule(items=st.lists(st.integers(0, 12), max_size=4))
    def add(self, items):
        values = self.rng.integers(0, 2, (len(items), 32), dtype=np.uint8)
        self.live.add(values, np.array(items, np.int64))
        self.table += [(item, row.tobytes()) for item, row in zip(items, values, strict=True)]

    @rule(items=st.lists(st.integers(0, 12), max_size=4))
    def remove(self, items):
        self.live.remove(np.array(items, np.int64))
        self.table = [(item, value) for item, value in self.table if item not in items]

    @precondition(lambda self: self.folds < 4)
    @rule()
    def fold(self):
        self.folds += 1
        self.live.fold(self.path / f"fold-{self.folds}")

    @invariant()
    def answers_as_the_table(self):
        query = np.zeros((1, 32), np.uint8)
        found = self.live.search(query, max_distance_bits=31)
        expected = sorted(
            (sum(byte.bit_count() for byte in value), item)
            for item, value in self.table
            if sum(byte.bit_count() for byte in value) <= 31
        )
        assert list(zip(found.distance.tolist(), found.item.tolist(), strict=True)) == expected
        assert len(self.live) == len(self.table)

    def teardown(self):
        self.folder.cleanup()


LiveMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=12, deadline=None)
TestAnyOrder = LiveMachine.TestCase
