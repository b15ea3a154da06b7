# SPDX-License-Identifier: Apache-2.0
"""Defects found in the programs that others exchange lists with; each test says what must hold here instead."""

import os
import time
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from node.features.catalogue.catalogue_building import (
    DAY,
    NOW,
    WRITER,
    assertion_on,
    depiction,
    import_row,
    make_list,
    md5,
    pdq,
    row,
    say,
    sha256,
    show,
    source,
    staged,
    taken_in,
    words_on,
    write_rows,
)
from vigie.fingerprints.values import Algorithm, Digests
from vigie.matching.verdicts import Outcome
from vigie_node.base.actor import COMMAND
from vigie_node.catalogue import actions, import_queries, rules, standing
from vigie_node.catalogue.models import Assertion, Depiction, Dispute, Fingerprint, Import, Revocation, UpstreamRecord
from vigie_node.catalogue.rules import Policy
from vigie_node.catalogue.states import DisputeOutcome, OverrideKind
from vigie_node.matching import actions as matching
from vigie_node.matching import answers, lookup
from vigie_node.matching.questions import Question

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("own_index")]
SHA1_OF_A_PICTURE = "a9993e364706816aba3e25717850c26c9cd0d89d"


def verdict_on(*questions):
    found = lookup.of_catalogue()
    found.catch_up()
    return answers.answer(found, [questions])[0].verdict


def asked(seed):
    return Question(Algorithm.SHA256, sha256(seed))


class TestRevocation:
    def test_a_withdrawn_record_stops_matching(self, path):
        make_list()
        who = source()
        taken_in(write_rows(path, [row(1), row(2)]), who, full=True)
        assert verdict_on(asked(1)) is Outcome.KNOWN
        taken_in(write_rows(path, [row(2)]), who, full=True, revoking=1)
        assert verdict_on(asked(1)) is Outcome.UNKNOWN
        assert verdict_on(asked(2)) is Outcome.KNOWN

    def test_a_stale_copy_is_replaced_by_a_difference_with_explicit_revocations(self, path):
        who = source()
        taken_in(write_rows(path, [row(seed) for seed in range(6)]), who)
        taken_in(write_rows(path, [row(seed) for seed in range(3, 9)]), who, full=True, revoking=3)
        assert [seed for seed in range(9) if words_on(seed)] == list(range(3, 9))
        assert Revocation.objects.exclude(reason="").count() == 3

    def test_a_local_suppression_survives_an_update_of_the_source(self, path):
        make_list()
        who = source()
        taken_in(write_rows(path, [row(1)]), who)
        actions.override(
            Algorithm.SHA256, sha256(1), kind=OverrideKind.SUPPRESSED, reason="a logo", review_on=date(2027, 1, 1),
            **WRITER,
        )  # fmt: skip
        import_id = staged(write_rows(path, [row(1, "B", at=NOW, md5=md5(1).hex())]), who)
        assert import_row(import_id).counts["overridden"] == 1
        show(import_id)
        assert verdict_on(asked(1)) is Outcome.UNKNOWN

    def test_a_record_deleted_here_is_not_made_again_by_the_next_update(self, path):
        who = source()
        taken_in(write_rows(path, [row(1)]), who)
        actions.revoke(assertion_on(1), reason="not illegal here", **WRITER)
        for at in (NOW - DAY, NOW):
            taken_in(write_rows(path, [row(1, at=at)]), who, now=NOW + DAY)  # long after the revocation
            assert words_on(1) == []

    def test_disabling_counts_at_once_for_every_way_of_asking(self, path):
        make_list()
        taken_in(write_rows(path, [row(1, md5=md5(1).hex())]), source())
        one = (asked(1), Question(Algorithm.MD5, md5(1)))
        assert verdict_on(*one) is Outcome.KNOWN
        actions.revoke(assertion_on(1), reason="wrong", **WRITER)
        assert {verdict_on(*one), verdict_on(one[0]), verdict_on(one[1])} == {Outcome.UNKNOWN}


class TestOpinions:
    def test_a_down_vote_of_a_counted_source_suspends_by_veto(self):
        one = depiction(1)
        say(one, source("Hotline A"))
        say(one, source("Hotline B"), "not-illegal", scheme="inhope")
        words = standing.words([one])[one]
        assert rules.words_that_count(Policy(veto=True), words) == ()
        assert [word.source_name for word in rules.words_that_count(Policy(), words)] == ["Hotline A"]

    def test_a_down_vote_never_makes_anything_match(self, path):
        make_list()
        taken_in(write_rows(path, [row(1, "not-illegal", scheme="inhope")]), source())
        assert verdict_on(asked(1)) is Outcome.UNKNOWN

    def test_a_down_vote_alone_is_no_dispute(self):
        say(depiction(1), source(), "not-illegal", scheme="inhope")
        assert Dispute.objects.count() == 0
        assert not standing.words(Depiction.objects.values_list("id", flat=True)).popitem()[1][0].disputed

    def test_a_disputed_value_is_suspended_and_comes_back_when_the_dispute_is_rejected(self, path):
        make_list()
        taken_in(write_rows(path, [row(1)]), source())
        dispute = actions.open_dispute(assertion_on(1), grounds="doubtful", **WRITER)
        assert verdict_on(asked(1)) is Outcome.UNKNOWN
        actions.settle_dispute(dispute, outcome=DisputeOutcome.REJECTED, settlement="it is", **WRITER)
        assert verdict_on(asked(1)) is Outcome.KNOWN

    def test_the_opinion_of_the_second_owner_is_kept(self, path):
        rows = [row(1, by="Hotline A"), row(1, "B", by="Hotline B"), row(1, "C", by="Hotline C")]
        taken_in(write_rows(path, rows), source("A clearing house"), relays=True)
        assert words_on(1) == [("Hotline A", "A"), ("Hotline B", "B"), ("Hotline C", "C")]
        words = standing.words(Depiction.objects.values_list("id", flat=True)).popitem()[1]
        assert len(rules.words_that_count(Policy(quorum=3), words)) == 3

    def test_nobody_speaks_for_another_unless_that_was_said(self, path):
        import_id = staged(write_rows(path, [row(1, by="Hotline B")]), source())
        assert [one.code for one in import_queries.refusals(import_id)] == ["catalogue.foreign-word"]

    def test_a_quorum_of_two_is_not_reached_by_one_source_speaking_twice(self):
        one, who = depiction(1), source()
        say(one, who, "A", at=NOW - DAY)
        say(one, who, "A1", scheme="tech-coalition")
        assert rules.words_that_count(Policy(quorum=2), standing.words([one])[one]) == ()


class TestFingerprints:
    def test_every_digest_of_a_record_is_kept(self, path):
        every = row(1, md5=md5(1).hex(), sha1=SHA1_OF_A_PICTURE, pdq=pdq(1).hex(), pdq_quality=90, kind="picture")
        taken_in(write_rows(path, [every]), source())
        kept = Fingerprint.objects.values_list("algorithm", flat=True)
        assert sorted(kept) == ["md5", "pdq", "sha1", "sha256"]

    def test_a_content_may_have_several_values_of_one_sort(self, path):
        who = source()
        for seed in (1, 2):
            taken_in(write_rows(path, [row(1, pdq=pdq(seed).hex(), pdq_quality=90)]), who)
        assert Fingerprint.objects.filter(algorithm="pdq").count() == 2
        assert Depiction.objects.count() == 1

    @pytest.mark.parametrize("name", ["md5", "sha1", "sha256"])
    def test_the_empty_file_never_matches(self, path, name):
        make_list()
        digest = getattr(Digests.EMPTY, name)
        import_id = taken_in(write_rows(path, [row(1), {name: digest.hex(), "scheme": "uk", "label": "A"}]), source())
        assert [one.code for one in import_queries.refusals(import_id)] == ["lists.trivial-content"]
        assert verdict_on(Question(Algorithm(name), digest)) is Outcome.GATED

    @pytest.mark.parametrize("value", [bytes(32), b"\xff" * 32, bytes([0xAA]) * 32])
    def test_a_blank_value_never_matches(self, path, value):
        make_list()
        only = {"pdq": value.hex(), "pdq_quality": 100, "scheme": "uk", "label": "A"}
        import_id = taken_in(write_rows(path, [row(1), only]), source())
        assert [one.code for one in import_queries.refusals(import_id)] == ["lists.gated-value"]
        assert verdict_on(Question(Algorithm.PDQ, value, 100)) is Outcome.GATED

    def test_a_list_of_one_matches_after_a_restart(self, path):
        make_list()
        taken_in(write_rows(path, [{"pdq": pdq(1).hex(), "pdq_quality": 90, "scheme": "uk", "label": "A"}]), source())
        one = Question(Algorithm.PDQ, pdq(1), 90)
        assert verdict_on(one) is Outcome.NEAR
        matching.publish(lookup.of_catalogue(), by=COMMAND, now=NOW)
        lookup.forget()
        assert verdict_on(one) is Outcome.NEAR


class TestTime:
    @pytest.mark.parametrize("zone", ["UTC", "Europe/Brussels", "America/New_York", "Pacific/Kiritimati"])
    def test_the_time_zone_of_the_host_is_irrelevant(self, path, zone):
        before = os.environ.get("TZ")
        os.environ["TZ"] = zone
        time.tzset()
        try:
            who = source()
            for hour in range(3):
                at = NOW - DAY + hour * (DAY / 24)
                taken_in(write_rows(path, [row(1, "ABC"[hour], at=at)]), who)
            assert words_on(1) == [("Hotline A", "C")]
            said = Assertion.objects.order_by("asserted_at").values_list("asserted_at", flat=True)
            assert list(said) == [NOW - DAY + hour * (DAY / 24) for hour in range(3)]
        finally:
            os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
            time.tzset()

    def test_a_time_without_its_zone_is_refused_rather_than_guessed(self, path):
        import_id = staged(write_rows(path, [row(1, asserted_at="2026-11-01T12:00:00")]), source())
        assert [one.code for one in import_queries.refusals(import_id)] == ["lists.malformed-time"]


def state():
    """What stands, without ids: each content's values and words."""
    found = set()
    for one in Depiction.objects.all():
        words = standing.words([one.id]).get(one.id, ())
        values = frozenset(one.fingerprints.values_list("algorithm", "value"))
        said = frozenset((word.source_name, word.scheme, word.label, word.asserted_at) for word in words)
        found.add((frozenset((name, bytes(value)) for name, value in values), said))
    return found


def empty():
    for model in (Revocation, Assertion, UpstreamRecord, Fingerprint, Depiction):
        model.objects.all().delete()
    Import.objects.all().delete()


LINES = st.lists(
    st.tuples(st.integers(1, 4), st.sampled_from("ABC"), st.integers(1, 30), st.sampled_from(["Hotline A", "B"])),
    min_size=1,
    max_size=8,
    unique_by=lambda one: (one[0], one[2], one[3]),  # one source does not say two things at the same time
)


class TestOrder:
    @given(lines=LINES, data=st.data())
    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
    def test_of_the_lines_and_of_the_files_does_not_matter_and_repeating_them_changes_nothing(
        self, tmp_path_factory, lines, data
    ):
        path = tmp_path_factory.mktemp("order") / "rows.jsonl"
        rows = [row(seed, label, at=NOW - day * DAY, by=by) for seed, label, day, by in lines]
        other = data.draw(st.permutations(rows))
        cut = data.draw(st.integers(0, len(rows)))
        states = []
        for files in ([rows], [other], [other[cut:], other[:cut]]):
            empty()
            who = source("A clearing house")
            for step, file in enumerate(one for one in files if one):
                taken_in(write_rows(path, file), who, relays=True, now=NOW + step * DAY)
            states.append(state())
            before = Assertion.objects.count()
            for step, file in enumerate(one for one in files if one):
                taken_in(write_rows(path, file), who, relays=True, now=NOW + (2 + step) * DAY)
            assert Assertion.objects.count() == before
        assert all(one == states[0] for one in states)
