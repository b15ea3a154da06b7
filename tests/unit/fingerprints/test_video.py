# SPDX-License-Identifier: Apache-2.0
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie.fingerprints import values, video
from vigie.fingerprints.messages import Frame, Value
from vigie.fingerprints.video import COLLAPSE_BITS, FrameSpan, Overlap, OverlapRule, TimeRange

RULE = OverlapRule()


def picture(number, *, flipped_bits=0):
    """A value 128 bits from every other number's, with some bits flipped."""
    value = int.from_bytes(bytes([number] * 16 + [255 - number] * 16))
    return (value ^ ((1 << flipped_bits) - 1)).to_bytes(32)


def frame(at_seconds, pdq):
    return Frame(at_seconds=at_seconds, until_seconds=at_seconds, value=Value(turns=pdq * 8, quality=100))


def spans(*numbers, gated=(), seconds_apart=1.0):
    """One span a number, at whole seconds; the numbers in `gated` may not match."""
    return [
        FrameSpan(place * seconds_apart, place * seconds_apart, picture(number), number not in gated)
        for place, number in enumerate(numbers)
    ]


def compared(query, known):
    """Compare with every pair of equal pictures, as an index would find them."""
    pairs = [(q, k) for q, one in enumerate(query) for k, other in enumerate(known) if one.pdq == other.pdq]
    return video.compare(pairs, query=query, known=known)


class TestCollapse:
    def test_joins_near_equal_neighbours_and_keeps_when_they_end(self):
        near = picture(1, flipped_bits=COLLAPSE_BITS)
        joined = list(
            video.collapse([frame(0, picture(1)), frame(1, near), frame(2, picture(2)), frame(3, picture(1))])
        )
        assert [(f.at_seconds, f.until_seconds) for f in joined] == [(0, 1), (2, 2), (3, 3)]
        assert joined[0].value.pdq == picture(1)

    def test_keeps_what_differs_by_one_bit_more(self):
        apart = picture(1, flipped_bits=COLLAPSE_BITS + 1)
        assert len(list(video.collapse([frame(0, picture(1)), frame(1, apart)]))) == 2

    def test_does_not_drift_away_with_a_slow_fade(self):
        fade = [frame(step, picture(1, flipped_bits=4 * step)) for step in range(30)]
        kept = list(video.collapse(fade))
        assert len(kept) == 10
        assert values.distance_bits(kept[0].value.pdq, kept[-1].value.pdq) > 100

    def test_nothing_in_nothing_out(self):
        assert list(video.collapse([])) == []

    def test_holds_one_frame_however_long_the_video(self):
        endless = (frame(step, picture(step // 2 % 200)) for step in range(10**9))
        assert next(video.collapse(endless)).until_seconds == 1

    @given(st.lists(st.integers(0, 5), max_size=40))
    def test_loses_no_time_and_no_change(self, numbers):
        kept = list(video.collapse(frame(at, picture(number)) for at, number in enumerate(numbers)))
        shown = [f.value.pdq for f in kept for _ in range(int(f.until_seconds - f.at_seconds) + 1)]
        assert shown == [picture(number) for number in numbers]


class TestCompare:
    def test_a_copy_is_all_there(self):
        overlap = compared(spans(*range(10)), spans(*range(10)))
        assert overlap == Overlap(1.0, 1.0, (TimeRange(0, 9),), (TimeRange(0, 9),), 10, 1.0)

    def test_a_clip_inside_a_longer_video_is_found_with_its_place_in_both(self):
        overlap = compared(spans(*range(40, 50)), spans(*range(100)))
        assert overlap.share_of_query == 1.0
        assert overlap.share_of_known == pytest.approx(0.1)
        assert overlap.ranges_query == (TimeRange(0, 9),)
        assert overlap.ranges_known == (TimeRange(40, 49),)

    def test_two_clips_inside_a_longer_video_are_two_ranges(self):
        overlap = compared(spans(*range(10, 15), *range(60, 65)), spans(*range(100)))
        assert overlap.ranges_query == (TimeRange(0, 9),)
        assert overlap.ranges_known == (TimeRange(10, 14), TimeRange(60, 64))

    def test_a_frame_that_fails_to_match_does_not_cut_a_stretch_in_two(self):
        query = spans(*range(10))
        overlap = video.compare([(n, n) for n in range(10) if n != 4], query=query, known=spans(*range(10)))
        assert overlap.ranges_query == (TimeRange(0, 9),)
        assert overlap.share_of_query == 1.0

    def test_key_frames_far_apart_are_one_stretch_where_nothing_lies_between(self):
        query = spans(*range(5), seconds_apart=10)
        assert compared(query, spans(*range(5), seconds_apart=10)).ranges_query == (TimeRange(0, 40),)

    def test_a_stretch_lasts_until_its_last_frame_does(self):
        query = [FrameSpan(0, 30, picture(1)), FrameSpan(31, 50, picture(2))]
        assert compared(query, query).ranges_query == (TimeRange(0, 50),)

    def test_gated_frames_count_for_nothing_and_cut_nothing(self):
        query = spans(1, 0, 0, 0, 0, 2, 0, gated=(0,))
        known = spans(0, 0, 1, 2, gated=(0,))
        overlap = compared(query, known)
        assert (overlap.share_of_query, overlap.share_of_known, overlap.distinct_frames) == (1.0, 1.0, 2)
        assert overlap.ranges_query == (TimeRange(0, 5),)

    def test_a_gated_frame_does_not_match_even_where_the_other_side_is_not(self):
        overlap = compared(spans(1, gated=(1,)), spans(1))
        assert overlap == Overlap(0.0, 0.0, (), (), 0, 0.0)

    def test_a_picture_that_comes_back_counts_once(self):
        overlap = compared(spans(9, 1, 9, 2, 9), spans(9, 3, 9, 4, 9))
        assert overlap.distinct_frames == 1

    def test_many_frames_near_one_known_frame_count_once(self):
        query = spans(1, 2, 3)
        overlap = video.compare([(0, 0), (1, 0), (2, 0)], query=query, known=spans(1))
        assert overlap.distinct_frames == 1

    def test_repeated_pairs_change_nothing(self):
        query, known = spans(1, 2, 3), spans(3, 2, 1)
        once = video.compare([(0, 2), (1, 1), (2, 0)], query=query, known=known)
        assert video.compare([(2, 0), (1, 1), (0, 2), (1, 1), (2, 0)], query=query, known=known) == once

    @pytest.mark.parametrize("known", [[], [0, 0]], ids=["empty", "all gated"])
    def test_a_video_without_frames_that_count_shares_nothing(self, known):
        assert compared(spans(1, 0), spans(*known, gated=(0,))) == Overlap(0.0, 0.0, (), (), 0, 0.0)

    def test_a_position_outside_is_an_error(self):
        with pytest.raises(IndexError):
            video.compare([(0, 7)], query=spans(1), known=spans(1))

    @given(
        st.lists(st.integers(0, 9), max_size=25), st.lists(st.integers(0, 9), max_size=25), st.sets(st.integers(0, 9))
    )
    def test_is_the_same_seen_from_the_other_side(self, one, other, gated):
        there = compared(spans(*one, gated=gated), spans(*other, gated=gated))
        back = compared(spans(*other, gated=gated), spans(*one, gated=gated))
        assert (there.share_of_query, there.ranges_query) == (back.share_of_known, back.ranges_known)
        assert there.distinct_frames == back.distinct_frames
        assert 0 <= there.share_of_query <= 1


class TestSuffices:
    @pytest.mark.parametrize(
        ("query", "known", "near"),
        [
            pytest.param(range(20), range(20), True, id="a copy"),
            pytest.param(range(40, 50), range(100), True, id="a clip inside a longer video"),
            pytest.param(range(100), range(40, 50), True, id="a longer video around a known clip"),
            pytest.param([*range(9), *range(100, 190)], [*range(9), *range(200, 231)], False, id="an intro in common"),
            pytest.param([9, *range(100, 150)], [9, *range(200, 250)], False, id="a logo in common"),
            pytest.param([9, 100, 9, 101, 9, 102, 9], [9, 200, 9, 201, 9, 202, 9], False, id="a logo that comes back"),
            pytest.param([0] * 50 + [*range(100, 110)], [0] * 50 + [*range(200, 210)], False, id="black in common"),
            pytest.param([0] * 9, [0] * 9, False, id="nothing but black"),
            pytest.param([9], [9, *range(200, 210)], False, id="a video of the logo alone"),
            pytest.param([9, *range(100, 110)], [9], False, id="a known video of the logo alone"),
            pytest.param([5], [5], True, id="a still video as a whole"),
            pytest.param([5, 6], [5, 6], True, id="a nearly still video as a whole"),
            pytest.param([5, 6], [5, 7], False, id="half of a nearly still video"),
            pytest.param(range(10), range(20, 30), False, id="strangers"),
        ],
    )
    def test_decides(self, query, known, near):
        overlap = compared(spans(*query, gated=(0,)), spans(*known, gated=(0,)))
        assert video.suffices(overlap, rule=RULE) is near

    @pytest.mark.parametrize(("frames", "share", "near"), [(3, 0.5, True), (2, 0.5, False), (3, 0.49, False)])
    def test_keeps_to_the_rule_at_its_edges(self, frames, share, near):
        assert video.suffices(Overlap(share, 0.1, (), (), frames, 0.1), rule=RULE) is near
