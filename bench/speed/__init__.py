# SPDX-License-Identifier: Apache-2.0
"""The rows of `make bench`, one module a subject; each gives a list of rows.

- Sizes come from `Sizes`: the full ones, or small ones that only show that a row works.
- A peer's figure is measured in the same run as ours. Where the peer is too slow for the whole, it does a sample and
  the row's note says so.
"""

from dataclasses import dataclass
from pathlib import Path

from bench.peers import Peer


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much is measured."""

    photos: int
    planes: int
    plane_repeats: int
    small_index: int
    large_index: int
    growth: tuple[int, ...]
    digests: int
    peer_digests: int
    command_list: int
    command_times: int
    scan_files: int
    scan_list: int
    clip_seconds: int
    rounds: int
    sightings: int
    newly_known: int


FULL = Sizes(
    photos=40,
    planes=2000,
    plane_repeats=200,
    small_index=1_000_000,
    large_index=10_000_000,
    growth=(1_000_000, 10_000_000, 50_000_000, 100_000_000),
    digests=50_000_000,
    peer_digests=10_000_000,
    command_list=1_000_000,
    command_times=9,
    scan_files=10_000,
    scan_list=1_000_000,
    clip_seconds=30,
    rounds=5,
    sightings=10_000_000,
    newly_known=10_000,
)
QUICK = Sizes(
    photos=3,
    planes=60,
    plane_repeats=20,
    small_index=50_000,
    large_index=300_000,
    growth=(50_000, 300_000),
    digests=500_000,
    peer_digests=200_000,
    command_list=20_000,
    command_times=2,
    scan_files=120,
    scan_list=20_000,
    clip_seconds=4,
    rounds=2,
    sightings=100_000,
    newly_known=200,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What a row needs: the sizes, the running peer, where to keep things, why vpdq is missing."""

    sizes: Sizes
    peer: Peer
    store: Path
    vpdq_missing: str | None
