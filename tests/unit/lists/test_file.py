# SPDX-License-Identifier: Apache-2.0
import json
from datetime import timedelta

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyrage import x25519

from unit.lists.list_building import NOW, digest, entries, opened, picture_entry, video_entry
from vigie.fingerprints.values import Algorithm
from vigie.index import snapshot
from vigie.index.snapshot import DamagedFileError, ForeignFileError, NewerFormatError
from vigie.lists import changes, columns, layout, sealing
from vigie.lists import file as list_file
from vigie.lists.entries import DIGEST_ALGORITHMS
from vigie.lists.file import KIND, Keys, LockedListError, OpenList, StaleListError, open_list
from vigie.lists.verification import verify

LONG_AGO, LATER = NOW - timedelta(days=1), NOW + timedelta(days=1)


def created(path, found, **more):
    return changes.create(
        path, name="a list", issuer="Example hotline", columns=columns.of_entries(found), now=NOW, **more
    )


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.list"


class TestOpenList:
    @given(st.lists(entries(), max_size=8))
    @settings(max_examples=50)
    def test_says_of_each_entry_what_was_put_in(self, found):
        one = opened(found)
        verify(one)
        assert list(columns.to_entries(one.columns())) == found
        said = one.said_of(range(len(found)))
        assert [(one.depiction, one.kind, one.claim, one.asserted_at) for one in said] == [
            (one.depiction, one.kind, one.claim, one.asserted_at) for one in found
        ]
        for algorithm in DIGEST_ALGORITHMS:
            numbers = np.arange(len(found))
            assert one.digests_of(numbers, algorithm=algorithm) == [entry.digest(algorithm) for entry in found]
            for entry in found:
                if (value := entry.digest(algorithm)) is not None:
                    holders = [place for place, other in enumerate(found) if other.digest(algorithm) == value]
                    assert one.entries_with(value, algorithm=algorithm).tolist() == holders

    def test_finds_no_digest_that_is_not_there(self):
        one = opened([picture_entry(1)])
        assert len(one.entries_with(bytes(32), algorithm=Algorithm.SHA256)) == 0
        assert len(one.entries_with(bytes(16), algorithm=Algorithm.MD5)) == 0

    def test_gives_the_frames_of_a_video_in_the_order_of_time(self):
        one = opened([picture_entry(1), video_entry(2), video_entry(3)])
        rows = one.frame_rows_of(2)
        assert one.snapshot.rows("frames.at_ms", rows).tolist() == [0, 5000, 10000, 15000, 20000, 25000]
        assert one.numbers("frames.entry", rows, below=3).tolist() == [2] * 6

    def test_an_empty_list_is_a_list(self, path):
        created(path, [])
        verify(open_list(path, now=NOW))


class TestRefusals:
    def test_a_stale_list_is_refused_and_opens_for_its_issuer(self, path):
        created(path, [picture_entry()], valid_until=NOW)
        with pytest.raises(StaleListError):
            open_list(path, now=NOW)
        assert open_list(path, now=LONG_AGO).info.valid_until == NOW
        assert open_list(path, now=None).info.version == 1

    def test_a_signature_is_asked_for_where_a_key_is_given(self, path, tmp_path):
        for name in ("a", "b"):
            sealing.make_keys(tmp_path / name, public_path=tmp_path / f"{name}.public")
        keys = Keys(sign=sealing.signer(tmp_path / "a"), check=sealing.checker([tmp_path / "a.public"]))
        created(path, [picture_entry()], keys=keys)
        assert open_list(path, now=NOW, keys=keys).is_signed
        with pytest.raises(sealing.UnknownIssuerError):
            open_list(path, now=NOW, keys=Keys(check=sealing.checker([tmp_path / "b.public"])))
        created(tmp_path / "unsigned", [picture_entry()])
        with pytest.raises(sealing.UnsignedListError):
            open_list(tmp_path / "unsigned", now=NOW, keys=keys)

    def test_an_encrypted_list_is_nowhere_readable_on_disk(self, path, tmp_path):
        identity = x25519.Identity.generate()
        closing = Keys(encrypt=sealing.encrypter(recipients=[str(identity.to_public())]))
        entry = picture_entry()
        created(path, [entry], keys=closing)
        assert entry.sha256 not in path.read_bytes()
        assert list(tmp_path.iterdir()) == [path]
        with pytest.raises(LockedListError):
            open_list(path, now=NOW)
        one = open_list(path, now=NOW, keys=Keys(decrypt=sealing.decrypter(identities=[str(identity)])))
        assert list(columns.to_entries(one.columns())) == [entry]
        other = Keys(decrypt=sealing.decrypter(passphrase="x"))
        with pytest.raises(sealing.CannotDecryptError):
            open_list(path, now=NOW, keys=other)

    def test_another_kind_of_file_and_a_newer_list_are_refused(self, path):
        snapshot.write(path, kind="another", meta={}, sections={"a": np.zeros(3, "u1")})
        with pytest.raises(ForeignFileError):
            open_list(path, now=NOW)
        path.write_bytes(b"\xff\xd8\xff" + bytes(1000))
        with pytest.raises(ForeignFileError):
            open_list(path, now=NOW)
        one = opened([picture_entry()])
        sections = {name: one.snapshot.section(name) for name in one.snapshot.names}
        snapshot.write(path, kind=KIND, meta={**one.snapshot.meta, "format": 2}, sections=sections)
        with pytest.raises(NewerFormatError):
            open_list(path, now=NOW)

    @pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.9, 0.999])
    def test_a_truncated_list_is_refused(self, path, share):
        created(path, [picture_entry(seed) for seed in range(50)])
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * share)])
        with pytest.raises((DamagedFileError, ForeignFileError)):
            open_list(path, now=NOW)

    def test_one_changed_byte_anywhere_is_noticed(self, path):
        created(path, [picture_entry(seed) for seed in range(20)] + [video_entry(3)])
        content = path.read_bytes()
        for place in range(0, len(content), 397):
            path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
            try:
                verify(open_list(path, now=NOW))
            except (DamagedFileError, ForeignFileError, NewerFormatError):
                continue
            # Only the filling between the header and the first block is free.
            header = 52 + len(open_list(path, now=NOW).snapshot.header_bytes)
            assert header <= place < 4096 * -(-header // 4096)


def rebuilt(one: OpenList, changed: dict, meta: dict | None = None) -> OpenList:
    """The list with some sections or words changed, its checksums made anew: what a hostile issuer can make."""
    sections = {name: one.snapshot.section(name) for name in one.snapshot.names} | changed
    sections = {name: section for name, section in sections.items() if section is not None}
    content = snapshot.to_bytes(kind=KIND, meta={**one.snapshot.meta, **(meta or {})}, sections=sections)
    return OpenList(snapshot.open_bytes(content, kind=KIND))


class TestVerify:
    FOUND = (
        picture_entry(1, md5=digest(1, algorithm=Algorithm.MD5)),
        picture_entry(2, depiction="a text"),
        video_entry(3),
        video_entry(4, frames=2),
    )

    @pytest.mark.parametrize(
        ("name", "change"),
        [
            ("claims", lambda old: np.frombuffer(b'[["demonstration","unheard-of","a",null]]', "u1")),
            ("claims", lambda old: np.frombuffer(b"[]", "u1")),
            ("claims", lambda old: np.frombuffer(b"[[1]]", "u1")),
            ("entry.kind", lambda old: old + 7),
            ("entry.kind", lambda old: old[:-1]),
            ("entry.kind", lambda old: None),
            ("entry.kind", lambda old: old.astype("u2")),
            ("entry.claim", lambda old: old + 1),
            ("entry.depiction", lambda old: old[:, :8]),
            ("entry.depiction", lambda old: old ^ 1),
            ("entry.asserted_at", lambda old: old + 2**62),
            ("entry.text", lambda old: old + 5),
            ("text.start", lambda old: old[::-1]),
            ("text.start", lambda old: old + np.uint64(10**9)),
            ("text.content", lambda old: old | 0x80),
            ("text.content", lambda old: None),
            ("sha256.entry", lambda old: old[::-1]),
            ("sha256.entry", lambda old: old + 100),
            ("sha256.rows", lambda old: old[::-1]),
            ("sha256.rows", lambda old: old[:, :20]),
            ("entry.sha256", lambda old: old[::-1]),
            ("entry.md5", lambda old: old * 0),
            ("entry.md5", lambda old: None),
            ("pictures.entry", lambda old: old * 0),
            ("pictures.entry", lambda old: old + 9),
            ("pictures.role", lambda old: old + 4),
            ("pictures.quality", lambda old: old + 50),
            ("pictures.quality", lambda old: old[:-1]),
            ("frames.until_ms", lambda old: old * 0),
            ("frames.entry", lambda old: old[::-1]),
            ("video.rows", lambda old: old * 0),
            ("video.rows", lambda old: old + np.uint32(2**32 - 100)),
            ("video.start", lambda old: old[::-1]),
            ("video.entry", lambda old: old + 1),
            ("video.entry", lambda old: None),
        ],
    )
    def test_refuses_tables_that_contradict_each_other(self, name, change):
        one = opened(self.FOUND)
        verify(one)
        with pytest.raises(DamagedFileError):
            verify(rebuilt(one, {name: change(one.snapshot.section(name))}))

    @pytest.mark.parametrize(
        "meta",
        [
            {"counts": {}},
            {"version": 0},
            {"version": "1"},
            {"policy": {"threshold_bits": 99}},
            {"policy": {"algorithms": ["photodna"]}},
            {"valid_until": "tomorrow"},
            {"name": "\u202e"},
            {"format": 0},
            {"format": None},
        ],
    )
    def test_refuses_what_a_list_cannot_say_of_itself(self, meta):
        with pytest.raises(DamagedFileError):
            rebuilt(opened(self.FOUND), {}, meta)

    def test_refuses_wrong_counts(self):
        one = opened(self.FOUND)
        counts = {**one.snapshot.meta["counts"], "entries": 5}
        with pytest.raises(DamagedFileError):
            verify(rebuilt(one, {}, {"counts": counts}))

    @pytest.mark.parametrize("name", ["entry.claim", "entry.asserted_at", "entry.text", "text.start", "claims"])
    def test_a_look_up_checks_what_it_reads(self, name):
        one = opened(self.FOUND)
        old = one.snapshot.section(name)
        wrong = np.frombuffer(b"[]", "u1") if name == "claims" else (old.astype("i8") + 2**40).astype(old.dtype) + 77
        broken = rebuilt(one, {name: wrong.astype(old.dtype) if name != "entry.asserted_at" else old + 2**62})
        with pytest.raises(DamagedFileError):
            broken.said_of([1])


class TestWrite:
    def test_a_full_disk_leaves_the_earlier_file_and_no_rest(self, path, tmp_path, monkeypatch):
        created(path, [picture_entry()])
        before = path.read_bytes()

        def full(descriptor):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(snapshot.os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            changes.add(path, columns=columns.of_entries([picture_entry(2)]), now=NOW)
        assert path.read_bytes() == before
        assert list(tmp_path.iterdir()) == [path]

    def test_meta_is_plain_json(self, path):
        created(path, [picture_entry()])
        meta = json.loads(open_list(path, now=NOW).snapshot.header_bytes)["meta"]
        assert meta["counts"]["sha256"] == 1
        assert meta["recipes"] == ["vigie-1"]
        assert msgspec.convert(meta["policy"], dict)["negative"] is False

    def test_takes_no_room_for_what_is_not_there(self):
        names = opened([picture_entry(1, depiction="00000000-0000-4000-8000-000000000001")]).snapshot.names
        assert not [name for name in names if name.startswith(("md5", "sha1", "text", "frames", "video"))]
        assert "entry.text" not in names

    def test_layout_of_a_list_is_the_same_on_every_run(self):
        one, other = (columns.of_entries([picture_entry(seed) for seed in range(9)]) for _ in range(2))
        assert layout.sections_of(one).keys() == layout.sections_of(other).keys()
        assert all(
            np.array_equal(section, layout.sections_of(other)[name])
            for name, section in layout.sections_of(one).items()
        )

    def test_kind_of_file_is_named(self):
        assert list_file.KIND == "vigie-list"
