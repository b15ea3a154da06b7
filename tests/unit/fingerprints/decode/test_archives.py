# SPDX-License-Identifier: Apache-2.0
import dataclasses
import gzip
import hashlib
import io
import itertools
import random
import tarfile
import tempfile
import time
import tracemalloc

import py7zr
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unit.fingerprints.decode import packing
from vigie.fingerprints.decode import archives, sevenzips
from vigie.fingerprints.decode.archives import ArchiveLimits
from vigie.fingerprints.decode.entries import DamagedError
from vigie.fingerprints.messages import Member

LIMITS = ArchiveLimits()
FILES = [("a.txt", b"hello " * 1000), ("sub/b.bin", random.Random(1).randbytes(30_000)), ("empty", b""), ("c", b"c")]
LARGE = random.Random(2).randbytes(1 << 18)


def steps(content, *, scratch=None, start_at=0, skip=(), **limits):
    """Take an archive apart, and check the content of each member against what is told of it."""
    file = io.BytesIO(content)
    kept = dataclasses.replace(LIMITS, **limits)
    told = []
    for step in archives.members(file, limits=kept, scratch=scratch, start_at=start_at, skip=frozenset(skip)):
        if isinstance(step, tuple):
            member, opened = step
            whole = opened.read()
            assert len(whole) == member.size_bytes
            assert hashlib.md5(whole).digest() == member.md5
            assert hashlib.sha1(whole).digest() == member.sha1
            assert hashlib.sha256(whole).digest() == member.sha256
            opened.seek(len(whole) // 2)
            assert opened.read() == whole[len(whole) // 2 :]
            told.append(member)
        else:
            told.append(step)
    assert [step.ordinal for step in told] == list(range(start_at, start_at + len(told)))
    return told


def outline(told):
    """Members as (names, digest), problems as (names, code, rest)."""
    return [
        (step.names, step.sha256) if isinstance(step, Member) else (step.names, step.problem.code, step.rest)
        for step in told
    ]


def expected(files, *outer):
    return [([*outer, name.encode()], hashlib.sha256(content).digest()) for name, content in files]


class TestMembers:
    @pytest.mark.parametrize("kind", packing.KINDS)
    def test_come_out_once_in_order_with_their_digests(self, kind):
        assert outline(steps(packing.KINDS[kind](FILES))) == expected(FILES)

    @pytest.mark.parametrize("kind", packing.COMPRESSORS)
    def test_a_compressed_file_has_one_member_without_a_name(self, kind):
        assert outline(steps(packing.COMPRESSORS[kind](LARGE))) == expected([("", LARGE)])

    def test_an_archive_in_an_archive_is_a_member_and_its_members_follow(self):
        deep = packing.sevenzipped(FILES)
        middle = packing.tarred([("deep.7z", deep), ("x", b"x")], "gz")
        whole = packing.zipped([("first", b"1"), ("middle.tgz", middle), ("last", b"2")])
        assert outline(steps(whole)) == [
            *expected([("first", b"1"), ("middle.tgz", middle)]),
            *expected([("deep.7z", deep)], b"middle.tgz"),
            *expected(FILES, b"middle.tgz", b"deep.7z"),
            *expected([("x", b"x")], b"middle.tgz"),
            *expected([("last", b"2")]),
        ]

    @pytest.mark.parametrize("kind", [kind for kind in packing.KINDS if not kind.startswith("tar")])
    def test_an_empty_archive_has_none(self, kind):
        assert steps(packing.KINDS[kind]([])) == []

    def test_several_compressed_streams_in_one_file_are_one_member(self):
        assert outline(steps(gzip.compress(b"one") + gzip.compress(b"two"))) == expected([("", b"onetwo")])

    def test_directories_are_not_told(self):
        folder = tarfile.TarInfo("folder")
        folder.type = tarfile.DIRTYPE
        assert outline(steps(packing.tarred([(folder, b""), ("x", b"x")]))) == expected([("x", b"x")])
        assert outline(steps(packing.zipped([("folder/", b""), ("x", b"x")]))) == expected([("x", b"x")])

    def test_what_calls_itself_a_directory_and_has_content_is_a_member(self):
        assert outline(steps(packing.zipped([("folder/", b"x")]))) == expected([("folder/", b"x")])

    def test_folders_of_a_7z_archive_are_not_told(self, tmp_path):
        file = io.BytesIO()
        with py7zr.SevenZipFile(file, "w") as archive:
            archive.write(tmp_path, "folder")
            archive.writestr(b"x", "x")
        assert outline(steps(file.getvalue())) == expected([("x", b"x")])

    def test_an_empty_file_of_a_7z_archive_has_no_stream_and_is_told(self, tmp_path):
        assert outline(steps(packing.sevenzipped_empty_file("empty", tmp_path))) == expected([("empty", b"")])

    def test_a_type_that_nobody_knows_is_a_file(self):
        strange = tarfile.TarInfo("strange")
        strange.type = b"Z"
        assert outline(steps(packing.tarred([(strange, b"content")]))) == expected([("strange", b"content")])

    @pytest.mark.parametrize("compression", ["", "gz"])
    def test_holes_of_a_sparse_file_are_zeros(self, compression):
        sparse = tarfile.TarInfo("sparse")
        sparse.pax_headers = {
            "GNU.sparse.major": "0",
            "GNU.sparse.minor": "1",
            "GNU.sparse.name": "sparse",
            "GNU.sparse.size": "5000",
            "GNU.sparse.map": "1000,4",
        }
        told = steps(packing.tarred([(sparse, b"data"), ("next", b"1")], compression))
        assert outline(told) == expected([("sparse", bytes(1000) + b"data" + bytes(3996)), ("next", b"1")])

    @pytest.mark.parametrize(
        "kind", [tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE]
    )
    def test_links_and_devices_are_told_as_no_files(self, kind):
        special = tarfile.TarInfo("special")
        special.type, special.linkname = kind, "/etc/passwd"
        told = steps(packing.tarred([(special, b""), ("x", b"x")]))
        assert outline(told)[0] == ([b"special"], "archive.not-a-file", False)
        assert not told[0].problem.examined
        assert outline(told)[1:] == expected([("x", b"x")])

    def test_archives_one_behind_the_other_are_both_taken_apart(self):
        both = packing.tarred(FILES) + packing.tarred([("hidden", b"h")])
        assert outline(steps(both)) == expected([*FILES, ("hidden", b"h")])


class TestNames:
    @pytest.mark.parametrize(
        "name",
        [
            b"../../../etc/passwd",
            b"/absolute",
            b"C:\\windows\\x",
            b"nul\0hidden.jpg",
            b"\xff\xfe\x80 not text",
            b"\xe2\x80\xaegpj.exe",
            b"line\nbreak\x1b[31m",
            b".",
        ],
    )
    def test_are_the_bytes_in_the_archive(self, name):
        placeholder = "n" * len(name)
        zipped = packing.renamed(packing.zipped([(placeholder, b"z")]), placeholder.encode(), name)
        assert [step.names for step in steps(zipped)] == [[name]]
        if b"\0" not in name:
            tarred = packing.tarred([(name.decode("utf-8", "surrogateescape"), b"t")])
            assert [step.names for step in steps(tarred)] == [[name]]

    def test_beyond_ascii_are_utf_8(self):
        files = [("Bär/été/写真.jpg", b"1")]
        for kind in packing.KINDS.values():
            assert outline(steps(kind(files))) == expected(files)

    def test_may_be_the_same_twice(self):
        files = [("same", b"1"), ("same", b"2"), ("same", b"1")]
        with pytest.warns(UserWarning, match="Duplicate"):
            zipped = packing.zipped(files)
        assert outline(steps(zipped)) == expected(files)
        assert outline(steps(packing.tarred(files))) == expected(files)
        assert outline(steps(packing.sevenzipped(files))) == expected(files)

    def test_may_be_empty(self):
        assert outline(steps(packing.renamed(packing.zipped([("", b"1")]), b"", b""))) == expected([("", b"1")])

    def test_are_cut_where_they_are_endless(self):
        for kind in (packing.zipped, packing.tarred):
            (told,) = steps(kind([("x" * 20_000, b"1")]))
            assert told.names == [b"x" * 4096]


class TestDamage:
    def test_no_archive_at_all_is_damage(self):
        assert outline(steps(b"just some text")) == [([], "archive.damaged", True)]
        assert outline(steps(b"")) == [([], "archive.damaged", True)]

    @pytest.mark.parametrize("kind", packing.KINDS)
    def test_an_archive_cut_short_never_ends_silently(self, kind):
        whole = packing.KINDS[kind]([*FILES, ("last", LARGE[:5000])])
        for end in range(40, len(whole) - 2000, len(whole) // 23):
            told = outline(steps(whole[:end]))
            assert "archive.damaged" in {step[1] for step in told}, end

    @pytest.mark.parametrize("kind", packing.KINDS)
    def test_any_damage_ends_in_an_answer(self, kind):
        whole = packing.KINDS[kind](FILES)
        chance = random.Random(3)
        for _ in range(20):
            spoilt = bytearray(whole)
            for _ in range(chance.randint(1, 8)):
                spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
            steps(bytes(spoilt))

    @pytest.mark.parametrize("kind", ["zip stored", "zip deflate", "zip bzip2", "zip lzma", "7z copy"])
    def test_a_member_with_the_wrong_checksum_costs_that_member(self, kind):
        files = [("before", b"b"), ("spoilt", b"SPOILT CONTENT"), ("after", b"a")]
        whole = packing.KINDS[kind](files)
        if kind in ("zip stored", "7z copy"):
            spoilt = whole.replace(b"SPOILT CONTENT", b"SPOILT kontent")
        else:
            at = list(packing.headers(whole))[2][0]
            central = list(packing.headers(whole))[3][0]
            spoilt = bytearray(whole)
            spoilt[at + 14] ^= 1
            spoilt[central + 16] ^= 1
        told = outline(steps(bytes(spoilt)))
        assert told == [*expected(files[:1]), ([b"spoilt"], "archive.damaged", False), *expected(files[2:])]

    def test_a_damaged_stream_of_a_solid_archive_costs_what_it_holds(self):
        whole = packing.sevenzipped([("a", LARGE), ("b", b"b" * 1000)], "bzip2")
        spoilt = bytearray(whole)
        spoilt[100_000:100_100] = bytes(100)
        told = outline(steps(bytes(spoilt)))
        assert told == [([b"a"], "archive.damaged", False), ([b"b"], "archive.damaged", False)]

    def test_a_damaged_stream_is_damaged_for_what_follows_even_unseen(self):
        whole = packing.sevenzipped([("a", LARGE), ("b", b"b" * 1000)], "bzip2")
        spoilt = bytearray(whole)
        spoilt[100_000:100_100] = bytes(100)
        told = outline(steps(bytes(spoilt), member_bytes=10_000))
        assert told == [([b"a"], "archive.member-too-large", False), ([b"b"], "archive.damaged", False)]

    def test_a_stream_that_ends_early_is_damage(self):
        coder = {"method": b"\0", "numinstreams": 1, "numoutstreams": 1}
        decompressor = sevenzips.SevenZipDecompressor([coder], 3, [3], None)
        with pytest.raises(DamagedError, match="ends within a member"):
            sevenzips._Stream(io.BytesIO(b"abc"), decompressor, 0).pour(4, None, lambda _block: None)

    def test_a_compressed_member_that_holds_more_than_it_says_is_damage(self):
        whole = bytearray(packing.zipped([("a", b"a" * 1000), ("b", b"b")], "bzip2"))
        central = list(packing.headers(bytes(whole)))[1][0]
        whole[central + 24 : central + 28] = (999).to_bytes(4, "little")
        assert outline(steps(bytes(whole))) == [([b"a"], "archive.damaged", False), *expected([("b", b"b")])]

    @pytest.mark.parametrize("place", [2**31, None])
    def test_a_member_that_is_nowhere_costs_itself(self, place):
        whole = bytearray(packing.zipped([("a", b"a"), ("b", b"b")], "stored"))
        central = list(packing.headers(bytes(whole)))[1][0]
        at = len(whole) - 5 if place is None else place
        whole[central + 42 : central + 46] = at.to_bytes(4, "little")
        assert outline(steps(bytes(whole))) == [([b"a"], "archive.damaged", False), *expected([("b", b"b")])]

    def test_a_damaged_header_costs_the_rest_of_a_tape_archive(self):
        whole = packing.tarred([("a", b"a"), ("b", b"b"), ("c", b"c")])
        spoilt = whole[:1030] + b"?" + whole[1031:]
        assert outline(steps(spoilt)) == [*expected([("a", b"a")]), ([], "archive.damaged", True)]

    def test_what_is_no_header_behind_a_tape_archive_is_told(self):
        told = outline(steps(packing.tarred([("a", b"a")]) + b"something else" * 100))
        assert told == [*expected([("a", b"a")]), ([], "archive.damaged", True)]

    def test_damage_in_an_inner_archive_leaves_the_outer_one_alone(self):
        inner = packing.tarred([("a", b"a"), ("b", b"b")], "gz")[:-30]
        whole = packing.zipped([("inner.tgz", inner), ("after", b"1")])
        told = outline(steps(whole))
        assert told[0] == expected([("inner.tgz", inner)])[0]
        assert told[-2:] == [([b"inner.tgz"], "archive.damaged", True), *expected([("after", b"1")])]

    def test_names_that_are_not_what_they_claim_are_damage(self):
        whole = packing.renamed(packing.zipped([("ää", b"1")]), "ää".encode(), b"\xff\xff\xff\xff")
        assert outline(steps(whole)) == [([], "archive.damaged", True)]


class TestLocked:
    def test_encrypted_members_are_told(self):
        locked = packing.with_field(packing.zipped([("a", b"a")]), 1)
        (told,) = steps(locked)
        assert (told.problem.code, told.problem.examined, told.rest) == ("archive.encrypted", False, False)

    def test_encrypted_members_of_a_7z_archive_are_told_by_name(self):
        locked = packing.sevenzipped([("a", b"a" * 100), ("b", b"b")], password="secret")
        assert outline(steps(locked)) == [
            ([b"a"], "archive.encrypted", False),
            ([b"b"], "archive.encrypted", False),
        ]

    def test_an_archive_with_encrypted_names_is_told(self):
        locked = packing.sevenzipped([("a", b"a")], password="secret", header_encryption=True)
        assert outline(steps(locked)) == [([], "archive.encrypted", True)]

    @pytest.mark.parametrize("method", [9, 93, 98, 65_000])
    def test_methods_that_are_not_opened_are_told(self, method):
        strange = packing.with_field(packing.zipped([("a", b"a")]), method, after_flags=2)
        (told,) = steps(strange)
        assert (told.problem.code, told.problem.examined) == ("archive.unsupported-compression", False)

    @pytest.mark.parametrize("method", packing.SEVENZIP_FILTERS_REFUSED)
    def test_methods_that_are_not_opened_are_told_of_a_7z_archive(self, method):
        (told,) = steps(packing.sevenzipped([("a", b"a" * 100)], method))
        assert (told.names, told.problem.code) == ([b"a"], "archive.unsupported-compression")


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


class Packed(bytes):
    """An archive; shown by its size, for its bytes tell nobody anything."""

    def __repr__(self):
        return f"<archive of {len(self)} bytes>"


@st.composite
def nested_archives(draw, depth=3):
    """An archive of any kind with anything in it, and what should come out."""
    kind = draw(st.sampled_from([*packing.KINDS, *packing.COMPRESSORS]))
    fewest = 1 if kind.startswith("tar") else 0  # an empty tape archive is nothing but zeros
    count = 1 if kind in packing.COMPRESSORS else draw(st.integers(fewest, 4))
    files, told = [], []
    for number in range(count):
        name = "" if kind in packing.COMPRESSORS else f"m{number}"
        if depth > 1 and draw(st.booleans()):
            content, inner = draw(nested_archives(depth=depth - 1))
        else:
            content, inner = b"leaf" + draw(st.binary(max_size=100)), []
        if kind in packing.COMPRESSORS and content[257:262] == b"ustar":
            told += inner  # a compressed tape archive is one archive, not two
        else:
            told.append(([name.encode()], hashlib.sha256(content).digest()))
            told += [([name.encode(), *names], digest) for names, digest in inner]
        files.append((name, content))
    packed = packing.COMPRESSORS[kind](files[0][1]) if kind in packing.COMPRESSORS else packing.KINDS[kind](files)
    return Packed(packed), told


class TestGoingOn:
    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
    @given(nested_archives(), st.data())
    def test_every_member_comes_out_once_and_going_on_continues_exactly(self, archive, data):
        content, should = archive
        told = steps(content)
        assert outline(told) == should
        start_at = data.draw(st.integers(0, len(told) + 1))
        assert steps(content, start_at=start_at) == told[start_at:]

    @pytest.mark.parametrize("kind", packing.KINDS)
    def test_continues_in_the_middle_of_an_inner_archive(self, kind):
        inner = packing.KINDS[kind](FILES)
        whole = packing.KINDS[kind]([("a", b"a"), ("inner", inner), ("z", b"z")])
        told = steps(whole)
        for start_at in range(len(told) + 1):
            assert steps(whole, start_at=start_at) == told[start_at:]

    @pytest.mark.parametrize("kind", ["zip deflate", "tar"])
    def test_does_not_decompress_again_what_was_told(self, kind, monkeypatch):
        whole = packing.KINDS[kind]([("large", LARGE), ("end", b"e")])
        spent = []
        monkeypatch.setattr(archives.digests.Hasher, "update", lambda _, block: spent.append(len(block)))
        list(archives.members(io.BytesIO(whole), limits=LIMITS, scratch=None, start_at=1, skip=frozenset()))
        assert sum(spent) == 1

    @pytest.mark.parametrize("kind", packing.KINDS)
    def test_a_member_that_is_skipped_is_told_as_not_examined(self, kind):
        told = steps(packing.KINDS[kind](FILES), skip=(1,))
        assert outline(told)[1] == ([b"sub/b.bin"], "sandbox.worker-died", False)
        assert outline(told)[2:] == expected(FILES)[2:]

    def test_an_inner_archive_that_is_skipped_is_told_as_unseen(self):
        inner = packing.zipped(FILES)
        whole = packing.zipped([("inner", inner), ("end", b"e")])
        told = outline(steps(whole, skip=(1,)))
        assert told == [
            *expected([("inner", inner)]),
            ([b"inner"], "sandbox.worker-died", True),
            *expected([("end", b"e")]),
        ]

    def test_an_archive_whose_first_step_is_skipped_is_told_as_unseen(self):
        assert outline(steps(packing.zipped(FILES), skip=(0,))) == [([], "sandbox.worker-died", True)]

    def test_a_budget_that_ends_the_archive_does_so_at_the_same_place(self):
        bomb = packing.zipped([(str(n), bytes(400_000)) for n in range(6)])
        told = steps(bomb, ratio_free_bytes=1_000_000, ratio=1)
        assert len(told) == 3
        for start_at in range(4):
            assert steps(bomb, start_at=start_at, ratio_free_bytes=1_000_000, ratio=1) == told[start_at:]


def test_preloading_is_enough_for_every_kind():
    archives.preload()
    for kind, content in itertools.product(packing.KINDS, (b"1",)):
        assert len(steps(packing.KINDS[kind]([("é", content)]))) == 1
