# SPDX-License-Identifier: Apache-2.0
"""The audit: who did what when, how the chain stands, and its signed head to take away.

- Reading it is an event of its own, once for each page; so is taking it away.
- The address holds the whole state of the list: filters and place. Ids are not sensitive; nothing else is asked for.
- The file is streamed: it may hold millions of events. It ends at the head that stood when it was asked for.
"""

import csv
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from vigie.errors import VigieError
from vigie_node.accounts import queries as accounts
from vigie_node.accounts.roles import Permission
from vigie_node.analyst_app import actors, audit_words, given, tables
from vigie_node.analyst_app.access import actor_of, requires
from vigie_node.audit import actions, queries
from vigie_node.base import error_words
from vigie_node.base.actor import ActorKind

HEADER = ("sequence", "id", "event", "subject", "actor", "organisation", "at", "details")
_TEXT = {"class": "form-control", "autocomplete": "off", "spellcheck": "false"}
_DAY = {"class": "form-control", "type": "date"}


class FilterForm(forms.Form):
    """Which events to show."""

    event = forms.ChoiceField(
        label=gettext_lazy("What happened"), required=False, widget=forms.Select({"class": "form-select"})
    )
    actor = forms.CharField(
        label=gettext_lazy("Who did it (id)"), required=False, max_length=64, widget=forms.TextInput(_TEXT)
    )
    subject = forms.CharField(
        label=gettext_lazy("Subject (id)"), required=False, max_length=64, widget=forms.TextInput(_TEXT)
    )
    since = given.DayField(label=gettext_lazy("From"), required=False, widget=forms.DateInput(_DAY, format="%Y-%m-%d"))
    until = given.DayField(
        label=gettext_lazy("To (included)"), required=False, widget=forms.DateInput(_DAY, format="%Y-%m-%d")
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["event"].choices = [("", gettext("anything")), *audit_words.choices()]  # type: ignore[attr-defined]

    def wanted(self) -> queries.Filter:
        """Return the filter of a form that is valid."""
        found = self.cleaned_data
        return queries.Filter(
            event=found["event"],
            actor=_actor(found["actor"].strip()),
            subject=found["subject"].strip(),
            since=_midnight(found["since"]),
            until=_midnight(found["until"] + timedelta(days=1)) if found["until"] else None,
        )


@dataclass(frozen=True, slots=True)
class Row:
    """One event as the page says it."""

    event: queries.EventRow
    word: str
    sort: str
    who: str
    who_id: str
    details: Sequence[tuple[str, str]]


@requires(Permission.AUDIT_READ)
@require_GET
def page(request: HttpRequest) -> HttpResponseBase:
    """Show events, the latest first, and how the audit stands."""
    form = FilterForm(request.GET)
    if not form.is_valid():
        return render(request, "analyst/audit.html", {"form": form, "state": queries.state()}, status=422)
    wanted = form.wanted()
    if request.GET.get("format") == "csv":
        return _file(request, wanted)
    before = given.number_of(request.GET.get("after", ""))
    found = actions.read_page(wanted, before=before, by=actor_of(request), now=timezone.now())
    shown = {
        "form": form,
        "state": queries.state(),
        "rows": _rows(found.rows),
        "older": found.older or "",
        "is_filtered": wanted != queries.Filter(),
    }
    return render(request, "analyst/audit.html", shown)


@requires(Permission.AUDIT_READ)
@require_POST
def head(request: HttpRequest) -> HttpResponse:
    """Give the signed head away as a file."""
    now = timezone.now()
    try:
        text = actions.export_head(by=actor_of(request), now=now)
    except VigieError as error:
        messages.error(request, error_words.said(error))
        return redirect("audit")
    answer = HttpResponse(text, content_type="application/json")
    answer["Content-Disposition"] = f'attachment; filename="audit-head-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}.json"'
    return answer


def _file(request: HttpRequest, wanted: queries.Filter) -> StreamingHttpResponse:
    up_to = actions.begin_export(wanted, by=actor_of(request), now=timezone.now())
    rows = (
        (one.sequence, one.id, one.event, one.subject, one.actor, one.organisation_id or "", one.at, _plain(one))
        for one in queries.each(wanted, up_to=up_to)
    )
    answer = StreamingHttpResponse(_lines(rows), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="audit.csv"'
    return answer


class _Echo:
    """A file that gives back what is written to it."""

    def write(self, text: str) -> str:
        return text


def _lines(rows: Iterable[Sequence[object]]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield writer.writerow(HEADER)
    for row in rows:
        yield writer.writerow([tables.cell(value) for value in row])


def _rows(found: Sequence[queries.EventRow]) -> list[Row]:
    people = {one.sequence: person for one in found if (person := actors.person_of(one.actor))}
    names = accounts.display_names(set(people.values())) if people else {}
    rows = []
    for one in found:
        rows.append(
            Row(
                event=one,
                word=audit_words.word(one.event),
                sort=actors.sort_of(one.actor),
                who=names.get(people[one.sequence], "") if one.sequence in people else "",
                who_id=one.actor.partition(":")[2],
                details=[(audit_words.detail(name), _said(value)) for name, value in sorted(one.details.items())],
            )
        )
    return rows


def _said(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(_said(one) for one in value) or "–"
    if value is None:
        return "–"
    return {True: gettext("yes"), False: gettext("no")}[value] if isinstance(value, bool) else str(value)


def _plain(one: queries.EventRow) -> str:
    return "; ".join(f"{name}={value}" for name, value in sorted(one.details.items()))


def _actor(text: str) -> str:
    """Read an actor: as the audit writes it, or the bare id of a person."""
    try:
        return f"{ActorKind.PERSON}:{uuid.UUID(text)}"
    except ValueError:
        return text


def _midnight(day: date | None) -> datetime | None:
    return timezone.make_aware(datetime.combine(day, time.min)) if day else None


urlpatterns = [
    path("audit", page, name="audit"),
    path("audit/head", head, name="audit_head"),
]
