# SPDX-License-Identifier: Apache-2.0
"""Tasks: somebody takes one, finishes it, opens it again; whose cases one may look into."""

import pytest

from node.features.sightings.seeing import LATER, NOW, ask, depict, make_list, organisation, picture, retrace_all, say
from vigie_node.audit.models import PendingEvent
from vigie_node.base.actor import COMMAND, NODE, Actor, ActorKind
from vigie_node.base.ids import new_id
from vigie_node.catalogue import actions as catalogue
from vigie_node.flows import load, retrace
from vigie_node.sightings import actions, queries
from vigie_node.sightings.inbox import NoSuchTaskError
from vigie_node.sightings.models import Sighting, Task
from vigie_node.sightings.queries import Wanted
from vigie_node.sightings.rules import EVERYWHERE, ImpossibleTaskMoveError, Reach
from vigie_node.sightings.states import TASK_MOVES, TaskKind, TaskState
from vigie_node.sightings.task_actions import NoteTooLongError

pytestmark = pytest.mark.django_db
ANNA, BERT = (Actor(ActorKind.PERSON, new_id(NOW)) for _ in range(2))
NOWHERE = Reach(across_cases=False, organisation_id=None)


@pytest.fixture
def task():
    """One open task, by its number."""
    word = say(depict(*picture(1)))
    make_list()
    ask(picture(1))
    catalogue.revoke(word, reason="a mistake", by=COMMAND, now=NOW)
    retrace_all()
    return Task.objects.get().pk


def open_tasks(count):
    """So many open tasks, each about another sighting of one depiction."""
    depiction = depict(*picture(1))
    word = say(depiction)
    make_list()
    ask(*[picture(1)] * count)
    catalogue.revoke(word, reason="a mistake", by=COMMAND, now=NOW)
    retrace_all()
    return depiction


class TestMoves:
    def test_goes_from_open_over_taken_to_done_and_back(self, task):
        actions.take_task(task, by=ANNA, now=LATER)
        row = queries.task(task, reach=EVERYWHERE)
        assert (row.state, row.owner) == (TaskState.TAKEN, ANNA.id)
        actions.finish_task(task, note="told the provider", by=ANNA, now=LATER)
        row = queries.task(task, reach=EVERYWHERE)
        assert (row.state, row.note, row.finished_by) == (TaskState.DONE, "told the provider", str(ANNA))
        actions.reopen_task(task, by=BERT, now=LATER)
        row = queries.task(task, reach=EVERYWHERE)
        assert (row.state, row.owner, row.note) == (TaskState.OPEN, None, "told the provider")

    def test_of_two_who_take_it_one_is_told(self, task):
        actions.take_task(task, by=ANNA, now=LATER)
        with pytest.raises(ImpossibleTaskMoveError, match="is taken"):
            actions.take_task(task, by=BERT, now=LATER)

    @pytest.mark.parametrize("state", TaskState)
    @pytest.mark.parametrize("wanted", TaskState)
    def test_allows_what_the_table_lists_and_nothing_else(self, task, state, wanted):
        Task.objects.filter(id=task).update(state=state.value, owner=ANNA.id)
        move = {
            TaskState.OPEN: actions.reopen_task,
            TaskState.TAKEN: actions.take_task,
            TaskState.DONE: lambda id, **more: actions.finish_task(id, note="", **more),
        }[wanted]
        if wanted in TASK_MOVES[state]:
            move(task, by=BERT, now=LATER)
            assert queries.task(task, reach=EVERYWHERE).state is wanted
        else:
            with pytest.raises(ImpossibleTaskMoveError):
                move(task, by=BERT, now=LATER)

    def test_is_not_opened_again_beside_a_later_one_about_the_same(self, task):
        actions.finish_task(task, note="", by=ANNA, now=LATER)
        first = Task.objects.get()
        first.pk = None
        first.state = "OPEN"
        first.save()
        with pytest.raises(ImpossibleTaskMoveError, match="later task"):
            actions.reopen_task(task, by=ANNA, now=LATER)

    def test_every_move_is_one_event_and_the_note_is_not_in_it(self, task):
        before = PendingEvent.objects.count()
        actions.take_task(task, by=ANNA, now=LATER)
        actions.finish_task(task, note="a secret of the case", by=ANNA, now=LATER)
        actions.reopen_task(task, by=ANNA, now=LATER)
        assert PendingEvent.objects.count() == before + 3
        assert not any(b"secret" in bytes(one.record) for one in PendingEvent.objects.all())

    def test_refuses_a_note_without_end(self, task):
        with pytest.raises(NoteTooLongError):
            actions.finish_task(task, note="x" * 2001, by=ANNA, now=LATER)


class TestReach:
    @pytest.mark.parametrize(
        ("case", "own", "across", "seen"),
        [
            ("", False, False, True),
            ("12", False, False, False),
            ("12", True, False, True),
            ("12", False, True, True),
        ],
    )
    def test_a_task_in_the_case_of_others_is_seen_only_across_cases(self, task, case, own, across, seen):
        ours, theirs = organisation("Ours"), organisation("Theirs")
        whose = ours if own else theirs
        Task.objects.update(case=case, organisation=whose)
        Sighting.objects.update(case=case, organisation=whose)
        reach = Reach(across_cases=across, organisation_id=ours)
        assert len(queries.tasks(Wanted(), reach=reach)) == queries.task_count(Wanted(), reach=reach) == int(seen)
        if not seen:
            with pytest.raises(NoSuchTaskError):
                queries.task(task, reach=reach)
            with pytest.raises(NoSuchTaskError):
                actions.take_task(task, by=ANNA, now=LATER, reach=reach)
            with pytest.raises(actions.NoSuchSightingError):
                actions.open_place(Sighting.objects.get().pk, by=ANNA, now=LATER, reach=reach)
        else:
            assert actions.open_place(Sighting.objects.get().pk, by=ANNA, now=LATER, reach=reach) == "user 7"

    def test_the_look_back_itself_looks_across_all_cases(self, task):
        assert queries.tasks(Wanted(), reach=NOWHERE)[0].seen.sighting == Sighting.objects.get().pk


class TestInbox:
    def test_pages_by_number_the_longest_waiting_first_and_loses_none(self):
        open_tasks(7)
        found, after = [], None
        while page := queries.tasks(Wanted(), reach=EVERYWHERE, after=after, limit=3):
            found += [row.id for row in page]
            after = page[-1].id
        assert found == sorted(found)
        assert len(found) == 7

    def test_filters(self):
        depiction = open_tasks(3)
        first = Task.objects.order_by("id").first().pk
        actions.take_task(first, by=ANNA, now=LATER)
        by = {
            "taken": Wanted(states=(TaskState.TAKEN,)),
            "hers": Wanted(owner=ANNA.id),
            "open": Wanted(states=(TaskState.OPEN,)),
            "kind": Wanted(kind=TaskKind.KNOWN_SINCE),
            "depiction": Wanted(depiction=depiction),
            "case": Wanted(case="12"),
            "late": Wanted(since=LATER.replace(year=2030)),
        }
        counts = {name: queries.task_count(wanted, reach=EVERYWHERE) for name, wanted in by.items()}
        assert counts == {"taken": 1, "hers": 1, "open": 2, "kind": 0, "depiction": 3, "case": 0, "late": 0}
        assert queries.oldest_task(by["open"], reach=EVERYWHERE) == LATER

    def test_an_idle_node_has_nothing_to_do(self):
        assert not retrace.step(by=NODE, now=LATER)
        assert not load.step(by=NODE, now=LATER)
        assert queries.tasks(Wanted(), reach=EVERYWHERE) == []
