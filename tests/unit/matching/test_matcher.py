# SPDX-License-Identifier: Apache-2.0
from datetime import timedelta

import pytest

from unit.lists.list_building import CLAIM, NOW, flipped, opened, pdq_value, picture_entry, video_entry
from unit.matching.contents import BLANK, PATTERN, clip, digests, picture, turned, verdict
from vigie.fingerprints.gates import Gate
from vigie.fingerprints.messages import Other, Problem
from vigie.fingerprints.values import TURNS, Algorithm
from vigie.fingerprints.video import TimeRange
from vigie.lists.entries import Claim, Entry, FrameValue, Kind, PictureValue, Role
from vigie.lists.file import StaleListError
from vigie.lists.policy import Policy
from vigie.matching.matcher import Matcher
from vigie.matching.verdicts import FEW_FRAMES, ROW_GATED, SHORTENED, Match, Outcome, TimeRanges


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
