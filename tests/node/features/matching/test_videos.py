# SPDX-License-Identifier: Apache-2.0
"""Videos in the catalogue: each list judges frames by its own policy, as the engine does with a list file."""

import pytest

from node.features.matching.asking import ask, depict, frames, make_list, moved, say, value, video
from vigie.fingerprints.values import Algorithm
from vigie.matching.verdicts import Outcome
from vigie_node.catalogue.states import Kind
from vigie_node.matching.questions import Question

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_index")]
PDQ = Algorithm.PDQ
SHOWN = [value(seed) for seed in range(6)]


def claims(*questions):
    return {one.list_name: one.distance_bits for one in ask(*questions).claims}


class TestOfAVideo:
    def test_a_depiction_with_values_and_frames_is_found_by_either(self):
        """An animated picture, listed by one source as a picture and by another as a video."""
        make_list()
        say(depict((PDQ, moved(SHOWN[0], 10)), *frames(SHOWN[:4]), kind=Kind.VIDEO))
        assert claims(*video(SHOWN[:4])) == {"known": 0}
        assert claims(*video([SHOWN[0], value(90), value(91)])) == {"known": 10}
        assert claims(Question(PDQ, SHOWN[0])) == {"known": 0}

    def test_frames_beyond_a_lists_threshold_do_not_help_to_reach_it(self):
        make_list("wide")
        make_list("narrow", threshold_bits=10)
        say(depict(*frames(SHOWN), kind=Kind.VIDEO))
        half = [*SHOWN[:2], *(moved(one, 20) for one in SHOWN[2:4]), value(90), value(91)]
        assert claims(*video(half)) == {"wide": 0}
        assert claims(*video([*SHOWN[:4], value(90), value(91)])) == {"wide": 0, "narrow": 0}

    def test_frames_under_a_lists_quality_do_not_count_for_it(self):
        make_list("any")
        make_list("good", min_quality=80)
        say(depict(*frames(SHOWN, quality=90), kind=Kind.VIDEO))
        assert claims(*video(SHOWN, quality=60)) == {"any": 0}
        assert claims(*video([SHOWN[0]], quality=90), *video(SHOWN[1:], quality=60)) == {"any": 0}

    def test_the_nearest_frame_of_enough_quality_speaks_for_a_still(self):
        make_list(min_quality=80)
        weak, strong = frames([SHOWN[0]], quality=60), frames([moved(SHOWN[0], 8)], quality=90)
        say(depict(*weak, *strong, kind=Kind.VIDEO))
        assert claims(Question(PDQ, SHOWN[0], 95)) == {"known": 8}

    def test_blank_frames_are_left_out_of_what_two_videos_have_in_common(self):
        make_list()
        say(depict(*frames(SHOWN[:2]), kind=Kind.VIDEO))
        assert ask(*video([SHOWN[0], bytes(32), bytes(32), bytes(32), SHOWN[1]])).verdict is Outcome.NEAR

    def test_a_frame_that_occurs_often_in_the_listed_video_does_not_widen_the_distance(self):
        make_list(threshold_bits=24)
        often = [moved(SHOWN[0], bits) for bits in (12, 14, 16, 18, 20, 22)]
        say(depict(*frames([*SHOWN[:4], *often]), kind=Kind.VIDEO))
        assert claims(*video(SHOWN[:4])) == {"known": 0}
