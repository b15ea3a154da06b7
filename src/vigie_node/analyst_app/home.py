# SPDX-License-Identifier: Apache-2.0
"""Home: what needs this person, the nearest deadline first; then the day in four figures, each a way to its rows.

- Only what the person may act on or read is counted and read.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from vigie_node.accounts.roles import Permission
from vigie_node.alarms import queries as alarms
from vigie_node.analyst_app import words
from vigie_node.analyst_app.access import actor_of, may, signed_in
from vigie_node.analyst_app.alarms import MEANINGS
from vigie_node.analyst_app.seen import reach_of
from vigie_node.catalogue import list_queries, reviews
from vigie_node.sightings import inbox, waiting
from vigie_node.sightings.rules import Reach

SHOWN = 20
SIMULATION_STAYS = timedelta(days=7)  # on the page of whoever asked for it, unless its list is changed before


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that waits: what, since when, by when, and the way to it."""

    what: str
    icon: str
    url: str
    since: datetime
    due: datetime | None = None
    is_overdue: bool = False


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of the day; `more` where there are more than were counted."""

    name: str
    count: int
    url: str
    more: bool = False


@signed_in
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Show what needs this person."""
    now = timezone.now()
    needs = sorted(_needs(request, now), key=lambda one: (one.due is None, one.due or one.since))
    shown: dict[str, Any] = {"needs": needs[:SHOWN], "more": len(needs) - SHOWN, "figures": list(_figures(request))}
    return render(request, "analyst/home.html", shown)


def _needs(request: HttpRequest, now: datetime) -> Iterator[Need]:
    if may(request, Permission.TASKS_WORK):
        yield from _tasks(reach_of(request))
    if may(request, Permission.DISPUTE_SETTLE):
        for one in reviews.open_disputes(limit=SHOWN):
            what = _("Settle the dispute about what %(source)s said") % {"source": one.source}
            url = reverse("depiction", args=[one.depiction_id])
            yield Need(what, "scale", url, one.opened_at, one.deadline, one.deadline < now)
    if may(request, Permission.OVERRIDE):
        today = timezone.localdate()
        for due in reviews.standing_overrides(limit=SHOWN, due_by=today):
            at = timezone.make_aware(datetime.combine(due.review_on, datetime.min.time()))
            what = _("Look again at a fingerprint that is %(state)s") % {"state": words.look_of(due.kind).word}
            yield Need(what, "ban", f"{reverse('reviews')}#override-{due.id}", due.made_at, at, due.review_on < today)
    if may(request, Permission.IMPORT):
        for staged in reviews.staged_imports(limit=SHOWN):
            what = _("Decide on the import of %(source)s") % {"source": staged.source}
            yield Need(what, "file-import", reverse("import", args=[staged.id]), staged.created_at)
    if may(request, Permission.LISTS_CHANGE):
        yield from _simulations(request, now)
    if may(request, Permission.ALARMS_SETTLE):
        for alarm in alarms.standing()[:SHOWN]:
            yield Need(str(MEANINGS[alarm.code].what), "bell", f"{reverse('alarms')}#alarm-{alarm.id}", alarm.raised_at)


def _tasks(reach: Reach) -> Iterator[Need]:
    for one in waiting.open_tasks(reach=reach):
        said = ngettext("%(count)s task: %(kind)s", "%(count)s tasks: %(kind)s", one.count)
        what = said % {"count": one.count, "kind": words.look_of(one.kind).word}
        yield Need(what, "history", f"{reverse('tasks')}?kind={one.kind}", one.oldest_at)


def _simulations(request: HttpRequest, now: datetime) -> Iterator[Need]:
    lists = {one.id: one for one in list_queries.lists()}
    for one in waiting.ended_simulations(actor_of(request), since=now - SIMULATION_STAYS, limit=SHOWN):
        if lists[one.list_id].version == one.list_version:
            what = _("Simulation of %(title)s") % {"title": lists[one.list_id].title}
            yield Need(what, "list-check", reverse("simulation", args=[one.id]), one.ended_at)


def _figures(request: HttpRequest) -> Iterator[Figure]:
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    if may(request, Permission.CATALOGUE_SEARCH):
        count = reviews.recorded_since(midnight)
        yield Figure(
            _("Assertions recorded today"), min(count, reviews.AT_MOST), reverse("said"), count > reviews.AT_MOST
        )
    if may(request, Permission.TASKS_WORK):
        count, url = waiting.waiting_count(reach=reach_of(request)), f"{reverse('tasks')}?show=open"
        yield Figure(_("Tasks that nobody took"), count, url, count >= inbox.COUNTED_TO)
        person = actor_of(request).id
        assert person is not None
        yield Figure(_("Tasks that you took"), waiting.taken_by(person), f"{reverse('tasks')}?show=mine")
    if may(request, Permission.DISPUTE_OPEN):
        yield Figure(_("Disputes open"), len(reviews.open_disputes(limit=1000)), reverse("reviews"))


urlpatterns = [path("", page, name="home")]
