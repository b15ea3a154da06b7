# SPDX-License-Identifier: Apache-2.0
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from unit.lists.list_building import entries, picture_entry, video_entry
from vigie.lists import columns

some = st.lists(entries(), max_size=8)


def once(found):
    return list(dict.fromkeys(found))


class TestOfEntries:
    @given(some)
    def test_columns_and_back_is_the_same(self, found):
        assert list(columns.to_entries(columns.of_entries(found))) == found


class TestJoin:
    @given(st.lists(some, max_size=4))
    def test_equals_a_join_of_entries_of_which_the_first_of_equals_stays(self, parts):
        joined = columns.join([columns.of_entries(part) for part in parts])
        assert list(columns.to_entries(joined)) == once([entry for part in parts for entry in part])

    @given(some)
    def test_joining_again_adds_nothing(self, found):
        one = columns.of_entries(found)
        assert len(columns.join([one, one])) == len(once(found))

    def test_entries_of_one_depiction_that_differ_in_one_thing_all_stay(self):
        same = [picture_entry(1, depiction="a"), picture_entry(2, depiction="a"), video_entry(1, depiction="a")]
        assert len(columns.join([columns.of_entries([one]) for one in same])) == 3

    def test_of_nothing_is_empty(self):
        assert len(columns.join([])) == 0


class TestSelect:
    @given(some, st.integers(0, 2**8))
    def test_equals_a_selection_of_entries(self, found, mask):
        keep = np.array([bool(mask >> place & 1) for place in range(len(found))], bool)
        kept = columns.select(columns.of_entries(found), keep)
        assert list(columns.to_entries(kept)) == [one for one, there in zip(found, keep, strict=True) if there]
        assert len(kept.claims) == len({one.claim for one, there in zip(found, keep, strict=True) if there})


class TestDepictionCount:
    @given(some)
    def test_counts_different_depictions(self, found):
        assert columns.depiction_count(columns.of_entries(found)) == len({one.depiction for one in found})


class TestTimes:
    @given(st.integers(columns.MIN_MICROS, columns.MAX_MICROS))
    def test_every_microsecond_keeps_its_number(self, micros):
        assert columns.to_micros(columns.from_micros(micros)) == micros
