# SPDX-License-Identifier: Apache-2.0
"""Contents for tests, made of chosen values, and what the matcher says of them."""

import numpy as np

from unit.lists.list_building import NOW, digest, pdq_value
from vigie.fingerprints import gates
from vigie.fingerprints.messages import Frame, Picture, Value, Video
from vigie.fingerprints.values import Algorithm, Digests
from vigie.matching.matcher import Matcher

NEGATIVES = gates.built_in().values
BLANK = NEGATIVES[0].tobytes()
PATTERN = NEGATIVES[np.bitwise_count(NEGATIVES).sum(axis=1) == 128][100].tobytes()


def digests(seed=77, **changed) -> Digests:
    fields = {one.value: digest(seed, algorithm=one) for one in (Algorithm.MD5, Algorithm.SHA1, Algorithm.SHA256)}
    return Digests(**fields | changed)


def turned(first: bytes, *, quality=100, rest_seed=900_000, **turns: bytes) -> Value:
    """A value whose other turns are unrelated, or as given by the place of the turn (t1=…)."""
    rows = [first] + [pdq_value(rest_seed + turn) for turn in range(1, 8)]
    for name, value in turns.items():
        rows[int(name[1:])] = value
    return Value(turns=b"".join(rows), quality=quality)


def picture(stored: Value | bytes, *, width_px=640, height_px=480, **more) -> Picture:
    value = stored if isinstance(stored, Value) else turned(stored)
    return Picture(format="PNG", width_px=width_px, height_px=height_px, stored=value, **more)


def clip(*pdqs: bytes | Value, **more) -> Video:
    frames = [
        Frame(at_seconds=10.0 * at, until_seconds=10.0 * at + 8, value=one if isinstance(one, Value) else turned(one))
        for at, one in enumerate(pdqs)
    ]
    fields = {"format": "MP4", "width_px": 640, "height_px": 480, "duration_seconds": None, "full": True} | more
    return Video(frames=frames, **fields)


def verdict(what, *lists, of=None, size_bytes=5000):
    matcher = Matcher(lists, now=NOW)
    return matcher.content(what, exact=matcher.exact(of or digests(), size_bytes=size_bytes))
