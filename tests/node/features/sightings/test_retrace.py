# SPDX-License-Identifier: Apache-2.0
"""What was seen before comes up when it becomes known, and when it is known no longer."""

from datetime import timedelta

import pytest

from node.features.sightings.seeing import (
    LATER,
    NOW,
    ask,
    depict,
    digests,
    make_list,
    matched,
    organisation,
    picture,
    retrace_all,
    say,
    seen,
    standing_tasks,
    value,
)
from vigie.fingerprints.values import Algorithm
from vigie_node.base.actor import COMMAND, NODE, Actor, ActorKind
from vigie_node.base.ids import new_id
from vigie_node.catalogue import actions as catalogue
from vigie_node.catalogue.rules import Mode, Policy
from vigie_node.catalogue.states import DisputeOutcome, OverrideKind
from vigie_node.changes import actions as change_log
from vigie_node.changes import queries as changes
from vigie_node.flows import retrace
from vigie_node.matching import answers, lookup
from vigie_node.matching.questions import Question
from vigie_node.sightings import actions, queries, retracing, undoing
from vigie_node.sightings.models import Match, RetracePoint, Sweep, Tally, Task

pytestmark = pytest.mark.django_db
NEXT_DAY = NOW + timedelta(days=1)


def values_of(*seeds):
    return [picture(seed)[3:] for seed in seeds]


class TestRetrace:
    def test_finds_nothing_where_nothing_was_seen(self):
        say(depict(*picture(1)))
        make_list()
        retrace_all()
        assert not Task.objects.exists()
        assert not Sweep.objects.filter(ended_at=None).exists()

    def test_opens_a_task_for_what_was_seen_and_is_known_since(self):
        seen(*values_of(2))
        other = depict(*picture(2))
        say(other)
        retrace_all()
        task = Task.objects.get()
        assert (task.kind, task.state, task.depiction_id) == ("KNOWN_SINCE", "OPEN", other)
        assert task.match.found_by == "RETRACE"

    def test_a_value_added_to_what_was_known_before_is_looked_back_for(self):
        known = depict(*digests("first copy"))
        say(known)
        seen(*values_of(2))
        assert depict(*digests("first copy"), picture(2)[3]) == known
        retrace_all()
        assert [depiction for _, depiction in standing_tasks()] == [known]

    def test_asks_about_few_of_the_frames_of_many_films_at_a_time(self, monkeypatch):
        films = [[Question(Algorithm.PDQ_FRAMES, value(10 * film + at)) for at in range(4)] for film in range(3)]
        seen(*films)
        for film in films:
            say(depict(*film))
        asked = []
        whole = lookup.of_seen().candidates
        monkeypatch.setattr(lookup.of_seen(), "candidates", lambda given: asked.append(len(given)) or whole(given))
        monkeypatch.setattr(retrace, "PRINTS", 8)
        retrace_all()
        assert max(asked) == 8
        assert Task.objects.count() == 3

    def test_opens_one_task_however_often_it_is_told(self):
        seen(*values_of(2))
        other = depict(*picture(2))
        word = say(other)
        retrace_all()
        say(other, by="Second hotline")
        say(other, by="Hotline", supersedes=word)
        retrace_all()
        assert Task.objects.count() == 1
        assert Match.objects.filter(depiction=other, undone_at=None).count() == 1

    def test_waits_until_a_look_up_decided_before_the_change_is_written(self):
        seen(*values_of(2))
        say(depict(*picture(2)), now=LATER)
        retrace_all(LATER + timedelta(seconds=1))
        assert not Task.objects.exists()
        retrace_all(LATER + timedelta(seconds=3))
        assert Task.objects.count() == 1

    def test_a_clock_that_jumped_back_stops_nothing(self):
        seen(*values_of(2))
        say(depict(*picture(2)), now=NEXT_DAY)
        retrace_all(LATER)
        assert Task.objects.count() == 1

    def test_a_clock_that_jumped_back_between_two_changes_of_a_list_hides_neither(self):
        seen(*values_of(2))
        say(depict(*picture(2)), label="national")
        made = make_list("other", mode=Mode.OFF)
        retrace_all()
        for version, mode, now in ((1, Mode.OFF, NEXT_DAY), (2, Mode.ON, NOW)):
            policy = Policy(mode=mode)
            catalogue.change_list(made, policy=policy, expected_version=version, reason="x", by=COMMAND, now=now)
        retrace_all(NEXT_DAY + timedelta(minutes=1))
        assert Task.objects.count() == 1

    def test_a_list_that_is_switched_on_looks_back(self):
        seen(*values_of(2))
        say(depict(*picture(2)), label="national")
        made = make_list("other", mode=Mode.OFF)
        retrace_all()
        assert not Task.objects.exists()
        catalogue.change_list(made, policy=Policy(mode=Mode.ON), expected_version=1, reason="go", by=COMMAND, now=NOW)
        retrace_all()
        assert Task.objects.count() == 1
        assert Sweep.objects.filter(cause="LIST_WIDENED", ended_at__isnull=False).exists()

    def test_two_changes_of_a_list_at_once_look_back_for_the_wider(self):
        seen(*values_of(2))
        say(depict(*picture(2)), label="national")
        made = make_list("other", mode=Mode.OFF)
        retrace_all()
        for version, quorum in ((1, 1), (2, 2), (3, 1)):
            policy = Policy(mode=Mode.ON, quorum=quorum)
            catalogue.change_list(made, policy=policy, expected_version=version, reason="x", by=COMMAND, now=NOW)
        retrace_all()
        assert Task.objects.count() == 1

    def test_a_match_in_shadow_opens_no_task_until_the_list_is_on(self):
        seen(*values_of(2))
        say(depict(*picture(2)), label="national")
        made = make_list("other", mode=Mode.SHADOW, classes={"inhope": ("national",)})
        retrace_all()
        assert Match.objects.filter(is_shadow=True).count() == 1
        assert not Task.objects.exists()
        on = Policy(mode=Mode.ON, classes={"inhope": ("national",)})
        catalogue.change_list(made, policy=on, expected_version=1, reason="go", by=COMMAND, now=NOW)
        retrace_all()
        assert Task.objects.count() == 1

    def test_a_value_that_was_let_go_is_looked_back_for(self):
        seen(*values_of(2))
        kept = catalogue.override(
            Algorithm.PDQ, value(2), kind=OverrideKind.SUPPRESSED, reason="x", review_on=NEXT_DAY.date(), by=COMMAND,
            now=NOW,
        )  # fmt: skip
        say(depict(*picture(2)))
        retrace_all()
        assert not Task.objects.exists()
        catalogue.end_override(kept, reason="looked at", by=COMMAND, now=NOW)
        retrace_all()
        assert Task.objects.count() == 1

    def test_the_list_of_one_organisation_looks_back_on_its_own_sightings_only(self):
        ours, theirs = organisation("Ours"), organisation("Theirs")
        depiction = depict(*picture(1))
        say(depiction, label="national")
        make_list("shared", classes={"inhope": ("national",)})
        for one in (ours, theirs):
            ask([*picture(1)[:3], *values_of(2)[0]], by=Actor(ActorKind.KEY, new_id(NOW), one))
        say(depict(*picture(2)))
        make_list("private", classes={"inhope": ("baseline",)}, organisation_id=ours)
        retrace_all()
        assert {task.organisation_id for task in Task.objects.all()} == {ours}

    def test_killed_before_it_moves_on_it_does_its_portion_again_and_doubles_nothing(self, monkeypatch):
        seen(*values_of(2, 3))
        for seed in (2, 3):
            say(depict(*picture(seed)))

        def killed(*_, **__):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(retracing, "advance", killed)
            with pytest.raises(KeyboardInterrupt):
                retrace_all()
        assert Task.objects.count() == 2
        retrace_all()
        assert Task.objects.count() == 2
        assert Match.objects.filter(found_by="RETRACE").count() == 2

    def test_goes_over_many_depictions_in_portions_and_says_how_far_it_is(self, monkeypatch):
        seen(*values_of(*range(20)))
        for seed in range(20):
            say(depict(*picture(seed)))
        monkeypatch.setattr(retracing, "PORTION", 7)
        while retrace.step(by=NODE, now=LATER) and Sweep.objects.filter(depictions_done=7).count() == 0:
            pass
        sweep = queries.sweeps()[0]
        assert (sweep.depictions_done, sweep.depictions_total, sweep.found) == (7, 20, 7)
        retrace_all()
        assert len(standing_tasks()) == 20

    def test_a_sighting_with_too_many_candidates_for_a_look_up_holds_nothing_up(self, monkeypatch):
        seen(*values_of(2, 3))
        say(depict(*picture(2)))
        monkeypatch.setattr(answers, "MAX_CANDIDATES", 0)
        retrace_all()
        assert len(standing_tasks()) == 1

    def test_a_revocation_does_not_wait_for_a_sweep_over_everything(self, monkeypatch):
        seen(*values_of(*range(20)))
        words = [say(depict(*picture(seed))) for seed in range(20)]
        retrace_all()
        make_list("wider")
        monkeypatch.setattr(retracing, "PORTION", 1)
        retrace.step(by=NODE, now=LATER)
        catalogue.revoke(words[19], reason="for the test", by=COMMAND, now=NOW)
        retrace.step(by=NODE, now=LATER)
        assert len(standing_tasks("NO_LONGER_KNOWN")) == 1
        assert Sweep.objects.filter(cause="LIST_WIDENED", ended_at=None).exists()

    def test_looks_at_everything_where_the_change_log_was_cut(self):
        seen(*values_of(2))
        say(depict(*picture(2)))
        lookup.of_seen().catch_up()
        lookup.of_catalogue().catch_up()
        change_log.prune(up_to=changes.latest() - 1, before=NEXT_DAY)
        lookup.forget()
        RetracePoint.objects.update(position=1)
        Sweep.objects.all().delete()
        retrace_all()
        assert Task.objects.count() == 1


class TestUndo:
    def test_a_revoked_word_undoes_its_matches_and_asks_somebody_to_look(self):
        _depiction, word = matched()
        catalogue.revoke(word, reason="a mistake", by=COMMAND, now=NOW)
        retrace_all()
        assert Match.objects.get().undone_at == LATER
        assert len(standing_tasks("NO_LONGER_KNOWN")) == 1
        assert not Tally.objects.exists()

    def test_a_match_that_stands_on_other_words_is_not_undone(self):
        depiction = depict(*picture(1))
        word = say(depiction)
        say(depiction, by="Second hotline")
        make_list()
        ask(picture(1))
        catalogue.revoke(word, reason="a mistake", by=COMMAND, now=NOW)
        retrace_all()
        assert Match.objects.get().undone_at is None
        assert not Task.objects.exists()

    def test_an_open_dispute_undoes_nothing_and_an_upheld_one_does(self):
        word = say(depict(*picture(1)))
        make_list()
        ask(picture(1))
        dispute = catalogue.open_dispute(word, grounds="doubt", by=COMMAND, now=NOW)
        retrace_all()
        assert Match.objects.get().undone_at is None
        catalogue.settle_dispute(dispute, outcome=DisputeOutcome.UPHELD, settlement="right", by=COMMAND, now=NOW)
        retrace_all()
        assert Match.objects.get().undone_at is not None

    def test_a_list_switched_off_undoes_what_no_other_list_says(self):
        say(depict(*picture(1)))
        first, _ = make_list("first"), make_list("second")
        ask(picture(1))
        off = Policy(mode=Mode.OFF)
        catalogue.change_list(first, policy=off, expected_version=1, reason="x", by=COMMAND, now=NOW)
        retrace_all()
        assert Match.objects.filter(undone_at=None).count() == 1
        assert not Task.objects.exists()
        assert Tally.objects.get().sightings == 1

    @pytest.mark.parametrize("narrower", [{"threshold_bits": 10}, {"algorithms": (Algorithm.SHA256,)}])
    def test_a_list_that_was_narrowed_undoes_what_it_would_not_say_now(self, narrower):
        say(depict(*picture(1)))
        made = make_list()
        ask(picture(1, bits=20)[3:], picture(1))
        policy = Policy(mode=Mode.ON, **narrower)
        catalogue.change_list(made, policy=policy, expected_version=1, reason="x", by=COMMAND, now=NOW)
        retrace_all()
        assert [match.distance_bits for match in Match.objects.filter(undone_at=None)] == [None]
        assert len(standing_tasks("NO_LONGER_KNOWN")) == 1

    def test_known_again_it_matches_again_and_the_untaken_task_is_closed(self):
        depiction, word = matched()
        catalogue.revoke(word, reason="a mistake", by=COMMAND, now=NOW)
        retrace_all()
        say(depiction)
        retrace_all()
        assert not standing_tasks("NO_LONGER_KNOWN")
        assert len(standing_tasks("KNOWN_SINCE")) == 1
        assert Match.objects.count() == 2
        assert Task.objects.get(kind="NO_LONGER_KNOWN").finished_by == "NODE"

    def test_a_task_that_somebody_took_stays_theirs(self):
        seen(*values_of(2))
        word = say(depict(*picture(2)))
        retrace_all()
        task = Task.objects.get()
        actions.take_task(task.pk, by=Actor(ActorKind.PERSON, new_id(NOW)), now=NOW)
        catalogue.revoke(word, reason="a mistake", by=COMMAND, now=NOW)
        retrace_all()
        assert standing_tasks("KNOWN_SINCE") == standing_tasks("NO_LONGER_KNOWN") != set()

    def test_more_matches_than_fit_one_transaction_are_all_undone(self, monkeypatch):
        word = say(depict(*picture(1)))
        make_list()
        ask(*[picture(1)] * 10)
        monkeypatch.setattr(undoing, "SLICE", 4)
        catalogue.revoke(word, reason="a mistake", by=COMMAND, now=NOW)
        retrace_all()
        assert not Match.objects.filter(undone_at=None).exists()
        assert Task.objects.count() == 10
