# SPDX-License-Identifier: Apache-2.0
"""The index is the table: however it was cut short, folded or opened; where it is not, that is found and mended."""

import contextlib
import json
import os
import random
import subprocess
import sys

import numpy as np
import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import databases
from node.features.matching.asking import NOW, WRITER, ask, depict, digest, make_list, moved, say, value
from vigie.fingerprints.values import Algorithm
from vigie_node.alarms import queries as alarms
from vigie_node.catalogue.models import Fingerprint
from vigie_node.changes import actions as changes
from vigie_node.changes.topics import Topic
from vigie_node.matching import actions as matching
from vigie_node.matching import lookup, tables
from vigie_node.matching.lookup import Lookup, StaleIndexError
from vigie_node.matching.questions import Question
from vigie_node.matching.tables import CATALOGUE, Table

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_index")]
MD5, SHA256, PDQ = Algorithm.MD5, Algorithm.SHA256, Algorithm.PDQ


def opened(settings):
    return Lookup(CATALOGUE, folder=settings.INDEXES, stale_after_seconds=1.0)


def erase(rows):
    with transaction.atomic():
        Fingerprint.objects.filter(id__in=rows).delete()
        changes.append(Topic.FINGERPRINTS_REMOVED, items=rows, now=NOW)


def in_the_table():
    """Every row of the table, by part, read one by one."""
    rows = {part: set() for part in tables.PARTS}
    for one in Fingerprint.objects.all():
        rows[tables.PART_OF[Algorithm(one.algorithm)]].add((one.id, bytes(one.value)))
    return rows


def in_the_index(one):
    one.catch_up()
    held = {
        part: list(zip(rows.items.tolist(), map(bytes, rows.values), strict=True))
        for part, rows in one.contents().items()
    }
    assert all(len(rows) == len(set(rows)) for rows in held.values()), "a row is there twice"
    return {part: set(rows) for part, rows in held.items()}


steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(0, 4), st.sampled_from([MD5, SHA256, PDQ])),
        st.tuples(st.just("erase"), st.integers(0, 9), st.none()),
        st.tuples(st.just("publish"), st.integers(0, 2), st.none()),
        st.tuples(st.just("follow"), st.integers(0, 2), st.none()),
        st.tuples(st.just("cut short"), st.integers(0, 2), st.integers(0, 3)),
        st.tuples(st.just("restart"), st.integers(0, 2), st.none()),
        st.tuples(st.just("reconcile"), st.integers(0, 2), st.none()),
    ),
    max_size=16,
)


class TestHistories:
    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(steps)
    @example([("follow", 0, None), ("add", 0, PDQ), ("erase", 1, None), ("add", 1, PDQ), ("cut short", 0, 1)])
    def test_every_index_is_the_table_whatever_happened_in_whatever_order(self, settings, tmp_path_factory, history):
        settings.INDEXES = tmp_path_factory.mktemp("indexes")
        with transaction.atomic():
            indexes = [opened(settings) for _ in range(3)]
            for number, (kind, one, more) in enumerate(history):
                match kind:
                    case "add":
                        content = value(one) if more is PDQ else digest(more, one)
                        depict((more, content), (SHA256, digest(SHA256, f"{one} {number}")))
                    case "erase" if rows := list(Fingerprint.objects.values_list("id", flat=True)):
                        erase(rows[one % len(rows) :][:2])
                    case "publish":
                        matching.publish(indexes[one], **WRITER)
                    case "follow":
                        indexes[one].catch_up()
                    case "cut short":
                        _cut_short(indexes[one], after=more)
                    case "restart":
                        indexes[one] = opened(settings)
                    case "reconcile":
                        assert matching.reconcile(indexes[one], **WRITER)
            wanted = in_the_table()
            assert all(in_the_index(one) == wanted for one in indexes)
            transaction.set_rollback(True)


def _cut_short(one, *, after):
    """Have an index lose its database after some reads, midway through what it follows."""
    table, reads = one.table, [after]

    class Failing(Table):
        def rows(self, items):
            reads[0] -= 1
            if reads[0] < 0:
                raise DatabaseError("away")
            return table.rows(items)

    one.table = Failing(table.name, table.model, table.added, table.removed)
    with contextlib.suppress(StaleIndexError):  # raised, unless it needed no more reads than it had
        one.catch_up()
    one.table = table


# A process of its own: for each line it answers with every row of its index, and publishes where it is told to.
PROCESS = """
import json, sys
from datetime import UTC, datetime
from pathlib import Path
import django
django.setup()
from django.conf import settings
settings.INDEXES = Path(sys.argv[1])
from vigie_node.base.actor import NODE
from vigie_node.matching import actions as matching
from vigie_node.matching.lookup import Lookup
from vigie_node.matching.tables import CATALOGUE
index = Lookup(CATALOGUE, folder=settings.INDEXES, stale_after_seconds=1.0)
for line in sys.stdin:
    index.catch_up()
    if line.strip() == "publish":
        matching.publish(index, by=NODE, now=datetime.now(UTC))
    held = {part: [[item, bytes(one).hex()] for item, one in zip(rows.items.tolist(), rows.values)]
            for part, rows in index.contents().items()}
    print(json.dumps(held), flush=True)
"""


@pytest.mark.django_db(transaction=True)
class TestTwoProcesses:
    def test_hold_the_same_rows_as_the_table_after_each_step(self, settings):
        settings.INDEXES.mkdir()
        here = opened(settings)
        environment = os.environ | {
            "VIGIE_DATABASE_URL": databases.url(connection), "DJANGO_SETTINGS_MODULE": "vigie_node.project.settings",
        }  # fmt: skip
        command = [sys.executable, "-c", PROCESS, str(settings.INDEXES)]
        with subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        ) as process:
            draw = random.Random(20261122)
            for number in range(24):
                rows = list(Fingerprint.objects.values_list("id", flat=True))
                if rows and draw.random() < 0.3:
                    erase(draw.sample(rows, min(len(rows), 3)))
                else:
                    depict((PDQ, value(number)), (SHA256, digest(SHA256, number)))
                if number % 5 == 4:
                    matching.publish(here, **WRITER)
                process.stdin.write("publish\n" if number % 7 == 6 else "\n")
                told = json.loads(process.stdout.readline())
                there = {part: {(item, bytes.fromhex(one)) for item, one in held} for part, held in told.items()}
                assert there == in_the_index(here) == in_the_table()
            process.stdin.close()
        assert process.returncode == 0


class TestReconcile:
    @pytest.fixture
    def index(self):
        """An index of two depictions, each with a value and digests."""
        make_list()
        for seed in (1, 2):
            say(depict((PDQ, value(seed)), (SHA256, digest(SHA256, seed)), (MD5, digest(MD5, seed))))
        lookup.of_catalogue().catch_up()
        return lookup.of_catalogue()

    def drifts(self):
        row = Fingerprint.objects.get(value=value(1))
        others = {"depiction": row.depiction, "created_at": NOW}
        return {
            "a row is new": lambda: Fingerprint.objects.create(algorithm="pdq", value=value(3), **others),
            "a row is no more in the table": row.delete,
            "a value is another": lambda: Fingerprint.objects.filter(id=row.id).update(value=moved(value(1), 2)),
            "the algorithm is another": lambda: Fingerprint.objects.filter(id=row.id).update(algorithm="sha256"),
            "two values are exchanged": lambda: _exchange(row, Fingerprint.objects.get(value=value(2))),
            "a row is in the index twice": lambda: lookup.of_catalogue()._parts["near"].add(*_as_arrays(row)),
            "a row is lost to the index": lambda: lookup.of_catalogue()._parts["near"].remove(_as_arrays(row)[1]),
        }

    @pytest.mark.parametrize("kind", [
        "a row is new", "a row is no more in the table", "a value is another", "the algorithm is another",
        "two values are exchanged", "a row is in the index twice", "a row is lost to the index",
    ])  # fmt: skip
    def test_finds_drift_of_each_kind_raises_an_alarm_and_mends_it_everywhere(self, index, settings, kind):
        matching.publish(index, **WRITER)
        other = opened(settings)
        other.catch_up()
        self.drifts()[kind]()
        assert not matching.reconcile(index, **WRITER)
        assert [(one.code, one.subject) for one in alarms.standing()] == [("INDEX_DRIFT", "catalogue")]
        assert in_the_index(index) == in_the_index(other) == in_the_index(opened(settings)) == in_the_table()
        assert matching.reconcile(index, **WRITER)

    def test_finds_nothing_where_there_is_none(self, index):
        assert matching.reconcile(index, **WRITER)
        assert alarms.standing() == []
        assert ask(Question(PDQ, value(1))).claims


def _as_arrays(row):
    return np.frombuffer(bytes(row.value), np.uint8).reshape(1, -1), np.array([row.id], np.int64)


def _exchange(one, other):
    for row, content in ((one, bytes(other.value)), (other, bytes(one.value))):
        Fingerprint.objects.filter(id=row.id).update(value=content)
