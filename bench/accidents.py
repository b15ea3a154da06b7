# SPDX-License-Identifier: Apache-2.0
"""How often different pictures meet by accident, with all turns and border variants counted.

- A pair is one file, with all turns of all its values, against one entry of a list, with all its values; it meets at
  the least distance among them. Pictures that a gate refuses are on neither side.
- Three questions: photo-like files against a list of photo-like pictures; each kind of hard case against the same
  list (what a scan of everyday files meets); and each kind against a list of its own kind (what happens when such
  pictures get onto a list).
- Bounds are one-sided 95 % (Clopper-Pearson in its Poisson form; no meeting in n pairs gives 3/n). Pairs share
  pictures, so they are not independent; all pictures come from generators, which can only be as unlike as they draw.
"""

import math
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench import ours
from bench.corpus import pictures, thumbnails
from bench.speed import hamming as published
from vigie.fingerprints import gates, messages
from vigie.fingerprints.hashing import Examiner
from vigie.index.hamming import HammingIndex

RADIUS = 31
FILES, ENTRIES = 1_000_000, 10_000_000
_SEARCHED_AT_ONCE = 200_000


@dataclass(frozen=True, slots=True)
class Population:
    """Pictures of one kind: what each asks (all turns) and what each would be on a list, with its picture's number."""

    name: str
    drawn: int
    queries: NDArray[np.uint8]
    asker: NDArray[np.int64]
    entries: NDArray[np.uint8]
    entry: NDArray[np.int64]

    @property
    def pictures(self) -> int:
        """Count the pictures that no gate refuses."""
        return len(np.unique(self.entry))


@dataclass(frozen=True, slots=True)
class Meetings:
    """What one question found: pairs compared, and how many of them meet within 0 to 31 bits."""

    files: str
    entries: str
    pairs: int
    within: NDArray[np.int64]

    def bound(self, threshold_bits: int) -> float:
        """Give the 95 % upper bound of the share of pairs that meet within a threshold."""
        return min(1.0, upper_bound(int(self.within[threshold_bits])) / self.pairs)

    def files_bound(self, threshold_bits: int) -> float:
        """Give the files of a million that at most meet any of ten million entries, at the bound."""
        return FILES * -math.expm1(-self.bound(threshold_bits) * ENTRIES)


def measure(
    store: Path, *, planes: int, asking: int, each: int, photos: int
) -> tuple[list[Population], list[Meetings]]:
    """Draw all populations and ask all three questions."""
    plane_list = _plane_population(planes, asking=asking)
    kinds = [_file_population("photo-like", photos), *(_file_population(kind, each) for kind in pictures.HARD)]
    index, order = _index(store, plane_list)
    found = [_meet(plane_list, plane_list, index, order, same=True)]
    some = [kind for kind in kinds if kind.pictures]
    everyday = [_meet(kind, plane_list, index, order, same=False) for kind in some]
    found += [*everyday, _together("hard cases together", everyday[1:])]
    for kind in some:
        if kind.pictures > 1:
            found.append(_meet(kind, kind, *_index(store, kind), same=True))
    return [plane_list, *kinds], found


def _plane_population(count: int, *, asking: int) -> Population:
    """Draw planes in blocks by two processes; only the first ones ask."""
    blocks = [
        (seed, min(40 * thumbnails.BLOCK, count - start))
        for seed, start in enumerate(range(0, count, 40 * thumbnails.BLOCK))
    ]
    with ProcessPoolExecutor(2) as pool:
        drawn = list(pool.map(_plane_block, blocks))
    turns, kept = np.concatenate([one for one, _ in drawn]), np.concatenate([one for _, one in drawn])
    numbers = np.flatnonzero(kept)
    askers = numbers[numbers < asking]
    return Population(
        "photo-like, as planes", count, turns[askers].reshape(-1, 32), np.repeat(askers, 8), turns[numbers, 0], numbers
    )


def _plane_block(block: tuple[int, int]) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    seed, count = block
    drawn = list(thumbnails.values(seed, count=count))
    turns, qualities = np.concatenate([one for one, _ in drawn]), np.concatenate([one for _, one in drawn])
    return turns, gates.value_gates(np.ascontiguousarray(turns[:, 0]), qualities=qualities) == 0


def _file_population(name: str, count: int) -> Population:
    starts = range(0, count, 250)
    with ProcessPoolExecutor(2) as pool:
        values = [one for some in pool.map(partial(_file_block, name, count), starts) for one in some]
    queries = [ours.turns_of(value) for value in values]
    entries = [ours.unturned(value) for value in values]
    return Population(
        name, count,
        np.concatenate(queries), np.repeat(np.arange(count), [len(one) for one in queries]),
        np.concatenate(entries), np.repeat(np.arange(count), [len(one) for one in entries]),
    )  # fmt: skip


def _file_block(name: str, count: int, start: int) -> list[list[messages.Value]]:
    found = []
    with Examiner() as examiner:
        for number in range(start, min(start + 250, count)):
            rng = np.random.default_rng([number, 41])
            if name == "photo-like":
                picture = pictures.photo(5_000_000 + number, width_px=320, height_px=240)
            else:
                picture = pictures.HARD[name](rng)
            content = pictures.encoded(picture, quality=int(rng.integers(70, 96)))
            what = ours.examined_bytes(examiner, content)
            assert isinstance(what, messages.Picture), f"a picture of the corpus was not read: {what}"
            found.append(list(ours.values_of(what)))
    return found


def _index(store: Path, population: Population) -> tuple[HammingIndex, NDArray[np.int64]]:
    values = store / "accidents.npy"
    np.save(values, population.entries)
    built = published.publish(values, path=store / "index" / "accidents.vigie")
    return published.verified(built.path), built.order


def _meet(
    files: Population,
    entries: Population,
    index: HammingIndex,
    order: NDArray[np.int64],
    *,
    same: bool,
) -> Meetings:
    """Count the pairs that meet; within one population each pair counts once and no picture meets itself."""
    keys: list[NDArray[np.int64]] = []
    for start in range(0, len(files.queries), _SEARCHED_AT_ONCE):
        hits = index.search(files.queries[start : start + _SEARCHED_AT_ONCE], max_distance_bits=RADIUS, threads=2)
        asker, entry = files.asker[start + hits.query], entries.entry[order[hits.row]]
        apart = asker != entry if same else np.ones(len(asker), bool)
        first, second = (np.minimum(asker, entry), np.maximum(asker, entry)) if same else (asker, entry)
        key = (first * entries.drawn + second) * 32 + hits.distance
        keys.append(_nearest_of_each(key[apart]))
    nearest = _nearest_of_each(np.concatenate(keys or [np.empty(0, np.int64)]))
    within = np.cumsum(np.bincount(nearest % 32, minlength=RADIUS + 1))
    asking = len(np.unique(files.asker))
    pairs = asking * entries.pictures - asking * (asking + 1) // 2 if same else asking * entries.pictures
    return Meetings(files.name, entries.name, pairs, within)


def _together(name: str, some: list[Meetings]) -> Meetings:
    """Add up what several kinds of files came to against the same list."""
    within = np.sum([one.within for one in some], axis=0)
    return Meetings(name, some[0].entries, sum(one.pairs for one in some), within)


def _nearest_of_each(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Keep each pair once, at its least distance: a key is the pair times 32, plus the distance."""
    ordered = np.unique(keys)
    first = np.ones(len(ordered), bool)
    first[1:] = ordered[1:] // 32 != ordered[:-1] // 32
    return ordered[first]


def upper_bound(count: int, *, chance: float = 0.05) -> float:
    """Give the greatest mean under which so few events have at least this chance."""
    low, high = float(count), count + 10 + 6 * math.sqrt(count + 1)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _at_most(count, middle) > chance else (low, middle)
    return high


def _at_most(count: int, mean: float) -> float:
    if count > 2000:
        # Wilson and Hilferty: good to many digits for so many events.
        share = 1 / (9 * (count + 1))
        return 0.5 * math.erfc(((mean / (count + 1)) ** (1 / 3) - 1 + share) / math.sqrt(2 * share))
    terms = np.arange(count + 1) * math.log(mean) - mean - np.array([math.lgamma(k + 1) for k in range(count + 1)])
    return float(np.exp(terms).sum())
