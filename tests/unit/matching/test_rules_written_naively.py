# SPDX-License-Identifier: Apache-2.0

import numpy as np
import pytest

from unit.lists.list_building import NOW, digest, flipped, opened, pdq_value
from unit.matching.contents import NEGATIVES, digests, verdict
from unit.matching.naive import Naive
from vigie.fingerprints.messages import Frame, Picture, Value, Video
from vigie.fingerprints.values import Algorithm
from vigie.lists import columns
from vigie.lists.entries import Claim, Entry, FrameValue, Kind, PictureValue, Role
from vigie.lists.policy import Policy


def random_value(random, pool) -> bytes:
    """Mostly near something of the pool, sometimes degenerate, sometimes new."""
    chosen = random.integers(0, 10)
    if chosen == 0:
        return NEGATIVES[random.integers(0, len(NEGATIVES))].tobytes()
    base = pool[random.integers(0, len(pool))]
    return flipped(base, int(random.choice([0, 1, 5, 12, 28, 30, 31, 32, 33, 60])), seed=int(random.integers(0, 50)))


def random_quality(random) -> int:
    return int(random.choice([0, 30, 49, 50, 80, 100]))


def random_digests(random) -> dict:
    kinds = (Algorithm.MD5, Algorithm.SHA1, Algorithm.SHA256)
    return {one.value: digest(int(random.integers(0, 4)), algorithm=one) for one in kinds if random.random() < 0.5}


def random_entry(random, pool) -> Entry:
    def quality():
        return None if random.random() < 0.3 else random_quality(random)

    roles = random.permutation(list(Role))[: random.integers(0, 4)]
    values = tuple(PictureValue(Role(role), random_value(random, pool), quality()) for role in roles)
    count = int(random.choice([0, 0, 1, 4, 6]))
    frames = tuple(
        FrameValue(3000 * at, 3000 * at + 2000, random_value(random, pool), quality()) for at in range(count)
    )
    held = random_digests(random)
    if not (values or frames or held):
        held = {"md5": digest(1, algorithm=Algorithm.MD5)}
    claim = Claim(None, None, f"source {random.integers(0, 3)}")
    return Entry(f"depiction {random.integers(0, 4)}", Kind.OTHER, claim, NOW, values=values, frames=frames, **held)


def random_policy(random) -> Policy:
    used = tuple(one for one in Algorithm if random.random() < 0.85) or (Algorithm.PDQ,)
    return Policy(
        threshold_bits=int(random.choice([0, 8, 31])),
        min_quality=int(random.choice([0, 50, 80])),
        algorithms=used,
        turns=bool(random.random() < 0.7),
        min_frames=int(random.integers(1, 4)),
        min_share=float(random.choice([0.1, 0.5, 1.0])),
        negative=bool(random.random() < 0.15),
    )


def random_content(random, pool):
    def value():
        turns = [random_value(random, pool) for _ in range(8)]
        return Value(turns=b"".join(turns), quality=random_quality(random))

    size = {"width_px": int(random.choice([63, 640, 640, 640])), "height_px": 480}
    frames = [
        Frame(at_seconds=4.0 * at, until_seconds=4.0 * at + 3, value=value()) for at in range(random.integers(1, 7))
    ]
    if random.random() < 0.5:
        return Video(format="MP4", duration_seconds=None, frames=frames, full=True, **size)
    sides = {name: value() for name in ("upright", "borderless", "on_black") if random.random() < 0.3}
    return Picture(format="PNG", stored=value(), frames=frames if random.random() < 0.2 else [], **sides, **size)


class TestAgainstTheRulesWrittenNaively:
    @pytest.mark.parametrize("part", range(10))
    def test_answers_are_the_same_on_random_lists(self, part):
        for seed in range(30 * part, 30 * part + 30):
            random = np.random.default_rng(seed)
            pool = [pdq_value(seed % 7 * 100 + at) for at in range(4)]
            lists = []
            for number in range(random.integers(1, 4)):
                found = [random_entry(random, pool) for _ in range(random.integers(0, 8))]
                once = list(columns.to_entries(columns.join([columns.of_entries(found)])))
                one = opened(once, policy=random_policy(random), name=f"list {number}")
                lists.append((one, once))
            what, of = random_content(random, pool), digests(**random_digests(random))
            answer = verdict(what, *(one for one, _ in lists), of=of)
            expected = Naive([(one.info, found) for one, found in lists]).answer(what, of)
            assert (answer.verdict, answer.matches) == expected, f"seed {seed}"
