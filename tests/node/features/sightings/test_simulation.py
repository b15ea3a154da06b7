# SPDX-License-Identifier: Apache-2.0
"""What another policy would match among the last sightings; values that flood."""

from datetime import timedelta

import pytest

from node.features.sightings.seeing import NOW, SOMEBODY, ask, depict, make_list, picture, say
from vigie.fingerprints.values import Algorithm
from vigie.matching.verdicts import Outcome
from vigie_node.alarms import queries as alarms
from vigie_node.base.actor import COMMAND, NODE
from vigie_node.base.ids import new_id
from vigie_node.catalogue import actions as catalogue
from vigie_node.catalogue.models import Override
from vigie_node.catalogue.rules import Mode, Policy
from vigie_node.flows import quarantine, simulate
from vigie_node.sightings import actions, queries, simulating
from vigie_node.sightings.models import Flood, Match, Task
from vigie_node.sightings.rules import ImpossibleSimulationMoveError
from vigie_node.sightings.states import SimulationState

pytestmark = pytest.mark.django_db


def simulated(list_id, last_n=1000, **policy):
    made = actions.start_simulation(
        list_id, policy=Policy(**{"mode": Mode.ON, **policy}), last_n=last_n, by=SOMEBODY, now=NOW
    )
    while simulate.step(by=NODE, now=NOW):
        pass
    return queries.simulation(made)


class TestSimulation:
    @pytest.fixture
    def world(self):
        """A list that knows two pictures by values at most 10 bits away; five sightings of them, near and far."""
        depictions = [depict(*picture(seed)) for seed in (1, 2)]
        say(depictions[0])
        say(depictions[1], label="national")
        made = make_list(threshold_bits=10)
        make_list("everything")
        ask(picture(1)[3:], picture(1, bits=8)[3:], picture(1, bits=20)[3:], picture(1, bits=30)[3:], picture(2)[3:])
        return made, depictions

    def test_the_same_policy_changes_nothing(self, world):
        row = simulated(world[0], threshold_bits=10)
        assert row.state is SimulationState.DONE
        assert (row.sightings_done, row.sightings_total) == (5, 5)
        assert {name: row.result[name] for name in ("matched_now", "would_match", "more", "fewer")} == {
            "matched_now": 3, "would_match": 3, "more": 0, "fewer": 0
        }  # fmt: skip

    def test_says_how_many_more_and_which(self, world):
        result = simulated(world[0], threshold_bits=25).result
        assert (result["more"], result["fewer"], result["would_match"]) == (1, 0, 4)
        (which,) = result["which_more"]
        assert (which["distance_bits"], which["depiction"]) == (20, str(world[1][0]))
        assert result["by_label"] == {"inhope/baseline": [1, 0]}

    def test_says_how_many_fewer_and_which(self, world):
        result = simulated(world[0], threshold_bits=0, classes={"inhope": ("baseline",)}).result
        assert (result["more"], result["fewer"], result["would_match"]) == (0, 2, 1)
        assert {one["label"] for one in result["which_fewer"]} == {"baseline", "national"}

    def test_shadow_counts_and_off_matches_nothing(self, world):
        assert simulated(world[0], mode=Mode.SHADOW, threshold_bits=10).result["would_match"] == 3
        assert simulated(world[0], mode=Mode.OFF).result["would_match"] == 0

    def test_a_negative_list_shows_what_all_lists_would_lose(self, world):
        negative = make_list("logos", mode=Mode.OFF, negative=True, classes={"inhope": ("national",)})
        result = simulated(negative, negative=True, classes={"inhope": ("national",)}).result
        assert result["fewer"] == 1

    def test_looks_at_the_last_ones_only_and_at_what_was_there_at_its_start(self, world):
        made = actions.start_simulation(world[0], policy=Policy(mode=Mode.ON), last_n=2, by=SOMEBODY, now=NOW)
        ask(*[picture(1)] * 3)
        while simulate.step(by=NODE, now=NOW):
            pass
        assert queries.simulation(made).result["would_match"] == 2

    def test_goes_on_where_it_stood_and_can_be_stopped(self, world, monkeypatch):
        monkeypatch.setattr(simulate, "SLICE", 2)
        monkeypatch.setattr(simulate, "STEP_SECONDS", 0.0)
        made = actions.start_simulation(world[0], policy=Policy(mode=Mode.ON), last_n=9, by=SOMEBODY, now=NOW)
        assert simulate.step(by=NODE, now=NOW)
        assert queries.simulation(made).sightings_done == 2
        assert simulate.step(by=NODE, now=NOW)
        actions.cancel_simulation(made, by=SOMEBODY, now=NOW)
        assert not simulate.step(by=NODE, now=NOW)
        row = queries.simulation(made)
        assert (row.state, row.sightings_done, row.result["would_match"]) == (SimulationState.CANCELLED, 4, 4)
        with pytest.raises(ImpossibleSimulationMoveError):
            actions.cancel_simulation(made, by=SOMEBODY, now=NOW)
        assert [one.id for one in queries.simulations(world[0])] == [made]

    def test_changes_nothing_that_was_matched(self, world):
        before = list(Match.objects.values_list("id", "undone_at", "list_version"))
        simulated(world[0], threshold_bits=31)
        assert list(Match.objects.values_list("id", "undone_at", "list_version")) == before
        assert not Task.objects.exists()

    @pytest.mark.parametrize("last_n", [0, -1, 1_000_001])
    def test_refuses_how_many_out_of_bounds(self, world, last_n):
        with pytest.raises(simulating.HowManyError):
            actions.start_simulation(world[0], policy=Policy(), last_n=last_n, by=SOMEBODY, now=NOW)

    def test_refuses_a_list_that_is_not_there(self):
        with pytest.raises(simulating.UnknownListError):
            actions.start_simulation(new_id(NOW), policy=Policy(), last_n=1, by=SOMEBODY, now=NOW)


class TestFlood:
    @pytest.fixture
    def known(self):
        depiction = depict(picture(1)[3])
        say(depiction)
        make_list(flood_per_hour=5)
        return depiction

    def test_a_value_that_matches_too_often_is_quarantined_and_somebody_is_told(self, known):
        ask(*[picture(1)] * 6)
        assert quarantine.step(by=NODE, now=NOW) == 1
        kept = Override.objects.get()
        assert (kept.kind, kept.algorithm, bytes(kept.value)) == ("QUARANTINED", "pdq", picture(1)[3].value)
        assert kept.review_on == (NOW + timedelta(days=7)).date()
        assert [(one.code, one.subject) for one in alarms.standing()] == [("FLOOD", "known")]
        assert ask(picture(1))[0].verdict is Outcome.UNKNOWN

    def test_the_same_flood_is_noticed_once(self, known):
        ask(*[picture(1)] * 6)
        quarantine.step(by=NODE, now=NOW)
        assert quarantine.step(by=NODE, now=NOW + timedelta(minutes=1)) == 0
        assert Flood.objects.count() == 1

    def test_let_go_it_matches_again_and_a_new_flood_is_a_new_one(self, known):
        ask(*[picture(1)] * 6)
        quarantine.step(by=NODE, now=NOW)
        catalogue.end_override(Override.objects.get().pk, reason="looked at", by=COMMAND, now=NOW)
        later = NOW + timedelta(minutes=1)
        assert ask(*[picture(1)] * 5, now=later)[0].verdict is Outcome.NEAR
        assert quarantine.step(by=NODE, now=later) == 0
        ask(picture(1), now=later)
        assert quarantine.step(by=NODE, now=later) == 1

    def test_what_matches_within_the_limit_or_spread_over_hours_is_no_flood(self, known):
        ask(*[picture(1)] * 5)
        ask(*[picture(1)] * 5, now=NOW + timedelta(hours=1))
        assert quarantine.step(by=NODE, now=NOW + timedelta(hours=1)) == 0

    def test_stopped_between_the_quarantine_and_its_note_it_goes_on(self, known):
        ask(*[picture(1)] * 6)
        catalogue.override(
            Algorithm.PDQ, picture(1)[3].value, kind=quarantine.OverrideKind.QUARANTINED, reason="x",
            review_on=(NOW + timedelta(days=7)).date(), by=NODE, now=NOW,
        )  # fmt: skip
        assert quarantine.step(by=NODE, now=NOW) == 1
        assert Override.objects.count() == Flood.objects.count() == 1
