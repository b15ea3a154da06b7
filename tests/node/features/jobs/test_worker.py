# SPDX-License-Identifier: Apache-2.0
import threading
import time
from datetime import UTC, datetime

import pytest
from django.db import DatabaseError

from node.commands import wait_for
from vigie_node.alarms import queries as alarms
from vigie_node.alarms.codes import Alarm
from vigie_node.jobs import worker
from vigie_node.jobs.lease import Lease
from vigie_node.jobs.schedule import JOBS, Job

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def working(tmp_path):
    """A way to run a worker on these jobs; it is stopped at the end."""
    stop, threads = threading.Event(), []

    def start(*jobs, home=tmp_path):
        threads.append(threading.Thread(target=worker.run, args=(stop,), kwargs={"jobs": jobs, "lease": Lease(home)}))
        threads[-1].start()
        return stop

    yield start
    stop.set()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


class Counting:
    """A step that counts its calls, and does what it is told on each."""

    def __init__(self, answer=None):
        self.calls = []
        self.answer = answer

    def __call__(self, now):
        self.calls.append((time.monotonic(), now))
        return self.answer() if callable(self.answer) else self.answer


def failing():
    raise RuntimeError("a job's own trouble")


class TestWorker:
    def test_repeats_each_job_at_its_pace(self, working):
        often, seldom = Counting(), Counting()
        working(Job("often", 0.05, often), Job("seldom", 60, seldom))
        wait_for(lambda: len(often.calls) >= 5)
        assert len(seldom.calls) == 1

    def test_calls_again_at_once_where_more_waits(self, working):
        more = Counting(answer=True)
        working(Job("more", 60, more))
        wait_for(lambda: len(more.calls) >= 5)

    def test_gives_each_step_the_time_of_its_call_in_utc(self, working):
        step = Counting()
        working(Job("one", 60, step))
        wait_for(lambda: step.calls)
        assert step.calls[0][1].tzinfo is UTC
        assert abs((datetime.now(UTC) - step.calls[0][1]).total_seconds()) < 10

    def test_goes_on_with_the_others_when_one_fails(self, working):
        broken, sound = Counting(failing), Counting()
        working(Job("broken", 0.01, broken), Job("sound", 0.05, sound))
        wait_for(lambda: len(broken.calls) >= 2 and len(sound.calls) >= 5)

    def test_tries_what_failed_again_after_a_growing_delay(self, working):
        broken = Counting(failing)
        working(Job("broken", 0.01, broken))
        wait_for(lambda: len(broken.calls) >= 3)
        first, second = (
            after - before for (before, _), (after, _) in zip(broken.calls, broken.calls[1:], strict=False)
        )
        assert second > first * 1.5

    def test_goes_on_with_others_when_one_hangs(self, working):
        release = threading.Event()
        hanging, sound = Counting(lambda: release.wait(20) and None), Counting()
        working(Job("hanging", 1, hanging, limit_seconds=0.2), Job("sound", 0.05, sound))
        wait_for(lambda: len(sound.calls) >= 5)
        (alarm,) = wait_for(alarms.standing)
        release.set()
        assert (alarm.code, alarm.subject) == (Alarm.JOB_FAILING, "hanging")

    def test_stops_within_the_step_it_is_in(self, working):
        begun, ended = threading.Event(), threading.Event()

        def slow():
            begun.set()
            time.sleep(0.5)
            ended.set()

        stop = working(Job("slow", 60, Counting(slow)))
        begun.wait(10)
        stop.set()
        wait_for(ended.is_set)


class TestStep:
    def test_raises_an_alarm_after_failing_again_and_again(self):
        state = worker.State(Job("broken", 1, Counting(failing)))
        for _ in range(worker.ALARM_AFTER - 1):
            worker.step(state)
        assert alarms.standing() == []
        worker.step(state)
        worker.step(state)
        (alarm,) = alarms.standing()
        assert (alarm.code, alarm.subject, alarm.count) == (Alarm.JOB_FAILING, "broken", 2)

    def test_forgets_its_failures_once_it_went_well(self):
        broken = Counting(failing)
        state = worker.State(Job("broken", 1, broken))
        worker.step(state)
        broken.answer = None
        assert worker.step(state) == 1
        assert state.failures == 0

    def test_waits_longer_each_time_up_to_a_minute(self):
        state = worker.State(Job("broken", 1, Counting(failing)))
        waits = [worker.step(state) for _ in range(9)]
        assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]

    @pytest.mark.parametrize(
        "error", [DatabaseError("x"), OSError("x"), AssertionError("x"), StopIteration(), KeyError()]
    )
    def test_outlives_every_error(self, error):
        def raising():
            raise error

        assert worker.step(worker.State(Job("broken", 1, Counting(raising)))) > 0


class TestLease:
    def test_lets_one_worker_work_and_the_second_wait(self, working, tmp_path):
        first, second = Lease(tmp_path), Counting()
        assert first.take()
        working(Job("second", 0.01, second))
        time.sleep(1)
        assert second.calls == []
        first.let_go()
        wait_for(lambda: second.calls)

    def test_can_be_asked_for_again_while_held(self, tmp_path):
        lease = Lease(tmp_path)
        assert lease.take()
        assert lease.take()
        lease.let_go()
        assert not lease.is_held()


class TestSchedule:
    def test_names_each_job_once(self):
        assert len({job.name for job in JOBS}) == len(JOBS)

    def test_sequences_the_audit_five_times_a_second(self):
        assert {job.name: job.every_seconds for job in JOBS}["sequence-audit"] <= 0.2
