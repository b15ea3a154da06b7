# SPDX-License-Identifier: Apache-2.0
"""The alarms: what went wrong or looks wrong, and who saw to it.

- An alarm says what happened, what it means and what to do; it stands until somebody settles it with a note.
"""

import uuid
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from vigie.errors import VigieError
from vigie_node.accounts.roles import Permission
from vigie_node.alarms import actions, queries
from vigie_node.alarms.codes import Alarm
from vigie_node.analyst_app.access import actor_of, requires
from vigie_node.base import error_words


@dataclass(frozen=True, slots=True)
class Meaning:
    """An alarm in words: what happened, and what to do now."""

    what: str | Promise
    now: str | Promise


MEANINGS = {
    Alarm.INDEX_STALE: Meaning(
        gettext_lazy("A process could not follow the changes of the catalogue"),
        gettext_lazy("It answers no look-ups until it can. See whether the database answers and the disk has room."),
    ),
    Alarm.INDEX_DRIFT: Meaning(
        gettext_lazy("An index and the database disagree"),
        gettext_lazy("The index is being built anew. If this comes back, keep the logs and tell your operator."),
    ),
    Alarm.PROBING: Meaning(
        gettext_lazy("A key asks as if to reconstruct a list"),
        gettext_lazy("Speak with the partner who holds the key; revoke the key if in doubt."),
    ),
    Alarm.FLOOD: Meaning(
        gettext_lazy("One fingerprint matched so often that it was put in quarantine"),
        gettext_lazy("It matches nothing until somebody has looked: let it match, or hold it back."),
    ),
    Alarm.OVER_QUOTA: Meaning(
        gettext_lazy("A key asked for more than it may"),
        gettext_lazy("Its requests beyond the quota were refused. Raise the quota, or ask the partner why."),
    ),
    Alarm.UNSEQUENCED: Meaning(
        gettext_lazy("Audit events wait longer than they should"),
        gettext_lazy("See whether the worker process runs."),
    ),
    Alarm.AUDIT_BROKEN: Meaning(
        gettext_lazy("The audit does not verify"),
        gettext_lazy("Change nothing. Take a copy of the database, and tell your auditor and your operator."),
    ),
    Alarm.DISK_SHORT: Meaning(
        gettext_lazy("Little room is left on the disk"),
        gettext_lazy("Make room: when it is full, nothing can be recorded."),
    ),
    Alarm.CLOCK: Meaning(
        gettext_lazy("The clock of this machine jumped"),
        gettext_lazy("Set the clock right; deadlines and ages count from it."),
    ),
    Alarm.IMPORT_FAILED: Meaning(
        gettext_lazy("An import could not be read to its end"),
        gettext_lazy("Nothing of it counts. Open the import to see why."),
    ),
    Alarm.DISPUTE_OVERDUE: Meaning(
        gettext_lazy("A dispute was not settled by its deadline"), gettext_lazy("Open the dispute and settle it.")
    ),
    Alarm.OVERRIDE_DUE: Meaning(
        gettext_lazy("A fingerprint held back is due for review"),
        gettext_lazy("Look at it again: let it match, or hold it back until a new date."),
    ),
    Alarm.JOB_FAILING: Meaning(
        gettext_lazy("Work in the background fails again and again"),
        gettext_lazy("It is tried again by itself. If this stays, keep the logs and tell your operator."),
    ),
    Alarm.PROCESS_DIED: Meaning(
        gettext_lazy("A process of the node stopped and was started again"),
        gettext_lazy("If this comes back, keep the logs and tell your operator."),
    ),
}


class NoteForm(forms.Form):
    """What was done about an alarm."""

    note = forms.CharField(
        label=gettext_lazy("What was done"), max_length=2000, widget=forms.Textarea(attrs={"rows": 3})
    )


@dataclass(frozen=True, slots=True)
class Row:
    """One alarm with its words and the form that settles it."""

    alarm: queries.AlarmRow
    meaning: Meaning
    form: forms.Form

    @property
    def dialog(self) -> str:
        """Return the name of the dialog that settles it."""
        return f"settle-{self.alarm.id}"


@requires(Permission.ALARMS_READ)
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Show the alarms that stand, and those settled last."""
    return _page(request)


@requires(Permission.ALARMS_SETTLE)
@require_POST
def settle(request: HttpRequest, alarm_id: uuid.UUID) -> HttpResponse:
    """Settle one alarm with a note."""
    form = NoteForm(request.POST, auto_id=f"{alarm_id}-%s")
    if form.is_valid():
        try:
            actions.settle(alarm_id, note=form.cleaned_data["note"], by=actor_of(request), now=timezone.now())
        except VigieError as error:
            messages.error(request, error_words.said(error))
        else:
            messages.success(request, _("The alarm is settled."))
        return redirect("alarms")
    return _page(request, bad={alarm_id: form}, status=422)


def _page(request: HttpRequest, *, bad: dict[uuid.UUID, Any] | None = None, status: int = 200) -> HttpResponse:
    rows = [
        Row(one, MEANINGS[one.code], (bad or {}).get(one.id) or NoteForm(auto_id=f"{one.id}-%s"))
        for one in queries.standing()
    ]
    settled = [Row(one, MEANINGS[one.code], NoteForm()) for one in queries.settled(limit=50)]
    return render(request, "analyst/alarms.html", {"rows": rows, "settled": settled}, status=status)


urlpatterns = [
    path("alarms", page, name="alarms"),
    path("alarms/<uuid:alarm_id>/settle", settle, name="settle_alarm"),
]
