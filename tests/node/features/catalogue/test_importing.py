# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from node.features.catalogue.catalogue_building import (
    DAY,
    NOW,
    clear,
    counts,
    import_row,
    make_list,
    md5,
    pdq,
    row,
    sha256,
    show,
    source,
    staged,
    start,
    taken_in,
    words_on,
    write_rows,
)
from vigie.errors import InvalidInputError
from vigie.lists import changes as list_changes
from vigie.lists import columns
from vigie.lists.entries import Claim, Entry, PictureValue, Role
from vigie.lists.entries import Kind as EntryKind
from vigie.lists.reading import EmptySourceError, UnknownColumnsError
from vigie_node.catalogue import import_queries, importing, list_queries, standing
from vigie_node.catalogue.import_queries import Part
from vigie_node.catalogue.models import (
    Assertion,
    Depiction,
    Fingerprint,
    Import,
    UpstreamRecord,
)
from vigie_node.catalogue.rules import Policy
from vigie_node.catalogue.states import ImportState
from vigie_node.changes import queries as changes
from vigie_node.changes.topics import Topic

pytestmark = pytest.mark.django_db(transaction=True)
A_NAME = "Hotline A"


class TestStaging:
    def test_counts_nothing_until_the_flip_and_everything_after_it(self, path):
        import_id = staged(write_rows(path, [row(1), row(2)]), source())
        assert import_row(import_id).state == ImportState.STAGED
        assert words_on(1) == []
        assert list_queries.word_counts(Policy()) == {}
        show(import_id)
        assert words_on(1) == words_on(2) == [(A_NAME, "A")]
        assert list_queries.word_counts(Policy()) == {("uk", "A"): 2}

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
