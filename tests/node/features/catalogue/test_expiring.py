# SPDX-License-Identifier: Apache-2.0
"""What the catalogue keeps no longer is gone, from every index too; what somebody stands by is never touched."""

import uuid
from datetime import timedelta

import pytest

from node.audited import events
from node.features.catalogue.catalogue_building import (
    DAY,
    NOW,
    clear,
    depiction,
    import_row,
    make_list,
    print_of,
    row,
    say,
    sha256,
    show,
    source,
    staged,
    taken_in,
    undo,
    write_rows,
)
from vigie.fingerprints.values import Algorithm
from vigie_node.base.actor import COMMAND, NODE
from vigie_node.catalogue import actions, expiring, import_queries
from vigie_node.catalogue.models import (
    Assertion,
    Depiction,
    Dispute,
    Fingerprint,
    Import,
    ImportRefusal,
    Override,
    Revocation,
    Series,
    SeriesLink,
    UpstreamRecord,
)
from vigie_node.catalogue.states import DisputeOutcome, Kind, OverrideKind
from vigie_node.changes import queries as changes
from vigie_node.changes.topics import Topic
from vigie_node.matching import actions as matching
from vigie_node.matching import lookup
from vigie_node.matching.questions import Question
from vigie_node.sightings.models import Match, Sighting
from vigie_node.sightings.states import FoundBy, Place

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_index")]
YEAR = timedelta(days=365)
JUST_BEFORE = NOW + 10 * YEAR
THEN = NOW + 10 * YEAR + DAY


def by(now=NOW):
    return {"by": COMMAND, "now": now}


def expire_all(now=THEN):
    """Let the worker go over the whole catalogue once."""
    after = expiring.FIRST
    while after is not None:
        after = expiring.expire_depictions(after=after, by=NODE, now=now)


def expire_notes(now):
    times = 0
    while expiring.expire_notes(by=NODE, now=now):
        times += 1
    return times


def revoke(word, *, now=NOW):
    actions.revoke(word, reason="in error", **by(now))


def is_kept(depiction_id, now=THEN):
    expire_all(now)
    return Depiction.objects.filter(id=depiction_id).exists()


def finds(seed):
    return len(lookup.of_catalogue().candidates([Question(Algorithm.SHA256, sha256(seed))]))


class TestDepictions:
    def test_one_goes_ten_years_after_its_last_word_was_revoked(self):
        made = depiction(1)
        for name, day in (("A", 0), ("B", 30)):
            revoke(say(made, source(name)), now=NOW + day * DAY)
        assert is_kept(made, JUST_BEFORE)
        assert is_kept(made, THEN)
        assert not is_kept(made, THEN + 30 * DAY)

    def test_one_that_somebody_still_asserts_is_never_deleted(self):
        made = depiction(1)
        revoke(say(made, source("A")))
        say(made, source("B"))
        assert is_kept(made, NOW + 90 * YEAR)

    def test_a_word_that_took_the_place_of_another_stands_for_both(self):
        standing, ended = depiction(1), depiction(2)
        for made in (standing, ended):
            say(made, source("A"), "A")
            last = say(made, source("A"), "B", at=NOW + DAY, now=NOW + DAY)
        revoke(last, now=NOW + DAY)
        assert is_kept(standing, THEN + DAY)
        assert not Depiction.objects.filter(id=ended).exists()

    def test_a_disputed_word_stands_until_the_challenge_is_upheld(self):
        made = depiction(1)
        word = say(made, source("A"))
        challenge = actions.open_dispute(word, grounds="doubtful", **by())
        assert is_kept(made)
        actions.settle_dispute(challenge, outcome=DisputeOutcome.UPHELD, settlement="so it is", **by(THEN))
        assert is_kept(made, THEN + 10 * YEAR)
        assert not is_kept(made, THEN + 10 * YEAR + DAY)
        assert not Dispute.objects.exists()

    def test_one_of_which_nobody_ever_said_anything_goes_ten_years_after_it_came(self):
        made = depiction(1)
        assert is_kept(made, JUST_BEFORE)
        assert not is_kept(made, THEN)

    def test_one_to_which_something_was_added_since_stays(self):
        with_value, linked, plain = depiction(1), depiction(2), depiction(3)
        more = [print_of(1), actions.NewFingerprint(Algorithm.MD5, sha256(9)[:16])]
        actions.record_depiction(more, kind=Kind.PICTURE, **by(NOW + YEAR))
        series = actions.create_series("S-1", reason="for the test", **by())
        actions.link_to_series(series, linked, reason="same room", **by(NOW + YEAR))
        expire_all()
        assert set(Depiction.objects.values_list("id", flat=True)) == {with_value, linked}
        assert not is_kept(plain)

    def test_one_that_a_sighting_matched_stays_as_long_as_the_sighting(self):
        made = depiction(1)
        word = say(made, source("A"))
        seen = Sighting.objects.create(
            seen_at=NOW, place_kind=Place.UPLOAD.value, expires_at=NOW + 20 * YEAR, created_at=NOW
        )
        Match.objects.create(
            sighting=seen, depiction_id=made, list_id=make_list(), list_version=1, fingerprint=1, algorithm="sha256",
            scheme="uk", label="A", assertions=[str(word)], found_by=FoundBy.LOOK_UP.value, seen_at=NOW,
            matched_at=NOW, undone_at=NOW,
        )  # fmt: skip
        revoke(word)
        assert is_kept(made)
        seen.delete()
        assert not is_kept(made)

    def test_everything_that_hangs_on_it_goes_with_it_and_the_audit_keeps_its_id(self):
        gone, kept = depiction(1), depiction(2)
        word = say(gone, source("A"))
        say(kept, source("A"))
        series = actions.create_series("S-1", reason="for the test", **by())
        for one in (gone, kept):
            actions.link_to_series(series, one, reason="same room", **by())
        revoke(word)
        with events() as found:
            expire_all()
        for model in (Assertion, Fingerprint, SeriesLink):
            assert set(model.objects.values_list("depiction", flat=True)) == {kept}
        assert not Revocation.objects.exists()
        assert [(one.event, dict(one.details)) for one in found] == [
            ("DEPICTIONS_EXPIRED", {"depictions": [str(gone)], "fingerprints": 1})
        ]

    def test_leaves_no_trace_where_nothing_was_due(self):
        say(depiction(1), source("A"))
        position = changes.latest()
        with events() as found:
            expire_all()
        assert (found, changes.latest()) == ([], position)

    def test_no_index_finds_it_any_more_and_index_and_database_agree(self):
        say(depiction(1), source("A"))
        depiction(2)
        depiction(3)
        index = lookup.of_catalogue()
        matching.publish(index, by=NODE, now=NOW)
        assert [finds(seed) for seed in (1, 2, 3)] == [1, 1, 1]
        expire_all()
        assert [finds(seed) for seed in (1, 2, 3)] == [1, 0, 0]
        assert matching.reconcile(index, by=NODE, now=THEN)
        lookup.forget()  # another process, that opens the files of before
        assert [finds(seed) for seed in (1, 2, 3)] == [1, 0, 0]

    def test_very_many_go_in_several_transactions(self, monkeypatch):
        monkeypatch.setattr(expiring, "WINDOW", 4)
        monkeypatch.setattr(expiring, "AT_ONCE", 2)
        kept = {depiction(seed) for seed in range(0, 12, 5)}
        for one in kept:
            say(one, source("A"))
        for seed in range(12):
            depiction(seed)
        expire_all()
        assert set(Depiction.objects.values_list("id", flat=True)) == kept
        removed = [one for one in changes.since(0) if one.topic is Topic.FINGERPRINTS_REMOVED]
        assert len(removed) > 4
        assert max(len(one.items) for one in removed) <= 2

    def test_one_with_very_many_fingerprints_goes_in_several_transactions(self, monkeypatch):
        frames = [actions.NewFingerprint(Algorithm.MD5, sha256(seed)[:16]) for seed in range(7)]
        actions.record_depiction([print_of(1), *frames], kind=Kind.VIDEO, **by())
        monkeypatch.setattr(expiring, "MAX_VALUES", 3)
        expiring.expire_depictions(after=expiring.FIRST, by=NODE, now=THEN)
        assert (Depiction.objects.count(), Fingerprint.objects.count()) == (1, 5)
        expire_all()
        assert (Depiction.objects.count(), Fingerprint.objects.count()) == (0, 0)
        assert matching.reconcile(lookup.of_catalogue(), by=NODE, now=THEN)

    def test_a_word_said_while_it_was_being_looked_for_keeps_it(self, monkeypatch):
        made = depiction(1)
        lock = expiring.identity.lock

        def say_first():
            say(made, source("A"), now=THEN)
            lock()

        monkeypatch.setattr(expiring.identity, "lock", say_first)
        assert is_kept(made)


@pytest.mark.django_db(transaction=True)
class TestDepictionsOfImports:
    @pytest.fixture
    def path(self, tmp_path):
        return write_rows(tmp_path / "upstream.jsonl", [row(1), row(2)])

    def test_what_an_import_brought_stays_as_long_as_the_import_is_visible(self, path):
        taken_in(path, source())
        expire_all()
        assert Depiction.objects.count() == 2

    def test_what_an_import_staged_waits_for_a_person_however_long(self, path):
        staged(path, source())
        expire_all()
        assert Depiction.objects.count() == 2

    def test_what_an_undone_import_brought_goes_ten_years_after_with_what_was_sent(self, path):
        import_id = taken_in(path, source())
        undo(import_id, now=NOW + 30 * DAY)
        expire_all()
        assert Depiction.objects.count() == 2
        expire_all(THEN + 30 * DAY)
        assert (Depiction.objects.count(), UpstreamRecord.objects.count()) == (0, 0)

    def test_what_a_full_file_takes_back_counts_from_when_that_file_was_shown(self, path):
        origin = source()
        taken_in(path, origin)
        write_rows(path, [row(2)])
        second = staged(path, origin, now=NOW + DAY, full=True)
        show(second, revoking=1, now=NOW + YEAR)
        expire_all(THEN + DAY)
        assert Depiction.objects.count() == 2
        expire_all(THEN + YEAR)
        assert [bytes(one.value) for one in Fingerprint.objects.all()] == [sha256(2)]


class TestNotes:
    def test_an_override_goes_a_year_after_it_ended_and_never_before_it_ends(self):
        ended, standing = (
            actions.override(
                Algorithm.SHA256, sha256(seed), kind=OverrideKind.SUPPRESSED, reason="wrong",
                review_on=(NOW + DAY).date(), **by(),
            )
            for seed in (1, 2)
        )  # fmt: skip
        actions.end_override(ended, reason="right after all", **by(NOW + DAY))
        assert expire_notes(NOW + YEAR + DAY) == 0
        assert expire_notes(NOW + YEAR + 2 * DAY) == 1
        assert [one.id for one in Override.objects.all()] == [standing]

    def test_a_series_without_a_picture_goes_after_a_year_and_one_with_a_link_stays(self):
        made = depiction(1)
        _, ended, held = (actions.create_series(f"S-{one}", reason="for the test", **by()) for one in range(3))
        for series in (ended, held):
            actions.link_to_series(series, made, reason="same room", **by())
        actions.unlink_from_series(ended, made, reason="another room", **by())
        assert expire_notes(NOW + YEAR) == 0
        assert expire_notes(NOW + YEAR + DAY) == 1
        assert set(Series.objects.values_list("id", flat=True)) == {ended, held}
        expire_all(THEN)
        assert expire_notes(THEN) == 1
        assert not Series.objects.exists()


@pytest.mark.django_db(transaction=True)
class TestNotesOfImports:
    @pytest.fixture
    def import_id(self, tmp_path):
        made = taken_in(write_rows(tmp_path / "upstream.jsonl", [row(1), row(2, "no such label")]), source())
        clear()
        return made

    def test_a_year_later_the_refusals_and_the_name_of_the_file_are_gone(self, import_id):
        assert (len(import_queries.refusals(import_id)), import_row(import_id).file_name) == (1, "upstream.jsonl")
        assert expire_notes(NOW + YEAR) == 0
        with events() as found:
            assert expire_notes(NOW + YEAR + DAY) == 2
        assert (import_queries.refusals(import_id), import_row(import_id).file_name) == ([], "")
        assert [(one.subject, dict(one.details)) for one in found] == [
            ("catalogue.ImportRefusal", {"count": 1}),
            ("catalogue.Import.file_name", {"count": 1}),
        ]

    def test_an_import_stays_as_long_as_a_record_of_it_and_ten_years_at_least(self, import_id):
        expire_notes(NOW + 90 * YEAR)
        assert Import.objects.filter(id=import_id).exists()
        undo(import_id, now=NOW + DAY)
        expire_all(THEN + DAY)
        expire_notes(JUST_BEFORE)
        assert Import.objects.filter(id=import_id).exists()
        expire_notes(THEN)
        assert not Import.objects.exists()

    def test_a_great_many_refusals_go_in_small_transactions(self, import_id, monkeypatch):
        monkeypatch.setattr("vigie_node.audit.expiring.AT_ONCE", 10)
        rows = [ImportRefusal(of_id=import_id, line=line, code="x", message="x") for line in range(34)]
        ImportRefusal.objects.bulk_create(rows)
        with events() as found:
            expire_notes(NOW + YEAR + DAY)
        assert [one.details["count"] for one in found if one.subject == "catalogue.ImportRefusal"] == [10, 10, 10, 5]


def test_an_id_of_no_depiction_is_the_end():
    assert expiring.expire_depictions(after=uuid.UUID(int=(1 << 128) - 1), by=NODE, now=THEN) is None
