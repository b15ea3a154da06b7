# SPDX-License-Identifier: Apache-2.0
"""Millions of realistic PDQ values, quickly.

- PDQ is linear up to its median: the coefficients of a blend of two pictures are the blend of theirs, and a turn only
  swaps axes and changes signs. So the coefficients of a few thousand generated pictures, each cropped several ways,
  give any number of true PDQ values of blends and their turns.
- One value in nine is an exact duplicate and one in ten a near one (1 to 31 bits), in clusters of uneven size, as in
  lists that were merged from many sources.
- Files are kept under the store and made once; the same size and seed give the same values.
"""

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.corpus import pictures

Values = NDArray[np.uint8]
Fill = Callable[[Values, np.random.Generator], None]
_SIDE, _BAND, _TURNS = 64, 16, 8
_PICTURES, _CROPS = 1500, 4
_CHUNK = 50_000
_EXACT_SHARE, _NEAR_SHARE = 0.11, 0.10


def realistic(store: Path, *, count: int, seed: int = 5) -> Path:
    """Give the file of so many realistic values, as an array (count, 32)."""
    path = store / "values" / f"realistic-{count}-{seed}.npy"
    if not path.exists():
        _write(path, count, np.random.default_rng([seed, count]), _realistic_into)
    return path


def random(store: Path, *, count: int, seed: int = 6) -> Path:
    """Give the file of so many uniformly random values, as an array (count, 32)."""
    path = store / "values" / f"random-{count}-{seed}.npy"
    if not path.exists():
        _write(path, count, np.random.default_rng([seed, count]), _random_into)
    return path


def queries(values: Values, *, count: int, seed: int = 9) -> Values:
    """Make queries: one half indexed values with 0 to 31 bits changed, one half values of pictures not indexed."""
    rng = np.random.default_rng(seed)
    planted = values[np.sort(rng.integers(0, len(values), count // 2))].copy()
    for row in planted:
        _flip(rng, row, bits=int(rng.integers(0, 32)))
    strange = np.empty((count - len(planted), 32), np.uint8)
    _blends_into(strange, np.random.default_rng([seed, 77]))
    return rng.permutation(np.concatenate([planted, strange]))


def _write(path: Path, count: int, rng: np.random.Generator, fill: Fill) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    array = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=(count, 32))
    fill(array, rng)
    array.flush()
    partial.rename(path)


def _random_into(array: Values, rng: np.random.Generator) -> None:
    for start in range(0, len(array), 1_000_000):
        part = array[start : start + 1_000_000]
        part[:] = rng.integers(0, 256, part.shape, dtype=np.uint8)


def _realistic_into(array: Values, rng: np.random.Generator) -> None:
    fresh = len(array) - int(len(array) * (_EXACT_SHARE + _NEAR_SHARE))
    _blends_into(array[:fresh], rng)
    exact = int(len(array) * _EXACT_SHARE)
    # An uneven lot makes some values frequent: the clusters that buckets must bear.
    array[fresh : fresh + exact] = array[(rng.random(exact) ** 1.5 * fresh).astype(np.int64)]
    near = array[fresh + exact :]
    near[:] = array[(rng.random(len(near)) ** 1.5 * fresh).astype(np.int64)]
    for start in range(0, len(near), 1_000_000):
        _flip_some(rng, near[start : start + 1_000_000])
    _shuffle(array, rng)


def _shuffle(array: Values, rng: np.random.Generator) -> None:
    array.view("V32").ravel()[:] = rng.permutation(array.view("V32").ravel())


def _flip(rng: np.random.Generator, row: Values, *, bits: int) -> None:
    for at in rng.choice(256, bits, replace=False):
        row[at // 8] ^= np.uint8(1 << (at % 8))


def _flip_some(rng: np.random.Generator, part: Values) -> None:
    """Change about 1 to 31 bits of each row, a few more often than many, and as many ones as zeros, as PDQ does."""
    times = (rng.random(len(part)) ** 2 * 31).astype(np.int64) + 1
    for turn in range(int(times.max(initial=0))):
        rows = np.flatnonzero(times > turn)
        one, other = rng.integers(0, 256, (2, len(rows)), dtype=np.uint8)
        # Swapping two bits that differ changes both.
        differ = (part[rows, one // 8] >> (one % 8) ^ part[rows, other // 8] >> (other % 8)) & 1
        for at in (one, other):
            part[rows, at // 8] ^= differ << (at % 8)


def _blends_into(array: Values, rng: np.random.Generator) -> None:
    bases = coefficients()
    for start in range(0, len(array), _CHUNK):
        part = array[start : start + _CHUNK]
        count = -(-len(part) // _TURNS)
        one, other = bases[rng.integers(0, len(bases), (2, count))]
        share = rng.uniform(0.25, 1, (count, 1, 1)).astype(np.float32)
        blend = share * one + (1 - share) * other
        part[:] = _turned_values(blend).reshape(-1, 32)[: len(part)]


def _turned_values(blend: NDArray[np.float32]) -> Values:
    """Give the eight values of each picture from its coefficients: (n, 16, 16) to (n, 8, 32)."""
    odd = np.where(np.arange(_BAND) % 2 == 0, np.float32(-1), np.float32(1))
    result = np.empty((len(blend), _TURNS, 32), np.uint8)
    for turn in range(_TURNS):
        turned = blend.swapaxes(1, 2) if turn & 1 else blend
        turned = turned * odd[None, :, None] if turn & 2 else turned
        turned = (turned * odd[None, None, :] if turn & 4 else turned).reshape(len(blend), -1)
        median = np.partition(turned, 127, axis=1)[:, 127:128]
        result[:, turn] = np.packbits(turned > median, axis=1)
    return result


@functools.cache
def coefficients() -> NDArray[np.float32]:
    """Give the 16 x 16 PDQ coefficients of generated pictures and crops of them, scaled to the same energy."""
    rng = np.random.default_rng(4)
    planes = np.empty((_PICTURES * _CROPS, _SIDE, _SIDE), np.float32)
    kinds = list(pictures.HARD.values())
    for number in range(_PICTURES):
        if number % 12 == 0:
            grey = kinds[number // 12 % len(kinds)](np.random.default_rng([number, 2])).convert("L")
        else:
            grey = Image.fromarray(pictures.photo(number, width_px=160, height_px=128)).convert("L")
        for crop in range(_CROPS):
            corners = rng.uniform((0, 0, 0.7, 0.7), (0.3, 0.3, 1, 1)) if crop else np.array((0, 0, 1, 1))
            box = tuple(float(corner) for corner in corners * (grey.size * 2))
            small = grey.resize((_SIDE, _SIDE), Image.Resampling.BOX, box=box)
            planes[number * _CROPS + crop] = np.asarray(small, np.float32)
    matrix = _cosines()
    band = matrix @ planes @ matrix.T
    band += rng.standard_normal(band.shape, dtype=np.float32) * np.float32(1.5)
    return band / np.sqrt((band**2).mean((1, 2), keepdims=True))


def _cosines() -> NDArray[np.float32]:
    rows, columns = np.arange(1, _BAND + 1)[:, None], np.arange(_SIDE)[None, :]
    return (np.sqrt(2 / _SIDE) * np.cos(np.pi / 2 / _SIDE * rows * (2 * columns + 1))).astype(np.float32)


def describe(values: Values) -> dict[str, float]:
    """Say how clustered values are: duplicates, the fullest 16-bit bucket, distances of random pairs."""
    rng = np.random.default_rng(1)
    sample = values[np.sort(rng.integers(0, len(values), (200_000, 2)), axis=0)]
    bits = np.bitwise_count(sample[:, 0] ^ sample[:, 1]).sum(1)
    words = values.view(np.uint16)
    buckets = max(int(np.bincount(words[:, at]).max()) for at in range(16))
    return {"fullest_bucket": buckets, "pair_mean_bits": float(bits.mean()), "pair_std_bits": float(bits.std())}
