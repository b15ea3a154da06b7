# SPDX-License-Identifier: Apache-2.0
import pytest

from vigie.fingerprints.values import Algorithm
from vigie.lists.policy import MalformedPolicyError, Policy


class TestPolicy:
    @pytest.mark.parametrize(
        "changed",
        [
            {"threshold_bits": 32},
            {"threshold_bits": -1},
            {"min_quality": 101},
            {"min_quality": -1},
            {"algorithms": ()},
            {"algorithms": (Algorithm.PDQ, Algorithm.PDQ)},
            {"min_frames": 0},
            {"min_share": 0.0},
            {"min_share": 1.1},
            {"min_share": float("nan")},
        ],
    )
    def test_refuses_numbers_that_would_switch_a_rule_off(self, changed):
        with pytest.raises(MalformedPolicyError):
            Policy(**changed)

    def test_the_overlap_rule_is_the_lists(self):
        rule = Policy(min_frames=7, min_share=0.25).overlap_rule
        assert (rule.min_frames, rule.min_share) == (7, 0.25)
