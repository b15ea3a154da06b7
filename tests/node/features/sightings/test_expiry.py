# SPDX-License-Identifier: Apache-2.0
"""What has expired is gone: from the database, from every index, from the next files."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from node.audited import events
from node.features.sightings.scans import line, results_of
from node.features.sightings.seeing import NOW, SOMEBODY, ask, depict, make_list, picture, say, value
from vigie_node.base.actor import NODE
from vigie_node.flows import load
from vigie_node.matching import actions as matching
from vigie_node.matching import lookup, published
from vigie_node.sightings import actions, erasing, queries
from vigie_node.sightings.models import Load, Match, SeenValue, Sighting, Tally, Task

pytestmark = pytest.mark.django_db


@pytest.fixture
def loaded(tmp_path):
    """A load of which half expires tomorrow, with a match and published files."""
    say(depict(*picture(1)))
    make_list()
    for name, days, seeds in (("soon", 1, (1, 2)), ("later", 300, (3, 4))):
        folder = results_of(tmp_path / name, [line(f"{name} {seed}", seed=seed) for seed in seeds])
        load_id = actions.start_load(
            folder, case=name, basis="criminal-investigation", expires_at=NOW + timedelta(days=days), by=SOMEBODY,
            now=NOW,
        )  # fmt: skip
        while load.step(load_id=load_id, by=NODE, now=NOW):
            pass


def expire_all(now):
    total = 0
    while more := actions.expire(by=NODE, now=now):
        total += more
    return total


def bytes_of_files(settings):
    return b"".join(path.read_bytes() for path in settings.INDEXES.rglob("*") if path.is_file())


class TestExpire:
    def test_erases_nothing_before_its_time(self, loaded):
        assert expire_all(NOW + timedelta(hours=23)) == 0
        assert Sighting.objects.count() == 4

    def test_erases_what_is_due_with_all_that_hangs_on_it(self, loaded):
        assert Match.objects.count() == 1
        assert expire_all(NOW + timedelta(days=1)) == 2
        assert Sighting.objects.count() == 2
        assert SeenValue.objects.count() == 8
        assert not Match.objects.exists()
        assert not Task.objects.exists()
        assert not Tally.objects.exists()
        assert [one.case for one in Load.objects.all()] == ["later"]

    def test_says_what_it_erased_and_nothing_where_nothing_was_due(self, loaded):
        with events() as found:
            expire_all(NOW + timedelta(days=1))
            expire_all(NOW + timedelta(days=1))
        assert [(one.event, dict(one.details)) for one in found] == [
            ("SIGHTINGS_EXPIRED", {"sightings": 2, "values": 8}),
            ("SIGHTINGS_EXPIRED", {"loads": 1}),
        ]

    def test_the_index_finds_it_no_more_and_the_next_files_hold_no_byte_of_it(self, loaded, settings):
        seen = lookup.of_seen()
        matching.publish(seen, by=NODE, now=NOW)
        assert value(2) in bytes_of_files(settings)
        expire_all(NOW + timedelta(days=1))
        assert len(seen.candidates([picture(2)[3]])) == 0
        assert len(seen.candidates([picture(3)[3]])) == 1
        times = 0
        for hour in range(24, 24 * 5):
            now = NOW + timedelta(hours=hour)
            if published.erasure_due(seen, now=now):
                matching.publish(seen, by=NODE, now=now)
                times += 1
        assert times == 2
        left = bytes_of_files(settings)
        assert value(2) not in left
        assert picture(2)[0].value not in left
        assert value(3) in left

    def test_a_sighting_with_very_many_values_goes_in_several_transactions(self, tmp_path, monkeypatch):
        folder = results_of(tmp_path / "r", [line("film", kind="video", frames=range(100, 120))])
        load_id = actions.start_load(
            folder, case="1", basis="criminal-investigation", expires_at=NOW + timedelta(days=1), by=SOMEBODY, now=NOW
        )  # fmt: skip
        while load.step(load_id=load_id, by=NODE, now=NOW):
            pass
        monkeypatch.setattr(erasing, "MAX_VALUES", 5)
        actions.expire(by=NODE, now=NOW + timedelta(days=1))
        assert 0 < SeenValue.objects.count() < 23
        expire_all(NOW + timedelta(days=1))
        assert not SeenValue.objects.exists()
        assert not Sighting.objects.exists()

    def test_of_many_stopped_loads_one_question_finds_what_is_to_be_taken_out(self, tmp_path):
        asked = []
        for number in range(3):
            folder = results_of(tmp_path / str(number), [line(f"{number}", seed=number)])
            load_id = actions.start_load(
                folder, case=str(number), basis="criminal-investigation", expires_at=NOW + timedelta(days=30),
                by=SOMEBODY, now=NOW,
            )  # fmt: skip
            load.step(load_id=load_id, by=NODE, now=NOW)
            actions.cancel_load(load_id, by=NODE, now=NOW)
            assert expire_all(NOW) == 1
            with CaptureQueriesContext(connection) as asking:
                assert actions.expire(by=NODE, now=NOW) == 0
            asked.append(len(asking))
        assert len(set(asked)) == 1
        assert Load.objects.count() == 3

    def test_a_matched_look_up_expires_by_the_settings(self, settings):
        depiction = depict(*picture(1))
        say(depiction)
        make_list()
        ask(picture(1))
        assert expire_all(NOW + timedelta(days=settings.MATCHED_SIGHTING_DAYS)) == 1
        assert queries.counts([depiction]) == {}
