# SPDX-License-Identifier: Apache-2.0
"""What the worker does, and how often: one line a job.

- A job does one short step that may be repeated, and says whether more waits: then it is called again at once.
- It gets the time of its call; what it needs beyond that it reads itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from vigie_node.audit import actions as audit
from vigie_node.audit.events import Event
from vigie_node.base.actor import NODE
from vigie_node.catalogue import reminders
from vigie_node.changes import actions as changes
from vigie_node.flows import bank, load, quarantine, retrace, simulate, take_in
from vigie_node.jobs import expire, keep_audit, watch
from vigie_node.matching import actions as matching
from vigie_node.matching import lookup, published
from vigie_node.sightings import queries as sightings_log

CHANGES_KEPT = timedelta(days=7)  # longer than any process stands still


@dataclass(frozen=True, slots=True)
class Job:
    """A job: its name in figures and alarms, the rest after a step that left nothing to do, its step.

    `limit_seconds` is how long a step may take before an alarm says that it hangs. One that `deletes` what is over gets
    the time that the node believes (`watch.believed`).
    """

    name: str
    every_seconds: float
    run: Callable[[datetime], bool | int | None]
    limit_seconds: float = 600.0
    deletes: bool = False

    def step(self, now: datetime) -> bool | int | None:
        """Do one step."""
        return self.run(watch.believed(now) if self.deletes else now)


def _publish_indexes(now: datetime) -> bool:
    due = [
        one
        for one in (lookup.of_catalogue(), lookup.of_seen())
        if published.additions_due(one) or published.erasure_due(one, now=now)
    ]
    for one in due:
        matching.publish(one, by=NODE, now=now)
    return False


def _prune_changes(now: datetime) -> bool:
    needed = [published.oldest_position(), sightings_log.followed_to()]
    if None in needed:
        return False
    with transaction.atomic():
        count = changes.prune(up_to=min(one for one in needed if one is not None), before=now - CHANGES_KEPT)
        if count:
            audit.record(Event.CHANGES_PRUNED, subject="", by=NODE, at=now, count=count)
    return False


def _reconcile_indexes(now: datetime) -> bool:
    for one in (lookup.of_catalogue(), lookup.of_seen()):
        matching.reconcile(one, by=NODE, now=now)
    return False


def _look_back(now: datetime) -> bool:
    return retrace.step(by=NODE, now=now)


def _load_results(now: datetime) -> bool:
    return load.step(by=NODE, now=now)


def _simulate(now: datetime) -> bool:
    return simulate.step(by=NODE, now=now)


def _quarantine_floods(now: datetime) -> bool:
    quarantine.step(by=NODE, now=now)
    return False


JOBS: tuple[Job, ...] = (
    Job("sequence-audit", 0.2, keep_audit.sequence, limit_seconds=30),
    Job("watch-audit", 5, keep_audit.Waiting(), limit_seconds=30),
    Job("verify-audit", 3600, keep_audit.verify, limit_seconds=6 * 3600),
    Job("publish-indexes", 5, _publish_indexes),
    Job("prune-changes", 3600, _prune_changes, deletes=True),
    Job("reconcile-indexes", 6 * 3600, _reconcile_indexes),
    Job("look-back", 0.5, _look_back),
    Job("load-results", 1, _load_results),
    Job("take-in", 1, take_in.step),
    Job("remind", 600, reminders.remind),
    Job("keep-banks", 10, bank.keep_up),
    Job("simulate", 1, _simulate),
    Job("quarantine-floods", 30, _quarantine_floods),
    Job("expire-sightings", 60, expire.sightings_due, deletes=True),
    Job("expire-depictions", 24 * 3600, expire.Depictions(), deletes=True),
    Job("expire-notes", 3600, expire.notes_due, deletes=True),
    Job("watch-clock", 1, watch.clock, limit_seconds=30),
    Job("watch-disk", 30, watch.disk, limit_seconds=30),
    Job("forget-sessions", 3600, expire.sessions_over),
    Job("tidy-accounts", 3600, expire.accounts_due, deletes=True),
)
