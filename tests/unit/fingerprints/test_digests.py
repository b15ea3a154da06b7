# SPDX-License-Identifier: Apache-2.0
import hashlib
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie.fingerprints import digests
from vigie.fingerprints.values import Digests

B = digests.BLOCK_BYTES


def expected(content: bytes) -> Digests:
    return Digests(
        md5=hashlib.md5(content).digest(),
        sha1=hashlib.sha1(content).digest(),
        sha256=hashlib.sha256(content).digest(),
    )


class TestOfDescriptor:
    @pytest.mark.parametrize("size", [0, 1, 63, 64, B - 1, B, B + 1, 3 * B + 17])
    def test_equals_hashlib_at_every_block_boundary(self, tmp_path, size):
        content = bytes(range(256)) * (size // 256 + 1)
        path = tmp_path / "content"
        path.write_bytes(content[:size])
        with path.open("rb") as file:
            assert digests.of_descriptor(file.fileno()) == (expected(content[:size]), size)

    def test_neither_uses_nor_moves_the_position(self, tmp_path):
        path = tmp_path / "content"
        path.write_bytes(b"from the start")
        with path.open("rb", buffering=0) as file:
            file.seek(5)
            assert digests.of_descriptor(file.fileno())[0] == expected(b"from the start")
            assert file.tell() == 5

    def test_passes_on_what_the_medium_refuses(self, tmp_path):
        folder = os.open(tmp_path, os.O_RDONLY)
        try:
            with pytest.raises(OSError, match="Is a directory"):
                digests.of_descriptor(folder)
        finally:
            os.close(folder)

    def test_knows_the_digests_of_nothing(self, tmp_path):
        (tmp_path / "empty").touch()
        with (tmp_path / "empty").open("rb") as file:
            assert digests.of_descriptor(file.fileno()) == (Digests.EMPTY, 0)


class TestOfBytes:
    @given(st.binary(max_size=300))
    def test_equals_hashlib(self, content):
        assert digests.of_bytes(content) == expected(content)


class TestHasher:
    @given(st.lists(st.binary(max_size=50), max_size=8))
    def test_does_not_depend_on_how_the_content_is_cut(self, blocks):
        hasher = digests.Hasher()
        for block in blocks:
            hasher.update(block)
        assert hasher.digests() == digests.of_bytes(b"".join(blocks))
