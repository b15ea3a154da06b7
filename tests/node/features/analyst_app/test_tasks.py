# SPDX-License-Identifier: Apache-2.0
"""The look-back inbox: what waits, who takes it, what came of it."""

import pytest

from node.features.sightings import seeing
from vigie_node.accounts.roles import Role
from vigie_node.sightings.models import Task
from vigie_node.sightings.states import TaskState

pytestmark = pytest.mark.django_db


@pytest.fixture
def inside(enter, client):
    enter(Role.INVESTIGATOR)
    return client


@pytest.fixture
def known_since(db):
    """A task: a look-up matched one depiction, then another as near as it became known."""
    seeing.make_list()
    picture = seeing.picture(1)
    seeing.say(seeing.depict(picture[-1]))
    seeing.retrace_all()
    seeing.ask(picture)
    seeing.say(seeing.depict(seeing.picture(1, bits=9)[-1]))
    seeing.retrace_all()
    return Task.objects.get()


class TestTheInbox:
    def test_an_empty_one_says_what_will_appear(self, inside):
        page = inside.get("/tasks")
        assert page.status_code == 200
        assert "Nothing waits" in page.text

    def test_it_shows_what_is_known_since(self, inside, known_since):
        page = inside.get("/tasks").text
        assert "1 task waits for somebody" in page
        assert f'id="task-{known_since.id}"' in page

    def test_the_place_is_out_of_sight_until_asked_for(self, inside, known_since):
        assert "user 7" not in inside.get("/tasks").text
        shown = inside.post(f"/sightings/{known_since.match.sighting_id}/place").text
        assert "user 7" in shown

    def test_as_a_file_it_has_no_place(self, inside, known_since):
        told = inside.get("/tasks?format=csv")
        assert told.headers["Content-Type"].startswith("text/csv")
        assert str(known_since.id) in told.text
        assert "user 7" not in told.text


class TestWorkingATask:
    def test_it_is_taken_finished_and_given_back(self, inside, known_since):
        inside.post("/tasks/take", {"task": known_since.id})
        known_since.refresh_from_db()
        assert known_since.state == TaskState.TAKEN
        assert "yours" in inside.get("/tasks?show=mine").text
        inside.post(f"/tasks/{known_since.id}/finish", {"note": "told the unit"})
        known_since.refresh_from_db()
        assert (known_since.state, known_since.note) == (TaskState.DONE, "told the unit")
        assert "told the unit" in inside.get("/tasks?show=done").text
        inside.post(f"/tasks/{known_since.id}/reopen")
        known_since.refresh_from_db()
        assert known_since.state == TaskState.OPEN

    def test_it_is_not_finished_without_a_note(self, inside, known_since):
        answer = inside.post(f"/tasks/{known_since.id}/finish", {"note": ""})
        assert answer.status_code == 422
        assert Task.objects.get().state == TaskState.OPEN
