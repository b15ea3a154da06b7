# SPDX-License-Identifier: Apache-2.0
"""Every URL that the analysts' process serves, and no other."""

from django.urls import path
from django.views.decorators.http import require_POST
from django.views.i18n import set_language

from vigie_node.analyst_app import (
    about,
    access,
    alarms,
    audit,
    depictions,
    home,
    imports,
    lists,
    loads,
    partners,
    people,
    reviews,
    search,
    series,
    sign_in,
    tasks,
)

PAGES = (
    home, search, tasks, depictions, lists, series, imports, loads, reviews, partners, people, alarms, audit, about,
    sign_in,
)  # fmt: skip

urlpatterns = [
    *(pattern for page in PAGES for pattern in page.urlpatterns),
    path("i18n/setlang/", access.open_to_all(require_POST(set_language)), name="set_language"),
]
