# SPDX-License-Identifier: Apache-2.0
"""Publish the indexes, and compare them with the database.

- A snapshot is written whole beside the old ones, then named in the database: a process killed midway leaves a folder
  that nobody knows, which the next publication removes.
- Two snapshots of an index are kept: a process that is just opening the older one may finish.
- The change log is kept from the older snapshot on.
- Reconciling compares every row of the index with every row of the table, by number and value; drift raises an alarm.
"""

import shutil
import threading
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
from django.conf import settings
from django.db import transaction
from numpy.typing import NDArray

from vigie_node.alarms import actions as alarms
from vigie_node.alarms.codes import Alarm
from vigie_node.audit import actions as audit
from vigie_node.audit.events import Event
from vigie_node.base.actor import Actor
from vigie_node.base.ids import new_id
from vigie_node.changes import actions as changes
from vigie_node.changes import queries as changes_log
from vigie_node.changes.topics import Topic
from vigie_node.matching.lookup import Lookup
from vigie_node.matching.models import Snapshot
from vigie_node.matching.tables import mixed

Items = NDArray[np.int64]
Mixes = NDArray[np.uint64]
KEPT = 2
_publishing = threading.Lock()  # one at a time: a folder that is not named yet would be cleared away


def publish(lookup: Lookup, *, by: Actor, now: datetime) -> int:
    """Write a new snapshot of an index and tell every process; return its position.

    Audit:   INDEX_PUBLISHED.
    """
    name = f"{lookup.table.name}-{new_id(now)}"
    with _publishing:
        position = lookup.fold(settings.INDEXES / name)
        counts = lookup.counts()
        with transaction.atomic():
            snapshot = Snapshot.objects.create(
                id=new_id(now), index=lookup.table.name, position=position, folder=name, rows=counts, published_at=now
            )
            audit.record(Event.INDEX_PUBLISHED, subject=snapshot.id, by=by, at=now, index=lookup.table.name)
            changes.append(Topic.SNAPSHOT, subject=lookup.table.name, now=now)
        _clear_away(lookup.table.name)
    return position


def reconcile(lookup: Lookup, *, by: Actor, now: datetime) -> bool:
    """Compare an index with its table, row by row, and say whether they agree.

    Nobody waits for it: what changes while it reads is left out on both sides.
    Where they do not agree the index is made anew from the table, and published: every process takes it over.
    Audit:   ALARM_RAISED and INDEX_PUBLISHED, where they do not agree.
    """
    lookup.catch_up()
    began = lookup.position
    read: dict[str, list[tuple[Items, Mixes]]] = {part: [] for part in lookup.counts()}
    for portion in lookup.table.everything():
        for part, rows in portion.items():
            read[part].append((rows.items, mixed(rows)))
    moved = _moved_since(began, lookup)
    held = {part: [(rows.items, mixed(rows))] for part, rows in lookup.contents().items()}
    agree = all(_sum(read[part], moved) == _sum(held[part], moved) for part in read)
    if not agree:
        alarms.raise_alarm(Alarm.INDEX_DRIFT, subject=lookup.table.name, by=by, now=now)
        lookup.read_anew()
        publish(lookup, by=by, now=now)
    return agree


@transaction.atomic
def drop_snapshots(*, by: Actor, now: datetime) -> int:
    """Forget every published index, so that each process builds its own from the database; return how many.

    For a database that was put in the place of another: its snapshots are of another node's folder, or of a future that
    is no more.
    Audit:   INDEXES_DROPPED.
    """
    dropped = Snapshot.objects.all().delete()[0]
    for folder in Path(settings.INDEXES).glob("*"):
        if folder.is_dir():
            shutil.rmtree(folder)
    audit.record(Event.INDEXES_DROPPED, subject="", by=by, at=now, count=dropped)
    return dropped


def _moved_since(position: int, lookup: Lookup) -> Items:
    """Return the rows that came or went after a position, and bring the index to where they are in it."""
    lookup.catch_up()
    moved = [np.empty(0, np.int64)]
    while position < lookup.position and (rows := changes_log.since(position)):
        moved += [row.items for row in rows if row.topic in {lookup.table.added, lookup.table.removed}]
        position = rows[-1].position
    return np.unique(np.concatenate(moved))


def _sum(rows: Sequence[tuple[Items, Mixes]], moved: Items) -> tuple[int, int]:
    """Count and sum up the rows that did not move."""
    kept = [mixes[~np.isin(items, moved)] for items, mixes in rows]
    return sum(len(one) for one in kept), sum(int(one.sum(dtype=np.uint64)) for one in kept) % (1 << 64)


def _clear_away(index: str) -> None:
    """Remove what no process opens any more: older snapshots, and folders that a killed process left."""
    newest = list(Snapshot.objects.filter(index=index).order_by("-position")[:KEPT])
    Snapshot.objects.filter(index=index).exclude(id__in=[one.id for one in newest]).delete()
    kept = {one.folder for one in newest}
    for folder in Path(settings.INDEXES).glob(f"{index}-*"):
        if folder.name not in kept:
            shutil.rmtree(folder)
