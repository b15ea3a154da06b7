# SPDX-License-Identifier: Apache-2.0
"""The worker: runs the jobs of schedule.py, each in a thread of its own, until told to stop.

- A job that fails stops no other. It is logged, counted and tried again after a delay that grows; from ALARM_AFTER
  failures in a row on, an alarm says so. One whose step hangs raises the same alarm.
- One worker a node: a second one waits until the first has ended.
- Told to stop, every job finishes the step that it is in.
"""

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from django.db import DatabaseError, close_old_connections, connection
from prometheus_client import Counter, Gauge

from vigie_node.alarms import actions as alarms
from vigie_node.alarms.codes import Alarm
from vigie_node.base.actor import NODE
from vigie_node.jobs.lease import Lease
from vigie_node.jobs.schedule import JOBS, Job

ALARM_AFTER = 3
LAST_DELAY_SECONDS = 60.0
TICK_SECONDS = 0.5
STOP_SECONDS = 3.0

STEPS = Counter("vigie_job_steps", "Steps of the worker's jobs", ["job", "outcome"])
BEAT = Gauge("vigie_worker_beat_timestamp_seconds", "When the worker last beat", multiprocess_mode="max")
LAST = Gauge("vigie_job_last_timestamp_seconds", "When a job last did its step", ["job"], multiprocess_mode="max")
_log = structlog.get_logger("vigie_node.jobs")


@dataclass(slots=True)
class State:
    """How one job is doing; read by the watching thread."""

    job: Job
    failures: int = 0
    step_since: float | None = None  # monotonic, while in a step
    told_of_hanging: bool = False


def run(stop: threading.Event, *, jobs: Sequence[Job] = JOBS, lease: Lease | None = None) -> None:
    """Work until told to stop."""
    lease = lease or Lease()
    while not stop.is_set():
        if not lease.take():
            stop.wait(TICK_SECONDS)
            continue
        _log.info("working", jobs=len(jobs))
        _work_while_held(stop, jobs=jobs, lease=lease)
    lease.let_go()
    connection.close()


def _work_while_held(stop: threading.Event, *, jobs: Sequence[Job], lease: Lease) -> None:
    halt = threading.Event()
    states = [State(job) for job in jobs]
    threads = [
        threading.Thread(target=_repeat, args=(state, halt), name=state.job.name, daemon=True) for state in states
    ]
    for thread in threads:
        thread.start()
    while not stop.wait(TICK_SECONDS) and lease.is_held():
        BEAT.set(time.time())
        for state in states:
            _check_hanging(state)
    halt.set()
    until = time.monotonic() + STOP_SECONDS
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))


def _repeat(state: State, halt: threading.Event) -> None:
    wait = 0.0
    while not halt.wait(wait):
        wait = step(state)
    connection.close()


def step(state: State) -> float:
    """Do one step of a job and return how many seconds to wait before the next."""
    job = state.job
    close_old_connections()
    state.step_since, state.told_of_hanging = time.monotonic(), False
    try:
        more = job.step(datetime.now(UTC))
    except Exception as error:  # noqa: BLE001 - whatever a job raises, the others go on
        return _fail(state, error)
    finally:
        state.step_since = None
    state.failures = 0
    STEPS.labels(job.name, "done").inc()
    LAST.labels(job.name).set(time.time())
    return 0.0 if more else job.every_seconds


def _fail(state: State, error: Exception) -> float:
    """Note a failed step and return how long to wait before it is tried again."""
    state.failures += 1
    STEPS.labels(state.job.name, "failed").inc()
    _log.error("job-failed", job=state.job.name, failures=state.failures, exc_info=error)
    with suppress(DatabaseError):
        connection.close()
    if state.failures >= ALARM_AFTER:
        _tell(state.job)
    return float(min(max(state.job.every_seconds, 0.5) * 2 ** min(state.failures - 1, 10), LAST_DELAY_SECONDS))


def _check_hanging(state: State) -> None:
    since = state.step_since
    if since is not None and time.monotonic() - since > state.job.limit_seconds and not state.told_of_hanging:
        state.told_of_hanging = True
        _log.error("job-hangs", job=state.job.name)
        _tell(state.job)


def _tell(job: Job) -> None:
    try:
        alarms.raise_alarm(Alarm.JOB_FAILING, subject=job.name, by=NODE, now=datetime.now(UTC))
    except DatabaseError as error:
        # The database itself may be what fails; the log and the figures say so meanwhile.
        _log.error("alarm-not-raised", job=job.name, exc_info=error)
