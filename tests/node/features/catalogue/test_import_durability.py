# SPDX-License-Identifier: Apache-2.0
"""An import that is killed at any moment goes on where it was; nobody waits for one."""

import os
import random
import subprocess
import sys
import threading
import time

import pytest
from django.db import connection, transaction

import databases
from node.features.catalogue.catalogue_building import (
    DAY,
    NOW,
    WRITER,
    assertion_on,
    counts,
    depiction,
    import_row,
    make_list,
    pdq,
    row,
    say,
    show,
    source,
    staged,
    taken_in,
    words_on,
    write_rows,
)
from vigie.errors import VigieError
from vigie_node.base.actor import COMMAND, NODE
from vigie_node.catalogue import actions, import_steps, importing, staging, standing
from vigie_node.catalogue.import_steps import TARGET_SECONDS, Pace
from vigie_node.catalogue.importing import Options
from vigie_node.catalogue.models import Assertion, Depiction, Fingerprint, UpstreamRecord
from vigie_node.catalogue.states import DisputeOutcome, ImportState
from vigie_node.changes import queries as changes
from vigie_node.changes.topics import Topic

pytestmark = pytest.mark.django_db(transaction=True)
WORKER = """
import django, sys, uuid
django.setup()
from django.conf import settings
settings.UPLOADS = sys.argv[2]
from datetime import UTC, datetime
from vigie_node.base.actor import NODE
from vigie_node.catalogue import import_steps
note = import_steps.Pace.note
def tell(pace, seconds, *, rows):
    note(pace, seconds, rows=rows)
    print("a portion is written", flush=True)
import_steps.Pace.note = tell
while import_steps.stage_some(uuid.UUID(sys.argv[1]), by=NODE, now=datetime.now(UTC)):
    pass
"""


def rows_of(count):
    return [row(seed, pdq=pdq(seed).hex(), pdq_quality=80, depiction=f"case-{seed}") for seed in range(count)]


def start(path, count):
    rows = rows_of(count)
    rows[count // 2] |= {"label": "Z"}
    return importing.start_import(write_rows(path, rows), source_id=source(), options=Options(), by=COMMAND, now=NOW)


class TestKilled:
    def test_at_random_moments_an_import_loses_nothing_and_does_nothing_twice(self, tmp_path, settings):
        settings.UPLOADS = tmp_path / "uploads"
        count, drawn = 1500, random.Random(7)
        import_id = start(tmp_path / "rows.jsonl", count)
        command = [sys.executable, "-c", WORKER, str(import_id), str(settings.UPLOADS)]
        environment = os.environ | {"PYTHONPATH": "src", "VIGIE_DATABASE_URL": databases.url(connection)}
        for portions in (1, 2, 1, 2):
            before = import_row(import_id).rows_done
            with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as worker:
                for _ in range(portions):
                    worker.stdout.readline()
                time.sleep(drawn.uniform(0, 0.06))
                worker.kill()
            assert before < import_row(import_id).rows_done < count
        while import_steps.stage_some(import_id, by=NODE, now=NOW):
            pass
        assert import_row(import_id).state == ImportState.STAGED
        assert counts(import_id) == {
            "new": count - 1, "new_depictions": count - 1, "new_fingerprints": 2 * count - 2, "refused": 1, "unread": 1,
        }  # fmt: skip
        for model, expected in ((Depiction, 1), (Assertion, 1), (UpstreamRecord, 1), (Fingerprint, 2)):
            assert model.objects.count() == expected * (count - 1)
        told = [int(item) for one in changes.since(0, limit=10_000) for item in one.items]
        assert sorted(told) == sorted(Fingerprint.objects.values_list("id", flat=True))

    def test_a_portion_that_was_not_committed_leaves_no_trace(self, tmp_path, monkeypatch):
        import_id = start(tmp_path / "rows.jsonl", 50)
        monkeypatch.setattr(staging.changes, "append", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            import_steps.stage_some(import_id, by=NODE, now=NOW)
        assert Fingerprint.objects.count() == Depiction.objects.count() == 0
        assert import_row(import_id).rows_done == 0


class TestPace:
    def test_of_the_next_portion_is_what_fits_after_a_single_slow_one(self):
        pace = Pace(1000)
        pace.note(10 * TARGET_SECONDS, rows=1000)
        assert pace.rows == pytest.approx(100, abs=1)

    def test_is_taken_up_again_by_and_by(self):
        pace, seen = Pace(100), []
        for _ in range(4):
            pace.note(0.001, rows=pace.rows)
            seen.append(pace.rows)
        assert seen == [150, 225, 337, 505]

    @pytest.mark.parametrize(("seconds", "rows"), [(60.0, 10), (0.0, 2000)])
    def test_stays_within_bounds(self, seconds, rows):
        pace = Pace(2000)
        pace.note(seconds, rows=2000)
        assert pace.rows == rows


class TestDecidedAnew:
    """What others write while a portion is decided: it is decided again where that bears on it, and not in the way."""

    @pytest.fixture
    def staged_beside(self, tmp_path, monkeypatch):
        """Stage a file while something happens after each decision; return where it was decided."""
        taken_in(write_rows(tmp_path / "before.jsonl", [row(1), row(2)]), source())
        path = write_rows(tmp_path / "rows.jsonl", [row(1, at=NOW), row(2, at=NOW)])
        import_id = importing.start_import(path, source_id=source(), options=Options(), by=COMMAND, now=NOW)

        def do(happens):
            whole, where = staging._decide, []

            def decide(*given, **named):
                where.append("within" if connection.in_atomic_block else "before")
                found = whole(*given, **named)
                if where[-1] == "before":
                    happens(len(where))
                return found

            monkeypatch.setattr(staging, "_decide", decide)
            while import_steps.stage_some(import_id, by=NODE, now=NOW):
                pass
            return where, counts(import_id)

        return do

    def test_a_revocation_in_between_counts_and_is_decided_on_before_the_transaction(self, staged_beside):
        said = assertion_on(1)
        where, counted = staged_beside(
            lambda time: actions.revoke(said, reason="wrong", **WRITER) if time == 1 else None
        )
        assert where == ["before", "before"]
        assert counted == {"stays_revoked": 1, "superseding": 1}

    def test_what_bears_on_nothing_is_not_decided_on_again(self, staged_beside):
        where, _ = staged_beside(lambda _: make_list())
        assert where == ["before"]

    def test_where_something_always_happens_it_goes_on_all_the_same(self, staged_beside):
        where, counted = staged_beside(lambda time: say(depiction(f"another {time}"), source("Ours")))
        assert where == ["before", "before", "before", "within"]
        assert counted == {"superseding": 2}


class TestAtTheFlip:
    """Two connections at the same instant: whichever comes first, the end is the same."""

    @pytest.fixture
    def before(self, tmp_path):
        taken_in(write_rows(tmp_path / "before.jsonl", [row(1)]), source())
        return assertion_on(1)

    @pytest.fixture
    def import_id(self, before, tmp_path):
        del before
        return staged(write_rows(tmp_path / "again.jsonl", [row(1, at=NOW)]), source())

    @pytest.fixture(params=["the flip comes first", "the flip comes second"])
    def at_once(self, request, import_id):
        """Do something and flip the import: the second begins when the first is done but for its commit."""

        def do(other):
            order = [lambda: show(import_id), other]
            first, second = order if request.param.endswith("first") else order[::-1]
            errors = []

            def run_second():
                try:
                    second()
                except VigieError as error:
                    errors.append(error)
                finally:
                    connection.close()

            thread = threading.Thread(target=run_second)
            with transaction.atomic():
                first()
                thread.start()
                thread.join(0.2)  # it would be at its end by then, did it not wait
            thread.join()
            return errors

        return do

    def test_a_word_that_is_revoked_stands_no_longer(self, before, at_once):
        assert at_once(lambda: actions.revoke(before, reason="wrong", **WRITER)) == []
        assert words_on(1) == []

    def test_a_word_that_is_disputed_is_disputed(self, before, at_once):
        assert at_once(lambda: actions.open_dispute(before, grounds="doubtful", **WRITER)) == []
        [words] = standing.words(Depiction.objects.values_list("id", flat=True)).values()
        assert [word.disputed for word in words] == [True]

    def test_a_dispute_that_is_upheld_ends_the_word(self, before, at_once):
        dispute = actions.open_dispute(before, grounds="doubtful", by=COMMAND, now=NOW - 2 * DAY)
        upheld = {"outcome": DisputeOutcome.UPHELD, "settlement": "it was wrong"}
        assert at_once(lambda: actions.settle_dispute(dispute, **upheld, **WRITER)) == []
        assert words_on(1) == []

    def test_a_word_that_a_person_records_does_not_outdo_a_later_one(self, at_once):
        [shown] = Depiction.objects.values_list("id", flat=True)
        at_once(lambda: say(shown, source(), "B", at=NOW - DAY / 2))
        assert words_on(1) == [("Hotline A", "A")]


class TestCleared:
    def test_rows_are_found_before_the_transactions_that_take_them_out_and_unsorted(self, tmp_path):
        """A search among a million rows, or a sorting of them, would keep everybody waiting, once a portion."""
        import_id = staged(write_rows(tmp_path / "rows.jsonl", rows_of(150)), source())
        importing.cancel_import(import_id, reason="the wrong file", **WRITER)
        within = []

        def note(execute, statement, *given):
            if connection.in_atomic_block and statement.startswith("SELECT") and '"catalogue_import"' not in statement:
                within.append(statement)
            return execute(statement, *given)

        with connection.execute_wrapper(note):
            while import_steps.clear_some(now=NOW):
                pass
        # By its keys alone: of two conditions SQLite takes the import, and goes over all that it has left.
        assert [one for one in within if '_id" = ' in one or "ORDER BY" in one] == []
        assert Depiction.objects.count() == Assertion.objects.count() == Fingerprint.objects.count() == 0
        told = [int(row) for one in changes.since(0) if one.topic is Topic.FINGERPRINTS_REMOVED for row in one.items]
        assert len(told) == len(set(told)) == 300


class TestAmongAMillionWords:
    """SQLite keeps no figures of what its columns hold: of two conditions it may take the one that a million rows meet.

    So what a writer's transaction reads is asked for by what few rows have: their keys, or their depiction.
    """

    COMMON = (
        '"catalogue_assertion"."scheme" =',
        '"catalogue_assertion"."source_id" =',
        '"catalogue_import"."source_id" =',
    )

    @pytest.fixture
    def asked(self):
        """What is asked of the words meanwhile."""
        statements = []

        def note(execute, statement, *given):
            if statement.startswith("SELECT") and 'FROM "catalogue_assertion"' in statement:
                statements.append(statement)
            return execute(statement, *given)

        with connection.execute_wrapper(note):
            yield statements

    def test_a_word_is_said_again_and_revoked_by_its_depiction(self, asked):
        said = say(depiction(1), source(), "A", at=NOW - DAY)
        say(depiction(1), source(), "A")
        actions.revoke(said, reason="wrong", **WRITER)
        assert words_on(1) == []
        assert asked
        assert [one for one in asked if any(common in one for common in self.COMMON)] == []

    def test_what_a_full_file_no_longer_holds_is_found_by_its_keys(self, tmp_path, asked):
        taken_in(write_rows(tmp_path / "before.jsonl", rows_of(30)), source())
        import_id = staged(write_rows(tmp_path / "rows.jsonl", rows_of(10)), source(), full=True)
        assert counts(import_id) == {"revoking": 20, "unchanged": 10}
        assert asked
        assert [one for one in asked if any(common in one for common in self.COMMON)] == []


class TestConcurrency:
    def test_a_revocation_never_waits_a_tenth_of_a_second_for_an_import(self, tmp_path):
        said = [say(depiction(f"before {number}"), source("Ours")) for number in range(25)]
        import_id = start(tmp_path / "rows.jsonl", 4000)
        done = threading.Event()
        held = []

        def stage():
            whole = staging.stage
            try:
                import_steps.staging.stage = lambda *given, **named: held.append(whole(*given, **named)) or held[-1]
                while import_steps.stage_some(import_id, by=NODE, now=NOW) and not done.is_set():
                    pass
            finally:
                import_steps.staging.stage = whole
                connection.close()

        worker = threading.Thread(target=stage)
        worker.start()
        waited = []
        for one in said:
            time.sleep(0.03)
            began = time.monotonic()
            actions.revoke(one, reason="wrong", **WRITER)
            waited.append(time.monotonic() - began)
        done.set()
        worker.join()
        assert import_row(import_id).rows_done > 0
        # The machine may be busy with other things; the middle one tells what the import costs.
        assert sorted(waited)[len(waited) // 2] < 0.1
        assert sorted(held)[len(held) // 2] < 0.1

    def test_a_match_never_sees_half_an_import(self, tmp_path):
        import_id = staged(write_rows(tmp_path / "rows.jsonl", rows_of(60)), source())
        seen = set()
        done = threading.Event()

        def read():
            while not done.is_set():
                with connection.cursor() as cursor:
                    cursor.execute(
                        "SELECT COUNT(*) FROM catalogue_assertion a JOIN catalogue_import i ON i.id = a.via_id "
                        "WHERE i.state = 'VISIBLE'"
                    )
                    seen.add(cursor.fetchone()[0])
            connection.close()

        reader = threading.Thread(target=read)
        reader.start()
        time.sleep(0.05)
        show(import_id)
        time.sleep(0.05)
        done.set()
        reader.join()
        assert seen == {0, 60}

    def test_the_rows_that_a_flip_shows_are_told_before_it(self, tmp_path):
        import_id = staged(write_rows(tmp_path / "rows.jsonl", rows_of(5)), source())
        show(import_id)
        topics = [one.topic for one in changes.since(0)]
        assert topics.index(Topic.FINGERPRINTS_ADDED) < topics.index(Topic.IMPORT)
