# SPDX-License-Identifier: Apache-2.0
"""Lists and their simulations: made switched off, simulated, put in force with a reason."""

import re
from datetime import UTC, datetime
from html import unescape

import pytest

from vigie_node.accounts.roles import Role
from vigie_node.base.actor import NODE
from vigie_node.catalogue import list_queries
from vigie_node.catalogue.rules import Mode
from vigie_node.flows import simulate
from vigie_node.sightings import queries as sightings

pytestmark = pytest.mark.django_db


@pytest.fixture
def inside(enter, client):
    enter(Role.LIST_MANAGER)
    return client


def the_list(name):
    return next(one for one in list_queries.lists() if one.name == name)


def stated(row, **more):
    """The form of a list as it stands, with changes."""
    policy = row.policy
    form = {
        "mode": policy.mode.value, "share_percent": 100, "quorum": policy.quorum, "min_quality": policy.min_quality,
        "threshold_bits": policy.threshold_bits, "flood_per_hour": 0, "dispute_suspends": "on", "last": 1000,
        "classes": [f"{scheme}:{code}" for scheme, codes in policy.classes.items() for code in codes],
        "algorithms": [one.value for one in policy.algorithms], "version": row.version, "act": "change",
    }  # fmt: skip
    return {**form, **more}


class TestLists:
    def test_the_empty_page_says_that_nothing_matches(self, inside):
        assert "Nothing matches before there is a list" in inside.get("/lists").text

    def test_a_new_one_begins_switched_off(self, inside):
        inside.post("/lists/create", {"name": "national", "title": "National", "reason": "asked for"})
        assert the_list("national").policy.mode is Mode.OFF

    @pytest.mark.parametrize(("name", "wrong"), [("Large name!", "A list's name has"), ("national", "There is a list")])
    def test_a_name_that_cannot_be_is_refused_at_its_field(self, inside, world, name, wrong):
        page = unescape(inside.post("/lists/create", {"name": name, "title": "A list", "reason": "asked for"}).text)
        assert re.search(rf'<p class="wrong" id="id_name_error">.*?{wrong}', page)
        assert re.search(r'<input type="text" name="name"[^>]* autofocus', page)

    def test_its_page_says_the_policy_in_words(self, inside, world):
        page = inside.get(f"/lists/{the_list('national').id}").text
        assert "does not count meanwhile" in page
        assert "up to 31 of 256 bits may differ" in page

    def test_a_change_needs_a_reason_and_keeps_what_was_typed(self, inside, world):
        row = the_list("national")
        answer = inside.post(f"/lists/{row.id}/change", stated(row, threshold_bits=12))
        assert answer.status_code == 422
        assert 'value="12"' in answer.text
        inside.post(f"/lists/{row.id}/change", stated(row, threshold_bits=12, reason="less noise"))
        assert the_list("national").policy.threshold_bits == 12
        page = inside.get(f"/lists/{row.id}").text
        assert "less noise" in page
        assert "changed: Threshold (bits)" in page
        assert "· Maria Janssens" in page

    def test_two_people_who_edit_one_list_do_not_overwrite_each_other(self, inside, world):
        row = the_list("national")
        inside.post(f"/lists/{row.id}/change", stated(row, threshold_bits=12, reason="the first"))
        second = inside.post(f"/lists/{row.id}/change", stated(row, quorum=2, reason="the second"))
        assert second.status_code == 422
        assert "the second" in second.text
        assert (the_list("national").policy.threshold_bits, the_list("national").policy.quorum) == (12, 1)

    def test_a_policy_that_cannot_be_is_refused_at_the_field(self, inside, world):
        row = the_list("national")
        answer = inside.post(f"/lists/{row.id}/change", stated(row, threshold_bits=40, reason="more"))
        assert answer.status_code == 422
        assert "31" in answer.text


@pytest.mark.django_db(transaction=True)
class TestExports:
    def test_a_list_is_taken_as_a_file_of_what_it_makes_matchable(self, inside, world):
        row = the_list("national")
        answer = inside.post(f"/lists/{row.id}/export", {"form": "csv"})
        content = b"".join(answer.streaming_content).decode()
        assert answer.headers["Content-Disposition"] == 'attachment; filename="national.csv"'
        assert world.sha256 in content

    def test_one_that_is_switched_off_is_told_to_nobody(self, inside, world):
        answer = inside.post(f"/lists/{the_list('off').id}/export", {"form": "csv"})
        assert answer.status_code == 302


class TestSimulations:
    def test_a_change_is_simulated_before_it_is_in_force(self, inside, world):
        row = the_list("national")
        asked = stated(row, mode="OFF", act="simulate")
        sent = inside.post(f"/lists/{row.id}/change", asked)
        (made,) = sightings.simulations(row.id)
        assert sent.headers["Location"] == f"/simulations/{made.id}"
        assert "It goes on when you close this page" in inside.get(f"/simulations/{made.id}").text
        while simulate.step(by=NODE, now=datetime.now(UTC)):
            pass
        assert inside.get(f"/simulations/{made.id}/progress").headers["HX-Refresh"] == "true"
        page = inside.get(f"/simulations/{made.id}").text
        assert "Would match no longer" in page
        assert inside.get(f"/simulations/{made.id}?format=csv").text.startswith("change,sighting")
        assert the_list("national").policy.mode is Mode.ON
        assert "selected>off" in inside.get(f"/lists/{row.id}/change?simulation={made.id}").text

    def test_one_that_ended_stands_at_home_for_whoever_asked_until_the_list_changes(self, inside, world):
        row = the_list("national")
        inside.post(f"/lists/{row.id}/change", stated(row, mode="OFF", act="simulate"))
        (made,) = sightings.simulations(row.id)
        assert f"/simulations/{made.id}" not in inside.get("/").text
        while simulate.step(by=NODE, now=datetime.now(UTC)):
            pass
        assert f"/simulations/{made.id}" in inside.get("/").text
        inside.post(f"/lists/{row.id}/change", stated(row, mode="OFF", reason="as simulated"))
        assert f"/simulations/{made.id}" not in inside.get("/").text

    def test_the_form_keeps_the_reason_needed_when_something_else_is_wrong(self, inside, world):
        row = the_list("national")
        answer = inside.post(f"/lists/{row.id}/change", stated(row, act="simulate", threshold_bits=900))
        assert answer.status_code == 422
        assert "Simulate with the last sightings" in answer.text

    def test_one_can_be_stopped(self, inside, world):
        row = the_list("national")
        inside.post(f"/lists/{row.id}/change", stated(row, mode="OFF", act="simulate"))
        (made,) = sightings.simulations(row.id)
        inside.post(f"/simulations/{made.id}/cancel")
        assert sightings.simulation(made.id).ended_at is not None
