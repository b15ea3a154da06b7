# SPDX-License-Identifier: Apache-2.0
"""A value that our own organisation, or a quarantine, keeps from matching undoes what matched by it before."""

import pytest

from node.features.sightings.seeing import (
    LATER,
    NOW,
    ask,
    depict,
    hold_back,
    make_list,
    picture,
    retrace_all,
    say,
    standing_tasks,
    value,
)
from vigie.fingerprints.values import Algorithm
from vigie_node.base.actor import COMMAND, NODE
from vigie_node.catalogue import actions as catalogue
from vigie_node.catalogue.rules import Mode
from vigie_node.flows import quarantine
from vigie_node.matching.questions import Question
from vigie_node.sightings import undoing
from vigie_node.sightings.models import Match, Sweep, Tally, Task

pytestmark = pytest.mark.django_db


class TestHeldBack:
    def test_undoes_what_matched_by_the_value_and_asks_somebody_to_look(self):
        depiction = depict(*picture(1))
        say(depiction)
        make_list()
        ask(picture(1, bits=6))
        hold_back(Algorithm.PDQ, value(1))
        retrace_all()
        assert Match.objects.get().undone_at == LATER
        assert [one for _, one in standing_tasks("NO_LONGER_KNOWN")] == [depiction]
        assert not Tally.objects.exists()
        assert Sweep.objects.get(cause="OVERRIDE_MADE").undone == 1

    def test_what_matches_by_another_value_too_goes_on_by_that_one_without_a_task(self):
        say(depict(*picture(1)))
        make_list()
        ask(picture(1))
        assert Match.objects.get().algorithm == "sha256"
        hold_back(Algorithm.SHA256, picture(1)[0].value)
        retrace_all()
        stands = Match.objects.get(undone_at=None)
        assert (stands.algorithm, stands.found_by) == ("sha1", "RETRACE")
        assert not Task.objects.exists()
        assert Tally.objects.get().sightings == 1
        hold_back(Algorithm.SHA1, picture(1)[1].value)
        hold_back(Algorithm.MD5, picture(1)[2].value)
        retrace_all()
        assert Match.objects.get(undone_at=None).algorithm == "pdq"
        hold_back(Algorithm.PDQ, value(1))
        retrace_all()
        assert not Match.objects.filter(undone_at=None).exists()
        assert len(standing_tasks("NO_LONGER_KNOWN")) == 1

    def test_undoes_no_match_by_other_values(self):
        for seed in (1, 2):
            say(depict(*picture(seed)))
        make_list()
        ask(picture(1), picture(2)[3:])
        hold_back(Algorithm.PDQ, value(1))
        retrace_all()
        assert not Match.objects.exclude(undone_at=None).exists()

    def test_a_match_in_shadow_is_undone_without_a_task(self):
        say(depict(*picture(1)))
        make_list(mode=Mode.SHADOW)
        ask(picture(1)[3:])
        hold_back(Algorithm.PDQ, value(1))
        retrace_all()
        assert Match.objects.get().undone_at is not None
        assert not Task.objects.exists()

    def test_more_matches_than_are_asked_again_at_once_are_all_undone(self, monkeypatch):
        say(depict(*picture(1)))
        make_list()
        ask(*[picture(1, bits=2 * bits) for bits in range(1, 11)])
        monkeypatch.setattr(undoing, "SLICE", 4)
        hold_back(Algorithm.PDQ, value(1))
        retrace_all()
        assert not Match.objects.filter(undone_at=None).exists()
        assert Task.objects.count() == 10

    def test_let_go_it_is_looked_back_for_and_the_untaken_task_is_closed(self):
        say(depict(*picture(1)))
        make_list()
        ask(picture(1)[3:])
        held = hold_back(Algorithm.PDQ, value(1))
        retrace_all()
        catalogue.end_override(held, reason="looked at", by=COMMAND, now=NOW)
        retrace_all()
        assert Match.objects.filter(undone_at=None).count() == 1
        assert not standing_tasks("NO_LONGER_KNOWN")
        assert len(standing_tasks("KNOWN_SINCE")) == 1

    def test_a_flood_in_quarantine_undoes_what_it_matched(self):
        say(depict(*picture(1)))
        make_list(flood_per_hour=3)
        ask(*[picture(1)[3:]] * 4)
        assert quarantine.step(by=NODE, now=NOW) == 1
        retrace_all()
        assert len(standing_tasks("NO_LONGER_KNOWN")) == 4

    def test_a_video_of_which_a_frame_was_held_back_is_asked_again(self):
        frames = [Question(Algorithm.PDQ_FRAMES, value(seed)) for seed in range(2)]
        say(depict(*frames))
        make_list()
        ask([Question(Algorithm.PDQ, value(0), 100)], [Question(Algorithm.PDQ, value(1), 100)])
        assert Match.objects.filter(algorithm="pdq-frames").count() == 2
        hold_back(Algorithm.PDQ_FRAMES, value(0))
        retrace_all()
        assert Match.objects.filter(undone_at=None).count() == 1
