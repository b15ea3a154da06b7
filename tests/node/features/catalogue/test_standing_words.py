# SPDX-License-Identifier: Apache-2.0
"""What a person decided on a word holds, whatever is undone, repeated or recorded around it."""

from datetime import timedelta, timezone

import pytest

from node.features.catalogue.catalogue_building import (
    DAY,
    NOW,
    WRITER,
    assertion_on,
    counts,
    depiction,
    make_list,
    row,
    say,
    source,
    taken_in,
    undo,
    words_on,
    write_rows,
)
from vigie_node.alarms import queries as alarms
from vigie_node.base.actor import COMMAND
from vigie_node.catalogue import actions, reminders, reviews, standing
from vigie_node.catalogue.models import Assertion, Dispute
from vigie_node.catalogue.states import DisputeOutcome

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "upstream.jsonl"


def disputed_on(depiction_id):
    return [word.disputed for word in standing.words([depiction_id]).get(depiction_id, ())]


class TestRevoked:
    def test_stays_so_though_its_import_was_undone_and_its_source_says_it_anew(self, path):
        who = source()
        first = taken_in(write_rows(path, [row(1), row(2)]), who)
        actions.revoke(assertion_on(1), reason="not illegal here", **WRITER)
        undo(first)
        second = taken_in(write_rows(path, [row(1), row(2), row(3)]), who, now=NOW + DAY)
        assert counts(second)["stays_revoked"] == 1
        assert [bool(words_on(seed)) for seed in (1, 2, 3)] == [False, True, True]

    def test_does_not_stand_in_the_way_of_another_class_once_its_import_was_undone(self, path):
        who = source()
        first = taken_in(write_rows(path, [row(1, "A", at=NOW)]), who)
        actions.revoke(assertion_on(1), reason="wrong", **WRITER)
        undo(first)
        taken_in(write_rows(path, [row(1, "B", at=NOW - DAY)]), who, now=NOW + DAY)
        assert words_on(1) == [("Hotline A", "B")]

    def test_stays_so_though_its_source_said_another_class_in_between(self, path):
        who = source()
        taken_in(write_rows(path, [row(1, "A", at=NOW - 3 * DAY)]), who)
        actions.revoke(assertion_on(1), reason="wrong", **WRITER)
        taken_in(write_rows(path, [row(1, "B", at=NOW - 2 * DAY)]), who, now=NOW + DAY)
        third = taken_in(write_rows(path, [row(1, "A", at=NOW - DAY)]), who, now=NOW + 2 * DAY)
        assert counts(third) == {"stays_revoked": 1}
        assert words_on(1) == [("Hotline A", "B")]

    def test_counts_again_where_a_person_recorded_it_anew_and_its_source_confirms_it(self, path):
        who = source()
        taken_in(write_rows(path, [row(1, at=NOW - 2 * DAY)]), who)
        actions.revoke(assertion_on(1), reason="wrong", **WRITER)
        say(Assertion.objects.get().depiction_id, who, "A", at=NOW - DAY)
        taken_in(write_rows(path, [row(1, at=NOW)]), who, now=NOW + DAY)
        assert words_on(1) == [("Hotline A", "A")]


class TestRecordedByAPerson:
    def test_counts_or_is_refused_though_two_words_stood_side_by_side(self, tmp_path):
        """Two imports brought them; both were revoked; a word earlier than both can take the place of one only."""
        relayed = [row(1, "A", at=NOW - 2 * DAY, by="Hotline A")]
        taken_in(write_rows(tmp_path / "relayed", relayed), source("A clearing house"), relays=True)
        own = importing_beside(tmp_path)
        actions.revoke(Assertion.objects.get(label="B").id, reason="wrong", **WRITER)
        actions.revoke(Assertion.objects.get(label="A").id, reason="wrong too", **WRITER)
        [shown] = set(Assertion.objects.values_list("depiction", flat=True))
        with pytest.raises(actions.CannotSupersedeError):
            say(shown, source(), "C", at=NOW - 3 * DAY)
        say(shown, source(), "C", at=NOW)
        assert words_on(1) == [("Hotline A", "C")]
        assert own

    def test_stays_under_the_dispute_that_is_open_on_the_same_word(self):
        one, who = depiction(1), source()
        dispute = actions.open_dispute(say(one, who, at=NOW - DAY), grounds="doubtful", **WRITER)
        again = say(one, who)
        assert disputed_on(one) == [True]
        actions.settle_dispute(dispute, outcome=DisputeOutcome.UPHELD, settlement="it was wrong", **WRITER)
        assert words_on(1) == []
        assert Assertion.objects.get(id=again).revocation.reason == "it was wrong"

    def test_of_another_class_is_another_word(self):
        one, who = depiction(1), source()
        actions.open_dispute(say(one, who, "A", at=NOW - DAY), grounds="doubtful", **WRITER)
        say(one, who, "C")
        assert disputed_on(one) == [False]


def importing_beside(tmp_path):
    """An import of the source itself that does not know what was relayed: staged before that was visible."""
    held = Assertion.objects.get()
    held.via.state = "STAGED"
    held.via.save()
    own = taken_in(write_rows(tmp_path / "own", [row(1, "B", at=NOW - DAY)]), source())
    held.via.state = "VISIBLE"
    held.via.save()
    return own


class TestDeadline:
    @pytest.mark.parametrize("zone", [timezone(timedelta(hours=hours)) for hours in (-12, 0, 14)], ids=str)
    def test_is_the_same_moment_in_whatever_zone_the_clock_is_said(self, zone):
        said = say(depiction(1), source())
        dispute = actions.open_dispute(said, grounds="doubtful", by=COMMAND, now=NOW.astimezone(zone))
        assert Dispute.objects.get(id=dispute).deadline == NOW + 14 * DAY
        reminders.remind((NOW + 14 * DAY).astimezone(zone))
        assert alarms.standing_count() == 0
        reminders.remind((NOW + 14 * DAY + timedelta(seconds=1)).astimezone(zone))
        assert [one.code for one in alarms.standing()] == ["DISPUTE_OVERDUE"]

    def test_waits_for_nobody_once_the_import_of_the_word_was_undone(self, path):
        brought = taken_in(write_rows(path, [row(1)]), source())
        actions.open_dispute(assertion_on(1), grounds="doubtful", **WRITER)
        assert len(reviews.open_disputes()) == 1
        undo(brought)
        assert reviews.open_disputes() == []
        reminders.remind(NOW + 100 * DAY)
        assert alarms.standing_count() == 0

    def test_past_it_the_word_stays_suspended_until_somebody_settles(self):
        make_list()
        one = depiction(1)
        actions.open_dispute(say(one, source()), grounds="doubtful", **WRITER)
        reminders.remind(NOW + 100 * DAY)
        assert disputed_on(one) == [True]
