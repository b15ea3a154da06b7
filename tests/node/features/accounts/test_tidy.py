# SPDX-License-Identifier: Apache-2.0
"""What accounts need no longer is deleted on schedule, and nothing else."""

from datetime import UTC, datetime, timedelta

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from axes.models import AccessAttempt

from node import people
from node.audited import events
from vigie_node.accounts import actions, models, queries, tidy_actions
from vigie_node.accounts.roles import Role, Scope
from vigie_node.base.actor import COMMAND, NODE
from vigie_node.changes import queries as changes
from vigie_node.changes.topics import Topic
from vigie_node.partner_api.callers import KeyRing
from vigie_node.partner_api.quotas import Quotas

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TEN_YEARS = timedelta(days=3650)


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
        ("ACCOUNTS_TIDIED", {"attempts": 1, "key_days": 1, "keys": 0, "links": 1, "people": 0})
    ]


def test_says_nothing_where_nothing_is_too_old(history):
    tidy_actions.tidy(by=NODE, now=NOW)
    with events() as found:
        tidy_actions.tidy(by=NODE, now=NOW)
    assert found == []


def test_goes_on_in_small_steps(history, monkeypatch):
    monkeypatch.setattr(tidy_actions, "AT_ONCE", 1)
    assert tidy_actions.tidy(by=NODE, now=NOW) is True


class TestPeople:
    def test_one_is_forgotten_ten_years_after_access_ended_with_everything_about_them(self):
        gone, kept = people.recruit(Role.ANALYST), people.recruit(Role.ANALYST)
        Authenticator.objects.create(user_id=gone, type=Authenticator.Type.TOTP, data={})
        actions.end_access(gone, by=COMMAND, now=NOW)
        Authenticator.objects.create(user_id=gone, type=Authenticator.Type.TOTP, data={})
        assert not tidied(NOW + TEN_YEARS)
        assert tidied(NOW + TEN_YEARS + timedelta(days=1)) == [("people", 1)]
        assert [one.id for one in queries.people()] == [kept]
        for model, name in ((EmailAddress, "user_id"), (models.RoleGrant, "person_id")):
            assert set(model.objects.values_list(name, flat=True)) == {kept}
        assert not Authenticator.objects.exists()

    def test_one_whose_access_was_restored_stays(self):
        person = people.recruit()
        actions.end_access(person, by=COMMAND, now=NOW)
        actions.restore_access(person, by=COMMAND, now=NOW)
        assert not tidied(NOW + 2 * TEN_YEARS)


class TestKeys:
    def test_one_goes_ten_years_after_it_was_revoked_or_expired(self, tmp_path):
        standing, revoked, _ = (
            actions.create_key(
                people.organisation(), name="k", scopes=[Scope.MATCH], expires_at=expires_at, per_minute=1,
                values_per_day=1, by=COMMAND, now=NOW,
            )
            for expires_at in (None, None, NOW + timedelta(days=1))
        )  # fmt: skip
        actions.revoke_key(revoked.id, reason="ended", by=COMMAND, now=NOW)
        ring = KeyRing(Quotas(tmp_path / "quotas"))
        ring.reload()
        assert not tidied(NOW + TEN_YEARS)
        position = changes.latest()
        assert tidied(NOW + TEN_YEARS + timedelta(days=2)) == [("keys", 2)]
        assert [one.id for one in queries.key_records()] == [standing.id]
        (change,) = changes.since(position)
        assert (change.topic, change.subject) == (Topic.KEYS, "")
        ring.reload(change.subject)
        assert {one.id for one in ring._keys.values()} == {standing.id}


def tidied(now):
    """Tidy, and return what was deleted: kind and number."""
    with events() as found:
        tidy_actions.tidy(by=NODE, now=now)
    return [(kind, count) for one in found for kind, count in one.details.items() if count]
