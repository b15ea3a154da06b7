# SPDX-License-Identifier: Apache-2.0
"""Search: one box for a fingerprint, a label, a series or a source; and a file, which is fingerprinted and dropped.

- What is searched for is posted, never part of an address: a fingerprint would stand in logs and histories. Only a list
  of what somebody said, by label or source, has an address of its own.
- 64 digits are a SHA-256 or a PDQ value: both are asked, and what tells something is shown.
- A file stays in memory; nothing of it is written anywhere.
"""

import re
import uuid
from dataclasses import dataclass
from urllib.parse import urlencode

from django import forms
from django.core.files.uploadhandler import MemoryFileUploadHandler
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from vigie import labels
from vigie.errors import VigieError
from vigie.fingerprints.values import SIZE_BYTES, Algorithm, parse_hex
from vigie.matching.verdicts import Outcome
from vigie_node.accounts.roles import Permission
from vigie_node.analyst_app import given, tables
from vigie_node.analyst_app.access import actor_of, requires
from vigie_node.base import error_words
from vigie_node.catalogue import reading, searching
from vigie_node.catalogue.standing import BANK
from vigie_node.flows import search as flow
from vigie_node.matching.questions import Question
from vigie_node.matching.uploads import MAX_FILE_BYTES, FileTooLargeError

_HEX = re.compile(r"[0-9a-fA-F]+")
_NAMED = re.compile(r"(md5|sha-?1|sha-?256|pdq)\s*[:=]\s*([0-9a-fA-F]+)", re.IGNORECASE)
CSV_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class Asked:
    """What the text in the box is: fingerprints, an id, a label, or words."""

    subjects: tuple[tuple[Question, ...], ...] = ()
    id: uuid.UUID | None = None
    scheme: str = ""
    label: str = ""
    words: str = ""
    problem: str = ""


class FileForm(forms.Form):
    """The file that somebody searches by."""

    file = forms.FileField(
        label=gettext_lazy("A picture or video"),
        help_text=gettext_lazy(
            "It is fingerprinted in a confined process and dropped. Nobody sees it, nothing is kept."
        ),
    )


def read_text(text: str) -> Asked:
    """Say what the text in the box is."""
    if named := _NAMED.fullmatch(text):
        return _fingerprint(named[2], [Algorithm(named[1].lower().replace("-", ""))])
    try:
        return Asked(id=uuid.UUID(text)) if "-" in text else _unnamed(text)
    except ValueError:
        return _unnamed(text)


def _unnamed(text: str) -> Asked:
    if len(text) >= 24 and _HEX.fullmatch(text):
        fitting = [one for one, size in SIZE_BYTES.items() if len(text) == 2 * size]
        if fitting:
            return _fingerprint(text, fitting)
        problem = _("A fingerprint has 32 (MD5), 40 (SHA-1) or 64 (SHA-256, PDQ) digits; this has %(count)s.")
        return Asked(problem=problem % {"count": len(text)})
    scheme, colon, label = text.partition(":")
    if colon and (scheme in labels.schemes() or scheme == BANK):
        return Asked(scheme=scheme, label=label.strip())
    return Asked(words=text)


def _fingerprint(text: str, algorithms: list[Algorithm]) -> Asked:
    try:
        return Asked(subjects=tuple((Question(one, parse_hex(text, algorithm=one)),) for one in algorithms))
    except VigieError as error:
        return Asked(problem=error_words.said(error))


@requires(Permission.CATALOGUE_SEARCH)
@require_http_methods(["GET", "HEAD", "POST"])
def search(request: HttpRequest) -> HttpResponse:
    """Search by what was typed, or show what can be searched for."""
    if request.method != "POST":
        return result_page(request)
    asked = read_text(given.words_of(request.POST.get("text", ""))[:500])
    if asked.id is not None:
        return _by_id(request, asked.id)
    if asked.scheme:
        return redirect(f"{reverse('said')}?{urlencode({'label': f'{asked.scheme}:{asked.label}'})}")
    return _by_words(request, asked.words) if asked.words else _by_values(request, asked)


def _by_values(request: HttpRequest, asked: Asked) -> HttpResponse:
    if not asked.subjects:
        return result_page(request, problem=asked.problem, status=422 if asked.problem else 200)
    try:
        found = flow.by_values(asked.subjects, by=actor_of(request), now=timezone.now())
    except VigieError as error:
        return result_page(request, problem=error_words.said(error), status=503)
    telling = [one for one in found if one.nearest.rows]
    telling = telling or [one for one in found if one.answer.verdict is not Outcome.UNKNOWN]
    return result_page(request, found=telling or found[:1])


@requires(Permission.CATALOGUE_SEARCH)
@csrf_exempt  # the check comes after the upload handler is chosen, in `_by_file`: Django's own order (its upload docs)
@require_POST
def by_file(request: HttpRequest) -> HttpResponse:
    """Search by a file."""
    request.upload_handlers = [InMemory(request)]
    return _by_file(request)


@csrf_protect
def _by_file(request: HttpRequest) -> HttpResponse:
    try:
        form = FileForm(request.POST, request.FILES)
        if not form.is_valid():
            return result_page(request, form=form, status=422)
        found = flow.by_file(form.cleaned_data["file"].read(), by=actor_of(request), now=timezone.now())
    except VigieError as error:
        return result_page(request, problem=error_words.said(error), status=422)
    return result_page(request, found=[found])


class InMemory(MemoryFileUploadHandler):
    """Keeps an upload in memory whatever its size, and refuses it where it is too large."""

    def handle_raw_input(self, _input: object, _meta: object, content_length: int, *_more: object) -> None:
        """Take the upload over; called before its first byte is read."""
        if content_length > MAX_FILE_BYTES:
            raise FileTooLargeError("the file is too large to be searched by here; search by its fingerprint")
        self.activated = True


def _by_id(request: HttpRequest, wanted: uuid.UUID) -> HttpResponse:
    is_depiction = searching.is_depiction(wanted)
    reading.note_search("id", found=int(is_depiction), by=actor_of(request), now=timezone.now())
    if is_depiction:
        return redirect("depiction", wanted)
    return result_page(request, problem=_("Nothing in the catalogue has this id."), status=404)


def _by_words(request: HttpRequest, words: str) -> HttpResponse:
    sources, series = searching.sources(words), searching.series(words)
    reading.note_search("words", found=len(sources) + len(series), by=actor_of(request), now=timezone.now())
    return result_page(request, words=words, sources=sources, series=series)


def result_page(request: HttpRequest, *, status: int = 200, **found: object) -> HttpResponse:
    """Show the search page with what was found."""
    schemes = [(name, one.title, tuple(one.codes)) for name, one in labels.schemes().items()]
    shown = {"form": FileForm(), "schemes": schemes, **found}
    return render(request, "analyst/search.html", shown, status=status)


@requires(Permission.CATALOGUE_SEARCH)
@require_safe
def said(request: HttpRequest) -> HttpResponse:
    """List what was said: by label, by source, or all."""
    chosen = given.words_of(request.GET.get("label", ""))
    scheme, _colon, label = chosen.partition(":")
    source = given.id_of(request.GET.get("source", ""))
    asks_for_file = request.GET.get("format") == "csv"
    page = searching.said(
        scheme=scheme,
        label=label,
        source_id=source,
        after=given.id_of(request.GET.get("after", "")),
        limit=CSV_ROWS if asks_for_file else searching.PAGE,
    )
    reading.note_search("said", found=len(page.rows), by=actor_of(request), now=timezone.now())
    if asks_for_file:
        header = ["depiction", "kind", "scheme", "label", "source", "asserted_at", "standing"]
        rows = [
            [str(one.depiction_id), one.kind, one.scheme, one.label, one.source, one.asserted_at, one.standing]
            for one in page.rows
        ]
        return tables.csv_answer("assertions", header=header, rows=rows)
    shown = {
        "page": page, "scheme": scheme, "label": label, "labels": labels.schemes(), "chosen": chosen,
        "source": searching.source(source) if source else None, "sources": searching.sources(limit=200),
    }  # fmt: skip
    return render(request, "analyst/said.html", shown)


urlpatterns = [
    path("search", search, name="search"),
    path("search/file", by_file, name="search_by_file"),
    path("catalogue", said, name="said"),
]
