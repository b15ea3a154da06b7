# SPDX-License-Identifier: Apache-2.0
"""The look-back inbox: seen before and known since, acted on before and revoked since; each row has an owner.

- What waits longest stands first; the address holds the filter, so every state of the list is a link.
- Taking a task can be undone and is done at once, for several together too; finishing asks for a note.
- Where something was seen is out of sight until asked for; that somebody looked is recorded.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe

from vigie.errors import VigieError
from vigie_node.accounts import queries as accounts
from vigie_node.accounts.roles import Permission
from vigie_node.analyst_app import given
from vigie_node.analyst_app.access import actor_of, requires
from vigie_node.analyst_app.seen import reach_of
from vigie_node.analyst_app.tables import csv_answer
from vigie_node.base import error_words
from vigie_node.sightings import actions, inbox, queries, task_actions
from vigie_node.sightings.inbox import TaskRow, Wanted
from vigie_node.sightings.states import TaskKind, TaskState

PAGE = 50
CSV_ROWS = 10_000
MAX_AT_ONCE = 200  # tasks taken together


class NoteForm(forms.Form):
    """What came of a task."""

    note = forms.CharField(
        label=gettext_lazy("What came of it"), max_length=2000, widget=forms.Textarea(attrs={"rows": 3})
    )


@dataclass(frozen=True, slots=True)
class Row:
    """One task with who owns it, whose sighting it is about, and the form that finishes it."""

    task: TaskRow
    told_by: str
    owner: str
    is_mine: bool
    form: forms.Form | None

    @property
    def dialog(self) -> str:
        """Return the name of the dialog that finishes it."""
        return f"finish-{self.task.id}"


@requires(Permission.TASKS_WORK)
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Show the tasks, those that wait first."""
    return _page(request)


@requires(Permission.TASKS_WORK)
@require_POST
def take(request: HttpRequest) -> HttpResponse:
    """Take the chosen tasks; one that somebody else took meanwhile is left to them and said."""
    numbers = [given.number_of(one) for one in request.POST.getlist("task")[:MAX_AT_ONCE]]
    chosen = [one for one in numbers if one is not None]
    taken = 0
    for number in chosen:
        try:
            task_actions.take_task(number, by=actor_of(request), now=timezone.now(), reach=reach_of(request))
            taken += 1
        except VigieError as error:
            messages.error(request, error_words.said(error))
    if taken:
        done = ngettext("%(count)s task is yours now.", "%(count)s tasks are yours now.", taken) % {"count": taken}
        messages.success(request, done)
    elif not chosen:
        messages.info(request, _("Choose the tasks first: x chooses the row you are on."))
    return redirect(f"/tasks?{request.GET.urlencode()}")


@requires(Permission.TASKS_WORK)
@require_POST
def finish(request: HttpRequest, task_id: int) -> HttpResponse:
    """Finish a task with a note of what came of it."""
    form = NoteForm(request.POST, auto_id=f"finish-{task_id}-%s")
    if not form.is_valid():
        return _page(request, bad={task_id: form}, status=422)
    return _moved(request, _("The task is done."), lambda: task_actions.finish_task(
        task_id, note=form.cleaned_data["note"], by=actor_of(request), now=timezone.now(), reach=reach_of(request)
    ))  # fmt: skip


@requires(Permission.TASKS_WORK)
@require_POST
def reopen(request: HttpRequest, task_id: int) -> HttpResponse:
    """Put a task back among those that wait for somebody."""
    return _moved(request, _("The task waits for somebody again."), lambda: task_actions.reopen_task(
        task_id, by=actor_of(request), now=timezone.now(), reach=reach_of(request)
    ))  # fmt: skip


@requires(Permission.TASKS_WORK)
@require_POST
def place(request: HttpRequest, sighting_id: int) -> HttpResponse:
    """Show where something was seen; that somebody looked is recorded."""
    found = actions.open_place(sighting_id, by=actor_of(request), now=timezone.now(), reach=reach_of(request))
    template = "analyst/parts/place.html" if "HX-Request" in request.headers else "analyst/place.html"
    return render(request, template, {"place": found})


def _moved(request: HttpRequest, done: str, act: Callable[[], None]) -> HttpResponse:
    try:
        act()
        messages.success(request, done)
    except VigieError as error:  # somebody else was quicker: show how it is now
        messages.error(request, error_words.said(error))
    return redirect(f"/tasks?{request.GET.urlencode()}")


def _wanted(request: HttpRequest) -> Wanted:
    states = {
        "open": (TaskState.OPEN,),
        "mine": (TaskState.TAKEN,),
        "done": (TaskState.DONE,),
    }.get(request.GET.get("show", ""), (TaskState.OPEN, TaskState.TAKEN))
    kind = request.GET.get("kind", "")
    case = given.words_of(request.GET.get("case", ""))
    return Wanted(
        states=states,
        kind=TaskKind(kind) if kind in TaskKind.__members__ else None,
        owner=actor_of(request).id if request.GET.get("show") == "mine" else None,
        case=case or None,
    )


def _page(request: HttpRequest, *, bad: dict[int, forms.Form] | None = None, status: int = 200) -> HttpResponse:
    wanted, reach = _wanted(request), reach_of(request)
    start = given.number_of(request.GET.get("after", ""))
    if request.GET.get("format") == "csv":
        return _as_csv(queries.tasks(wanted, reach=reach, limit=CSV_ROWS))
    found = queries.tasks(wanted, reach=reach, after=start, limit=PAGE + 1)
    shown = found[:PAGE]
    names = accounts.display_names({one.owner for one in shown if one.owner})
    organisations = accounts.organisation_names({one.organisation_id for one in shown if one.organisation_id})
    me = actor_of(request).id
    rows = [
        Row(
            one,
            organisations.get(one.organisation_id, "") if one.organisation_id else "",
            names.get(one.owner, "") if one.owner else "",
            one.owner == me,
            (bad or {}).get(one.id) or NoteForm(auto_id=f"finish-{one.id}-%s")
            if one.state is not TaskState.DONE
            else None,
        )
        for one in shown
    ]
    context = {
        "rows": rows,
        "next_after": shown[-1].id if len(found) > PAGE else "",
        "waiting": queries.task_count(Wanted(states=(TaskState.OPEN,)), reach=reach),
        "oldest": queries.oldest_task(Wanted(states=(TaskState.OPEN,)), reach=reach),
        "counted_to": inbox.COUNTED_TO,
        "kinds": TaskKind,
        "show": request.GET.get("show", ""),
        "kind": request.GET.get("kind", ""),
        "case": request.GET.get("case", ""),
        "is_filtered": any(request.GET.get(name) for name in ("show", "kind", "case")),
        "query": request.GET.urlencode(),
    }
    return render(request, "analyst/tasks.html", context, status=status)


def _as_csv(rows: list[TaskRow]) -> HttpResponse:
    header = ("task", "kind", "state", "waiting_since", "case", "seen_at", "place_kind", "country", "depiction",
              "scheme", "label", "algorithm", "distance_bits")  # fmt: skip
    return csv_answer("tasks", header=header, rows=(
        (one.id, one.kind, one.state, one.created_at, one.case, one.seen.seen_at, one.seen.place_kind,
         one.seen.country, one.seen.depiction, one.seen.scheme, one.seen.label, one.seen.algorithm,
         one.seen.distance_bits)
        for one in rows
    ))  # fmt: skip


urlpatterns = [
    path("tasks", page, name="tasks"),
    path("tasks/take", take, name="take_tasks"),
    path("tasks/<int:task_id>/finish", finish, name="finish_task"),
    path("tasks/<int:task_id>/reopen", reopen, name="reopen_task"),
    path("sightings/<int:sighting_id>/place", place, name="sighting_place"),
]
