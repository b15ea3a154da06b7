# SPDX-License-Identifier: Apache-2.0
from hypothesis import given, settings
from hypothesis import strategies as st

from unit.lists.list_building import entries, opened
from vigie.lists import columns
from vigie.lists.portions import Portions


class TestPortions:
    @given(st.lists(entries(), max_size=12), st.integers(1, 5))
    @settings(max_examples=60)
    def test_put_after_one_another_they_are_the_list(self, found, size):
        portions = Portions(opened(found))
        read = []
        for start in range(0, len(portions), size):
            read += columns.to_entries(portions.read(start, start + size))
        assert read == found
