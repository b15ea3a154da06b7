# SPDX-License-Identifier: Apache-2.0
"""Series: depictions that belong together, how far identification is, and where all of it was seen.

- A reference is a working reference, never a name; the form says so and takes capital letters, digits and hyphens.
- A depiction is linked and unlinked on its own page; here stands who did so and why.
- The figures of a series are those of its depictions together: what the person depicted is entitled to know.
"""

import uuid

from django import forms
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
from vigie_node.analyst_app import given, seen, words
from vigie_node.analyst_app.access import actor_of, may, requires
from vigie_node.analyst_app.depiction_forms import ReasonForm
from vigie_node.base import error_words
from vigie_node.catalogue import reading, series_actions, series_queries
from vigie_node.catalogue.states import SeriesStatus


def _statuses() -> list[tuple[str, str]]:
    return [(one.value, str(words.look_of(one).word)) for one in SeriesStatus]


class SeriesForm(ReasonForm):
    """A new series."""

    reference = forms.CharField(
        label=gettext_lazy("Working reference"),
        max_length=64,
        help_text=gettext_lazy("Capital letters, digits and hyphens, as BE-2026-0117. Never a name."),
    )
    field_order = ("reference", "reason")


class StatusForm(ReasonForm):
    """How far identification is."""

    status = forms.ChoiceField(label=gettext_lazy("Status"), choices=_statuses)
    field_order = ("status", "reason")


@requires(Permission.CATALOGUE_READ)
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Show the series, the latest first."""
    return _page(request, SeriesForm())


@requires(Permission.SERIES_EDIT)
@require_POST
def create(request: HttpRequest) -> HttpResponse:
    """Make a series."""
    form = SeriesForm(request.POST)
    if form.is_valid():
        try:
            made = series_actions.create_series(
                form.cleaned_data["reference"].strip(), reason=form.cleaned_data["reason"], by=actor_of(request),
                now=timezone.now(),
            )  # fmt: skip
            return redirect("series", made)
        except VigieError as error:
            form.add_error("reference", error_words.said(error))
    return _page(request, form, status=422)


@requires(Permission.CATALOGUE_READ)
@require_safe
def one(request: HttpRequest, series_id: uuid.UUID) -> HttpResponse:
    """Show one series."""
    return _one(request, series_id)


@requires(Permission.SERIES_EDIT)
@require_POST
def change(request: HttpRequest, series_id: uuid.UUID) -> HttpResponse:
    """Say how far identification is."""
    form = StatusForm(request.POST)
    if not form.is_valid():
        return _one(request, series_id, form=form, status=422)
    series_actions.set_series_status(
        series_id, status=SeriesStatus(form.cleaned_data["status"]), reason=form.cleaned_data["reason"],
        by=actor_of(request), now=timezone.now(),
    )  # fmt: skip
    messages.success(request, _("The status is changed."))
    return redirect("series", series_id)


def _page(request: HttpRequest, form: forms.Form, *, status: int = 200) -> HttpResponse:
    chosen = request.GET.get("status", "")
    wanted = SeriesStatus(chosen) if chosen in SeriesStatus.__members__ else None
    found = series_queries.page(status=wanted, after=given.id_of(request.GET.get("after", "")))
    shown = {"page": found, "form": form, "statuses": SeriesStatus, "chosen": chosen}
    return render(request, "analyst/series_list.html", shown, status=status)


def _one(
    request: HttpRequest, series_id: uuid.UUID, *, form: forms.Form | None = None, status: int = 200
) -> HttpResponse:
    with_figures = may(request, Permission.FIGURES_READ)
    held = reading.read_series(
        series_id, after=given.id_of(request.GET.get("after", "")), with_figures=with_figures, by=actor_of(request),
        now=timezone.now(),
    )  # fmt: skip
    figures = None
    if with_figures:
        depictions = series_queries.depictions_of(series_id)
        figures = seen.of(depictions, name="series", reach=seen.reach_of(request))
    asked = form or StatusForm(initial={"status": held.status.value})
    shown = {"held": held, "seen": figures, "form": asked}
    return render(request, "analyst/series.html", shown, status=status)


urlpatterns = [
    path("series", page, name="series_list"),
    path("series/create", create, name="create_series"),
    path("series/<uuid:series_id>", one, name="series"),
    path("series/<uuid:series_id>/status", change, name="change_series"),
]
