# SPDX-License-Identifier: Apache-2.0
import functools
from collections import namedtuple
from datetime import UTC, datetime, timedelta

import pytest

from vigie_node.alarms import actions as notes
from vigie_node.alarms import queries as alarms
from vigie_node.alarms.codes import Alarm
from vigie_node.base.actor import NODE
from vigie_node.jobs import schedule, watch

GIB = 1024**3
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
Usage = namedtuple("Usage", "total used free")

ROOM = [
    # total, free, is it short?
    (100 * GIB, 50 * GIB, False),
    (100 * GIB, 5 * GIB, False),
    (100 * GIB, 5 * GIB - 1, True),
    (1000 * GIB, 40 * GIB, True),
    (20 * GIB, 2 * GIB, False),
    (20 * GIB, 2 * GIB - 1, True),
    (20 * GIB, 0, True),
]


class TestIsShort:
    @pytest.mark.parametrize(("total", "free", "short"), ROOM)
    def test_is_by_part_and_by_size(self, total, free, short):
        assert watch.is_short(total_bytes=total, free_bytes=free) is short


@pytest.mark.django_db
class TestDisk:
    def test_raises_an_alarm_once_an_hour_while_room_is_short(self, monkeypatch, tmp_path):
        clock, watcher = [0.0], watch.Watcher()
        monkeypatch.setattr(watch.time, "monotonic", lambda: clock[0])
        monkeypatch.setattr(watch.shutil, "disk_usage", lambda path: Usage(100 * GIB, 99 * GIB, 1 * GIB))
        for seconds in (0, 30, 3000, 3601):
            clock[0] = seconds
            watch.disk(NOW, home=tmp_path, watcher=watcher)
        (alarm,) = alarms.standing()
        assert (alarm.code, alarm.count) == (Alarm.DISK_SHORT, 2)

    def test_is_silent_while_there_is_room_and_ready_to_tell_again(self, monkeypatch, tmp_path):
        watcher, free = watch.Watcher(), [1 * GIB]
        monkeypatch.setattr(watch.shutil, "disk_usage", lambda path: Usage(100 * GIB, 0, free[0]))
        for free[0] in (50 * GIB, 1 * GIB, 50 * GIB, 1 * GIB):
            watch.disk(NOW, home=tmp_path, watcher=watcher)
        (alarm,) = alarms.standing()
        assert alarm.count == 2


@pytest.mark.django_db
class TestBelieved:
    def at(self, watcher, seconds, *, wall):
        now = NOW + timedelta(seconds=wall)
        return watch.believed(now, monotonic=float(seconds), watcher=watcher) - NOW

    def test_is_the_clock_while_nobody_sets_it(self):
        watcher = watch.Watcher()
        assert [self.at(watcher, s, wall=s).total_seconds() for s in (0, 60, 7200)] == [0, 60, 7200]

    def test_leaves_out_a_step_forward_until_it_has_stood_for_a_day(self):
        watcher, day = watch.Watcher(), 86_400
        self.at(watcher, 0, wall=0)
        assert self.at(watcher, 60, wall=60 + day).total_seconds() == 60
        assert self.at(watcher, day, wall=2 * day).total_seconds() == day
        assert self.at(watcher, day + 61, wall=2 * day + 61).total_seconds() == 2 * day + 61

    def test_follows_a_clock_that_is_put_right_and_one_that_is_put_back(self):
        watcher = watch.Watcher()
        self.at(watcher, 0, wall=0)
        self.at(watcher, 10, wall=3610)
        assert self.at(watcher, 20, wall=20).total_seconds() == 20
        assert self.at(watcher, 30, wall=-3570).total_seconds() == -3570


@pytest.mark.django_db
class TestJobThatDeletes:
    @pytest.fixture
    def machine(self, monkeypatch):
        """The machine's monotonic clock, in seconds, and a worker that saw nothing of it yet."""
        seconds = [0.0]
        monkeypatch.setattr(watch.time, "monotonic", lambda: seconds[0])
        monkeypatch.setattr(watch, "believed", functools.partial(watch.believed, watcher=watch.Watcher()))
        return seconds

    def test_keeps_what_falls_due_by_a_clock_put_forward_until_that_has_stood_for_a_day(self, machine):
        (job,) = [one for one in schedule.JOBS if one.name == "expire-notes"]
        notes.raise_alarm(Alarm.FLOOD, by=NODE, now=NOW)
        notes.settle(alarms.standing()[0].id, note="seen to", by=NODE, now=NOW)
        later = NOW + notes.KEPT + timedelta(days=2)
        kept = []
        for machine[0], now in ((0, NOW), (60, later), (watch.BELIEVED_SECONDS + 61, later + timedelta(days=1))):
            job.step(now)
            kept.append(len(alarms.settled()))
        assert kept == [1, 1, 0]
        assert [(one.code, one.subject) for one in alarms.standing()] == [(Alarm.CLOCK, "forward")]

    def test_is_each_that_ends_what_is_kept_for_a_time(self):
        ends = {one.name for one in schedule.JOBS if one.name.startswith(("expire-", "prune-", "tidy-"))}
        assert {one.name for one in schedule.JOBS if one.deletes} == ends


@pytest.mark.django_db
class TestClock:
    @pytest.mark.parametrize(
        ("wall", "monotonic", "told"),
        [
            (1, 1, []),
            (60, 60, []),
            (4, 1, []),
            (-3, 1, []),
            (10, 1, ["forward"]),
            (-10, 1, ["back"]),
            (3600, 1, ["forward"]),
        ],
    )
    def test_tells_of_a_step_that_the_machine_did_not_live_through(self, wall, monotonic, told):
        watcher = watch.Watcher()
        watch.clock(NOW, monotonic=100.0, watcher=watcher)
        watch.clock(NOW + timedelta(seconds=wall), monotonic=100.0 + monotonic, watcher=watcher)
        assert [one.subject for one in alarms.standing() if one.code is Alarm.CLOCK] == told

    def test_tells_of_each_step_once(self):
        watcher = watch.Watcher()
        for wall, monotonic in ((0, 0), (3600, 1), (3601, 2), (3602, 3)):
            watch.clock(NOW + timedelta(seconds=wall), monotonic=monotonic, watcher=watcher)
        (alarm,) = alarms.standing()
        assert alarm.count == 1
