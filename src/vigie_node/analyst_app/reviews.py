# SPDX-License-Identifier: Apache-2.0
"""Disputes to be settled and values to be looked at again, the nearest date first.

- A value that is overridden is not shown: it can be searched by from here, which is recorded as any search.
- Looking again ends in one of two: it stands on until a new date, or it may match again. Both ask for a reason.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from vigie.errors import InvalidInputError, VigieError
from vigie_node.accounts.roles import Permission
from vigie_node.analyst_app.access import actor_of, may, requires
from vigie_node.analyst_app.depiction_forms import OverrideForm, ReasonForm
from vigie_node.analyst_app.search import result_page
from vigie_node.base import error_words
from vigie_node.catalogue import actions, reviews
from vigie_node.flows import search as flow
from vigie_node.matching.questions import Question


@dataclass(frozen=True, slots=True)
class Row:
    """One override with the forms of what may be done to it."""

    override: reviews.StandingOverride
    keep: forms.Form | None
    end: forms.Form | None

    @property
    def keep_name(self) -> str:
        """Return the name of the dialog that keeps it."""
        return f"keep-{self.override.id}"

    @property
    def end_name(self) -> str:
        """Return the name of the dialog that ends it."""
        return f"end-{self.override.id}"

    @property
    def review_at(self) -> datetime:
        """Return the beginning of the day on which somebody looks again."""
        return timezone.make_aware(datetime.combine(self.override.review_on, datetime.min.time()))


@requires(Permission.CATALOGUE_READ)
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Show what waits to be decided or looked at again."""
    return _page(request)


@requires(Permission.OVERRIDE)
@require_POST
def keep(request: HttpRequest, override_id: uuid.UUID) -> HttpResponse:
    """Let an override stand until another date."""
    form = OverrideForm(request.POST, auto_id=f"keep-{override_id}-%s")

    def act() -> str:
        actions.review_override(
            override_id,
            review_on=form.cleaned_data["review_on"],
            reason=form.cleaned_data["reason"],
            by=actor_of(request),
            now=timezone.now(),
        )
        return _("It stays until the new date.")

    return _done(request, form, act, opened=f"keep-{override_id}")


@requires(Permission.OVERRIDE)
@require_POST
def end(request: HttpRequest, override_id: uuid.UUID) -> HttpResponse:
    """Let a value match again."""
    form = ReasonForm(request.POST, auto_id=f"end-{override_id}-%s")

    def act() -> str:
        actions.end_override(override_id, reason=form.cleaned_data["reason"], by=actor_of(request), now=timezone.now())
        return _("The fingerprint may match again from now on.")

    return _done(request, form, act, opened=f"end-{override_id}")


@requires(Permission.CATALOGUE_SEARCH)
@require_POST
def find(request: HttpRequest, override_id: uuid.UUID) -> HttpResponse:
    """Search by the value that an override stands on."""
    algorithm, value = reviews.value_of(override_id)
    found = flow.by_values([(Question(algorithm, value),)], by=actor_of(request), now=timezone.now())
    return result_page(request, found=found)


def _done(request: HttpRequest, form: forms.Form, act: Callable[[], str], *, opened: str) -> HttpResponse:
    if form.is_valid():
        try:
            messages.success(request, act())
            return redirect("reviews")
        except InvalidInputError as error:
            form.add_error(None, error_words.said(error))
        except VigieError as error:  # it is no longer as the form found it: show how it is now
            messages.error(request, error_words.said(error))
            return redirect("reviews")
    return _page(request, bad={opened: form}, status=422)


def _page(request: HttpRequest, *, bad: dict[str, forms.Form] | None = None, status: int = 200) -> HttpResponse:
    may_override = may(request, Permission.OVERRIDE)
    refused = bad or {}
    rows = [
        Row(
            one,
            refused.get(f"keep-{one.id}") or OverrideForm(auto_id=f"keep-{one.id}-%s") if may_override else None,
            refused.get(f"end-{one.id}") or ReasonForm(auto_id=f"end-{one.id}-%s") if may_override else None,
        )
        for one in reviews.standing_overrides()
    ]
    shown = {"disputes": reviews.open_disputes(), "overrides": rows}
    return render(request, "analyst/reviews.html", shown, status=status)


urlpatterns = [
    path("reviews", page, name="reviews"),
    path("reviews/overrides/<uuid:override_id>/keep", keep, name="keep_override"),
    path("reviews/overrides/<uuid:override_id>/end", end, name="end_override"),
    path("reviews/overrides/<uuid:override_id>/find", find, name="find_override"),
]
