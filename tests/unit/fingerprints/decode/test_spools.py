# SPDX-License-Identifier: Apache-2.0
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie.fingerprints.decode import spools
from vigie.fingerprints.decode.spools import NoRoomError, Spool


class TestWindow:
    def test_shows_its_part_and_no_more(self):
        window = spools.window(io.BytesIO(b"before[inside]after"), begin=6, size_bytes=8)
        assert window.read() == b"[inside]"
        assert window.seek(-1, io.SEEK_END) == 7
        assert window.read() == b"]"
        assert window.read() == b""

    def test_ends_where_the_file_does(self):
        assert spools.window(io.BytesIO(b"short"), begin=3, size_bytes=100).read() == b"rt"
        assert spools.window(io.BytesIO(b"short"), begin=30, size_bytes=100).read() == b""

    def test_has_nothing_before_its_beginning(self):
        with pytest.raises(OSError, match="before its beginning"):
            spools.window(io.BytesIO(b"text"), begin=2, size_bytes=2).seek(-1)

    def test_two_windows_on_one_file_do_not_disturb_each_other(self):
        file = io.BytesIO(bytes(range(200)) * 5000)
        one, other = (spools.window(file, begin=begin, size_bytes=500_000) for begin in (0, 500_000))
        for _ in range(5):
            assert one.read(100_000) == other.read(100_000) == (bytes(range(200)) * 500)

    @given(st.binary(max_size=200), st.integers(0, 250), st.integers(0, 250), st.lists(st.integers(0, 300), max_size=8))
    def test_reads_as_the_part_alone_would(self, content, begin, size, places):
        part = io.BytesIO(content[begin : begin + size])
        window = spools.window(io.BytesIO(content), begin=begin, size_bytes=size)
        for place in places:
            part.seek(place)
            window.seek(place)
            assert window.read(17) == part.read(17)


class TestSpool:
    def test_keeps_what_is_small_in_memory(self):
        scratch = io.BytesIO()
        with Spool(memory_bytes=10, scratch=scratch).slot() as slot:
            slot.write(b"0123456789")
            assert slot.opened().read() == b"0123456789"
        assert scratch.getvalue() == b""

    def test_moves_what_grows_too_large_into_the_scratch_file(self):
        scratch = io.BytesIO()
        spool = Spool(memory_bytes=10, scratch=scratch)
        with spool.slot() as slot:
            for block in (b"01234", b"56789", b"abc", b"d"):
                slot.write(block)
            assert slot.opened().read() == b"0123456789abcd"
            assert spool.memory_left == 10
        assert scratch.getvalue() == b""

    def test_what_is_held_within_shares_the_memory_and_goes_first(self):
        scratch = io.BytesIO()
        spool = Spool(memory_bytes=10, scratch=scratch)
        with spool.slot() as outer:
            outer.write(b"outer")
            with spool.slot() as inner:
                inner.write(b"inner, larger")
                with spool.slot() as inmost:
                    inmost.write(b"tiny")
                    assert inmost.opened().read() == b"tiny"
                assert inner.opened().read() == b"inner, larger"
            assert scratch.getvalue() == b""
            assert outer.opened().read() == b"outer"
        assert spool.memory_left == 10

    def test_says_where_there_is_no_room(self):
        spool = Spool(memory_bytes=3, scratch=None)
        with spool.slot() as slot:
            slot.write(b"abc")
            with pytest.raises(NoRoomError):
                slot.write(b"d")
        assert spool.memory_left == 3
