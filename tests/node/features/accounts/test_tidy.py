# SPDX-License-Identifier: Apache-2.0
"""What accounts need no longer is deleted on schedule, and nothing else."""

from datetime import UTC, datetime, timedelta

import pytest
from axes.models import AccessAttempt

from node import people
from node.audited import events
from vigie_node.accounts import actions, models, queries, tidy_actions
from vigie_node.accounts.roles import Scope
from vigie_node.base.actor import COMMAND, NODE

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def history():
    """Records a day older than they are kept, and as many a day younger."""
    key = actions.create_key(
        people.organisation(), name="k", scopes=[Scope.MATCH], expires_at=None, per_minute=1, values_per_day=1,
        by=COMMAND, now=NOW,
    )  # fmt: skip
    for days in (399, 401):
        actions.note_key_used(key.id, requests=1, values=days, by=NODE, now=NOW - timedelta(days=days))
    for days in (364, 366):
        actions.issue_enrolment(people.recruit(), by=COMMAND, now=NOW - timedelta(days=days))
    for hours in (23, 25):
        AccessAttempt.objects.create(username=str(hours), failures_since_start=1)
        AccessAttempt.objects.filter(username=str(hours)).update(attempt_time=NOW - timedelta(hours=hours))
    return key.id


def test_deletes_what_is_too_old_and_says_how_much(history):
    with events() as found:
        assert tidy_actions.tidy(by=NODE, now=NOW) is False
    assert [one.values for one in queries.uses_of(history)] == [399]
    assert models.EnrolmentLink.objects.get().issued_at == NOW - timedelta(days=364)
    assert AccessAttempt.objects.get().username == "23"
    assert [(one.event, dict(one.details)) for one in found] == [
        ("ACCOUNTS_TIDIED", {"attempts": 1, "key_days": 1, "links": 1})
    ]


def test_says_nothing_where_nothing_is_too_old(history):
    tidy_actions.tidy(by=NODE, now=NOW)
    with events() as found:
        tidy_actions.tidy(by=NODE, now=NOW)
    assert found == []


def test_goes_on_in_small_steps(history, monkeypatch):
    monkeypatch.setattr(tidy_actions, "AT_ONCE", 1)
    assert tidy_actions.tidy(by=NODE, now=NOW) is True
