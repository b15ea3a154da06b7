# SPDX-License-Identifier: Apache-2.0
"""A snapshot is what was published, or it is refused."""

import numpy as np
import pytest

from vigie.index import exact, hamming, snapshot
from vigie.index.hamming import HammingIndex
from vigie.index.snapshot import DamagedFileError, ForeignFileError, NewerFormatError


@pytest.fixture
def published(tmp_path):
    rng = np.random.default_rng(5)
    path = tmp_path / "file"
    sections = {
        "numbers": np.arange(5000, dtype=np.int64),
        "bytes": rng.integers(0, 256, (300, 32), dtype=np.uint8),
        "empty": np.empty((0, 32), np.uint8),
    }
    snapshot.write(path, kind="test", meta={"name": "é", "n": 1}, sections=sections)
    return path, sections


def reopened(path):
    return snapshot.open_file(path, kind="test")


class TestWrite:
    def test_gives_back_what_was_written(self, published):
        path, sections = published
        opened = reopened(path)
        assert opened.meta == {"name": "é", "n": 1}
        assert set(opened.names) == set(sections)
        for name, array in sections.items():
            assert np.array_equal(opened.section(name), array)
        opened.verify()

    def test_is_for_its_owner_alone_and_leaves_nothing_beside(self, published):
        path, _ = published
        assert path.stat().st_mode & 0o777 == 0o600
        assert list(path.parent.iterdir()) == [path]

    def test_a_failed_write_leaves_the_earlier_file(self, published):
        path, _ = published
        before = path.read_bytes()
        with pytest.raises(RuntimeError):
            snapshot.write(path, kind="test", meta={}, sections={"a": np.zeros(1)}, sign=fails)
        assert path.read_bytes() == before
        assert list(path.parent.iterdir()) == [path]

    def test_the_signature_is_over_the_header(self, tmp_path):
        path = tmp_path / "file"
        snapshot.write(path, kind="test", meta={}, sections={}, sign=lambda header: bytes([len(header) % 251]) * 64)
        opened = reopened(path)
        assert opened.signature == bytes([len(opened.header_bytes) % 251]) * 64


def fails(header):
    if header:
        raise RuntimeError
    return b""


class TestOpen:
    def test_every_changed_byte_is_noticed_before_its_content_is_trusted(self, published):
        path, _ = published
        whole = bytearray(path.read_bytes())
        rng = np.random.default_rng(0)
        for at in [*range(60), *rng.integers(60, len(whole), 300).tolist(), len(whole) - 1]:
            changed = whole.copy()
            changed[at] ^= 1 << int(rng.integers(0, 8))
            if padding_before_the_first_block(whole, at):
                continue
            with pytest.raises((DamagedFileError, ForeignFileError, NewerFormatError)):
                read_whole(bytes(changed))

    def test_a_file_cut_short_anywhere_is_refused(self, published):
        path, _ = published
        whole = path.read_bytes()
        for length in [0, 1, 7, 8, 40, 52, 100, 4095, 4096, 4097, len(whole) // 2, len(whole) - 1]:
            with pytest.raises((DamagedFileError, ForeignFileError)):
                snapshot.open_bytes(whole[:length], kind="test")

    def test_a_file_with_something_behind_it_is_refused(self, published):
        path, _ = published
        with pytest.raises(DamagedFileError):
            snapshot.open_bytes(path.read_bytes() + b"\0", kind="test")

    def test_another_kind_is_refused_by_name(self, published):
        path, _ = published
        with pytest.raises(ForeignFileError, match="'test', not a 'vigie-list'"):
            snapshot.open_file(path, kind="vigie-list")

    def test_a_newer_format_is_told_from_damage(self, published):
        path, _ = published
        whole = bytearray(path.read_bytes())
        whole[8] = 2
        with pytest.raises(NewerFormatError, match="update Vigie"):
            snapshot.open_bytes(bytes(whole), kind="test")

    def test_something_else_is_refused(self):
        with pytest.raises(ForeignFileError):
            snapshot.open_bytes(b"\x89PNG" + b"\0" * 10_000, kind="test")


def read_whole(content):
    opened = snapshot.open_bytes(content, kind="test")
    for name in opened.names:
        opened.section(name)
    opened.verify()


def padding_before_the_first_block(whole, at):
    """The bytes between the signature and the first block are never read."""
    header = int.from_bytes(whole[12:16], "little")
    signature = int.from_bytes(whole[48:52], "little")
    return 52 + header + signature <= at < 4096


class TestRows:
    def test_checks_only_the_blocks_that_it_touches(self, published):
        path, sections = published
        whole = bytearray(path.read_bytes())
        opened = snapshot.open_bytes(bytes(whole), kind="test")
        offset = opened._sections["numbers"].offset
        whole[offset + 8 * 4000] ^= 1
        opened = snapshot.open_bytes(bytes(whole), kind="test")
        assert opened.rows("numbers", np.array([3, 1])).tolist() == [3, 1]
        with pytest.raises(DamagedFileError):
            opened.rows("numbers", np.array([4000]))
        with pytest.raises(DamagedFileError):
            opened.section("numbers")
        assert np.array_equal(opened.section("bytes"), sections["bytes"])


class TestSearchOverDamage:
    """A damaged index never says "no match"."""

    def test_every_search_over_a_damaged_block_is_refused(self, tmp_path):
        rng = np.random.default_rng(1)
        values = rng.integers(0, 256, (30_000, 32), dtype=np.uint8)
        sections, _ = hamming.build(values)
        path = tmp_path / "index"
        named = {f"near.{name}": array for name, array in sections.items()}
        snapshot.write(path, kind="test", meta={}, sections=named)
        whole = bytearray(path.read_bytes())
        opened = snapshot.open_bytes(bytes(whole), kind="test")
        for name in ("values", "ids1", "bases0", "bases3", "ends0", "ends5"):
            section = opened._sections[f"near.{name}"]
            changed = whole.copy()
            size = opened.unchecked(f"near.{name}").nbytes
            for at in range(section.offset, section.offset + size, 512):
                changed[at] ^= 1
            index = HammingIndex(snapshot.open_bytes(bytes(changed), kind="test"), "near")
            with pytest.raises(DamagedFileError):
                index.search(values[:3], max_distance_bits=31)

    def test_a_damaged_exact_index_is_refused(self, tmp_path):
        rng = np.random.default_rng(2)
        digests = rng.integers(0, 256, (5000, 16), dtype=np.uint8)
        sections, _ = exact.build(digests)
        path = tmp_path / "index"
        snapshot.write(path, kind="test", meta={}, sections={f"e.{name}": array for name, array in sections.items()})
        whole = bytearray(path.read_bytes())
        opened = snapshot.open_bytes(bytes(whole), kind="test")
        for name in ("e.rows", "e.table"):
            changed = whole.copy()
            start = opened._sections[name].offset
            for at in range(start, start + opened.unchecked(name).nbytes, 1024):
                changed[at] ^= 1
            index = exact.ExactIndex(snapshot.open_bytes(bytes(changed), kind="test"), "e")
            with pytest.raises(DamagedFileError):
                index.lookup(digests[:50])
