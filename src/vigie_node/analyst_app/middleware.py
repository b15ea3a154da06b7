# SPDX-License-Identifier: Apache-2.0
"""What stands before every page of the analysts' face.

- A session ends by its limits before anything is done for it.
- Before a session showed a second factor, nothing opens but what sets one up; a view that declares nothing opens never.
  Each view checks for itself as well: this is the second lock, for a view that lost its first.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone, translation

from vigie_node.accounts import sessions
from vigie_node.analyst_app import access

GetResponse: TypeAlias = Callable[[HttpRequest], HttpResponseBase]


def session_limits(get_response: GetResponse) -> GetResponse:
    """End a session that was idle too long or is too old, and say so on the sign-in page."""

    def respond(request: HttpRequest) -> HttpResponseBase:
        if request.user.is_authenticated:
            now = timezone.now()
            if (why := sessions.why_ended(request, now=now)) is not None:
                sessions.end(request, why=why, now=now)
                return access.to_sign_in(request, why=why.value.lower())
            access.identify(request)
            _speak(request)
        return get_response(request)

    return respond


class OnlyWithSecondFactor:
    """Look at what the view declares before it runs; whose role allows it, the view itself asks."""

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Go on: what is checked needs the view."""
        return self._get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: list[object], kwargs: dict[str, object]
    ) -> HttpResponse | None:
        """Refuse what the declaration refuses."""
        del args, kwargs
        return access.check_session(request, access.declared_by(view))


def _speak(request: HttpRequest) -> None:
    """Speak the person's language where this browser did not choose one."""
    if settings.LANGUAGE_COOKIE_NAME not in request.COOKIES:
        translation.activate(request.user.language)  # type: ignore[union-attr]
        request.LANGUAGE_CODE = translation.get_language() or "en"
