# SPDX-License-Identifier: Apache-2.0
"""Lists: what may match, on whose word, how near; and what another policy would have matched before it is in force.

- A list holds no depiction: it is a policy. Changing it counts at once, in every process, so it asks for a reason.
- A change can be simulated first, over the last sightings: how many more, how many fewer, which. The worker does so in
  the background; the result stays.
- Who changes a list that somebody else changed meanwhile is told so, and what they typed is kept.
"""

import tempfile
import uuid
from pathlib import Path
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from vigie.errors import VigieError
from vigie_node.accounts.roles import Permission
from vigie_node.analyst_app import actors
from vigie_node.analyst_app.access import actor_of, requires
from vigie_node.analyst_app.list_forms import POLICY_WORDS, ChangeForm, ListForm, initial_of
from vigie_node.analyst_app.tables import csv_answer
from vigie_node.base import error_words
from vigie_node.catalogue import classes, exporting, list_actions, list_queries
from vigie_node.catalogue.list_queries import ListDossier, VersionRow
from vigie_node.catalogue.rules import Policy
from vigie_node.sightings import queries as sightings
from vigie_node.sightings import simulating
from vigie_node.sightings.simulating import SimulationRow
from vigie_node.sightings.states import SimulationState

FORMS = {"list": "vigie", "csv": "csv", "jsonl": "jsonl"}
SHOWN = 100  # of what would match more or fewer, on the page; the file has all that was kept


@requires(Permission.LISTS_READ)
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Show every list."""
    return _page(request, ListForm())


@requires(Permission.LISTS_CHANGE)
@require_POST
def create(request: HttpRequest) -> HttpResponse:
    """Make a list, in the mode off."""
    form = ListForm(request.POST)
    if form.is_valid():
        try:
            made = list_actions.create_list(
                form.cleaned_data["name"].strip(), title=form.cleaned_data["title"], policy=Policy(),
                reason=form.cleaned_data["reason"], by=actor_of(request), now=timezone.now(),
            )  # fmt: skip
            return redirect("change_list", made)
        except (classes.MalformedListNameError, list_actions.ListExistsError) as error:
            form.add_error("name", error_words.said(error))
        except VigieError as error:
            form.add_error(None, error_words.said(error))
    return _page(request, form, status=422)


@requires(Permission.LISTS_READ)
@require_safe
def one(request: HttpRequest, list_id: uuid.UUID) -> HttpResponse:
    """Show one list: its policy in words, the policies that it had, its simulations."""
    held = list_queries.one(list_id)
    shown = {
        "held": held,
        "policy": held.row.policy,
        "share_percent": round(100 * held.row.policy.share),
        "classes": _classes(held),
        "versions": _versions(held),
        "simulations": sightings.simulations(list_id, limit=10),
    }
    return render(request, "analyst/list.html", shown)


@requires(Permission.LISTS_CHANGE)
@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, list_id: uuid.UUID) -> HttpResponse:
    """Show the policy as a form; simulate what was stated, or put it in force."""
    held = list_queries.one(list_id)
    if request.method != "POST":
        return _form(request, held, ChangeForm(initial=_begun(request, held)))
    form = ChangeForm(request.POST)
    form.fields["reason"].required = request.POST.get("act") != "simulate"
    if not form.is_valid():
        form.fields["reason"].required = True
        return _form(request, held, form, status=422)
    try:
        policy = form.policy()
        if request.POST.get("act") == "simulate":
            made = simulating.start_simulation(
                list_id, policy=policy, last_n=form.cleaned_data["last"] or 10_000, by=actor_of(request),
                now=timezone.now(),
            )  # fmt: skip
            return redirect("simulation", made)
        list_actions.change_list(
            list_id, policy=policy, expected_version=form.cleaned_data["version"],
            reason=form.cleaned_data["reason"], by=actor_of(request), now=timezone.now(),
        )  # fmt: skip
    except VigieError as error:
        form.add_error(None, error_words.said(error))
        return _form(request, list_queries.one(list_id), form, status=422)
    messages.success(request, _("The policy is in force, in every process."))
    return redirect("list", list_id)


@requires(Permission.EXPORT)
@require_POST
def export(request: HttpRequest, list_id: uuid.UUID) -> HttpResponse | FileResponse:
    """Give a list as a file: what it makes matchable now."""
    form = exporting.Format(request.POST.get("form", "")) if request.POST.get("form", "") in FORMS else None
    if form is None:
        messages.error(request, _("Choose the format of the file."))
        return redirect("list", list_id)
    name = list_queries.one(list_id).row.name
    with tempfile.TemporaryDirectory(prefix="vigie-export-") as folder:
        written = Path(folder) / f"{name}.{FORMS[form.value]}"
        try:
            exporting.export_list(
                list_id, written, form=form, issuer=settings.NODE_NAME, by=actor_of(request), now=timezone.now()
            )
        except VigieError as error:
            messages.error(request, error_words.said(error))
            return redirect("list", list_id)
        # Opened before the folder is gone: the file lives until it was sent.
        return FileResponse(written.open("rb"), as_attachment=True, filename=written.name)


@requires(Permission.LISTS_READ)
@require_safe
def simulation(request: HttpRequest, simulation_id: uuid.UUID) -> HttpResponse:
    """Show what a policy would have matched, as far as it is known."""
    found = sightings.simulation(simulation_id)
    if request.GET.get("format") == "csv":
        return _as_csv(found)
    return render(request, "analyst/simulation.html", _simulated(found))


@requires(Permission.LISTS_READ)
@require_safe
def progress(request: HttpRequest, simulation_id: uuid.UUID) -> HttpResponse:
    """Show how far a simulation is; when it has ended, the whole page is loaded again."""
    found = sightings.simulation(simulation_id)
    answer = render(request, "analyst/parts/simulation_progress.html", _simulated(found))
    if found.ended_at is not None:
        answer["HX-Refresh"] = "true"
    return answer


@requires(Permission.LISTS_CHANGE)
@require_POST
def cancel(request: HttpRequest, simulation_id: uuid.UUID) -> HttpResponse:
    """Stop a simulation; what it found so far stays."""
    try:
        simulating.cancel_simulation(simulation_id, by=actor_of(request), now=timezone.now())
        messages.success(request, _("The simulation is stopped; what it found stays."))
    except VigieError as error:
        messages.error(request, error_words.said(error))
    return redirect("simulation", simulation_id)


def _page(request: HttpRequest, form: forms.Form, *, status: int = 200) -> HttpResponse:
    return render(request, "analyst/lists.html", {"rows": list_queries.lists(), "form": form}, status=status)


def _form(request: HttpRequest, held: ListDossier, form: ChangeForm, *, status: int = 200) -> HttpResponse:
    return render(request, "analyst/list_change.html", {"held": held, "form": form}, status=status)


def _begun(request: HttpRequest, held: ListDossier) -> dict[str, Any]:
    """Begin the form with the policy in force, or with that of a simulation of this list."""
    wanted = request.GET.get("simulation", "")
    policy = held.row.policy
    for found in sightings.simulations(held.row.id) if wanted else ():
        if str(found.id) == wanted:
            policy = found.policy
    return {**initial_of(policy), "version": held.row.version}


def _classes(held: ListDossier) -> list[tuple[str, str, int]]:
    counts = list_queries.word_counts(held.row.policy)
    return [(scheme, label, count) for (scheme, label), count in counts.items()]


def _versions(held: ListDossier) -> list[tuple[VersionRow, str, list[str]]]:
    names = actors.names(one.changed_by for one in held.versions)
    return [(one, names[one.changed_by], [str(POLICY_WORDS[part]) for part in one.changed]) for one in held.versions]


def _simulated(found: SimulationRow) -> dict[str, Any]:
    result = found.result
    total = max(1, found.sightings_total)
    return {
        "row": found,
        "held": list_queries.one(found.list_id).row,
        "percent": min(100, 100 * found.sightings_done // total),
        "is_running": found.ended_at is None,
        "is_done": found.state is SimulationState.DONE,
        "matched_now": result.get("matched_now", 0),
        "would_match": result.get("would_match", 0),
        "more": result.get("more", 0),
        "fewer": result.get("fewer", 0),
        "by_label": [(*name.split("/", 1), *pair) for name, pair in sorted(result.get("by_label", {}).items())],
        "which": [("more", result.get("which_more", [])[:SHOWN]), ("fewer", result.get("which_fewer", [])[:SHOWN])],
    }


def _as_csv(found: SimulationRow) -> HttpResponse:
    header = ("change", "sighting", "depiction", "scheme", "label", "algorithm", "distance_bits")
    rows = (
        (sort, *(example[name] for name in header[1:]))
        for sort in ("more", "fewer")
        for example in found.result.get(f"which_{sort}", [])
    )
    return csv_answer("simulation", header=header, rows=rows)


urlpatterns = [
    path("lists", page, name="lists"),
    path("lists/create", create, name="create_list"),
    path("lists/<uuid:list_id>", one, name="list"),
    path("lists/<uuid:list_id>/change", change, name="change_list"),
    path("lists/<uuid:list_id>/export", export, name="export_list"),
    path("simulations/<uuid:simulation_id>", simulation, name="simulation"),
    path("simulations/<uuid:simulation_id>/progress", progress, name="simulation_progress"),
    path("simulations/<uuid:simulation_id>/cancel", cancel, name="cancel_simulation"),
]
