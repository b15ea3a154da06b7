# SPDX-License-Identifier: Apache-2.0
import json
from datetime import timedelta

import pytest

from node.features.catalogue.catalogue_building import (
    DAY,
    NOW,
    assertion_on,
    counts,
    depiction,
    import_row,
    make_list,
    md5,
    pdq,
    row,
    say,
    sha256,
    source,
    staged,
    taken_in,
    words_on,
    write_rows,
)
from vigie.errors import InvalidInputError
from vigie.fingerprints.values import Algorithm
from vigie.lists import changes as list_changes
from vigie.lists import columns
from vigie.lists.entries import Claim, Entry, PictureValue, Role
from vigie.lists.entries import Kind as EntryKind
from vigie.lists.reading import EmptySourceError, UnknownColumnsError
from vigie_node.base.actor import COMMAND, NODE
from vigie_node.catalogue import actions, import_queries, import_steps, importing, standing
from vigie_node.catalogue.import_queries import Part
from vigie_node.catalogue.importing import Options
from vigie_node.catalogue.models import (
    Assertion,
    Depiction,
    Fingerprint,
    Import,
    ImportMark,
    Revocation,
    UpstreamRecord,
)
from vigie_node.catalogue.states import ImportState
from vigie_node.changes import queries as changes
from vigie_node.changes.topics import Topic

pytestmark = pytest.mark.django_db(transaction=True)
A_NAME = "Hotline A"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "upstream.jsonl"


def start(path, source_id, **options):
    return importing.start_import(path, source_id=source_id, options=Options(**options), by=COMMAND, now=NOW)


def show(import_id, **more):
    importing.make_visible(import_id, by=COMMAND, now=NOW, **more)


def undo(import_id, *, now=NOW):
    importing.cancel_import(import_id, reason="the wrong file", by=COMMAND, now=now)


def clear():
    while import_steps.clear_some(now=NOW):
        pass


class TestStaging:
    def test_counts_nothing_until_the_flip_and_everything_after_it(self, path):
        import_id = staged(write_rows(path, [row(1), row(2)]), source())
        assert import_row(import_id).state == ImportState.STAGED
        assert words_on(1) == []
        show(import_id)
        assert words_on(1) == words_on(2) == [(A_NAME, "A")]

    def test_shows_what_would_change_before_it_does(self, path):
        source_id = source()
        taken_in(write_rows(path, [row(1), row(2), row(3)]), source_id)
        later = write_rows(path, [row(1), row(2, "B", at=NOW), row(4), row(5, md5="abc")])
        import_id = staged(later, source_id)
        found = counts(import_id)
        assert (found["unchanged"], found["superseding"], found["new"], found["refused"]) == (1, 1, 1, 1)
        changed = import_queries.preview(import_id, Part.SUPERSEDING).rows
        assert [(one.before, one.after) for one in changed] == [("A", "B")]
        assert len(import_queries.preview(import_id, Part.NEW).rows) == 1
        [refused] = import_queries.refusals(import_id)
        assert (refused.line, refused.code) == (4, "lists.hex-length")

    def test_pages_through_a_preview_without_losing_a_row(self, path):
        import_id = staged(write_rows(path, [row(seed) for seed in range(7)]), source())
        seen, after = [], None
        while True:
            page = import_queries.preview(import_id, Part.NEW, after=after, limit=2)
            seen += [one.id for one in page.rows]
            after = page.after
            if after is None:
                break
        assert len(seen) == len(set(seen)) == 7

    def test_keeps_each_line_word_for_word_in_its_versions(self, path):
        source_id = source()
        first, second = row(1, depiction="case-1"), row(1, "B", at=NOW, depiction="case-1")
        taken_in(write_rows(path, [first]), source_id)
        taken_in(write_rows(path, [second]), source_id)
        kept = UpstreamRecord.objects.order_by("version").values_list("upstream_id", "version", "document")
        assert list(kept) == [("case-1", 1, json.dumps(first)), ("case-1", 2, json.dumps(second))]

    def test_adds_a_value_that_the_source_gives_later_to_the_same_depiction(self, path):
        source_id = source()
        taken_in(write_rows(path, [row(1, depiction="case-1")]), source_id)
        taken_in(write_rows(path, [row(1, depiction="case-1", pdq=pdq(1).hex(), pdq_quality=80)]), source_id)
        [found] = Depiction.objects.all()
        assert sorted(found.fingerprints.values_list("algorithm", flat=True)) == ["pdq", "sha256"]
        assert len(standing.words([found.id])[found.id]) == 1

    def test_keeps_another_content_under_the_same_id_apart(self, path):
        taken_in(write_rows(path, [row(1, depiction="case-1"), row(2, depiction="case-1")]), source())
        assert Depiction.objects.count() == 2

    def test_notes_the_new_fingerprints_while_it_stages_and_the_import_when_it_flips(self, path):
        source_id = source()
        before = changes.latest()
        import_id = taken_in(write_rows(path, [row(1)]), source_id)
        noted = [(one.topic, one.subject) for one in changes.since(before)]
        assert noted == [(Topic.FINGERPRINTS_ADDED, str(import_id)), (Topic.IMPORT, str(import_id))]

    def test_takes_a_list_of_the_engine(self, tmp_path):
        entry = Entry(
            depiction="11111111-1111-4111-8111-111111111111", kind=EntryKind.PICTURE,
            claim=Claim("uk", "B", A_NAME), asserted_at=NOW - DAY, sha256=sha256(1), md5=md5(1),
            values=(PictureValue(Role.STORED, pdq(1), 90),),
        )  # fmt: skip
        file = tmp_path / "a.list"
        list_changes.create(file, name="a list", issuer="Issuer", columns=columns.of_entries([entry]), now=NOW)
        import_id = taken_in(file, source())
        assert words_on(1) == [(A_NAME, "B")]
        assert import_queries.one(import_id).about["issuer"] == "Issuer"
        assert Fingerprint.objects.count() == 3

    def test_refuses_an_older_version_of_a_list_than_was_taken_in(self, tmp_path):
        def entry(seed):
            claim = Claim("uk", "B", A_NAME)
            return Entry(str(seed), EntryKind.PICTURE, claim, NOW - DAY, sha256=sha256(seed))

        old, new = tmp_path / "old.list", tmp_path / "new.list"
        list_changes.create(old, name="a list", issuer="Issuer", columns=columns.of_entries([entry(1)]), now=NOW)
        new.write_bytes(old.read_bytes())
        list_changes.add(new, columns=columns.of_entries([entry(2)]), now=NOW)
        source_id = source()
        taken_in(new, source_id)
        with pytest.raises(importing.OlderListError, match="version 2"):
            start(old, source_id)

    def test_takes_csv(self, tmp_path):
        file = tmp_path / "a.csv"
        file.write_text(f"depiction,sha256,scheme,label\ncase-1,{sha256(1).hex()},uk,C\n")
        taken_in(file, source())
        assert words_on(1) == [(A_NAME, "C")]

    def test_puts_lines_without_a_class_on_the_list_that_was_named(self, tmp_path):
        file = tmp_path / "a.txt"
        file.write_text(f"sha256\n{sha256(1).hex()}\n")
        make_list("ours")
        taken_in(file, source(), bank="ours")
        assert words_on(1) == [(A_NAME, "ours")]


class TestStartImport:
    @pytest.mark.parametrize(
        ("text", "refused"),
        [("", EmptySourceError), ("\n\n", EmptySourceError), ("name,address\n", UnknownColumnsError)],
        ids=["empty", "blank", "another table"],
    )
    def test_refuses_a_file_that_holds_nothing(self, path, text, refused):
        path.write_text(text)
        with pytest.raises(refused):
            start(path, source())
        assert Import.objects.count() == 0

    def test_refuses_a_file_that_is_not_the_one_announced(self, path):
        with pytest.raises(importing.OtherFileError):
            start(write_rows(path, [row(1)]), source(), sha256="0" * 64)

    def test_has_one_import_of_a_source_under_way(self, path):
        source_id = source()
        start(write_rows(path, [row(1)]), source_id)
        with pytest.raises(importing.ImportUnderWayError):
            start(path, source_id)
        start(path, source("Hotline B"))

    @pytest.mark.parametrize(
        "options",
        [{"scheme": "uk"}, {"label": "A"}, {"scheme": "uk", "label": "Z"}, {"scheme": "bank", "label": "x y"}],
    )
    def test_refuses_a_class_that_is_none(self, path, options):
        with pytest.raises(InvalidInputError):
            start(write_rows(path, [row(1)]), source(), **options)


class TestBadFiles:
    def test_a_file_cut_off_in_the_middle_of_a_line_fails_as_a_whole_and_raises_an_alarm(self, path):
        write_rows(path, [row(seed) for seed in range(5)])
        path.write_bytes(path.read_bytes()[:-30])
        import_id = staged(path, source())
        assert (import_row(import_id).state, import_row(import_id).problem) == ("FAILED", "catalogue.truncated-file")
        clear()
        assert Fingerprint.objects.count() == Depiction.objects.count() == Assertion.objects.count() == 0

    def test_a_last_line_without_its_end_is_a_line(self, path):
        write_rows(path, [row(1), row(2)])
        path.write_bytes(path.read_bytes().rstrip(b"\n"))
        taken_in(path, source())
        assert words_on(2) == [(A_NAME, "A")]

    def test_repeated_lines_count_once(self, path):
        import_id = taken_in(write_rows(path, [row(1)] * 3), source())
        assert counts(import_id) == {"new": 1, "new_depictions": 1, "new_fingerprints": 1, "repeated": 2}
        assert words_on(1) == [(A_NAME, "A")]

    def test_contradictory_lines_are_refused_with_their_number(self, path):
        import_id = taken_in(write_rows(path, [row(1), row(1, "C")]), source())
        [refused] = import_queries.refusals(import_id)
        assert (refused.line, refused.code) == (2, "catalogue.contradictory")
        assert words_on(1) == [(A_NAME, "A")]

    def test_a_digest_that_collides_is_another_content(self, path):
        both = md5("shared").hex()
        taken_in(write_rows(path, [row(1, md5=both), row(2, md5=both)]), source())
        assert Depiction.objects.count() == 2

    @pytest.mark.parametrize(
        ("changed", "code"),
        [
            ({"asserted_at": "2027-12-01T00:00:00Z"}, "catalogue.future-assertion"),
            ({"scheme": None, "label": None}, "catalogue.no-class"),
            ({"asserted_by": "Another"}, "catalogue.foreign-word"),
            ({"asserted_at": "2026-01-01T00:00:00"}, "lists.malformed-time"),
            ({"label": "Z"}, "labels.unknown-label"),
            ({"scheme": "bank", "label": "ours"}, "labels.unknown-scheme"),
        ],
    )
    def test_a_line_that_cannot_be_taken_is_refused_with_its_reason(self, path, changed, code):
        import_id = staged(write_rows(path, [row(1), row(2) | changed]), source())
        assert [(one.line, one.code) for one in import_queries.refusals(import_id)] == [(2, code)]

    def test_an_overlong_line_is_refused_and_the_next_is_read(self, path):
        write_rows(path, [row(1)])
        with path.open("ab") as file:
            file.write(b"x" * (17 * 1024 * 1024) + b"\n")
            file.write(json.dumps(row(2)).encode() + b"\n")
        import_id = taken_in(path, source())
        assert [one.line for one in import_queries.refusals(import_id)] == [2]
        assert words_on(2) == [(A_NAME, "A")]

    def test_a_refusal_never_holds_the_refused_text(self, path):
        write_rows(path, [row(1)])
        path.write_text(path.read_text() + "a secret of somebody\n")
        [refused] = import_queries.refusals(staged(path, source()))
        assert "secret" not in refused.message


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


class TestMeanwhile:
    def test_a_word_revoked_while_a_file_that_repeats_it_is_staged_does_not_come_back_with_the_flip(self, path):
        source_id = source()
        taken_in(write_rows(path, [row(1)]), source_id)
        import_id = staged(write_rows(path, [row(1, at=NOW)]), source_id)
        actions.revoke(assertion_on_visible(1), reason="wrong", by=COMMAND, now=NOW)
        show(import_id)
        assert words_on(1) == []
        assert counts(import_id)["overtaken"] == 1

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
