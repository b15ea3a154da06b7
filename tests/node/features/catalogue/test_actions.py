# SPDX-License-Identifier: Apache-2.0
import threading
import uuid
from datetime import date, timedelta

import pytest
from django.db import connection

from node.features.catalogue.catalogue_building import (
    DAY,
    NOW,
    WRITER,
    depiction,
    make_list,
    md5,
    pdq,
    print_of,
    say,
    sha256,
    source,
    words_on,
)
from vigie.fingerprints.values import Algorithm, Digests
from vigie_node.alarms import queries as alarms
from vigie_node.alarms.codes import Alarm
from vigie_node.audit.models import PendingEvent
from vigie_node.base.actor import COMMAND
from vigie_node.catalogue import (
    actions,
    dispute_actions,
    identity,
    list_actions,
    list_queries,
    override_actions,
    reasons,
    reminders,
    revoking,
    rules,
    series_actions,
    series_queries,
    standing,
)
from vigie_node.catalogue.identity import NewFingerprint
from vigie_node.catalogue.models import Depiction, Dispute, Fingerprint
from vigie_node.catalogue.rules import Mode, Policy
from vigie_node.catalogue.states import DisputeOutcome, Grade, Kind, OverrideKind, SeriesStatus
from vigie_node.changes import queries as changes
from vigie_node.changes.topics import Topic

pytestmark = pytest.mark.django_db
REVIEW = date(2027, 2, 1)


def record(*prints, kind=Kind.PICTURE):
    return actions.record_depiction(prints, kind=kind, **WRITER)


def topics_since(position):
    return [one.topic for one in changes.since(position)]


class TestRecordDepiction:
    def test_finds_the_same_content_again(self):
        assert record(print_of(1)) == record(print_of(1), NewFingerprint(Algorithm.MD5, md5(1)))
        assert Fingerprint.objects.count() == 2

    def test_an_equal_md5_with_another_sha256_is_another_content(self):
        shared = NewFingerprint(Algorithm.MD5, md5("shared"))
        assert record(print_of(1), shared) != record(print_of(2), shared)

    def test_an_equal_md5_without_contradiction_is_the_same_content(self):
        shared = NewFingerprint(Algorithm.MD5, md5("shared"))
        assert record(shared) == record(print_of(1), shared)

    def test_values_alone_are_the_same_only_where_all_are_equal(self):
        value, other = (NewFingerprint(Algorithm.PDQ, pdq(seed), 90) for seed in (1, 2))
        assert record(value) == record(value)
        assert record(value) != record(value, other)
        assert record(value) != record(print_of(1), value)

    @pytest.mark.parametrize(
        "prints",
        [
            [],
            [NewFingerprint(Algorithm.MD5, Digests.EMPTY.md5)],
            [NewFingerprint(Algorithm.SHA256, Digests.EMPTY.sha256), NewFingerprint(Algorithm.MD5, md5(1))],
            [NewFingerprint(Algorithm.PDQ, bytes(32), 90)],
            [NewFingerprint(Algorithm.PDQ, pdq(1), 3)],
        ],
        ids=["none", "empty file by MD5", "empty file by SHA-256", "blank", "low quality"],
    )
    def test_refuses_what_may_never_match(self, prints):
        with pytest.raises((identity.NoFingerprintError, identity.NeverMatchesError)):
            record(*prints)
        assert Depiction.objects.count() == 0

    def test_tells_the_indexes_of_the_new_rows_alone(self):
        record(print_of(1))
        before = changes.latest()
        record(print_of(1))
        assert changes.latest() == before
        record(print_of(1), NewFingerprint(Algorithm.MD5, md5(1)))
        told, looked_back_for = changes.since(before)
        assert (told.topic, len(told.items)) == (Topic.FINGERPRINTS_ADDED, 1)
        assert (looked_back_for.topic, len(looked_back_for.items)) == (Topic.STANDING, 0)

    def test_never_shows_a_value_in_its_repr_or_error(self):
        assert "NewFingerprint sha256" in repr(print_of(1))
        with pytest.raises(identity.MalformedValueError) as refused:
            NewFingerprint(Algorithm.SHA256, b"short value")
        assert "short" not in str(refused.value)


class TestRecordAssertion:
    def test_supersedes_what_the_source_said_before(self):
        one, who = depiction(1), source()
        say(one, who, "A", at=NOW - DAY)
        say(one, who, "C")
        assert words_on(1) == [("Hotline A", "C")]

    def test_leaves_the_words_of_other_schemes_and_sources(self):
        one, who = depiction(1), source()
        say(one, who, "A")
        say(one, who, "A1", scheme="tech-coalition")
        say(one, source("Hotline B"), "B")
        assert len(words_on(1)) == 3

    def test_in_our_own_scheme_each_list_is_a_matter_of_its_own(self):
        make_list("ours")
        make_list("other")
        one, who = depiction(1), source()
        say(one, who, "ours", scheme="bank")
        say(one, who, "other", scheme="bank")
        say(one, who, "other", scheme="bank")
        assert words_on(1) == [("Hotline A", "other"), ("Hotline A", "ours")]

    def test_refuses_a_word_earlier_than_the_one_that_stands(self):
        one, who = depiction(1), source()
        say(one, who)
        with pytest.raises(actions.CannotSupersedeError):
            say(one, who, "B", at=NOW - DAY)

    def test_refuses_to_supersede_the_word_of_another(self):
        one = depiction(1)
        theirs = say(one, source("Hotline B"))
        with pytest.raises(actions.CannotSupersedeError):
            actions.record_assertion(
                one, source_id=source(), scheme="uk", label="A", facts={}, ground=Grade.SEEN, asserted_at=NOW,
                supersedes=theirs, **WRITER,
            )  # fmt: skip

    def test_refuses_the_future(self):
        with pytest.raises(actions.FutureAssertionError):
            say(depiction(1), source(), at=NOW + DAY)

    @pytest.mark.parametrize(
        ("call", "error"),
        [
            (lambda: say(uuid.uuid4(), source()), series_actions.NoSuchDepictionError),
            (lambda: say(depiction(1), uuid.uuid4()), actions.NoSuchSourceError),
            (lambda: say(depiction(1), source(), "ours", scheme="bank"), list_actions.NoSuchListError),
        ],
    )
    def test_refuses_what_is_not_there(self, call, error):
        with pytest.raises(error):
            call()


class TestRevoke:
    def test_stops_counting_at_once_and_tells_so(self):
        said = say(depiction(1), source())
        before = changes.latest()
        actions.revoke(said, reason="graded by mistake", **WRITER)
        assert words_on(1) == []
        assert topics_since(before) == [Topic.STANDING]

    def test_does_not_bring_back_what_it_superseded(self):
        one, who = depiction(1), source()
        say(one, who, "A", at=NOW - DAY)
        actions.revoke(say(one, who, "C"), reason="wrong", **WRITER)
        assert words_on(1) == []

    def test_settles_the_dispute_that_was_open(self):
        said = say(depiction(1), source())
        actions.open_dispute(said, grounds="doubtful", **WRITER)
        actions.revoke(said, reason="it was wrong", **WRITER)
        assert Dispute.objects.get().outcome == DisputeOutcome.UPHELD

    def test_needs_a_reason(self):
        with pytest.raises(reasons.MissingReasonError):
            actions.revoke(say(depiction(1), source()), reason="  ", **WRITER)

    def test_is_done_once(self):
        said = say(depiction(1), source())
        actions.revoke(said, reason="wrong", **WRITER)
        with pytest.raises(revoking.AlreadyRevokedError):
            actions.revoke(said, reason="again", **WRITER)


class TestDisputes:
    def test_a_dispute_suspends_where_the_policy_says_so(self):
        said = say(depiction(1), source())
        actions.open_dispute(said, grounds="another person", **WRITER)
        [word] = standing.words([Depiction.objects.get().id]).popitem()[1]
        assert word.disputed
        assert rules.words_that_count(Policy(), [word]) == ()
        assert rules.words_that_count(Policy(dispute_suspends=False), [word]) == (word,)

    @pytest.mark.parametrize(
        ("outcome", "stands"),
        [(DisputeOutcome.UPHELD, False), (DisputeOutcome.REJECTED, True), (DisputeOutcome.WITHDRAWN, True)],
    )
    def test_upheld_revokes_and_else_the_word_stands(self, outcome, stands):
        dispute = actions.open_dispute(say(depiction(1), source()), grounds="doubtful", **WRITER)
        before = changes.latest()
        actions.settle_dispute(dispute, outcome=outcome, settlement="looked at again", **WRITER)
        assert bool(words_on(1)) is stands
        assert topics_since(before) == [Topic.STANDING]

    def test_one_is_open_at_a_time_and_settled_once(self):
        said = say(depiction(1), source())
        dispute = actions.open_dispute(said, grounds="doubtful", **WRITER)
        with pytest.raises(dispute_actions.AlreadyDisputedError):
            actions.open_dispute(said, grounds="doubtful", **WRITER)
        actions.settle_dispute(dispute, outcome=DisputeOutcome.REJECTED, settlement="no", **WRITER)
        with pytest.raises(dispute_actions.AlreadySettledError):
            actions.settle_dispute(dispute, outcome=DisputeOutcome.UPHELD, settlement="yes", **WRITER)
        actions.open_dispute(said, grounds="new grounds", **WRITER)

    def test_what_is_overdue_raises_one_alarm(self):
        dispute = actions.open_dispute(say(depiction(1), source()), grounds="doubtful", **WRITER)
        reminders.remind(NOW + 14 * DAY)
        assert alarms.standing_count() == 0
        for _ in range(3):
            reminders.remind(NOW + 15 * DAY)
        [alarm] = alarms.standing()
        assert (alarm.code, alarm.subject, alarm.count) == (Alarm.DISPUTE_OVERDUE, str(dispute), 1)


class TestLists:
    def test_a_change_from_an_old_version_is_told_what_changed_meanwhile(self):
        one = make_list()
        assert actions.change_list(one, policy=Policy(threshold_bits=20), expected_version=1, reason="a", **WRITER) == 2
        with pytest.raises(list_actions.ListChangedError, match="mode, threshold_bits"):
            actions.change_list(one, policy=Policy(mode=Mode.ON), expected_version=1, reason="b", **WRITER)

    def test_keeps_every_policy_with_who_and_why(self):
        one = make_list()
        actions.change_list(one, policy=Policy(mode=Mode.SHADOW), expected_version=1, reason="to see", **WRITER)
        found = list_queries.one(one)
        assert [(version.version, version.reason, version.changed) for version in found.versions] == [
            (2, "to see", ("mode",)),
            (1, "for the test", ()),
        ]
        assert [(row.name, row.version, row.reason) for row in list_queries.lists()] == [("known", 2, "to see")]

    @pytest.mark.parametrize("name", ["", "a b", "-a", "a/b", "é", "x" * 65])
    def test_refuses_a_name_that_cannot_stand_in_an_address(self, name):
        with pytest.raises(list_actions.classes.MalformedListNameError):
            make_list(name)

    def test_refuses_a_taken_name_an_unknown_source_and_an_unknown_class(self):
        make_list("known")
        with pytest.raises(list_actions.ListExistsError):
            make_list("known")
        with pytest.raises(list_actions.UnknownSourceError):
            make_list("other", sources=(str(uuid.uuid4()),))
        with pytest.raises(list_actions.UnknownSourceError):
            make_list("other", sources=("somebody",))
        with pytest.raises(list_actions.classes.labels.UnknownLabelError):
            make_list("other", classes={"uk": ("Z",)})

    def test_counts_the_words_that_it_hears(self):
        one, who = depiction(1), source()
        say(one, who)
        assert list_queries.word_counts(Policy(classes={"uk": ("A", "B")})) == {("uk", "A"): 1, ("uk", "B"): 0}
        assert list_queries.word_counts(Policy()) == {("uk", "A"): 1}


class TestOverrides:
    def make(self, **more):
        asked = {"kind": OverrideKind.SUPPRESSED, "reason": "a logo", "review_on": REVIEW} | more
        return actions.override(Algorithm.SHA256, sha256(1), **asked, **WRITER)

    def test_stands_until_it_is_ended(self):
        asked = [(Algorithm.SHA256, sha256(1))]
        one = self.make()
        assert standing.overridden(asked) == set(asked)
        actions.end_override(one, reason="no logo", **WRITER)
        assert standing.overridden(asked) == set()
        with pytest.raises(override_actions.NoSuchOverrideError):
            actions.end_override(one, reason="again", **WRITER)

    def test_stands_once_a_value(self):
        self.make()
        with pytest.raises(override_actions.AlreadyOverriddenError):
            self.make()

    @pytest.mark.parametrize("review_on", [NOW.date(), NOW.date() - DAY, NOW.date() + timedelta(days=400)])
    def test_is_looked_at_again_within_a_year(self, review_on):
        with pytest.raises(override_actions.ReviewDateError):
            self.make(review_on=review_on)

    def test_overdue_raises_an_alarm_and_stands_on_until_reviewed(self):
        one = self.make()
        reminders.remind(NOW + 200 * DAY)
        assert [alarm.code for alarm in alarms.standing()] == [Alarm.OVERRIDE_DUE]
        actions.review_override(
            one, review_on=REVIEW + 100 * DAY, reason="still a logo", by=COMMAND, now=NOW + 60 * DAY
        )
        assert standing.overridden([(Algorithm.SHA256, sha256(1))])


class TestSeries:
    def test_links_depictions_with_who_and_why_and_keeps_what_was_unlinked(self):
        one, series = depiction(1), actions.create_series("S-2026-17", reason="same room", **WRITER)
        actions.link_to_series(series, one, reason="same wallpaper", **WRITER)
        with pytest.raises(series_actions.AlreadyLinkedError):
            actions.link_to_series(series, one, reason="again", **WRITER)
        actions.unlink_from_series(series, one, reason="another wallpaper", **WRITER)
        with pytest.raises(series_actions.NotLinkedError):
            actions.unlink_from_series(series, one, reason="again", **WRITER)
        found = series_queries.one(series)
        assert [(link.reason, link.unlinked_reason) for link in found.links] == [
            ("same wallpaper", "another wallpaper")
        ]
        assert found.depictions == 0

    def test_has_a_status_with_its_reason(self):
        series = actions.create_series("S-1", reason="same room", **WRITER)
        actions.set_series_status(series, status=SeriesStatus.IDENTIFIED, reason="by the police", **WRITER)
        found = series_queries.one(series)
        assert (found.status, found.status_reason) == (SeriesStatus.IDENTIFIED, "by the police")
        assert [row.id for row in series_queries.page(status=SeriesStatus.IDENTIFIED).rows] == [series]

    @pytest.mark.parametrize("reference", ["Emma Jones", "emma", "S", "S 1", "É-1", "X" * 65])
    def test_refuses_a_reference_that_may_be_a_name(self, reference):
        with pytest.raises(series_actions.MalformedReferenceError):
            actions.create_series(reference, reason="same room", **WRITER)


class TestAudit:
    def test_every_write_leaves_exactly_one_event(self):
        make_list("ours")
        one, who, series = depiction(1), source(), actions.create_series("S-1", reason="r", **WRITER)
        said = [say(one, source(name)) for name in "XYZ"]
        writes = [
            lambda: source("New"),
            lambda: depiction(2),
            lambda: say(one, who),
            lambda: actions.open_dispute(said[0], grounds="g", **WRITER),
            lambda: actions.settle_dispute(
                Dispute.objects.get().id, outcome=DisputeOutcome.UPHELD, settlement="s", **WRITER
            ),
            lambda: actions.revoke(said[1], reason="r", **WRITER),
            lambda: make_list("new"),
            lambda: actions.change_list(
                list_queries.id_of("new"), policy=Policy(), expected_version=1, reason="r", **WRITER
            ),
            lambda: actions.link_to_series(series, one, reason="r", **WRITER),
            lambda: actions.set_series_status(series, status=SeriesStatus.UNDER_WAY, reason="r", **WRITER),
            lambda: actions.unlink_from_series(series, one, reason="r", **WRITER),
        ]
        for write in writes:
            before = PendingEvent.objects.count()
            write()
            assert PendingEvent.objects.count() == before + 1


@pytest.mark.django_db(transaction=True)
class TestTwoAtOnce:
    def test_the_same_content_recorded_by_several_is_one_depiction(self):
        def write():
            record(print_of(1))
            connection.close()

        threads = [threading.Thread(target=write) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert Depiction.objects.count() == Fingerprint.objects.count() == 1
