# SPDX-License-Identifier: Apache-2.0
"""What the actions on keys do, refuse, record and tell every process."""

import uuid
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from node import people
from node.audited import events
from vigie_node.accounts import actions, key_actions, models, queries, tokens
from vigie_node.accounts.roles import Scope, UnknownScopeError
from vigie_node.accounts.states import KeyState
from vigie_node.base.actor import COMMAND, NODE
from vigie_node.changes import queries as changes
from vigie_node.changes.topics import Topic

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def make(**other):
    wanted = {
        "name": "upload filter", "scopes": [Scope.MATCH, Scope.STATUS], "expires_at": NOW + timedelta(days=1),
        "per_minute": 60, "values_per_day": 1000, "by": COMMAND, "now": NOW,
    }  # fmt: skip
    return actions.create_key(people.organisation("Provider", kind="PROVIDER"), **(wanted | other))


class TestCreateKey:
    def test_gives_the_token_once_and_keeps_its_hash(self):
        position = changes.latest()
        with events() as found:
            made = make()
        record = queries.key_record(made.id)
        assert record.prefix == tokens.key_prefix(made.token)
        assert record.secret_sha256 == tokens.digest(made.token)
        assert record.scopes == {Scope.MATCH, Scope.STATUS}
        assert (record.per_minute, record.values_per_day, record.revoked) == (60, 1000, False)
        assert record.organisation_name == "Provider"
        assert [one.event for one in found][-1] == "KEY_CREATED"
        assert [(one.topic, one.subject) for one in changes.since(position)] == [(Topic.KEYS, str(made.id))]
        secret = made.token.split("_", 2)[2]  # it may hold the sign itself
        for seen in (str(found), repr(made), repr(record), str(list(models.Key.objects.values()))):
            assert secret not in seen
        assert str(record.secret_sha256) not in repr(record)

    def test_every_key_is_in_the_records(self):
        made = [make().id, make().id]
        assert {one.id for one in queries.key_records()} == set(made)

    @pytest.mark.parametrize(
        "wrong",
        [{"name": " "}, {"name": "a\nb"}, {"name": "x" * 101}, {"per_minute": 0}, {"values_per_day": 0},
         {"per_minute": 10**7}, {"values_per_day": -1}, {"expires_at": NOW}],
    )  # fmt: skip
    def test_refuses_what_cannot_be(self, wrong):
        with pytest.raises(key_actions.MalformedKeyError):
            make(**wrong)

    def test_refuses_no_scope_and_no_organisation(self):
        with pytest.raises(UnknownScopeError):
            make(scopes=[])
        with pytest.raises(key_actions.NoSuchKeyOwnerError):
            actions.create_key(
                uuid.uuid4(), name="k", scopes=[Scope.MATCH], expires_at=None, per_minute=1, values_per_day=1,
                by=COMMAND, now=NOW,
            )  # fmt: skip

    def test_the_database_refuses_a_prefix_twice_and_no_quota(self):
        one, other = make(), make()
        prefix = queries.key_record(other.id).prefix
        for fields in ({"prefix": prefix}, {"per_minute": 0}, {"revoked_at": NOW}):
            with pytest.raises(IntegrityError), transaction.atomic():
                models.Key.objects.filter(id=one.id).update(**fields)


class TestRevokeKey:
    def test_ends_it_for_good_and_tells_everybody(self):
        made, position = make(), changes.latest()
        with events() as found:
            actions.revoke_key(made.id, reason="the contract ended", by=COMMAND, now=NOW)
        assert queries.key_record(made.id).revoked
        assert queries.key(made.id, now=NOW).state is KeyState.REVOKED
        assert [one.event for one in found] == ["KEY_REVOKED"]
        assert "contract" not in str(found)
        assert [one.subject for one in changes.since(position)] == [str(made.id)]
        with pytest.raises(key_actions.KeyRevokedError):
            actions.revoke_key(made.id, reason="again", by=COMMAND, now=NOW)
        with pytest.raises(key_actions.KeyRevokedError):
            actions.change_key_quota(made.id, per_minute=1, values_per_day=1, by=COMMAND, now=NOW)

    def test_needs_a_reason_and_a_key(self):
        with pytest.raises(key_actions.MalformedKeyError):
            actions.revoke_key(make().id, reason=" ", by=COMMAND, now=NOW)
        with pytest.raises(key_actions.NoSuchKeyError):
            actions.revoke_key(uuid.uuid4(), reason="gone", by=COMMAND, now=NOW)


class TestChangeKeyQuota:
    def test_counts_for_everybody(self):
        made, position = make(), changes.latest()
        with events() as found:
            actions.change_key_quota(made.id, per_minute=6, values_per_day=7, by=COMMAND, now=NOW)
        record = queries.key_record(made.id)
        assert (record.per_minute, record.values_per_day) == (6, 7)
        assert [(one.event, dict(one.details)) for one in found] == [
            ("KEY_QUOTA_CHANGED", {"per_minute": 6, "values_per_day": 7})
        ]
        assert [one.topic for one in changes.since(position)] == [Topic.KEYS]


class TestNoteKeyUsed:
    def test_adds_up_by_day_and_leaves_one_event_a_day(self):
        made = make()
        with events() as found:
            for minute in (0, 1, 2):
                then = NOW + timedelta(minutes=minute)
                actions.note_key_used(made.id, requests=2, values=100, by=NODE, now=then)
        row = queries.key(made.id, now=NOW)
        assert (row.values_today, row.last_used_at) == (300, NOW + timedelta(minutes=2))
        assert [(one.requests, one.values) for one in queries.uses_of(made.id)] == [(6, 300)]
        assert queries.values_today(now=NOW) == {made.id: 300}
        assert [one.event for one in found] == ["KEY_USED"]

    def test_starts_anew_each_day(self):
        made = make()
        actions.note_key_used(made.id, requests=1, values=1, by=NODE, now=NOW - timedelta(days=1))
        actions.note_key_used(made.id, requests=1, values=5, by=NODE, now=NOW)
        assert [(one.day, one.values) for one in queries.uses_of(made.id)] == [
            (date(2026, 11, 22), 5), (date(2026, 11, 21), 1),
        ]  # fmt: skip

    def test_tells_nobody_of_a_key_that_is_not(self):
        with pytest.raises(key_actions.NoSuchKeyError):
            actions.note_key_used(uuid.uuid4(), requests=1, values=1, by=NODE, now=NOW)


class TestKeyRow:
    @pytest.mark.parametrize(("days", "state"), [(None, KeyState.ACTIVE), (1, KeyState.ACTIVE), (-1, KeyState.EXPIRED)])
    def test_says_whether_it_may_still_ask(self, days, state):
        made = make(now=NOW - timedelta(days=9), expires_at=None if days is None else NOW + timedelta(days=days))
        assert queries.key(made.id, now=NOW).state is state
