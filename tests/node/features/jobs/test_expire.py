# SPDX-License-Identifier: Apache-2.0
"""The worker keeps the promises about retention, each with its job."""

from datetime import timedelta

import pytest

from node.audited import events
from node.features.catalogue.catalogue_building import DAY, NOW, depiction, say, source
from vigie_node.alarms import actions as alarms
from vigie_node.alarms import queries as alarm_log
from vigie_node.alarms.codes import Alarm
from vigie_node.base.actor import COMMAND, NODE
from vigie_node.base.ids import new_id
from vigie_node.catalogue import expiring
from vigie_node.catalogue.models import Depiction, MatchList
from vigie_node.jobs import expire
from vigie_node.sightings.models import Flood, Simulation, Sweep
from vigie_node.sightings.states import SimulationState, SweepCause

pytestmark = pytest.mark.django_db
YEAR = timedelta(days=365)


def work_off(step, now):
    """Call a step as the worker does; return how often there was something to do."""
    times = 0
    while step(now):
        times += 1
    return times


class TestNotes:
    def test_an_alarm_goes_a_year_after_it_was_settled_and_never_before_it_is(self):
        for code in (Alarm.CLOCK, Alarm.FLOOD):
            alarms.raise_alarm(code, by=NODE, now=NOW)
        (settled,) = [one.id for one in alarm_log.standing() if one.code is Alarm.CLOCK]
        alarms.settle(settled, note="seen to", by=COMMAND, now=NOW + DAY)
        assert work_off(expire.notes_due, NOW + YEAR + DAY) == 0
        with events() as found:
            assert work_off(expire.notes_due, NOW + YEAR + 2 * DAY) == 1
        assert (alarm_log.settled(), [one.code for one in alarm_log.standing()]) == ([], [Alarm.FLOOD])
        assert [(one.event, one.subject, dict(one.details)) for one in found] == [
            ("RECORDS_EXPIRED", "alarms.Alarm", {"count": 1})
        ]

    def test_look_backs_and_simulations_go_a_year_after_they_ended_and_floods_a_year_after_they_were_noted(self):
        known = MatchList.objects.create(
            id=new_id(NOW), name="known", title="Known", version=1, policy={}, created_at=NOW
        )
        for ended_at in (None, NOW, NOW + DAY):
            Sweep.objects.create(cause=SweepCause.STANDING.value, position=1, created_at=NOW, ended_at=ended_at)
            Simulation.objects.create(
                id=new_id(NOW), list=known, list_version=1, policy={}, policy_before={}, last_n=1, before=1,
                state=(SimulationState.DONE if ended_at else SimulationState.WAITING).value, sightings_total=1,
                created_at=NOW, ended_at=ended_at,
            )  # fmt: skip
        for noticed_at in (NOW, NOW + DAY):
            Flood.objects.create(fingerprint=1, list=known, matches=9, noticed_at=noticed_at)
        assert work_off(expire.notes_due, NOW + YEAR) == 0
        assert work_off(expire.notes_due, NOW + YEAR + timedelta(hours=1)) == 3
        left = {NOW + DAY, None}
        assert set(Sweep.objects.values_list("ended_at", flat=True)) == left
        assert set(Simulation.objects.values_list("ended_at", flat=True)) == left
        assert Flood.objects.get().noticed_at == NOW + DAY


class TestDepictions:
    def test_goes_over_all_of_them_in_steps_and_then_begins_anew(self, monkeypatch):
        monkeypatch.setattr(expiring, "WINDOW", 2)
        made = [depiction(seed) for seed in range(5)]
        say(made[4], source("A"))
        step, now = expire.Depictions(), NOW + 10 * YEAR + DAY
        assert work_off(step, now) > 2
        assert Depiction.objects.get().id == made[4]
        assert work_off(step, now) > 0
