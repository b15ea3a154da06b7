# SPDX-License-Identifier: Apache-2.0
"""Look-ups over a real catalogue: what is claimed, on whose word, and what stops it."""

import hashlib
from datetime import timedelta

import msgspec
import numpy as np
import pytest

from node.features.matching.asking import NOW, ask, depict, digest, make_list, moved, say, value
from vigie.fingerprints.values import Algorithm
from vigie.fingerprints.video import FrameSpan
from vigie.matching.verdicts import Outcome
from vigie_node.alarms import queries as alarms
from vigie_node.base.actor import COMMAND
from vigie_node.catalogue import actions as catalogue
from vigie_node.catalogue import list_actions as lists
from vigie_node.catalogue.identity import NewFingerprint
from vigie_node.catalogue.models import Fingerprint
from vigie_node.catalogue.rules import Mode, Policy
from vigie_node.catalogue.states import Kind, OverrideKind
from vigie_node.matching import actions as matching
from vigie_node.matching import answers, lookup
from vigie_node.matching.questions import Question

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_index")]


class TestDigests:
    def test_an_equal_sha256_is_known(self):
        make_list()
        content = digest(Algorithm.SHA256, "a shape")
        said = say(depict((Algorithm.SHA256, content)))
        found = ask(Question(Algorithm.SHA256, content))
        assert found.verdict is Outcome.KNOWN
        assert [(one.list_name, one.label, one.assertions) for one in found.claims] == [("known", "baseline", (said,))]

    def test_an_equal_md5_alone_is_marked_collision_prone(self):
        make_list()
        say(depict((Algorithm.MD5, digest(Algorithm.MD5, "a shape"))))
        found = ask(Question(Algorithm.MD5, digest(Algorithm.MD5, "a shape")))
        assert found.verdict is Outcome.KNOWN
        assert found.claims[0].collision_prone
        assert "forged" in found.reason

    def test_a_differing_sha256_refutes_an_equal_md5(self):
        make_list()
        md5 = digest(Algorithm.MD5, "a shape")
        say(depict((Algorithm.MD5, md5), (Algorithm.SHA256, digest(Algorithm.SHA256, "a shape"))))
        found = ask(Question(Algorithm.MD5, md5), Question(Algorithm.SHA256, digest(Algorithm.SHA256, "another shape")))
        assert found.verdict is Outcome.UNKNOWN
        assert not found.claims
        assert "another content" in found.reason

    @pytest.mark.parametrize("policy", [{"mode": Mode.OFF}, {"mode": Mode.SHADOW}, {"algorithms": (Algorithm.PDQ,)}])
    def test_a_refuted_one_is_told_of_no_list_that_would_not_have_told_a_match(self, policy):
        make_list(**policy)
        md5 = digest(Algorithm.MD5, "a shape")
        say(depict((Algorithm.MD5, md5), (Algorithm.SHA256, digest(Algorithm.SHA256, "a shape"))))
        made_up = Question(Algorithm.SHA256, digest(Algorithm.SHA256, "nothing"))
        found = ask(Question(Algorithm.MD5, md5), made_up)
        assert found == ask(made_up)  # or whoever makes up a second digest learns what is in the catalogue

    def test_an_empty_file_never_matches(self):
        make_list()
        assert ask(Question(Algorithm.MD5, hashlib.md5(b"").digest())).verdict is Outcome.GATED


class TestNearValues:
    @pytest.mark.parametrize(("bits", "verdict"), [(0, Outcome.NEAR), (30, Outcome.NEAR), (32, Outcome.UNKNOWN)])
    def test_a_value_is_near_up_to_31_bits(self, bits, verdict):
        make_list()
        say(depict((Algorithm.PDQ, value(1))))
        found = ask(Question(Algorithm.PDQ, moved(value(1), bits)))
        assert found.verdict is verdict
        assert [one.distance_bits for one in found.claims] == ([bits] if verdict is Outcome.NEAR else [])

    def test_each_list_has_its_own_threshold(self):
        make_list("wide")
        make_list("narrow", threshold_bits=10)
        say(depict((Algorithm.PDQ, value(1))))
        assert [one.list_name for one in ask(Question(Algorithm.PDQ, moved(value(1), 20))).claims] == ["wide"]

    def test_a_list_of_one_value_matches_after_a_restart(self):
        make_list()
        say(depict((Algorithm.PDQ, value(1))))
        assert ask(Question(Algorithm.PDQ, value(1))).verdict is Outcome.NEAR
        lookup.forget()
        assert ask(Question(Algorithm.PDQ, value(1))).verdict is Outcome.NEAR

    def test_a_value_of_low_quality_is_gated(self):
        make_list()
        say(depict((Algorithm.PDQ, value(1))))
        assert ask(Question(Algorithm.PDQ, value(1), quality=20)).verdict is Outcome.GATED

    def test_a_blank_value_is_gated(self):
        assert ask(Question(Algorithm.PDQ, bytes(32))).verdict is Outcome.GATED

    def test_what_a_negative_list_names_is_gated(self):
        make_list()
        make_list("logos", negative=True, classes={"bank": ("logos",)}, threshold_bits=12)
        shown = depict((Algorithm.PDQ, value(1)))
        say(shown)
        say(shown, scheme="bank", label="logos", by="ourselves")
        assert ask(Question(Algorithm.PDQ, moved(value(1), 8))).verdict is Outcome.GATED
        assert ask(Question(Algorithm.PDQ, moved(value(1), 20))).verdict is Outcome.NEAR

    def test_a_negative_list_in_shadow_keeps_nothing_from_matching(self):
        make_list()
        make_list("logos", negative=True, classes={"bank": ("logos",)}, mode=Mode.SHADOW)
        shown = depict((Algorithm.PDQ, value(1)))
        say(shown)
        say(shown, scheme="bank", label="logos", by="ourselves")
        assert ask(Question(Algorithm.PDQ, value(1))).verdict is Outcome.NEAR


class TestVideos:
    def test_a_still_of_a_listed_video_is_near(self):
        make_list()
        say(depict((Algorithm.PDQ_FRAMES, value(1)), (Algorithm.PDQ_FRAMES, value(2)), kind=Kind.VIDEO))
        found = ask(Question(Algorithm.PDQ, moved(value(2), 4)))
        assert [(one.algorithm, one.distance_bits) for one in found.claims] == [(Algorithm.PDQ_FRAMES, 4)]

    def test_one_frame_in_common_is_not_enough_for_two_videos(self):
        make_list()
        frames = [value(seed) for seed in range(1, 7)]
        depiction = catalogue.record_depiction(
            [
                NewFingerprint(Algorithm.PDQ_FRAMES, frame, start_ms=1000 * place, end_ms=1000 * place + 900)
                for place, frame in enumerate(frames)
            ],
            kind=Kind.VIDEO, by=COMMAND, now=NOW,
        )  # fmt: skip
        say(depiction)
        assert ask(*_video([frames[0], *map(value, range(20, 25))])).verdict is Outcome.UNKNOWN
        assert ask(*_video([*frames[:4], value(30)])).verdict is Outcome.NEAR


def _video(frames):
    return [
        Question(Algorithm.PDQ_FRAMES, frame, frame=FrameSpan(place, place + 0.9, frame))
        for place, frame in enumerate(frames)
    ]


class TestWhatStopsAMatch:
    def test_a_revocation_stops_it_at_once(self):
        make_list()
        said = say(depict((Algorithm.PDQ, value(1))))
        assert ask(Question(Algorithm.PDQ, value(1))).claims
        catalogue.revoke(said, reason="a mistake", by=COMMAND, now=NOW)
        assert not ask(Question(Algorithm.PDQ, value(1))).claims

    def test_it_still_matches_on_the_word_of_another(self):
        make_list()
        shown = depict((Algorithm.PDQ, value(1)))
        first = say(shown)
        second = say(shown, by="hotline two", at=NOW + timedelta(minutes=1))
        catalogue.revoke(first, reason="a mistake", by=COMMAND, now=NOW)
        assert [one.assertions for one in ask(Question(Algorithm.PDQ, value(1))).claims] == [(second,)]

    def test_a_quorum_of_two_needs_two_sources(self):
        make_list(quorum=2)
        shown = depict((Algorithm.PDQ, value(1)))
        say(shown)
        say(shown, label="national", at=NOW + timedelta(minutes=1))
        assert not ask(Question(Algorithm.PDQ, value(1))).claims
        say(shown, by="hotline two", at=NOW + timedelta(minutes=2))
        assert ask(Question(Algorithm.PDQ, value(1))).claims

    def test_a_list_switched_off_matches_nothing(self):
        list_id = make_list()
        say(depict((Algorithm.PDQ, value(1))))
        lists.change_list(
            list_id, policy=Policy(mode=Mode.OFF), expected_version=1, reason="a test", by=COMMAND, now=NOW
        )
        assert not ask(Question(Algorithm.PDQ, value(1))).claims

    def test_a_match_in_shadow_is_not_told(self):
        make_list(mode=Mode.SHADOW)
        say(depict((Algorithm.PDQ, value(1))))
        found = ask(Question(Algorithm.PDQ, value(1)))
        assert found.verdict is Outcome.UNKNOWN
        assert [one.is_shadow for one in found.claims] == [True]
        assert not found.told

    def test_a_stable_share_lets_the_same_depictions_in_every_time(self):
        make_list(mode=Mode.SHARE, share=0.5)
        for seed in range(40):
            say(depict((Algorithm.PDQ, value(seed))))
        rounds = [[bool(ask(Question(Algorithm.PDQ, value(seed))).claims) for seed in range(40)] for _ in range(2)]
        assert rounds[0] == rounds[1]
        assert 5 < sum(rounds[0]) < 35


class TestLabels:
    def test_every_scheme_in_which_a_source_spoke_is_told(self):
        make_list()
        shown = depict((Algorithm.PDQ, value(1)))
        said = [say(shown, scheme="uk", label="A"), say(shown), say(shown, by="hotline two", scheme="uk", label="C")]
        [claim] = ask(Question(Algorithm.PDQ, value(1))).claims
        assert claim.labels == {"inhope": "baseline", "uk": "A"}
        assert set(claim.assertions) == set(said)


class TestFollowing:
    def test_a_value_counts_from_the_next_question_on(self):
        make_list()
        assert ask(Question(Algorithm.PDQ, value(1))).verdict is Outcome.UNKNOWN
        say(depict((Algorithm.PDQ, value(1))))
        assert ask(Question(Algorithm.PDQ, value(1))).verdict is Outcome.NEAR

    def test_the_answers_are_those_of_brute_force_whatever_was_folded(self):

        make_list()
        rng = np.random.default_rng(7)
        values = [value(seed) for seed in range(60)]
        for place, one in enumerate(values):
            say(depict((Algorithm.PDQ, one)))
            if place in {20, 45}:
                matching.publish(lookup.of_catalogue(), by=COMMAND, now=NOW)
        for attempt in range(30):
            asked = moved(values[int(rng.integers(60))], int(rng.integers(0, 60)))
            expected = sorted(
                distance
                for distance in (
                    int(np.bitwise_count(np.frombuffer(asked, np.uint8) ^ np.frombuffer(one, np.uint8)).sum())
                    for one in values
                )
                if distance <= 31
            )
            if attempt == 15:
                lookup.forget()
            assert [one.distance_bits for one in ask(Question(Algorithm.PDQ, asked)).claims] == expected
        assert matching.reconcile(lookup.of_catalogue(), by=COMMAND, now=NOW)

    def test_drift_raises_an_alarm_and_the_index_is_made_anew(self):

        depict((Algorithm.PDQ, value(1)))
        lookup.of_catalogue().catch_up()
        Fingerprint.objects.update(value=value(2))
        assert not matching.reconcile(lookup.of_catalogue(), by=COMMAND, now=NOW)
        assert [one.code for one in alarms.standing()] == ["INDEX_DRIFT"]
        assert matching.reconcile(lookup.of_catalogue(), by=COMMAND, now=NOW)


def test_a_policy_survives_the_database():
    policy = Policy(classes={"inhope": ("baseline",)}, quorum=2, mode=Mode.SHARE, share=0.25)
    assert msgspec.convert(msgspec.to_builtins(policy), Policy) == policy


class TestAFlood:
    def test_a_value_in_quarantine_holds_no_look_up_up(self):
        make_list()
        for number in range(6):
            say(depict((Algorithm.PDQ, value(1)), (Algorithm.SHA256, digest(Algorithm.SHA256, str(number)))))
        asked = Question(Algorithm.PDQ, value(1))
        with pytest.raises(answers.TooManyCandidatesError):
            ask(asked, max_candidates=3)
        looked_at = (NOW + timedelta(days=30)).date()
        catalogue.override(
            Algorithm.PDQ, value(1), kind=OverrideKind.QUARANTINED, reason="a flood", review_on=looked_at, by=COMMAND,
            now=NOW,
        )  # fmt: skip
        assert ask(asked, max_candidates=3).verdict is Outcome.UNKNOWN
