# SPDX-License-Identifier: Apache-2.0
import gzip
import hashlib
import io
import itertools
import tarfile

import py7zr
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unit.fingerprints.decode import packing
from unit.fingerprints.decode.unpacking import FILES, LARGE, LIMITS, expected, outline, steps
from vigie.fingerprints.decode import archives


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
