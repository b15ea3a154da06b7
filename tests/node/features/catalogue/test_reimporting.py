# SPDX-License-Identifier: Apache-2.0
from datetime import timedelta

import pytest

from node.features.catalogue.catalogue_building import (
    DAY,
    NOW,
    assertion_on,
    clear,
    counts,
    depiction,
    import_row,
    pdq,
    row,
    say,
    sha256,
    show,
    source,
    staged,
    start,
    taken_in,
    undo,
    words_on,
    write_rows,
)
from vigie.fingerprints.values import Algorithm
from vigie_node.base.actor import COMMAND, NODE
from vigie_node.catalogue import actions, dossier, import_queries, import_steps, importing, searching, standing
from vigie_node.catalogue.import_queries import Part
from vigie_node.catalogue.models import (
    Assertion,
    Depiction,
    Fingerprint,
    ImportMark,
    Revocation,
    UpstreamRecord,
)
from vigie_node.catalogue.states import Standing
from vigie_node.changes import queries as changes
from vigie_node.changes.topics import Topic

pytestmark = pytest.mark.django_db(transaction=True)
A_NAME = "Hotline A"


class TestReimport:
    def test_of_the_same_file_changes_nothing(self, path):
        source_id = source()
        taken_in(write_rows(path, [row(1), row(2, at=None)]), source_id)
        before = [model.objects.count() for model in (Depiction, Fingerprint, Assertion, UpstreamRecord)]
        import_id = taken_in(path, source_id, now=NOW + DAY)
        assert counts(import_id) == {"unchanged": 2}
        assert [model.objects.count() for model in (Depiction, Fingerprint, Assertion, UpstreamRecord)] == before

    def test_of_an_older_file_does_not_take_a_later_word_back(self, path):
        source_id = source()
        taken_in(write_rows(path, [row(1, "C", at=NOW)]), source_id)
        import_id = taken_in(write_rows(path, [row(1, "A", at=NOW - DAY)]), source_id)
        assert counts(import_id) == {"outdated": 1}
        assert words_on(1) == [(A_NAME, "C")]

    def test_of_a_word_revoked_here_does_not_bring_it_back_though_it_is_said_later(self, path):
        source_id = source()
        taken_in(write_rows(path, [row(1)]), source_id)
        actions.revoke(assertion_on(1), reason="not what it was said to be", by=COMMAND, now=NOW)
        import_id = taken_in(write_rows(path, [row(1, at=NOW)]), source_id)
        assert counts(import_id) == {"stays_revoked": 1}
        assert words_on(1) == []

    def test_of_a_word_disputed_here_leaves_it_under_its_dispute(self, path):
        source_id = source()
        taken_in(write_rows(path, [row(1)]), source_id)
        actions.open_dispute(assertion_on(1), grounds="seen elsewhere", by=COMMAND, now=NOW)
        assert counts(taken_in(write_rows(path, [row(1, at=NOW)]), source_id)) == {"stays_disputed": 1}

    def test_meets_what_another_source_said_of_the_same_content(self, path):
        taken_in(write_rows(path, [row(1)]), source())
        taken_in(write_rows(path, [row(1, "B")]), source("Hotline B"))
        assert words_on(1) == [(A_NAME, "A"), ("Hotline B", "B")]
        assert Depiction.objects.count() == 1


class TestFullReplacement:
    def test_takes_back_by_explicit_revocations_what_the_file_no_longer_holds(self, path):
        source_id = source()
        taken_in(write_rows(path, [row(1), row(2)]), source_id)
        import_id = staged(write_rows(path, [row(1)]), source_id, full=True)
        assert counts(import_id) == {"unchanged": 1, "revoking": 1}
        assert [one.after for one in import_queries.preview(import_id, Part.REVOKING).rows] == [""]
        assert words_on(2) == [(A_NAME, "A")]
        show(import_id, revoking=1)
        assert (words_on(1), words_on(2)) == ([(A_NAME, "A")], [])
        assert Revocation.objects.count() == 1

    def test_takes_nothing_back_of_another_source(self, path):
        taken_in(write_rows(path, [row(1)]), source("Hotline B"))
        say(depiction(2), source(), at=NOW)
        taken_in(write_rows(path, [row(3)]), source(), full=True)
        assert words_on(1) == [("Hotline B", "A")]
        assert words_on(2) == [(A_NAME, "A")]

    def test_has_the_number_confirmed(self, path):
        source_id = source()
        taken_in(write_rows(path, [row(1), row(2)]), source_id)
        import_id = staged(write_rows(path, [row(1)]), source_id, full=True)
        for number in (None, 0, 2):
            with pytest.raises(importing.UnconfirmedRevocationsError, match="takes back 1 words"):
                show(import_id, revoking=number)

    def test_fails_where_a_line_cannot_be_read(self, path):
        source_id = source()
        taken_in(write_rows(path, [row(1), row(2)]), source_id)
        import_id = staged(write_rows(path, [row(1), row(2, "Z")]), source_id, full=True)
        assert import_row(import_id).problem == "catalogue.full-with-refusals"
        assert words_on(2) == [(A_NAME, "A")]

    def test_says_again_what_an_earlier_one_took_back(self, path):
        source_id = source()
        both, one = [row(1), row(2)], [row(1)]
        taken_in(write_rows(path, both), source_id, full=True)
        taken_in(write_rows(path, one), source_id, full=True, revoking=1)
        assert words_on(2) == []
        taken_in(write_rows(path, both), source_id, full=True)
        assert words_on(2) == [(A_NAME, "A")]

    def test_takes_back_what_a_cancelled_or_undone_one_had_taken_back(self, path):
        """An assertion has one revocation: the hidden one of the import before stood in the way of this one's."""
        source_id = source()
        taken_in(write_rows(path, [row(1), row(2)]), source_id)
        write_rows(path, [row(1)])
        undo(staged(path, source_id, now=NOW + DAY, full=True))
        undo(taken_in(path, source_id, now=NOW + 2 * DAY, full=True, revoking=1))
        assert words_on(2) == [(A_NAME, "A")]
        taken_in(path, source_id, now=NOW + 3 * DAY, full=True, revoking=1)
        clear()
        assert words_on(2) == []

    def test_leaves_no_marks_behind(self, path):
        source_id = source()
        taken_in(write_rows(path, [row(1)]), source_id)
        taken_in(path, source_id, full=True)
        assert ImportMark.objects.count() == 1
        clear()
        assert ImportMark.objects.count() == 0


class TestCancelImport:
    def test_takes_every_row_out_of_one_that_never_was_visible(self, path):
        rows = [row(seed, pdq=pdq(seed).hex(), pdq_quality=80) for seed in range(30)]
        rows.append(row(1, "B", at=NOW))
        import_id = staged(write_rows(path, rows), source())
        before = changes.latest()
        undo(import_id)
        clear()
        for model in (Depiction, Fingerprint, Assertion, UpstreamRecord):
            assert model.objects.count() == 0
        assert not importing.file_of(import_id).exists()
        removed = [len(one.items) for one in changes.since(before) if one.topic is Topic.FINGERPRINTS_REMOVED]
        assert sum(removed) == 60

    def test_leaves_alone_what_a_person_relies_on_by_now(self, path):
        import_id = staged(write_rows(path, [row(1), row(2)]), source())
        say(depiction(1), source("Ours"))
        undo(import_id)
        clear()
        assert words_on(1) == [("Ours", "A")]
        assert Fingerprint.objects.count() == 1

    def test_leaves_alone_what_another_import_relies_on(self, path):
        first = taken_in(write_rows(path, [row(1, pdq=pdq(1).hex(), pdq_quality=80)]), source())
        taken_in(write_rows(path, [row(1, "B")]), source("Hotline B"))
        undo(first)
        clear()
        assert words_on(1) == [("Hotline B", "B")]
        [found] = {one.depiction_id for one in Fingerprint.objects.filter(value=sha256(1))}
        algorithms = standing.fingerprints_of([found], list(Algorithm))[found]
        assert [one.algorithm.value for one in algorithms] == ["sha256"]

    def test_undoes_a_visible_one_at_once_and_keeps_its_rows_hidden(self, path):
        import_id = taken_in(write_rows(path, [row(1)]), source())
        before = changes.latest()
        undo(import_id)
        assert words_on(1) == []
        assert [one.topic for one in changes.since(before)] == [Topic.IMPORT]
        clear()
        assert Assertion.objects.count() == 1

    def test_gives_back_what_a_full_replacement_took(self, path):
        source_id = source()
        taken_in(write_rows(path, [row(1), row(2, "B")]), source_id)
        now = NOW + DAY
        later = taken_in(write_rows(path, [row(1, "C", at=NOW)]), source_id, full=True, revoking=1, now=now)
        assert (words_on(1), words_on(2)) == ([(A_NAME, "C")], [])
        undo(later)
        assert (words_on(1), words_on(2)) == ([(A_NAME, "A")], [(A_NAME, "B")])

    def test_undoes_the_later_import_of_a_source_first(self, path):
        source_id = source()
        first = taken_in(write_rows(path, [row(1)]), source_id)
        second = taken_in(path, source_id, now=NOW + timedelta(hours=1))
        with pytest.raises(importing.LaterImportError):
            undo(first)
        undo(second)
        undo(first)

    def test_can_be_taken_in_again_after_it_was_undone(self, path):
        source_id = source()
        undo(taken_in(write_rows(path, [row(1)]), source_id))
        taken_in(path, source_id, now=NOW + DAY)
        assert words_on(1) == [(A_NAME, "A")]
        assert Depiction.objects.count() == 1

    def test_stops_the_staging(self, path):
        import_id = start(write_rows(path, [row(1)]), source())
        undo(import_id)
        assert import_steps.stage_some(import_id, by=NODE, now=NOW) is False
        assert Fingerprint.objects.count() == 0


class TestSideBySide:
    """Two files were staged beside each other: neither word of one source names the other."""

    @pytest.fixture
    def both(self, tmp_path):
        earlier = [row(1, "A", at=NOW - 2 * DAY, by=A_NAME)]
        first = staged(write_rows(tmp_path / "relayed", earlier), source("A clearing house"), relays=True)
        second = staged(write_rows(tmp_path / "own", [row(1, "B", at=NOW - DAY)]), source())
        show(first)
        show(second)
        return second

    def revoke_the_later(self):
        actions.revoke(Assertion.objects.get(label="B").id, reason="wrong", by=COMMAND, now=NOW)

    def test_the_later_word_stands(self, both):
        del both
        assert words_on(1) == [(A_NAME, "B")]

    def test_the_earlier_word_does_not_come_back_when_the_later_is_revoked(self, both):
        del both
        self.revoke_the_later()
        assert words_on(1) == []
        [shown] = Depiction.objects.all()
        told = [(one.label, one.standing) for one in dossier.of(shown.id).said]
        assert told == [("B", Standing.REVOKED), ("A", Standing.SUPERSEDED)]
        assert {(one.label, one.standing) for one in searching.said().rows} == set(told)

    def test_the_earlier_word_comes_back_when_the_import_of_the_later_is_undone(self, both):
        undo(both)
        assert words_on(1) == [(A_NAME, "A")]

    @pytest.mark.parametrize("at", [NOW - 1.5 * DAY, NOW])
    def test_a_person_has_the_earlier_word_back_by_recording_it_anew_whatever_its_day(self, both, at):
        del both
        [shown] = Depiction.objects.values_list("id", flat=True)
        self.revoke_the_later()
        with pytest.raises(actions.CannotSupersedeError):
            say(shown, source(), "A", at=NOW - 3 * DAY)  # the source did say something later that was not revoked
        say(shown, source(), "A", at=at)
        assert words_on(1) == [(A_NAME, "A")]

    def test_the_source_has_it_back_by_saying_it_again(self, both, path):
        del both
        self.revoke_the_later()
        taken_in(write_rows(path, [row(1, "A", at=NOW)]), source(), now=NOW + DAY)
        assert words_on(1) == [(A_NAME, "A")]


class TestMeanwhile:
    def test_a_word_revoked_while_a_file_that_repeats_it_is_staged_does_not_come_back_with_the_flip(self, path):
        source_id = source()
        taken_in(write_rows(path, [row(1)]), source_id)
        import_id = staged(write_rows(path, [row(1, at=NOW)]), source_id)
        actions.revoke(assertion_on_visible(1), reason="wrong", by=COMMAND, now=NOW)
        show(import_id)
        assert words_on(1) == []
        assert counts(import_id)["overtaken"] == 1

    def test_nor_with_one_that_was_staged_beside_the_first(self, tmp_path):
        relayed = [row(1, at=NOW - 2 * DAY, by=A_NAME)]
        first = staged(write_rows(tmp_path / "relayed", relayed), source("A clearing house"), relays=True)
        second = staged(write_rows(tmp_path / "own", [row(1)]), source())
        show(first)
        actions.revoke(assertion_on_visible(1), reason="wrong", by=COMMAND, now=NOW)
        show(second)
        assert words_on(1) == []
        assert counts(second)["overtaken"] == 1

    def test_a_repeated_word_that_was_disputed_meanwhile_is_disputed_as_it_stands(self, path):
        source_id = source()
        taken_in(write_rows(path, [row(1)]), source_id)
        before = assertion_on(1)
        taken_in(write_rows(path, [row(1, at=NOW)]), source_id)
        actions.open_dispute(before, grounds="seen elsewhere", by=COMMAND, now=NOW)
        [words] = standing.words(Depiction.objects.values_list("id", flat=True)).values()
        assert [word.disputed for word in words] == [True]

    def test_a_person_may_revoke_what_a_staged_file_takes_back_too(self, path):
        source_id = source()
        taken_in(write_rows(path, [row(1), row(2)]), source_id)
        import_id = staged(write_rows(path, [row(1)]), source_id, full=True)
        actions.revoke(assertion_on(2), reason="wrong", by=COMMAND, now=NOW)
        assert words_on(2) == []
        undo(import_id)
        clear()
        assert words_on(2) == []

    def test_two_workers_do_not_stage_the_same_lines_twice(self, path):
        import_id = start(write_rows(path, [row(seed) for seed in range(20)]), source())
        assert import_steps.claim(now=NOW) == import_id
        assert import_steps.claim(now=NOW) is None
        assert import_steps.claim(now=NOW + timedelta(minutes=2)) == import_id


def assertion_on_visible(seed):
    held = Assertion.objects.filter(depiction__fingerprints__value=sha256(seed), via__state="VISIBLE")
    return held.latest("recorded_at", "id").id
