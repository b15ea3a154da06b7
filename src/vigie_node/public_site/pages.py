# SPDX-License-Identifier: Apache-2.0
"""The public pages: today one, that says what is here and where help is.

- No cookie, no session, no script; the language is part of the address, the browser's own at first.
- "In danger now? 112" comes first on every page.
- Nothing of the catalogue can be reached from here, not even in memory.
"""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.http import require_safe


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Show the page in the browser's language."""
    return _page(request)


@require_safe
def home_in(request: HttpRequest, language: str) -> HttpResponse:
    """Show the page in the language of its address."""
    with translation.override(language):
        return _page(request)


def _page(request: HttpRequest) -> HttpResponse:
    context = {
        "languages": settings.LANGUAGES,
        "language": translation.get_language() or settings.LANGUAGE_CODE,
        "node": settings.NODE_NAME,
        "is_public": True,
    }
    return render(request, "public/home.html", context)
