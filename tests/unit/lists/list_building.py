# SPDX-License-Identifier: Apache-2.0
"""Entries and lists for tests: seeded values that may match, and strategies that draw entries."""

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import numpy as np
from hypothesis import strategies as st

from vigie.fingerprints.values import Algorithm
from vigie.index import snapshot
from vigie.lists import columns, layout
from vigie.lists.entries import Claim, Entry, FrameValue, Kind, PictureValue, Role
from vigie.lists.file import FORMAT, KIND, OpenList, counts_of
from vigie.lists.policy import ListInfo, Policy

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
CLAIM = Claim("demonstration", "sample", "Example hotline", "vigie-1")


def pdq_value(seed: int) -> bytes:
    """A value with 128 ones: what a real picture has, and far from every negative value."""
    bits = np.zeros(256, np.uint8)
    bits[np.random.default_rng(seed).permutation(256)[:128]] = 1
    return np.packbits(bits).tobytes()


def flipped(value: bytes, count: int, *, seed: int = 0) -> bytes:
    """The value with this many bits changed, as many ones as zeros (one more of the ones where it is odd)."""
    bits = np.unpackbits(np.frombuffer(value, np.uint8))
    random = np.random.default_rng(seed)
    ones, zeros = random.permutation(np.flatnonzero(bits)), random.permutation(np.flatnonzero(bits == 0))
    bits[ones[: (count + 1) // 2]] = 0
    bits[zeros[: count // 2]] = 1
    return np.packbits(bits).tobytes()


def digest(seed: int, *, algorithm: Algorithm) -> bytes:
    size = {Algorithm.MD5: 16, Algorithm.SHA1: 20, Algorithm.SHA256: 32}[algorithm]
    return np.random.default_rng([seed, size]).integers(0, 256, size, dtype=np.uint8).tobytes()


def picture_entry(seed: int = 1, *, depiction: str | None = None, claim: Claim = CLAIM, **more) -> Entry:
    fields = {
        "sha256": digest(seed, algorithm=Algorithm.SHA256),
        "values": (PictureValue(Role.STORED, pdq_value(seed), 100),),
    }
    return Entry(depiction or f"picture {seed}", Kind.PICTURE, claim, NOW, **fields | more)


def video_entry(seed: int = 1, *, frames: int = 6, depiction: str | None = None, first: int | None = None) -> Entry:
    start = 1000 * seed if first is None else first
    values = tuple(FrameValue(at * 5000, at * 5000 + 4000, pdq_value(start + at), 100) for at in range(frames))
    return Entry(depiction or f"video {seed}", Kind.VIDEO, CLAIM, NOW, frames=values)


def opened(
    entries, *, policy: Policy | None = None, name: str = "a list", version: int = 1, valid_until=None
) -> OpenList:
    """A list in memory."""
    table = columns.of_entries(entries)
    info = ListInfo(
        name=name,
        issuer="Example hotline",
        version=version,
        created_at=NOW,
        valid_until=valid_until,
        policy=policy or Policy(),
        counts=counts_of(table),
        recipes=(),
    )
    meta = {"format": FORMAT, **msgspec.to_builtins(info)}
    content = snapshot.to_bytes(kind=KIND, meta=meta, sections=layout.sections_of(table))
    return OpenList(snapshot.open_bytes(content, kind=KIND))


texts = st.text("abzAZ09äé漢字-_.:/'\",;=|", min_size=1, max_size=12)
depictions = st.one_of(texts, st.uuids().map(str), st.sampled_from(["a, b", 'say "x"', "'=1+1", "ünïcode"]))
qualities = st.one_of(st.none(), st.integers(50, 100))
values = st.integers(0, 200).map(pdq_value)
claims = st.builds(
    lambda label, by, recipe: Claim(*label, by, recipe),
    st.sampled_from([(None, None), ("demonstration", "sample"), ("tech-coalition", "A1"), ("uk", "C")]),
    texts,
    st.sampled_from([None, "vigie-1", "another"]),
)
times = st.datetimes(
    datetime(1900, 1, 1),  # noqa: DTZ001 - the strategy adds the zone
    datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))]),
)


def _frame(at_ms, length_ms, pdq, quality):
    return FrameValue(at_ms, at_ms + length_ms, pdq, quality)


frames = st.lists(st.builds(_frame, st.integers(0, 10**9), st.integers(0, 10**6), values, qualities), max_size=4).map(
    tuple
)
pictures = st.dictionaries(st.sampled_from(Role), st.tuples(values, qualities), max_size=4).map(
    lambda found: tuple(PictureValue(role, *value) for role, value in found.items())
)
digests = st.fixed_dictionaries(
    {},
    optional={
        "md5": st.binary(min_size=16, max_size=16),
        "sha1": st.binary(min_size=20, max_size=20),
        "sha256": st.binary(min_size=32, max_size=32),
    },
)


@st.composite
def entries(draw) -> Entry:
    fingerprints = draw(digests) | {"values": draw(pictures), "frames": draw(frames)}
    if not any(fingerprints.values()):
        fingerprints["md5"] = draw(st.binary(min_size=16, max_size=16))
    return Entry(draw(depictions), draw(st.sampled_from(Kind)), draw(claims), draw(times), **fingerprints)
