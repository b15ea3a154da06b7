# SPDX-License-Identifier: Apache-2.0
"""A negative list keeps its own values from matching, and cannot be used to hide what is known (ADR-0021)."""

import pytest

from node.features.matching.asking import ask, depict, digest, frames, make_list, moved, of_digest, say, value, video
from vigie.fingerprints.values import Algorithm
from vigie.matching.verdicts import Outcome
from vigie_node.catalogue.states import Kind
from vigie_node.matching.questions import Question

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_index")]
MD5, SHA256, PDQ, FRAMES = Algorithm.MD5, Algorithm.SHA256, Algorithm.PDQ, Algorithm.PDQ_FRAMES
LOGO = value(900)


@pytest.fixture
def logos():
    """A list of what is known, and a negative one of logos; a way to put something on it."""
    make_list(classes={"inhope": ("baseline",)})
    make_list("logos", negative=True, classes={"bank": ("logos",)})
    return lambda *prints: say(depict(*prints), scheme="bank", label="logos", by="ourselves")


def known(*prints, kind=Kind.PICTURE):
    return say(depict(*prints, kind=kind))


class TestDigests:
    def test_it_gates_a_content_by_its_sha256_whatever_its_values(self, logos):
        logos((SHA256, digest(SHA256, "logo")))
        known((PDQ, value(1)))
        found = ask(of_digest(SHA256, "logo"), of_digest(MD5, "logo"), Question(PDQ, value(1)))
        assert (found.verdict, found.claims) == (Outcome.GATED, ())

    @pytest.mark.parametrize("weak", [MD5, Algorithm.SHA1])
    def test_a_forged_digest_of_something_on_it_hides_nothing(self, logos, weak):
        logos((weak, digest(weak, "logo")))
        logos((weak, digest(weak, "other")), (SHA256, digest(SHA256, "other")))
        known((PDQ, value(1)))
        for forged in ("logo", "other"):
            assert ask(of_digest(weak, forged), Question(PDQ, value(1))).verdict is Outcome.NEAR

    def test_what_is_exactly_known_is_known_though_it_resembles_something_on_it(self, logos):
        logos((PDQ, LOGO))
        known((SHA256, digest(SHA256, "known")))
        asked = Question(PDQ, moved(LOGO, 20))
        assert ask(of_digest(SHA256, "known"), asked).verdict is Outcome.KNOWN
        assert ask(of_digest(SHA256, "unknown"), asked).verdict is Outcome.GATED


class TestValues:
    def test_a_turned_value_gates_its_side_of_the_picture_and_no_other(self, logos):
        logos((PDQ, LOGO))
        known((PDQ, value(1)))
        side = [Question(PDQ, value(1)), Question(PDQ, moved(LOGO, 4), transform="rotated-90")]
        assert ask(*side).verdict is Outcome.GATED
        assert ask(*side, Question(PDQ, value(1), transform="border-removed")).verdict is Outcome.NEAR
        assert ask(*side, Question(PDQ, moved(value(1), 2))).verdict is Outcome.NEAR

    def test_a_logo_in_a_video_does_not_hide_the_video(self, logos):
        logos((PDQ, LOGO))
        shown = [value(seed) for seed in range(5)]
        known(*frames(shown), kind=Kind.VIDEO)
        assert ask(*video([LOGO, *shown])).verdict is Outcome.NEAR
        assert ask(*video([LOGO, value(50), value(51)])).verdict is Outcome.UNKNOWN
        assert ask(*video([LOGO, moved(LOGO, 12)])).verdict is Outcome.GATED

    def test_a_logo_in_a_video_does_not_hide_a_known_picture_in_it(self, logos):
        logos((PDQ, LOGO))
        known((PDQ, value(1)))
        assert ask(*video([LOGO, value(1)])).verdict is Outcome.NEAR

    def test_frames_of_a_logo_make_no_video_near_another(self, logos):
        logos((PDQ, LOGO))
        known(*frames([LOGO, moved(LOGO, 12), moved(LOGO, 30), value(2)]), kind=Kind.VIDEO)
        assert ask(*video([LOGO, moved(LOGO, 12), moved(LOGO, 30), value(3)])).verdict is Outcome.UNKNOWN
