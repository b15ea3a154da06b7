# SPDX-License-Identifier: Apache-2.0
"""Home: what needs this person, then the day in figures."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path

from vigie_node.analyst_app.access import signed_in


@signed_in
def page(request: HttpRequest) -> HttpResponse:
    """Show what needs this person."""
    return render(request, "analyst/home.html", {})


urlpatterns = [path("", page, name="home")]
