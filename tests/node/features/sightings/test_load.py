# SPDX-License-Identifier: Apache-2.0
"""The results of a scan become sightings, known and unknown alike, on a legal basis and for a time."""

from datetime import UTC, datetime, timedelta

import pytest

from node.features.sightings.scans import line, results_of
from node.features.sightings.seeing import NOW, SOMEBODY, depict, make_list, picture, retrace_all, say
from vigie.fingerprints.values import Algorithm
from vigie.matching.verdicts import Outcome
from vigie_node.audit.models import PendingEvent
from vigie_node.base.actor import NODE
from vigie_node.cli import main
from vigie_node.flows import load as flow
from vigie_node.matching import lookup
from vigie_node.matching.questions import Question
from vigie_node.sightings import actions, erasing, loading, queries, scanned
from vigie_node.sightings.legal_bases import BasisNotInForceError, ExpiryOutOfBoundsError, UnknownBasisError
from vigie_node.sightings.models import Load, Match, SeenValue, Sighting, Tally, Task
from vigie_node.sightings.states import LoadState

pytestmark = pytest.mark.django_db
BASIS = "criminal-investigation"
IN_A_YEAR = NOW + timedelta(days=365)


def start(folder, *, case="2026-0147", basis=BASIS, expires_at=IN_A_YEAR, now=NOW, **more):
    return actions.start_load(folder, case=case, basis=basis, expires_at=expires_at, by=SOMEBODY, now=now, **more)


def load_all(folder, **more):
    load_id = start(folder, **more)
    while flow.step(load_id=load_id, by=NODE, now=NOW):
        pass
    return queries.load(load_id)


def mixed(count=10):
    return [line(f"file {number}", seed=number) for number in range(count)]


class TestStartLoad:
    @pytest.mark.parametrize(
        ("basis", "days", "error"),
        [
            ("because", 30, UnknownBasisError),
            ("provider-detection-2021-1232", 30, BasisNotInForceError),
            (BASIS, 0, ExpiryOutOfBoundsError),
            (BASIS, -1, ExpiryOutOfBoundsError),
            (BASIS, 1826, ExpiryOutOfBoundsError),
            ("benign-test-material", 31, ExpiryOutOfBoundsError),
        ],
    )
    def test_refuses_a_ground_that_does_not_cover_it(self, tmp_path, basis, days, error):
        folder = results_of(tmp_path / "r", mixed(1))
        with pytest.raises(error):
            start(folder, basis=basis, expires_at=NOW + timedelta(days=days))
        assert not Load.objects.exists()

    def test_refuses_a_load_without_a_case(self, tmp_path):
        with pytest.raises(loading.MissingCaseError):
            start(results_of(tmp_path / "r", mixed(1)), case=" ")

    def test_refuses_a_scan_that_is_not_finished(self, tmp_path):
        with pytest.raises(loading.IncompleteResultsError):
            start(results_of(tmp_path / "r", mixed(1), complete=False))

    def test_the_same_results_are_the_same_load(self, tmp_path):
        folder = results_of(tmp_path / "r", mixed(1))
        assert start(folder) == start(folder)
        with pytest.raises(loading.LoadedElsewhereError):
            start(folder, case="another")


class TestLoad:
    def test_keeps_known_and_unknown_alike_and_matches_what_is_known(self, tmp_path):
        depiction = depict(*picture(3))
        say(depiction)
        make_list()
        row = load_all(results_of(tmp_path / "r", mixed()), exhibit="laptop", country="BE")
        assert (row.state, row.rows_done, row.counts) == (
            LoadState.DONE,
            10,
            {"kept": 10, "matched": 1, "frames_left_out": 0},
        )
        match = Match.objects.get()
        assert (match.depiction_id, match.found_by, match.sighting.case) == (depiction, "LOADED", "2026-0147")
        assert match.seen_at == datetime(2026, 11, 20, 8, tzinfo=UTC)
        assert Tally.objects.get().sightings == 1
        assert set(Sighting.objects.values_list("expires_at", "legal_basis", "place")) == {(IN_A_YEAR, BASIS, "")}
        assert SeenValue.objects.count() == 40
        assert not Task.objects.exists()

    def test_what_was_loaded_unknown_comes_up_when_it_becomes_known(self, tmp_path):
        make_list()
        load_all(results_of(tmp_path / "r", mixed()))
        say(depict(*picture(4, bits=6)))
        retrace_all()
        task = Task.objects.get()
        assert task.match.distance_bits == 6
        assert task.case == "2026-0147"

    def test_keeps_names_only_where_they_are_asked_for(self, tmp_path):
        load_all(results_of(tmp_path / "r", [line("one", seed=1, name="holiday/one.jpg")]), keeps_names=True)
        assert Sighting.objects.get().place == "holiday/one.jpg"

    def test_keeps_as_little_as_finds_it_again(self, tmp_path):
        rows = [
            line("a document", verdict=Outcome.NOT_MEDIA, kind="other"),
            line("gated", verdict=Outcome.GATED, seed=1),
            line("poor", seed=2, quality=10),
            line("broken", verdict=Outcome.UNREADABLE),
        ]
        row = load_all(results_of(tmp_path / "r", rows))
        assert row.counts["kept"] == 3
        assert not SeenValue.objects.filter(algorithm="pdq").exists()
        assert SeenValue.objects.count() == 9

    def test_a_video_is_kept_by_its_frames_and_found_again_by_them(self, tmp_path):
        make_list()
        load_all(results_of(tmp_path / "r", [line("film", kind="video", frames=range(100, 112))]))
        assert SeenValue.objects.filter(algorithm="pdq-frames").count() == 12
        say(depict(Question(Algorithm.PDQ, picture(105)[3].value)))
        retrace_all()
        assert Task.objects.get().match.algorithm == "pdq-frames"

    def test_a_very_long_video_keeps_frames_spread_evenly_and_says_how_many_it_left_out(self, tmp_path, monkeypatch):
        monkeypatch.setattr(scanned, "MAX_FRAMES", 5)
        row = load_all(results_of(tmp_path / "r", [line("film", kind="video", frames=range(100, 120))]))
        assert SeenValue.objects.filter(algorithm="pdq-frames").count() == 5
        assert row.counts["frames_left_out"] == 15

    def test_stopped_after_any_transaction_it_goes_on_where_it_stood(self, tmp_path, monkeypatch):
        depiction = depict(*picture(3))
        say(depiction)
        make_list()
        load_id = start(results_of(tmp_path / "r", mixed(20)))
        monkeypatch.setattr(flow, "ROWS", 3)
        monkeypatch.setattr(flow, "MATCHED_AT_ONCE", 3)
        monkeypatch.setattr(flow, "STEP_SECONDS", 0.0)
        stage, note = loading.stage, loading.note_matched

        def once_then_killed(action):
            def run(*args, **named):
                assert action(*args, **named)
                raise KeyboardInterrupt

            return run

        monkeypatch.setattr(loading, "stage", once_then_killed(stage))
        monkeypatch.setattr(loading, "note_matched", once_then_killed(note))
        monkeypatch.setattr(flow, "STEP_SECONDS", 5.0)
        more = True
        while more:
            try:
                more = flow.step(load_id=load_id, by=NODE, now=NOW)
            except KeyboardInterrupt:
                continue
        assert queries.load(load_id).counts["kept"] == 20
        assert Sighting.objects.count() == 20
        assert Match.objects.count() == Tally.objects.get().sightings == 1
        assert len(lookup.of_seen().candidates([picture(7)[3]])) == 1

    def test_what_becomes_known_while_it_is_answered_is_answered_again(self, tmp_path, monkeypatch):
        make_list()
        load_id = start(results_of(tmp_path / "r", mixed(3)))
        depiction = depict(*picture(1))
        flow.step(load_id=load_id, by=NODE, now=NOW)
        position, said = loading.position, []

        def overtaken():
            at = position()
            if not said:
                said.append(say(depiction))
            return at

        monkeypatch.setattr(loading, "position", overtaken)
        while flow.step(load_id=load_id, by=NODE, now=NOW):
            pass
        assert Match.objects.get().found_by == "LOADED"
        retrace_all()
        assert not Task.objects.exists()

    def test_a_sweep_leaves_to_the_load_what_it_will_match_itself(self, tmp_path):
        make_list()
        load_id = start(results_of(tmp_path / "r", mixed(3)))
        flow.step(load_id=load_id, by=NODE, now=NOW)
        say(depict(*picture(1)))
        retrace_all()
        assert not Match.objects.exists()
        while flow.step(load_id=load_id, by=NODE, now=NOW):
            pass
        assert Match.objects.get().found_by == "LOADED"

    def test_damaged_results_are_no_load_and_nothing_of_them_stays(self, tmp_path):
        folder = results_of(tmp_path / "r", mixed())
        load_id = start(folder)
        (folder / "parts" / "part-000002.parquet").write_bytes(b"cut")
        flow.step(load_id=load_id, by=NODE, now=NOW)
        row = queries.load(load_id)
        assert (row.state, row.problem) == (LoadState.FAILED, "results.damaged")
        assert not Sighting.objects.exists()

    def test_a_cancelled_load_is_taken_out_and_may_be_made_again(self, tmp_path, monkeypatch):
        folder = results_of(tmp_path / "r", mixed())
        load_id = start(folder)
        flow.step(load_id=load_id, by=NODE, now=NOW)
        actions.cancel_load(load_id, by=SOMEBODY, now=NOW)
        with pytest.raises(erasing.StillErasingError):
            start(folder)
        while actions.expire(by=NODE, now=NOW):
            pass
        assert not SeenValue.objects.exists()
        assert load_all(folder).state is LoadState.DONE

    def test_is_two_events_of_the_audit_however_many_transactions_it_took(self, tmp_path):
        before = PendingEvent.objects.count()
        load_all(results_of(tmp_path / "r", mixed()))
        assert PendingEvent.objects.count() == before + 2


class TestCommand:
    def test_loads_and_says_what_it_kept(self, tmp_path, capsys):
        make_list()
        folder = results_of(tmp_path / "r", mixed(3))
        given = ["load", str(folder), "--case", "12", "--basis", BASIS, "--expires", "30d"]
        assert main.main(given) == 0
        assert '"kept": 3' in capsys.readouterr().out
        assert main.main(given) == 0
        assert Sighting.objects.count() == 3

    @pytest.mark.parametrize("expires", ["soon", "99999999999d", "2020-01-01"])
    def test_refuses_an_expiry_that_it_does_not_understand(self, tmp_path, capsys, expires):
        folder = results_of(tmp_path / "r", mixed(1))
        assert main.main(["load", str(folder), "--case", "1", "--basis", BASIS, "--expires", expires]) == 2

    def test_refuses_a_folder_without_results(self, tmp_path, capsys):
        assert main.main(["load", str(tmp_path), "--case", "1", "--basis", BASIS, "--expires", "30d"]) == 3
