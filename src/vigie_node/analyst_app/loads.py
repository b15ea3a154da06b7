# SPDX-License-Identifier: Apache-2.0
"""Loads: the results of a scan become sightings, known and unknown alike, on a legal basis and for a time.

- Results lie in the node's folder `results`, put there by its operator; a page never opens another path.
- A load is shown to who may look into its case; it goes on when the page is closed, and can be stopped.
"""

import uuid
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from vigie.errors import VigieError
from vigie_node.accounts.roles import Permission
from vigie_node.analyst_app import given
from vigie_node.analyst_app.access import actor_of, requires
from vigie_node.analyst_app.seen import reach_of
from vigie_node.base import error_words
from vigie_node.sightings import actions, legal_bases, queries


def _folders() -> list[str]:
    place = Path(settings.HOME) / "results"
    return sorted(one.name for one in place.iterdir() if one.is_dir()) if place.is_dir() else []


def _bases() -> list[tuple[str, str]]:
    return given.unchosen((name, f"{name} – {_(one.title)}") for name, one in legal_bases.bases().items())


class LoadForm(forms.Form):
    """Which results, in which case, on which ground, until when."""

    results = forms.ChoiceField(
        label=gettext_lazy("Results"),
        choices=lambda: given.unchosen((name, name) for name in _folders()),
        help_text=gettext_lazy("Folders that the operator put into the node's folder “results”."),
    )
    case = forms.CharField(label=gettext_lazy("Case"), max_length=64)
    exhibit = forms.CharField(label=gettext_lazy("Exhibit"), max_length=64, required=False)
    basis = forms.ChoiceField(label=gettext_lazy("Legal basis"), choices=_bases)
    expires_on = given.DayField(
        label=gettext_lazy("Deleted on"),
        help_text=gettext_lazy("What matched nothing is deleted then, from the index and the backups too."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Django's own signature
        super().__init__(*args, **kwargs)
        if not _folders():
            self.fields["results"].help_text = _(
                "There are none yet: the operator puts the folder of a scan into the node's folder “results”."
            )


@requires(Permission.SIGHTINGS_LOAD)
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Show the loads that may be seen, the latest first."""
    return _page(request, LoadForm())


@requires(Permission.SIGHTINGS_LOAD)
@require_POST
def start(request: HttpRequest) -> HttpResponse:
    """Have results loaded."""
    form = LoadForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    try:
        actions.start_load(
            Path(settings.HOME) / "results" / form.cleaned_data["results"], case=form.cleaned_data["case"],
            exhibit=form.cleaned_data["exhibit"], basis=form.cleaned_data["basis"],
            expires_at=datetime.combine(form.cleaned_data["expires_on"], time(), UTC), by=actor_of(request),
            now=timezone.now(),
        )  # fmt: skip
    except VigieError as error:
        form.add_error(None, error_words.said(error))
        return _page(request, form, status=422)
    messages.success(request, _("The results are being loaded."))
    return redirect("loads")


@requires(Permission.SIGHTINGS_LOAD)
@require_POST
def cancel(request: HttpRequest, load_id: uuid.UUID) -> HttpResponse:
    """Stop a load; what it brought is taken out again."""
    queries.load(load_id, reach=reach_of(request))
    try:
        actions.cancel_load(load_id, by=actor_of(request), now=timezone.now())
        messages.success(request, _("The load is stopped; what it brought is being taken out."))
    except VigieError as error:
        messages.error(request, error_words.said(error))
    return redirect("loads")


def _page(request: HttpRequest, form: forms.Form, *, status: int = 200) -> HttpResponse:
    rows = [
        (one, min(100, 100 * one.rows_done // max(1, one.rows_total))) for one in queries.loads(reach=reach_of(request))
    ]
    return render(request, "analyst/loads.html", {"rows": rows, "form": form}, status=status)


urlpatterns = [
    path("loads", page, name="loads"),
    path("loads/start", start, name="start_load"),
    path("loads/<uuid:load_id>/cancel", cancel, name="cancel_load"),
]
