# SPDX-License-Identifier: Apache-2.0
from datetime import timedelta

import numpy as np
import pytest

from unit.lists.list_building import CLAIM, NOW, digest, flipped, opened, pdq_value, picture_entry, video_entry
from unit.matching.naive import Naive
from vigie.fingerprints import gates
from vigie.fingerprints.gates import Gate
from vigie.fingerprints.messages import Frame, Other, Picture, Problem, Value, Video
from vigie.fingerprints.values import TURNS, Algorithm, Digests
from vigie.fingerprints.video import TimeRange
from vigie.lists import columns
from vigie.lists.entries import Claim, Entry, FrameValue, Kind, PictureValue, Role
from vigie.lists.file import StaleListError
from vigie.lists.policy import Policy
from vigie.matching.matcher import Matcher
from vigie.matching.verdicts import CONTRADICTED, FEW_FRAMES, ROW_GATED, SHORTENED, Match, Outcome, TimeRanges

NEGATIVES = gates.built_in().values
BLANK = NEGATIVES[0].tobytes()
PATTERN = NEGATIVES[np.bitwise_count(NEGATIVES).sum(axis=1) == 128][300].tobytes()


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


def known_as(entry: Entry, policy=None) -> tuple[Outcome, bool | None, str]:
    answer = verdict(picture(pdq_value(5)), opened([entry], policy=policy), of=digests(1))
    return answer.verdict, answer.matches[0].collision_prone if answer.matches else None, answer.reason


class TestExact:
    SHA256, SHA1, MD5 = (digest(1, algorithm=one) for one in (Algorithm.SHA256, Algorithm.SHA1, Algorithm.MD5))
    OTHER = digest(2, algorithm=Algorithm.SHA256)

    @pytest.mark.parametrize(
        ("held", "outcome", "algorithm"),
        [
            ({"sha256": SHA256}, Outcome.KNOWN, "sha256"),
            ({"sha256": SHA256, "sha1": SHA1, "md5": MD5}, Outcome.KNOWN, "sha256"),
            ({"sha256": SHA256, "md5": bytes(16)}, Outcome.KNOWN, "sha256"),
            ({"sha256": None, "sha1": SHA1}, Outcome.KNOWN, "sha1"),
            ({"sha256": None, "sha1": SHA1, "md5": MD5}, Outcome.KNOWN, "sha1"),
            ({"sha256": None, "md5": MD5}, Outcome.KNOWN, "md5"),
            ({"sha256": OTHER, "md5": MD5}, Outcome.UNKNOWN, None),
            ({"sha256": OTHER, "sha1": SHA1}, Outcome.UNKNOWN, None),
            ({"sha256": OTHER, "sha1": SHA1, "md5": MD5}, Outcome.UNKNOWN, None),
            ({"sha256": None, "sha1": bytes(20), "md5": MD5}, Outcome.UNKNOWN, None),
            ({"sha256": OTHER}, Outcome.UNKNOWN, None),
        ],
    )
    def test_says_known_by_the_strongest_digest_unless_another_contradicts(self, held, outcome, algorithm):
        entry = picture_entry(1, values=(), **held)
        answer = verdict(picture(pdq_value(5)), opened([entry]), of=digests(1))
        assert answer.verdict is outcome
        assert [match.algorithm for match in answer.matches] == ([algorithm] if algorithm else [])
        assert [match.collision_prone for match in answer.matches] == ([algorithm != "sha256"] if algorithm else [])
        contradicted = outcome is Outcome.UNKNOWN and held != {"sha256": self.OTHER}
        assert (CONTRADICTED in answer.reason) == contradicted

    def test_another_entry_of_the_same_list_contradicts_too(self):
        bare = picture_entry(1, values=(), sha256=None, md5=self.MD5)
        other = picture_entry(2, values=(), sha256=self.OTHER, md5=self.MD5)
        assert verdict(picture(pdq_value(5)), opened([bare, other]), of=digests(1)).verdict is Outcome.UNKNOWN
        assert verdict(picture(pdq_value(5)), opened([bare]), opened([other]), of=digests(1)).verdict is Outcome.KNOWN

    def test_an_algorithm_that_the_list_does_not_use_still_contradicts(self):
        policy = Policy(algorithms=(Algorithm.MD5,))
        both = picture_entry(1, values=(), sha256=self.OTHER, md5=self.MD5)
        assert known_as(both, policy)[0] is Outcome.UNKNOWN
        assert known_as(picture_entry(1, values=(), sha256=self.SHA256), policy)[0] is Outcome.UNKNOWN

    def test_says_that_a_weak_digest_is_not_to_be_acted_on_alone(self):
        outcome, is_weak, reason = known_as(picture_entry(1, values=(), sha256=None, md5=self.MD5))
        assert (outcome, is_weak) == (Outcome.KNOWN, True)
        assert "MD5" in reason
        assert "not to be acted on alone" in reason

    @pytest.mark.parametrize(("of", "size_bytes", "gate"), [
        (Digests.EMPTY, 0, Gate.EMPTY), (digests(1), 0, Gate.EMPTY), (digests(1), 63, Gate.TRIVIAL),
    ])  # fmt: skip
    def test_trivial_content_is_gated_even_where_it_is_listed(self, of, size_bytes, gate):
        one = opened([picture_entry(1, sha256=of.sha256)])
        answer = verdict(Other(), one, of=of, size_bytes=size_bytes)
        assert (answer.verdict, answer.matches) == (Outcome.GATED, ())
        assert gate.sentence in answer.reason

    def test_a_negative_list_gates_by_sha256_and_not_by_md5(self):
        listed = opened([picture_entry(1, md5=self.MD5)])
        by_sha256 = opened([picture_entry(1, values=())], policy=Policy(negative=True))
        by_md5 = opened([picture_entry(2, values=(), md5=self.MD5)], policy=Policy(negative=True))
        assert verdict(Other(), listed, by_sha256, of=digests(1)).verdict is Outcome.GATED
        assert verdict(Other(), listed, by_md5, of=digests(1)).verdict is Outcome.KNOWN

    def test_a_decided_content_need_not_be_decoded(self):
        matcher = Matcher([opened([picture_entry(1)])], now=NOW)
        assert matcher.exact(digests(1), size_bytes=5000).is_decided
        assert matcher.exact(digests(2), size_bytes=0).is_decided
        assert not matcher.exact(digests(2), size_bytes=5000).is_decided


class TestWithoutValues:
    PROBLEM = Problem(code="decode.broken", message="It is cut short.", kind="picture")
    LIMIT = Problem(code="decode.too-large", message="It is over the limit.", examined=False)

    @pytest.mark.parametrize(
        ("what", "outcome"),
        [
            (Other(), Outcome.NOT_MEDIA),
            (PROBLEM, Outcome.UNREADABLE),
            (LIMIT, Outcome.NOT_EXAMINED),
            (clip(), Outcome.NOT_EXAMINED),
        ],
    )
    def test_is_never_unknown_and_may_be_known(self, what, outcome):
        one = opened([picture_entry(1)])
        answer = verdict(what, one)
        assert (answer.verdict, answer.matches) == (outcome, ())
        assert answer.problem == (what if isinstance(what, Problem) else None)
        known = verdict(what, one, of=digests(1))
        assert known.verdict is Outcome.KNOWN
        assert known.problem == answer.problem


class TestPictures:
    def test_a_match_says_everything(self):
        entry = picture_entry(1, claim=Claim("uk", "A", "Police"))
        answer = verdict(picture(flipped(pdq_value(1), 12)), opened([entry], name="UK", version=7))
        assert answer.matches == (
            Match(
                list="UK", list_version=7, depiction="picture 1", algorithm=Algorithm.PDQ, distance_bits=12,
                transform="none", scheme="uk", label="A", asserted_by="Police", asserted_at=NOW,
            ),
        )  # fmt: skip
        assert answer.verdict is Outcome.NEAR
        assert "12" not in answer.reason

    @pytest.mark.parametrize(("distance", "threshold", "outcome"), [
        (31, 31, Outcome.NEAR), (32, 31, Outcome.UNKNOWN), (10, 10, Outcome.NEAR), (11, 10, Outcome.UNKNOWN),
        (0, 0, Outcome.NEAR), (1, 0, Outcome.UNKNOWN),
    ])  # fmt: skip
    def test_the_threshold_is_the_lists(self, distance, threshold, outcome):
        one = opened([picture_entry(1)], policy=Policy(threshold_bits=threshold))
        assert verdict(picture(flipped(pdq_value(1), distance)), one).verdict is outcome

    @pytest.mark.parametrize("turn", range(8))
    def test_says_how_a_copy_was_turned_and_only_where_the_list_wants_turned_copies(self, turn):
        value = turned(pdq_value(500), **{f"t{turn}": pdq_value(1)})
        entry = picture_entry(1)
        answer = verdict(picture(value), opened([entry]))
        assert [match.transform for match in answer.matches] == [TURNS[turn].value]
        plain = verdict(picture(value), opened([entry], policy=Policy(turns=False)))
        assert plain.verdict is (Outcome.UNKNOWN if turn else Outcome.NEAR)

    @pytest.mark.parametrize(
        ("more", "transform"),
        [
            ({"upright": turned(pdq_value(1))}, "none"),
            ({"upright": turned(pdq_value(300), t1=pdq_value(1))}, None),
            ({"borderless": turned(pdq_value(1))}, "border-removed"),
            ({"borderless": turned(pdq_value(300), t4=pdq_value(1))}, "border-removed-mirrored"),
            ({"on_black": turned(pdq_value(1))}, "none"),
            ({"on_black": turned(pdq_value(300), t2=pdq_value(1))}, None),
        ],
    )
    def test_every_side_of_the_picture_is_looked_up(self, more, transform):
        answer = verdict(picture(pdq_value(200), **more), opened([picture_entry(1)]))
        assert [match.transform for match in answer.matches] == ([transform] if transform else [])

    @pytest.mark.parametrize("role", Role)
    def test_every_role_of_a_listed_value_is_found(self, role):
        entry = picture_entry(1, values=(PictureValue(role, pdq_value(1), 90),))
        [match] = verdict(picture(pdq_value(1)), opened([entry])).matches
        assert match.transform == ("border-removed" if role is Role.BORDERLESS else "none")

    def test_the_closest_of_several_ways_speaks_once_for_an_entry(self):
        value = turned(flipped(pdq_value(1), 9), t3=flipped(pdq_value(1), 4), t5=flipped(pdq_value(1), 4, seed=8))
        entry = picture_entry(
            1, values=(PictureValue(Role.STORED, pdq_value(1), 90), PictureValue(Role.UPRIGHT, pdq_value(1)))
        )
        [match] = verdict(picture(value), opened([entry])).matches
        assert (match.distance_bits, match.transform) == (4, "rotated-270")

    def test_known_comes_before_near_then_the_lists_in_order_then_the_distance(self):
        first = [
            picture_entry(1),
            picture_entry(2, sha256=None, values=(PictureValue(Role.STORED, pdq_value(9), None),)),
        ]
        second = [
            picture_entry(bits, sha256=None, values=(PictureValue(Role.STORED, flipped(pdq_value(9), bits), 80),))
            for bits in (20, 3)
        ]
        answer = verdict(picture(pdq_value(9)), opened(first, name="a"), opened(second, name="b"), of=digests(1))
        assert answer.verdict is Outcome.KNOWN
        assert [(match.list, match.depiction) for match in answer.matches] == [
            ("a", "picture 1"), ("a", "picture 2"), ("b", "picture 3"), ("b", "picture 20"),
        ]  # fmt: skip

    def test_what_is_known_by_a_digest_is_not_said_to_be_near_as_well(self):
        [match] = verdict(picture(pdq_value(1)), opened([picture_entry(1)]), of=digests(1)).matches
        assert match.algorithm is Algorithm.SHA256

    def test_a_list_without_an_algorithm_does_not_match_by_it(self):
        policy = Policy(algorithms=(Algorithm.SHA256, Algorithm.PDQ_FRAMES))
        assert verdict(picture(pdq_value(1)), opened([picture_entry(1)], policy=policy)).verdict is Outcome.UNKNOWN

    def test_a_picture_looked_at_in_part_says_so(self):
        assert SHORTENED in verdict(picture(pdq_value(1), shortened="frames"), opened([])).reason


class TestGated:
    @pytest.mark.parametrize(
        ("what", "gate"),
        [
            (picture(turned(pdq_value(1), quality=49)), Gate.LOW_QUALITY),
            (picture(turned(BLANK, quality=100)), Gate.UNBALANCED),
            (picture(turned(PATTERN)), Gate.NEGATIVE),
            (picture(pdq_value(1), width_px=63), Gate.TINY),
            (clip(turned(pdq_value(1), quality=10), turned(pdq_value(2), quality=10)), Gate.LOW_QUALITY),
        ],
    )
    def test_a_content_of_which_no_value_may_match_says_which_gate(self, what, gate):
        answer = verdict(what, opened([picture_entry(1)]))
        assert (answer.verdict, answer.matches) == (Outcome.GATED, ())
        assert gate.sentence in answer.reason

    def test_one_value_that_may_match_is_enough(self):
        what = picture(turned(pdq_value(1), quality=10), borderless=turned(pdq_value(2)))
        assert verdict(what, opened([picture_entry(1)])).verdict is Outcome.UNKNOWN
        assert verdict(what, opened([picture_entry(2)])).verdict is Outcome.NEAR

    def test_the_minimum_quality_is_each_lists_own(self):
        what = picture(turned(pdq_value(1), quality=40))
        strict, lax = opened([picture_entry(1)]), opened([picture_entry(1)], policy=Policy(min_quality=40), name="lax")
        assert [match.list for match in verdict(what, strict, lax).matches] == ["lax"]
        assert verdict(what, strict).verdict is Outcome.GATED
        assert verdict(what, strict, opened([], policy=Policy(min_quality=40))).verdict is Outcome.UNKNOWN

    def test_a_listed_value_that_may_never_match_does_not_and_it_is_said(self):
        low = picture_entry(1, values=(PictureValue(Role.STORED, pdq_value(1), 20),))
        near_blank = flipped(PATTERN, 30)
        degenerate = picture_entry(2, values=(PictureValue(Role.STORED, near_blank, 100),))
        for entry, asked in ((low, pdq_value(1)), (degenerate, flipped(near_blank, 31, seed=4))):
            answer = verdict(picture(asked), opened([entry]))
            assert answer.verdict is Outcome.UNKNOWN
            assert ROW_GATED in answer.reason

    def test_a_negative_list_gates_what_it_names_in_every_turn(self):
        negative = opened([picture_entry(1)], policy=Policy(negative=True, threshold_bits=8))
        listed = opened([picture_entry(1)])
        for what in (picture(flipped(pdq_value(1), 8)), picture(turned(pdq_value(50), t3=pdq_value(1)))):
            answer = verdict(what, listed, negative)
            assert (answer.verdict, answer.matches) == (Outcome.GATED, ())
            assert Gate.NEGATIVE_LIST.sentence in answer.reason
        unturned = opened([picture_entry(1)], policy=Policy(negative=True, turns=False))
        assert verdict(picture(turned(pdq_value(50), t3=pdq_value(1))), unturned).verdict is Outcome.UNKNOWN
        near = verdict(picture(flipped(pdq_value(1), 9)), listed, negative)
        assert near.verdict is Outcome.UNKNOWN
        assert ROW_GATED in near.reason

    def test_a_negative_list_matches_nothing(self):
        assert verdict(picture(pdq_value(9)), opened([picture_entry(1)], policy=Policy(negative=True))).matches == ()


class TestVideos:
    KNOWN = video_entry(3, frames=6)  # frames 3000 … 3005, five seconds each
    OWN = tuple(pdq_value(3000 + at) for at in range(6))

    def test_two_videos_match_by_shares_with_time_ranges(self):
        strangers = [pdq_value(70 + at) for at in range(4)]
        answer = verdict(clip(*strangers, *self.OWN[1:4]), opened([self.KNOWN]))
        [match] = answer.matches
        assert (answer.verdict, match.algorithm, match.distance_bits) == (Outcome.NEAR, Algorithm.PDQ_FRAMES, 0)
        assert (match.share_of_query, match.share_of_known) == (3 / 7, 0.5)
        assert match.time_ranges == TimeRanges((TimeRange(40, 68),), (TimeRange(5, 19),))

    def test_a_copy_is_turned_as_a_whole(self):
        mirrored = [turned(pdq_value(80 + at), t4=one) for at, one in enumerate(self.OWN)]
        [match] = verdict(clip(*mirrored), opened([self.KNOWN])).matches
        assert match.transform == "mirrored"
        each_another = [turned(pdq_value(80 + at), **{f"t{at + 1}": one}) for at, one in enumerate(self.OWN)]
        assert verdict(clip(*each_another), opened([self.KNOWN])).verdict is Outcome.UNKNOWN

    def test_too_few_frames_in_common_are_no_match_and_it_is_said(self):
        strangers = [pdq_value(70 + at) for at in range(5)]
        answer = verdict(clip(*strangers, *self.OWN[:2]), opened([self.KNOWN]))
        assert answer.verdict is Outcome.UNKNOWN
        assert FEW_FRAMES in answer.reason

    def test_how_much_is_enough_is_the_lists_rule(self):
        query = clip(*[pdq_value(70 + at) for at in range(8)], *self.OWN[:2])
        lax = opened([self.KNOWN], policy=Policy(min_frames=2, min_share=0.3))
        strict = opened([self.KNOWN], policy=Policy(min_frames=2, min_share=0.5))
        assert verdict(query, lax).verdict is Outcome.NEAR
        assert verdict(query, strict).verdict is Outcome.UNKNOWN

    def test_frames_that_may_never_match_are_in_no_number(self):
        black = [turned(BLANK, quality=0)] * 6
        [match] = verdict(clip(*black, *self.OWN[:3]), opened([self.KNOWN])).matches
        assert (match.share_of_query, match.share_of_known) == (1, 0.5)
        dark = tuple(FrameValue(60_000 + at, 60_001 + at, pdq_value(60 + at), 5) for at in range(6))
        longer = Entry("longer", Kind.VIDEO, CLAIM, NOW, frames=self.KNOWN.frames + dark)
        [match] = verdict(clip(*self.OWN[:3]), opened([longer])).matches
        assert match.share_of_known == 0.5

    def test_the_distance_is_the_median_of_the_matched_frames(self):
        frames = [flipped(one, bits) for one, bits in zip(self.OWN, (1, 2, 9, 20, 30, 31), strict=True)]
        [match] = verdict(clip(*frames), opened([self.KNOWN])).matches
        assert match.distance_bits == 9

    def test_one_frame_matches_a_listed_picture(self):
        query = clip(*[pdq_value(70 + at) for at in range(3)], flipped(pdq_value(1), 6))
        answer = verdict(query, opened([picture_entry(1)]))
        [match] = answer.matches
        assert (match.algorithm, match.distance_bits, match.share_of_query) == (Algorithm.PDQ_FRAMES, 6, 0.25)
        assert match.time_ranges == TimeRanges((TimeRange(30, 38),), ())
        assert match.share_of_known is None
        assert "listed picture" in answer.reason

    def test_a_still_of_a_listed_video_is_near_it_and_told_where(self):
        answer = verdict(picture(flipped(self.OWN[2], 6)), opened([self.KNOWN]))
        [match] = answer.matches
        assert (match.algorithm, match.distance_bits, match.share_of_known) == (Algorithm.PDQ_FRAMES, 6, 1 / 6)
        assert match.time_ranges == TimeRanges((), (TimeRange(10, 14),))
        assert "frame of a listed video" in answer.reason
        no_frames = Policy(algorithms=(Algorithm.SHA256, Algorithm.PDQ))
        assert verdict(picture(self.OWN[2]), opened([self.KNOWN], policy=no_frames)).verdict is Outcome.UNKNOWN

    def test_an_animated_picture_is_a_picture_and_a_video(self):
        frames = clip(*self.OWN).frames
        both = opened([self.KNOWN, picture_entry(1)])
        answer = verdict(picture(pdq_value(1), frames=frames), both)
        assert [match.depiction for match in answer.matches] == ["picture 1", "video 3"]

    def test_a_video_seen_in_part_says_so(self):
        assert SHORTENED in verdict(clip(pdq_value(1), shortened="time"), opened([])).reason


class TestMatcher:
    def test_a_list_that_has_run_out_is_refused(self):
        lists = [opened([]), opened([], valid_until=NOW)]
        with pytest.raises(StaleListError):
            Matcher(lists, now=NOW)
        Matcher(lists, now=NOW - timedelta(seconds=1))

    def test_without_any_list_everything_readable_is_unknown(self):
        assert verdict(picture(pdq_value(1))).verdict is Outcome.UNKNOWN


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
