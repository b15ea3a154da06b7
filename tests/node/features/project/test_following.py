# SPDX-License-Identifier: Apache-2.0
"""Somebody is told that a process cannot follow the change log, and that it follows again."""

import contextlib
import time
from datetime import UTC, datetime

import pytest
from django.db import DatabaseError, connection

from node import commands
from vigie_node.alarms import queries as alarms
from vigie_node.matching.lookup import StaleIndexError
from vigie_node.project import following
from vigie_node.project.faces import Face

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
READY = following.START_SECONDS


class Index:
    """An index that is fresh, or is not."""

    is_fresh = True

    def check_fresh(self):
        if not self.is_fresh:
            raise StaleIndexError("a test")


@pytest.fixture
def index():
    return Index()


@pytest.fixture
def watched(index):
    return following.Following(index.check_fresh, face=Face.PARTNER, at=0.0)


def look(watched, *moments):
    for at in moments:
        watched.step(at=at, now=NOW)


@pytest.mark.django_db
class TestFollowing:
    def test_says_nothing_of_a_hiccup(self, watched, index):
        look(watched, 1, 2)
        index.is_fresh = False
        look(watched, 3, 2 + following.AFTER_SECONDS)
        assert alarms.standing() == alarms.settled() == []

    def test_raises_an_alarm_that_stands_until_it_follows_again(self, watched, index):
        look(watched, READY)
        index.is_fresh = False
        look(watched, READY + 1, READY + 6, READY + 7)
        (alarm,) = alarms.standing()
        assert (alarm.code, alarm.subject, alarm.count) == ("INDEX_STALE", "partner", 1)
        look(watched, READY + 6 + following.REPEAT_SECONDS)
        assert alarms.standing()[0].count == 2
        index.is_fresh = True
        look(watched, READY + 100, READY + 101)
        assert alarms.standing() == []
        assert [one.settled_by for one in alarms.settled()] == ["NODE"]

    def test_tells_of_one_that_never_became_ready(self, watched, index):
        index.is_fresh = False
        look(watched, READY - 1)
        assert alarms.standing() == []
        look(watched, READY + 1)
        assert len(alarms.standing()) == 1

    def test_settles_what_a_killed_process_left(self, watched, index):
        index.is_fresh = False
        look(watched, READY + 1)
        index.is_fresh = True
        look(following.Following(index.check_fresh, face=Face.PARTNER, at=0.0), 1)
        assert alarms.standing() == []

    def test_leaves_a_trace_where_it_could_tell_nobody_meanwhile(self, watched, index, monkeypatch):
        look(watched, READY)
        index.is_fresh = False
        with monkeypatch.context() as patch:
            patch.setattr(following.alarms, "raise_alarm", _away)
            with pytest.raises(DatabaseError):
                look(watched, READY + 6)
        index.is_fresh = True
        look(watched, READY + 7)
        assert alarms.standing() == []
        assert [one.code for one in alarms.settled()] == ["INDEX_STALE"]


def _away(*_, **__):
    raise DatabaseError("the database is away")


class TestAFace:
    def test_raises_and_settles_the_alarm_by_itself(self, serve):
        serve(Face.PARTNER)
        time.sleep(1.5)
        with _without_the_log():
            commands.wait_for(alarms.standing, seconds=20)
        commands.wait_for(lambda: not alarms.standing(), seconds=20)
        assert [one.code for one in alarms.settled()] == ["INDEX_STALE"]


@contextlib.contextmanager
def _without_the_log():
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE changes_change RENAME TO changes_away")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE changes_away RENAME TO changes_change")
