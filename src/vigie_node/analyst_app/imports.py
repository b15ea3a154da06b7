# SPDX-License-Identifier: Apache-2.0
"""Imports: a file is sent, read in the background, looked at, and taken in as a whole or not at all.

- An import goes on when its page is closed; nothing of it counts before somebody says so.
- The preview is what would change: new words, words that replace earlier ones, words taken back, and what was refused.
- A file that takes words back is confirmed with their number: whoever confirms has seen it.
- An import can be undone as a whole; both ends ask for a reason.
"""

import uuid
from collections.abc import Callable
from contextlib import closing

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_POST, require_safe

from vigie.errors import InvalidInputError, VigieError
from vigie_node.accounts.roles import Permission
from vigie_node.analyst_app import given, sent_files, words
from vigie_node.analyst_app.access import actor_of, requires
from vigie_node.analyst_app.depiction_forms import ReasonForm
from vigie_node.analyst_app.tables import csv_answer
from vigie_node.base import error_words
from vigie_node.catalogue import import_queries, importing
from vigie_node.catalogue.import_queries import ImportRow, Part
from vigie_node.catalogue.importing import Options
from vigie_node.catalogue.states import ImportState
from vigie_node.flows import take_in

CSV_ROWS = 100_000
COUNTS = {
    "new_depictions": gettext_lazy("Depictions that were not known"),
    "new_fingerprints": gettext_lazy("Fingerprints that were not known"),
    "new": gettext_lazy("New assertions"),
    "superseding": gettext_lazy("Assertions that replace an earlier one"),
    "revoking": gettext_lazy("Assertions taken back"),
    "unchanged": gettext_lazy("Assertions that say what is known"),
    "outdated": gettext_lazy("Assertions older than what is known"),
    "stays_revoked": gettext_lazy("Assertions that were revoked here and stay so"),
    "stays_disputed": gettext_lazy("Assertions that are disputed here and stay so"),
    "repeated": gettext_lazy("Lines that repeat another"),
    "contradictory": gettext_lazy("Lines that contradict what is known"),
    "overridden": gettext_lazy("Fingerprints held back by our own decision"),
    "left_out": gettext_lazy("Fingerprints that may never match, left out"),
    "refused": gettext_lazy("Lines refused"),
}


def _classes() -> list[tuple[str, str | list[tuple[str, str]]]]:
    return [("", _("each line says its own")), *words.label_choices()]


class ImportForm(forms.Form):
    """A file and how it is to be read."""

    file = forms.FileField(
        label=gettext_lazy("File"),
        help_text=gettext_lazy("A Vigie list, a CSV file or JSON lines. It is read in the background."),
    )
    source = forms.CharField(
        label=gettext_lazy("Source"),
        max_length=200,
        help_text=gettext_lazy("Who asserts this, by the name that it goes by between organisations."),
    )
    country = forms.CharField(
        label=gettext_lazy("Country of the source"),
        max_length=2,
        required=False,
        help_text=gettext_lazy("Two letters."),
    )
    label = forms.ChoiceField(label=gettext_lazy("Class of lines that state none"), choices=_classes, required=False)
    full = forms.BooleanField(
        label=gettext_lazy("The file is everything that the source has to say"),
        required=False,
        help_text=gettext_lazy("What it said before and this file does not hold is taken back."),
    )
    relays = forms.BooleanField(
        label=gettext_lazy("The source may pass on the assertions of others"),
        required=False,
        help_text=gettext_lazy("Else a line in the name of another source is refused."),
    )

    def options(self) -> Options:
        """Return how the file is to be read."""
        scheme, _colon, label = self.cleaned_data["label"].partition(":")
        return Options(scheme=scheme, label=label, full=self.cleaned_data["full"], relays=self.cleaned_data["relays"])


@requires(Permission.IMPORT)
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Show the imports, the latest first."""
    return _page(request, ImportForm())


@requires(Permission.IMPORT)
@csrf_exempt  # the check comes after the upload handler is chosen, in `_start`: Django's own order (its upload docs)
@require_POST
def start(request: HttpRequest) -> HttpResponse:
    """Take a file over."""
    with closing(sent_files.ToTakeIn(request)) as taking:
        request.upload_handlers = [taking]
        return _start(request)


@csrf_protect
def _start(request: HttpRequest) -> HttpResponse:
    form = ImportForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, form, status=422)
    sent = form.cleaned_data["file"]
    try:
        made = take_in.start(
            sent_files.path_of(sent), source=form.cleaned_data["source"],
            country=form.cleaned_data["country"].upper(), options=form.options(), file_name=sent.name,
            by=actor_of(request), now=timezone.now(),
        )  # fmt: skip
    except VigieError as error:
        form.add_error(None, error_words.said(error))
        return _page(request, form, status=422)
    return redirect("import", made)


@requires(Permission.IMPORT)
@require_safe
def one(request: HttpRequest, import_id: uuid.UUID) -> HttpResponse:
    """Show one import: how far it is, what it would change, what was refused."""
    return _one(request, import_id)


@requires(Permission.IMPORT)
@require_safe
def progress(request: HttpRequest, import_id: uuid.UUID) -> HttpResponse:
    """Show how far an import is; once there is something to decide, the whole page is loaded again."""
    row = import_queries.one(import_id)
    answer = render(request, "analyst/parts/import_progress.html", _state(row))
    if take_in.is_staged(row):
        answer["HX-Refresh"] = "true"
    return answer


@requires(Permission.IMPORT)
@require_POST
def show(request: HttpRequest, import_id: uuid.UUID) -> HttpResponse:
    """Let a staged import count."""
    revoking = given.number_of(request.POST.get("revoking", "").strip())
    return _acted(request, import_id, _("It counts from now on."), lambda: importing.make_visible(
        import_id, by=actor_of(request), now=timezone.now(), revoking=revoking
    ))  # fmt: skip


@requires(Permission.IMPORT)
@require_POST
def cancel(request: HttpRequest, import_id: uuid.UUID) -> HttpResponse:
    """Cancel an import, or undo it as a whole."""
    form = ReasonForm(request.POST, auto_id="cancel-%s")
    if not form.is_valid():
        return _one(request, import_id, cancelling=form, status=422)
    return _acted(request, import_id, _("Nothing of it counts any more."), lambda: importing.cancel_import(
        import_id, reason=form.cleaned_data["reason"], by=actor_of(request), now=timezone.now()
    ))  # fmt: skip


@requires(Permission.IMPORT)
@require_safe
def refused(request: HttpRequest, import_id: uuid.UUID) -> HttpResponse:
    """Give the refused lines as a file, to be mended by whoever sent them."""
    del request
    rows = import_queries.refusals(import_id, limit=CSV_ROWS)
    lines = ((row.line, row.code, row.message) for row in rows)
    return csv_answer("refused", header=("line", "code", "why"), rows=lines)


def _acted(request: HttpRequest, import_id: uuid.UUID, done: str, act: Callable[[], None]) -> HttpResponse:
    try:
        act()
        messages.success(request, done)
    except InvalidInputError as error:
        messages.error(request, error_words.said(error))
    except VigieError as error:  # somebody else was quicker, or the number was not confirmed: show how it is now
        messages.error(request, error_words.said(error))
    return redirect("import", import_id)


def _page(request: HttpRequest, form: ImportForm, *, status: int = 200) -> HttpResponse:
    after = request.GET.get("after", "")
    found = import_queries.imports(after=given.id_of(after))
    return render(request, "analyst/imports.html", {"page": found, "form": form}, status=status)


def _one(
    request: HttpRequest, import_id: uuid.UUID, *, cancelling: forms.Form | None = None, status: int = 200
) -> HttpResponse:
    row = import_queries.one(import_id)
    part = Part(request.GET["part"]) if request.GET.get("part") in {one.value for one in Part} else Part.NEW
    place = request.GET.get("after", "").partition(".")
    first, second = given.id_of(place[0]), given.id_of(place[2])
    found = import_queries.preview(import_id, part, after=(first, second) if first and second else None)
    shown = {
        **_state(row),
        "part": part,
        "parts": [(one, row.counts.get(one.value, 0)) for one in Part],
        "preview": found,
        "next_after": f"{found.after[0]}.{found.after[1]}" if found.after else "",
        "refusals": [
            (one.line, error_words.filled(one.template, one.values), one.code)
            for one in import_queries.refusals(import_id, limit=20)
        ],
        "cancelling": cancelling or ReasonForm(auto_id="cancel-%s"),
    }
    return render(request, "analyst/import.html", shown, status=status)


def _state(row: ImportRow) -> dict[str, object]:
    done = min(100, 100 * row.rows_done // row.rows_total) if row.rows_total else 0
    return {
        "row": row,
        "percent": done,
        "is_running": row.state in {ImportState.WAITING, ImportState.STAGING},
        "is_staged": row.state is ImportState.STAGED,
        "is_visible": row.state is ImportState.VISIBLE,
        "counts": [(COUNTS[name], row.counts[name], _way(name)) for name in COUNTS if row.counts.get(name)],
    }


def _way(count: str) -> str:
    """Return where the rows behind a count stand; empty where only their number is kept."""
    if count == "refused":
        return "#refused"
    return f"?part={count}#preview" if count in {one.value for one in Part} else ""


urlpatterns = [
    path("imports", page, name="imports"),
    path("imports/start", start, name="start_import"),
    path("imports/<uuid:import_id>", one, name="import"),
    path("imports/<uuid:import_id>/progress", progress, name="import_progress"),
    path("imports/<uuid:import_id>/show", show, name="show_import"),
    path("imports/<uuid:import_id>/cancel", cancel, name="cancel_import"),
    path("imports/<uuid:import_id>/refused", refused, name="import_refused"),
]
