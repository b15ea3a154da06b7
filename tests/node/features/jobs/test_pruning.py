# SPDX-License-Identifier: Apache-2.0
from datetime import timedelta

import pytest
from django.db import transaction

from node import audited, partners
from vigie_node.changes import actions as change_log
from vigie_node.changes import queries as changes
from vigie_node.changes.topics import Topic
from vigie_node.jobs import schedule


@pytest.fixture
def followed(monkeypatch):
    """Everybody has read the whole log."""
    monkeypatch.setattr(schedule.published, "oldest_position", changes.latest)
    monkeypatch.setattr(schedule.sightings_log, "followed_to", changes.latest)


@pytest.mark.django_db
class TestPruning:
    def test_of_the_change_log_leaves_a_mark_where_something_was_deleted(self, followed):
        for _ in range(3):
            with transaction.atomic():
                change_log.append(Topic.OVERRIDES, now=partners.now())
        later = partners.now() + schedule.CHANGES_KEPT + timedelta(hours=1)
        with audited.events() as found:
            schedule._prune_changes(later)
            schedule._prune_changes(later)
        assert [(one.event, dict(one.details)) for one in found] == [("CHANGES_PRUNED", {"count": 2})]
