# SPDX-License-Identifier: Apache-2.0
import io
import random

import pytest

from unit.fingerprints.decode import packing
from unit.fingerprints.decode.unpacking import FILES, LARGE, expected, outline, steps
from vigie.fingerprints.decode import sevenzips
from vigie.fingerprints.decode.entries import DamagedError


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
