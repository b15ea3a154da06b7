# SPDX-License-Identifier: Apache-2.0
"""How this node is: its versions, its indexes and how fresh they are, its audit, and what it looks back for now."""

import platform
from dataclasses import dataclass
from importlib.metadata import version

import django
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe

from vigie.errors import VigieError
from vigie_node.analyst_app.access import signed_in
from vigie_node.audit import queries as audit
from vigie_node.base import error_words
from vigie_node.changes import queries as changes
from vigie_node.matching import lookup, published
from vigie_node.sightings import queries as sightings


@dataclass(frozen=True, slots=True)
class Own:
    """The index of this process: its rows and position, or why it cannot answer."""

    rows: int
    position: int
    problem: str


@signed_in
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Show how the node is."""
    shown = {
        "versions": [
            ("Vigie", version("vigie")),
            ("Python", platform.python_version()),
            ("Django", django.get_version()),
            (connection.display_name, _database_version()),
        ],
        "node": settings.NODE_NAME,
        "zone": settings.TIME_ZONE,
        "position": changes.latest(),
        "own": _own(),
        "published": published.newest(),
        "pending": audit.pending_count(),
        "head": audit.latest_head(),
        "sweeps": sightings.sweeps(limit=5),
    }
    return render(request, "analyst/about.html", shown)


def _own() -> Own:
    index = lookup.of_catalogue()
    try:
        index.check_fresh()
    except VigieError as error:
        return Own(0, index.position, error_words.said(error))
    return Own(sum(index.counts().values()), index.position, "")


def _database_version() -> str:
    return ".".join(str(part) for part in connection.get_database_version())


urlpatterns = [path("about", page, name="about")]
