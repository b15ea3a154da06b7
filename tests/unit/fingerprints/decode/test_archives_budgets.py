# SPDX-License-Identifier: Apache-2.0
import dataclasses
import gzip
import io
import tempfile
import time
import tracemalloc

import pytest

from unit.fingerprints.decode import packing
from unit.fingerprints.decode.unpacking import LARGE, LIMITS, expected, outline, steps
from vigie.fingerprints.decode import archives


def nested_zeros(levels, *, copies=1, size=10_000_000):
    content = bytes(size)
    for level in range(levels):
        content = packing.zipped([(f"{level}-{copy}", content) for copy in range(copies)])
    return content


class TestBudgets:
    def test_a_nested_bomb_ends_within_its_budget(self):
        begin = time.process_time()
        told = outline(steps(nested_zeros(5, copies=10), ratio_free_bytes=64 << 20))
        assert time.process_time() - begin < 10
        assert told[-1] == ([], "archive.expands-too-much", True)

    def test_zeros_in_archives_in_archives_come_out(self):
        told = steps(nested_zeros(5))
        assert [len(step.names) for step in told] == [1, 2, 3, 4, 5]
        assert told[-1].size_bytes == 10_000_000

    def test_overlapping_entries_are_refused_and_the_content_is_read_once(self):
        begin = time.process_time()
        told = outline(steps(packing.overlapping(300, LARGE)))
        assert time.process_time() - begin < 2
        assert {step[1] for step in told[:-1]} == {"archive.overlapping"}
        assert told[-1:] == expected([("299", LARGE)])

    @pytest.mark.parametrize("kind", [*packing.KINDS, *packing.COMPRESSORS])
    def test_each_kind_ends_where_the_ratio_is_used_up(self, kind):
        zeros = bytes(3_000_000)
        if kind in packing.COMPRESSORS:
            bomb = packing.COMPRESSORS[kind](zeros)
        else:
            bomb = packing.KINDS[kind]([("a", zeros), ("b", b"b")])
        told = outline(steps(bomb, ratio=10, ratio_free_bytes=1_000_000))
        if len(bomb) * 10 < len(zeros):
            assert told == [([], "archive.expands-too-much", True)]
        else:
            assert told == expected([("a", zeros), ("b", b"b")])

    def test_memory_is_bounded_whatever_comes_out(self, tmp_path):
        bombs = [gzip.compress(bytes(40_000_000)), packing.zipped([("a", bytes(40_000_000))], "bzip2")]
        for bomb in bombs:
            with tempfile.TemporaryFile(dir=tmp_path) as scratch:
                tracemalloc.start()
                found = archives.members(
                    io.BytesIO(bomb),
                    limits=dataclasses.replace(LIMITS, memory_bytes=500_000),
                    scratch=scratch,
                    start_at=0,
                    skip=frozenset(),
                )
                member, _ = next(found)
                found.close()
                peak = tracemalloc.get_traced_memory()[1]
                tracemalloc.stop()
            assert member.size_bytes == 40_000_000
            assert peak < 12_000_000

    def test_an_archive_that_holds_itself_ends_at_the_limit_of_depth(self):
        told = outline(steps(nested_zeros(12, size=10)))
        assert [len(step[0]) for step in told] == [1, 2, 3, 4, 5, 6, 7, 8, 8]
        assert told[-1][1:] == ("archive.too-deep", True)

    @pytest.mark.parametrize("kind", ["zip deflate", "tar", "tar.gz", "7z lzma2"])
    def test_a_member_that_is_too_large_costs_itself(self, kind):
        told = outline(steps(packing.KINDS[kind]([("a", b"a"), ("b", LARGE), ("c", b"c")]), member_bytes=1000))
        assert told == [
            *expected([("a", b"a")]),
            ([b"b"], "archive.member-too-large", False),
            *expected([("c", b"c")]),
        ]

    def test_a_member_that_does_not_say_how_large_it_is_is_stopped_too(self):
        assert outline(steps(gzip.compress(LARGE), member_bytes=1000)) == [([b""], "archive.member-too-large", False)]

    def test_the_number_of_members_is_bounded(self):
        told = outline(steps(packing.zipped([(str(n), b"") for n in range(10)]), members=4))
        assert told == [*expected([(str(n), b"") for n in range(3)]), ([], "archive.expands-too-much", True)]

    def test_what_nobody_asks_for_counts_too(self):
        bomb = packing.sevenzipped([("a", bytes(5_000_000)), ("b", b"b")])
        told = outline(steps(bomb, member_bytes=1000, ratio_free_bytes=1_000_000))
        assert told[-1] == ([], "archive.expands-too-much", True)


class FullDisk(io.BytesIO):
    def write(self, block):
        raise OSError(28, "No space left on device")


class TestScratch:
    def test_holds_what_is_too_large_for_memory_and_is_empty_afterwards(self, tmp_path):
        inner = packing.tarred([("x", LARGE), ("y", LARGE[::-1])], "gz")
        files = [("small", b"s"), ("large", LARGE), ("inner", inner), ("end", b"e")]
        with tempfile.TemporaryFile(dir=tmp_path) as scratch:
            told = steps(packing.zipped(files), scratch=scratch, memory_bytes=10_000)
            assert scratch.seek(0, 2) == 0
        assert outline(told) == [
            *expected(files[:3]),
            *expected([("x", LARGE), ("y", LARGE[::-1])], b"inner"),
            *expected(files[3:]),
        ]

    @pytest.mark.parametrize("scratch", [None, FullDisk()])
    @pytest.mark.parametrize("kind", ["zip deflate", "tar.gz"])
    def test_where_there_is_no_room_the_member_is_refused_and_the_next_one_taken(self, kind, scratch):
        files = [("small", b"s"), ("large", LARGE), ("end", b"e")]
        told = outline(steps(packing.KINDS[kind](files), scratch=scratch, memory_bytes=10_000))
        assert told == [*expected(files[:1]), ([b"large"], "archive.no-room", False), *expected(files[2:])]

    @pytest.mark.parametrize("kind", ["zip stored", "tar"])
    def test_is_not_needed_for_what_lies_in_the_archive_as_it_is(self, kind):
        files = [("large", LARGE), ("end", b"e")]
        assert outline(steps(packing.KINDS[kind](files), memory_bytes=0)) == expected(files)
