# SPDX-License-Identifier: Apache-2.0
from datetime import timedelta

import pytest

from node.append_only import lifted
from node.features.audit.audit_building import NOW, record, sequence
from vigie_node.alarms import queries as alarms
from vigie_node.audit import models, queries, sequencer
from vigie_node.jobs import keep_audit

pytestmark = pytest.mark.django_db


def raised():
    return [(one.code.value, one.count) for one in alarms.standing()]


@pytest.fixture
def broken():
    record(3)
    sequence()
    with lifted():
        models.Event.objects.filter(sequence=3).delete()


class TestSequence:
    def test_says_whether_there_was_something(self):
        record(1)
        assert [keep_audit.sequence(NOW), keep_audit.sequence(NOW)] == [True, False]

    def test_raises_an_alarm_over_what_it_cannot_build_upon(self, broken):
        record(1)
        with pytest.raises(sequencer.BrokenAuditError):
            keep_audit.sequence(NOW)
        assert raised() == [("AUDIT_BROKEN", 1)]


class TestVerify:
    def test_is_done_once_a_day(self):
        for hours in (0, 1, 19, 21, 22):
            keep_audit.verify(NOW + timedelta(hours=hours))
        assert models.Verification.objects.count() == 2

    def test_is_done_again_when_the_clock_went_back(self):
        keep_audit.verify(NOW)
        keep_audit.verify(NOW - timedelta(days=100))
        assert models.Verification.objects.count() == 2

    def test_raises_an_alarm_over_what_was_altered(self, broken):
        keep_audit.verify(NOW)
        assert (raised(), queries.state().verified.faults) == ([("AUDIT_BROKEN", 1)], 1)


class TestWaiting:
    def test_tells_of_an_event_that_nobody_puts_in_order(self, monkeypatch):
        passed = iter([0.0, 0.0, 20.0, 31.0, 31.0, 40.0, 62.5, 62.5])
        monkeypatch.setattr(keep_audit.time, "monotonic", lambda: next(passed))
        record(2)
        waiting = keep_audit.Waiting()
        for _ in range(5):
            waiting(NOW)
        assert raised() == [("UNSEQUENCED", 2)]

    def test_is_quiet_while_events_come_and_go(self):
        waiting = keep_audit.Waiting()
        for _ in range(3):
            record(1)
            waiting(NOW)
            sequence()
            waiting(NOW)
        assert raised() == []
