# SPDX-License-Identifier: Apache-2.0
"""One depiction: what is said of it, why lists claim it, where it was seen; and what can be done about it.

- No picture is shown. Fingerprints stay out of sight until somebody asks; that they looked is recorded.
- What has weight in law asks for a reason in a dialog that repeats the object in words.
- A form that was refused comes back open, with what was typed.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from vigie.errors import InvalidInputError, VigieError
from vigie_node.accounts.roles import Permission
from vigie_node.analyst_app import depiction_page, relied, seen, tables
from vigie_node.analyst_app.access import actor_of, may, requires
from vigie_node.analyst_app.depiction_forms import AssertionForm, OverrideForm, ReasonForm, SeriesForm, SettleForm
from vigie_node.base import error_words
from vigie_node.catalogue import actions, dossier, reading, searching, sweeping
from vigie_node.catalogue.states import DisputeOutcome, Grade, OverrideKind
from vigie_node.flows import revoke as flow
from vigie_node.sightings import figures


@requires(Permission.CATALOGUE_READ)
@require_safe
def page(request: HttpRequest, depiction_id: uuid.UUID) -> HttpResponse:
    """Show a depiction."""
    return _page(request, depiction_id)


@requires(Permission.CATALOGUE_READ)
@require_POST
def fingerprints(request: HttpRequest, depiction_id: uuid.UUID) -> HttpResponse:
    """Show the fingerprints themselves; that somebody looked is recorded."""
    values = reading.read_values(depiction_id, by=actor_of(request), now=timezone.now())
    if "HX-Request" in request.headers:
        shown = {"values": values, "depiction_id": depiction_id, "may_override": may(request, Permission.OVERRIDE)}
        return render(request, "analyst/parts/fingerprints.html", shown)
    return _page(request, depiction_id, values=values)


@requires(Permission.SIGHTINGS_READ)
@require_safe
def sightings(request: HttpRequest, depiction_id: uuid.UUID, kind: str) -> HttpResponse:
    """Answer with the figures behind a chart as a file: by month or by country."""
    dossier.of(depiction_id)
    found = figures.figures([depiction_id], reach=seen.reach_of(request))
    rows = (
        [[month.isoformat(), count] for month, count in found.by_month]
        if kind == "months"
        else found.by_country.items()
    )
    return tables.csv_answer(f"sightings-by-{kind}", header=[kind, "sightings"], rows=[list(row) for row in rows])


@requires(Permission.ASSERTION_RECORD)
@require_POST
def record(request: HttpRequest, depiction_id: uuid.UUID) -> HttpResponse:
    """Record an assertion."""
    form = AssertionForm(request.POST)

    def act() -> str:
        scheme, _colon, label = form.cleaned_data["label"].partition(":")
        actions.record_assertion(
            depiction_id,
            source_id=uuid.UUID(form.cleaned_data["source"]),
            scheme=scheme,
            label=label,
            facts=form.facts,
            ground=Grade(form.cleaned_data["ground"]),
            asserted_at=form.cleaned_data["asserted_on"],
            by=actor_of(request),
            now=timezone.now(),
        )
        return _("The assertion is recorded and counts from now on.")

    return _done(request, depiction_id, form, act, opened="record")


@requires(Permission.DISPUTE_OPEN)
@require_POST
def dispute(request: HttpRequest, depiction_id: uuid.UUID, assertion_id: uuid.UUID) -> HttpResponse:
    """Challenge an assertion."""
    form = ReasonForm(request.POST, auto_id=f"dispute-{assertion_id}-%s")

    def act() -> str:
        grounds = form.cleaned_data["reason"]
        actions.open_dispute(assertion_id, grounds=grounds, by=actor_of(request), now=timezone.now())
        return _("The dispute is open. Lists whose policy says so leave this assertion out until it is settled.")

    return _done(request, depiction_id, form, act, opened=f"dispute-{assertion_id}")


@requires(Permission.DISPUTE_SETTLE)
@require_POST
def settle(request: HttpRequest, depiction_id: uuid.UUID, dispute_id: uuid.UUID) -> HttpResponse:
    """Settle a dispute."""
    form = SettleForm(request.POST, auto_id=f"settle-{dispute_id}-%s")

    def act() -> str:
        flow.settle_dispute(
            dispute_id,
            outcome=DisputeOutcome(form.cleaned_data["outcome"]),
            settlement=form.cleaned_data["settlement"],
            by=actor_of(request),
            now=timezone.now(),
        )
        return _("The dispute is settled.")

    upheld = request.POST.get("outcome") == DisputeOutcome.UPHELD
    word = sweeping.assertion_of_dispute(dispute_id) if upheld else None
    return _done(request, depiction_id, form, act, opened=f"settle-{dispute_id}", shows=word)


@requires(Permission.REVOKE)
@require_POST
def revoke(request: HttpRequest, depiction_id: uuid.UUID, assertion_id: uuid.UUID) -> HttpResponse:
    """Revoke an assertion."""
    form = ReasonForm(request.POST, auto_id=f"revoke-{assertion_id}-%s")

    def act() -> str:
        flow.revoke(assertion_id, reason=form.cleaned_data["reason"], by=actor_of(request), now=timezone.now())
        return _("The assertion is revoked. It stopped matching at once; what was done on it comes up as tasks.")

    return _done(request, depiction_id, form, act, opened=f"revoke-{assertion_id}", shows=assertion_id)


@requires(Permission.SERIES_EDIT)
@require_POST
def link(request: HttpRequest, depiction_id: uuid.UUID) -> HttpResponse:
    """Link a depiction to a series."""
    form = SeriesForm(request.POST, auto_id="link-%s")

    def act() -> str:
        reference = form.cleaned_data["reference"].strip().upper()
        found = [one for one in searching.series(reference) if one.reference == reference]
        if not found:
            form.add_error("reference", _("There is no series of this reference. Make it on the page of series first."))
            return ""
        actions.link_to_series(
            found[0].id, depiction_id, reason=form.cleaned_data["reason"], by=actor_of(request), now=timezone.now()
        )
        return _("The depiction belongs to the series now.")

    return _done(request, depiction_id, form, act, opened="link")


@requires(Permission.SERIES_EDIT)
@require_POST
def unlink(request: HttpRequest, depiction_id: uuid.UUID, series_id: uuid.UUID) -> HttpResponse:
    """Take a depiction out of a series."""
    form = ReasonForm(request.POST, auto_id=f"unlink-{series_id}-%s")

    def act() -> str:
        reason = form.cleaned_data["reason"]
        actions.unlink_from_series(series_id, depiction_id, reason=reason, by=actor_of(request), now=timezone.now())
        return _("The depiction no longer belongs to the series.")

    return _done(request, depiction_id, form, act, opened=f"unlink-{series_id}")


@requires(Permission.OVERRIDE)
@require_http_methods(["GET", "HEAD", "POST"])
def override(request: HttpRequest, depiction_id: uuid.UUID, row: int) -> HttpResponse:
    """Keep one value from matching, or let it match again."""
    value = dossier.value(depiction_id, row=row)
    form = OverrideForm(request.POST or None)
    ending = ReasonForm(request.POST or None, auto_id="end-%s")
    wanted = ending if value.override else form
    if request.method == "POST" and wanted.is_valid():
        try:
            if value.override:
                reason = ending.cleaned_data["reason"]
                actions.end_override(value.override.id, reason=reason, by=actor_of(request), now=timezone.now())
                messages.success(request, _("The fingerprint may match again from now on."))
            else:
                undone = flow.hold_back(
                    value.algorithm,
                    value.value,
                    kind=OverrideKind.SUPPRESSED,
                    reason=form.cleaned_data["reason"],
                    review_on=form.cleaned_data["review_on"],
                    by=actor_of(request),
                    now=timezone.now(),
                )
                said = _("The fingerprint matches nothing from now on, whatever any source says of it.")
                messages.success(request, said)
                if undone:
                    told = ngettext("%(count)s match is undone.", "%(count)s matches are undone.", undone)
                    messages.info(request, told % {"count": undone})
            return redirect("depiction", depiction_id)
        except VigieError as error:
            wanted.add_error(None, error_words.said(error))
    shown = {"value": value, "depiction_id": depiction_id, "form": wanted}
    return render(request, "analyst/override.html", shown, status=422 if wanted.errors else 200)


def _done(
    request: HttpRequest,
    depiction_id: uuid.UUID,
    form: forms.Form,
    act: Callable[[], str],
    *,
    opened: str,
    shows: uuid.UUID | None = None,
) -> HttpResponse:
    """Act where the form is whole; else, or where the act is refused, show the page again with the dialog open.

    `shows` is the word of which the page then says what was done on it.
    """
    if form.is_valid():
        try:
            told = act()
            if not form.errors:
                messages.success(request, told)
                query = {relied.ASKED_BY: shows} if shows else None
                return redirect(reverse("depiction", args=[depiction_id], query=query))
        except InvalidInputError as error:
            form.add_error(None, error_words.said(error))
        except VigieError as error:  # the thing itself is no longer as the form found it: show how it is now
            messages.error(request, error_words.said(error))
            return redirect("depiction", depiction_id)
    return _page(request, depiction_id, opened={opened: form}, status=422)


def _page(
    request: HttpRequest,
    depiction_id: uuid.UUID,
    *,
    opened: Mapping[str, forms.Form] | None = None,
    values: Sequence[dossier.Value] | None = None,
    status: int = 200,
) -> HttpResponse:
    held = reading.read(depiction_id, by=actor_of(request), now=timezone.now())
    context = depiction_page.context(
        held,
        permissions=request.permissions,  # type: ignore[attr-defined]  # set by `requires`
        reach=seen.reach_of(request),
        opened=opened,
        values=values,
        on_it=relied.of(request, held),
    )
    return render(request, "analyst/depiction.html", context, status=status)


_ONE = "depictions/<uuid:depiction_id>"
urlpatterns = [
    path(_ONE, page, name="depiction"),
    path(f"{_ONE}/fingerprints", fingerprints, name="depiction_fingerprints"),
    path(f"{_ONE}/sightings/months", sightings, {"kind": "months"}, name="depiction_months"),
    path(f"{_ONE}/sightings/countries", sightings, {"kind": "countries"}, name="depiction_countries"),
    path(f"{_ONE}/record", record, name="record_assertion"),
    path(f"{_ONE}/assertions/<uuid:assertion_id>/dispute", dispute, name="dispute_assertion"),
    path(f"{_ONE}/assertions/<uuid:assertion_id>/revoke", revoke, name="revoke_assertion"),
    path(f"{_ONE}/disputes/<uuid:dispute_id>/settle", settle, name="settle_dispute"),
    path(f"{_ONE}/series", link, name="link_depiction"),
    path(f"{_ONE}/series/<uuid:series_id>/unlink", unlink, name="unlink_depiction"),
    path(f"{_ONE}/fingerprints/<int:row>/override", override, name="override_value"),
]
