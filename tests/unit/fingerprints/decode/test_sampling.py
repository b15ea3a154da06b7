# SPDX-License-Identifier: Apache-2.0
import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie.fingerprints.decode import sampling
from vigie.fingerprints.decode.sampling import FRAMES_AT_MOST, Shot, Timeline


def shots(changes, *, rate=10, keys=()):
    return [Shot(number / rate, number, is_key=number in keys, change=change) for number, change in enumerate(changes)]


def taken(changes, *, full=True, rate=10, keys=()):
    return [shot.frame for shot in sampling.chosen(shots(changes, rate=rate, keys=keys), full=full)]


class TestTimeline:
    @pytest.mark.parametrize(
        ("start", "given_times", "shown"),
        [
            pytest.param(0.0, [0, 0.1, 0.2], [0, 0.1, 0.2], id="regular"),
            pytest.param(0.0, [0, 0.1, 5, 5.05], [0, 0.1, 5, 5.05], id="variable rate"),
            pytest.param(7.0, [7, 7.1], [0, 0.1], id="starts late"),
            pytest.param(-2.0, [-2, -1.9], [0, 0.1], id="starts before zero"),
            pytest.param(None, [30, 30.1], [0, 0.1], id="start not stated"),
            pytest.param(1.0, [0.5, 1.2], [0, 0.2], id="frames before the stated start"),
            pytest.param(None, [None, None, None], [0, 0.1, 0.2], id="no times at all"),
            pytest.param(0.0, [0, None, 0.3], [0, 0.1, 0.3], id="one time missing"),
            pytest.param(0.0, [0, 0.1, -50, -49.9, -49.8], [0, 0.1, 0.2, 0.3, 0.4], id="jumps back and goes on"),
            pytest.param(0.0, [0, 0.1, 95443.7, 95443.8], [0, 0.1, 0.2, 0.3], id="jumps a day ahead and goes on"),
            pytest.param(0.0, [0, 0, 0], [0, 0, 0], id="stands still"),
            pytest.param(9e9, [0, 0.1], [0, 0, 0.1][:2], id="stated start is nonsense"),
        ],
    )
    def test_mends(self, start, given_times, shown):
        timeline = Timeline(start_seconds=start, rate=10)
        assert [timeline.at(time) for time in given_times] == pytest.approx(shown)

    @given(
        st.none() | st.floats(-1e6, 1e6),
        st.lists(st.none() | st.floats(-1e12, 1e12)),
        st.floats(1, 120),
    )
    def test_never_goes_back_and_never_leaps(self, start, times, rate):
        timeline = Timeline(start_seconds=start, rate=rate)
        shown = [0.0, *(timeline.at(time) for time in times)]
        steps = [after - before for before, after in itertools.pairwise(shown)]
        assert all(0 <= step <= sampling.LARGEST_STEP_SECONDS * 1.001 for step in steps)


class TestKeyPass:
    def test_takes_key_frames_alone(self):
        assert taken([1] * 40, full=False, keys=(0, 17, 39)) == [0, 17, 39]

    def test_takes_none_where_there_is_none(self):
        assert taken([1] * 40, full=False) == []

    def test_thins_out_a_video_of_key_frames_alone(self):
        assert taken([1] * 20, full=False, keys=range(20)) == [0, 5, 10, 15]

    def test_is_not_fooled_by_key_frames_that_all_claim_one_instant(self):
        crowd = [Shot(0.0, number, is_key=True) for number in range(3 * FRAMES_AT_MOST)]
        assert len(list(sampling.chosen(crowd, full=False))) == 3


class TestFullPass:
    def test_takes_the_calmest_moments(self):
        changes = [9, 8, 7, 6, 5, 4, 3, 4, 5, 6, 7, 8, 7, 6, 5, 2, 5, 6, 7, 8, 9]
        assert taken(changes) == [0, 6, 15]

    def test_agrees_on_them_wherever_the_copy_begins(self):
        changes = [5 + 4 * math.sin(number / 3) + math.sin(number * 1.7) for number in range(200)]
        whole = set(taken(changes, rate=25))
        for cut in (7, 18, 33):
            clip = [cut + number for number in taken(changes[cut : cut + 100], rate=25)]
            assert len(whole & set(clip)) >= 0.7 * len(clip)

    def test_takes_one_frame_a_second_where_nothing_moves(self):
        assert taken([0] * 40) == [0, 10, 20, 30]

    def test_takes_one_frame_a_second_where_it_never_calms_down(self):
        ever_wilder = taken(range(100))
        assert all(after - before <= 10 for before, after in itertools.pairwise(ever_wilder))
        ever_calmer = taken(range(100, 0, -1))
        assert all(after - before <= 10 for before, after in itertools.pairwise(ever_calmer))

    def test_takes_every_frame_of_a_slide_show(self):
        slides = [Shot(number * 5.0, number, change=30.0) for number in range(6)]
        assert [shot.frame for shot in sampling.chosen(slides, full=True)] == list(range(6))

    def test_takes_key_frames_too_in_their_order(self):
        changes = [9, 8, 7, 6, 5, 1, 5, 6, 7, 8, 9, 9]
        assert taken(changes, keys=(0, 7)) == [0, 5, 7]

    def test_gives_out_what_waits_when_the_video_ends(self):
        assert taken([9, 5, 1]) == [0, 2]
        assert taken([9, 5, 1, 9, 9], keys=(4,)) == [0, 2, 4]

    def test_does_not_let_timestamps_hide_frames(self):
        crowd = [Shot(0.0, number, change=5.0) for number in range(10 * FRAMES_AT_MOST)]
        assert len(list(sampling.chosen(crowd, full=True))) >= 10

    def test_nothing_in_nothing_out(self):
        assert taken([]) == []

    @given(
        st.lists(st.tuples(st.floats(0, 2), st.floats(0, 255), st.booleans()), max_size=60),
        st.booleans(),
    )
    def test_keeps_order_takes_nothing_twice_and_leaves_no_second_out(self, steps, full):
        at, clip = 0.0, []
        for number, (step, change, is_key) in enumerate(steps):
            at += step
            clip.append(Shot(at, number, is_key=is_key, change=change))
        picked = list(sampling.chosen(clip, full=full))
        numbers = [shot.frame for shot in picked]
        assert numbers == sorted(set(numbers))
        if full and clip:
            assert numbers[0] == 0 or clip[numbers[0]].at_seconds - clip[0].at_seconds <= sampling.CALM_SECONDS
            for shot in clip:
                assert any(abs(shot.at_seconds - other.at_seconds) <= 1.0 + 1e-9 for other in picked)
