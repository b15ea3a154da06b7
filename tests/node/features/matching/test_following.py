# SPDX-License-Identifier: Apache-2.0
"""A started index follows what other processes commit, and refuses to answer when it cannot."""

import time
from datetime import UTC, datetime

import pytest
from django.db import connection, transaction

from node.partners import value
from vigie.fingerprints.values import Algorithm
from vigie_node.base.actor import COMMAND
from vigie_node.catalogue import actions as catalogue
from vigie_node.catalogue.identity import NewFingerprint
from vigie_node.catalogue.states import Kind
from vigie_node.changes import actions as change_log
from vigie_node.changes import queries as changes
from vigie_node.changes.topics import Topic
from vigie_node.matching import actions as matching
from vigie_node.matching.lookup import Lookup, StaleIndexError
from vigie_node.matching.questions import Question
from vigie_node.matching.tables import CATALOGUE

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
pytestmark = pytest.mark.django_db(transaction=True)


def depict(seed):
    return catalogue.record_depiction(
        [NewFingerprint(Algorithm.PDQ, value(seed))], kind=Kind.PICTURE, by=COMMAND, now=NOW
    )


@pytest.fixture
def folder(settings, tmp_path):
    settings.INDEXES = tmp_path / "indexes"
    settings.INDEXES.mkdir()
    return settings.INDEXES


@pytest.fixture
def followers(folder):
    """Two indexes that follow in threads of their own, as two processes do."""
    made = [Lookup(CATALOGUE, folder=folder, stale_after_seconds=1.0) for _ in range(2)]
    for one in made:
        one.start()
    for one in made:
        _until(lambda one=one: _is_fresh(one))
    yield made
    for one in made:
        one.stop()


def _is_fresh(one):
    try:
        one.check_fresh()
    except StaleIndexError:
        return False
    return True


def _until(holds, seconds=5.0):
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < seconds, "it did not come about in time"
        time.sleep(0.005)
    return time.monotonic() - began


def finds(one, seed):
    return len(one.candidates([Question(Algorithm.PDQ, value(seed))])) == 1


class TestFollowing:
    def test_an_addition_is_found_in_every_process_within_a_second(self, followers):
        for seed in range(20):
            depict(seed)
            for one in followers:
                _until(lambda one=one, seed=seed: finds(one, seed), seconds=1.0)

    def test_a_new_snapshot_is_taken_over_without_losing_what_came_after(self, followers, folder):
        worker = Lookup(CATALOGUE, folder=folder, stale_after_seconds=1.0)
        for seed in range(30):
            depict(seed)
            if seed % 7 == 3:
                matching.publish(worker, by=COMMAND, now=NOW)
        latest = changes.latest()
        for one in followers:
            _until(lambda one=one: one.position >= latest)
            assert one.counts()["near"] == 30
            assert all(finds(one, seed) for seed in range(30))
        assert len(list(folder.iterdir())) == matching.KEPT

    def test_one_that_was_started_late_opens_the_snapshot_and_goes_on(self, folder):
        worker = Lookup(CATALOGUE, folder=folder, stale_after_seconds=1.0)
        depict(1)
        matching.publish(worker, by=COMMAND, now=NOW)
        depict(2)
        late = Lookup(CATALOGUE, folder=folder, stale_after_seconds=1.0)
        assert finds(late, 1)
        assert finds(late, 2)
        assert late.pending() == 1

    def test_a_folder_that_a_killed_process_left_is_removed(self, folder):
        (folder / "catalogue-left-behind").mkdir()
        matching.publish(Lookup(CATALOGUE, folder=folder, stale_after_seconds=1.0), by=COMMAND, now=NOW)
        assert [one.name for one in folder.iterdir() if "left" in one.name] == []


class TestStaleness:
    def test_without_the_database_it_refuses_within_a_second_and_recovers_by_itself(self, followers):
        one = followers[0]
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE changes_change RENAME TO changes_away")
        try:
            _until(lambda: not _is_fresh(one), seconds=2.0)
            with pytest.raises(StaleIndexError):
                one.candidates([Question(Algorithm.PDQ, value(1))])
        finally:
            with connection.cursor() as cursor:
                cursor.execute("ALTER TABLE changes_away RENAME TO changes_change")
        _until(lambda: _is_fresh(one))

    def test_an_error_that_nobody_foresaw_does_not_end_the_following(self, followers):
        one = followers[0]
        failed = []

        def fail_once(_subject):
            if not failed:
                failed.append(True)
                raise ValueError("nobody foresaw this")

        one.heed(Topic.OVERRIDES, fail_once)
        with transaction.atomic():
            change_log.append(Topic.OVERRIDES, now=NOW)
        _until(lambda: bool(failed))
        depict(1)
        _until(lambda: _is_fresh(one) and finds(one, 1))

    def test_a_damaged_snapshot_is_refused(self, folder):
        worker = Lookup(CATALOGUE, folder=folder, stale_after_seconds=1.0)
        depict(1)
        matching.publish(worker, by=COMMAND, now=NOW)
        (file,) = folder.glob("*/near.vix")
        content = bytearray(file.read_bytes())
        content[20] ^= 1
        file.chmod(0o600)
        file.write_bytes(content)
        with pytest.raises(StaleIndexError):
            finds(Lookup(CATALOGUE, folder=folder, stale_after_seconds=1.0), 1)
