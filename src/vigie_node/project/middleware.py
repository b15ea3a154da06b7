# SPDX-License-Identifier: Apache-2.0
"""Middleware of every face: request ids, safe headers, errors as answers.

- Every request has an id: its own if it came with a UUID, else a new one. It is in the answer, in the log lines and on
  the page of an error. Nothing else is taken over: whatever a client calls an id would stand in the log.
- What is not a static file is never stored by anybody on the way.
- A stranger sends forms, never files.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeAlias

import structlog
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from vigie_node.base.ids import new_id
from vigie_node.project import errors
from vigie_node.project.faces import Face

GetResponse: TypeAlias = Callable[[HttpRequest], HttpResponseBase]
_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_PERMISSIONS = ", ".join(
    [
        *(f"{one}=()" for one in ("accelerometer", "camera", "display-capture", "geolocation", "gyroscope")),
        *(f"{one}=()" for one in ("magnetometer", "microphone", "midi", "payment", "usb", "browsing-topics")),
        "publickey-credentials-create=(self)",
        "publickey-credentials-get=(self)",
    ]
)


def request_id(get_response: GetResponse) -> GetResponse:
    """Give every request an id and bind it to its log lines."""

    def respond(request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get("X-Request-Id", "")
        number = given if _ID.fullmatch(given) else str(new_id(datetime.now(UTC)))
        request.request_id = number  # type: ignore[attr-defined]
        with structlog.contextvars.bound_contextvars(request=number):
            response = get_response(request)
        response["X-Request-Id"] = number
        return response

    return respond


def safe_headers(get_response: GetResponse) -> GetResponse:
    """Set what keeps answers out of caches, and pages out of reach of others."""

    def respond(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        response.setdefault("Cache-Control", "no-store")
        response.setdefault("Permissions-Policy", _PERMISSIONS)
        response.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        response.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        return response

    return respond


def limited_forms(get_response: GetResponse) -> GetResponse:
    """Refuse what is larger than a form may be, unread; a file of somebody signed in is for its page to limit."""

    def respond(request: HttpRequest) -> HttpResponseBase:
        may_hold_file = request.content_type == "multipart/form-data" and request.user.is_authenticated
        if not may_hold_file and int(request.META.get("CONTENT_LENGTH") or 0) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            return errors.explain(request, RequestDataTooBig())
        return get_response(request)

    return respond


class ErrorsAsAnswers:
    """Turn what a view raises into an answer; bugs too, so that no page of Django's own is ever seen."""

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass the request on; a page that only takes what a form sends says so to who opens it."""
        response = self._get_response(request)
        if response.status_code != 405 or settings.FACE == Face.PARTNER:
            return response
        answer = errors.wrong_method(request)
        answer["Allow"] = response["Allow"]
        return answer

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer what can be foreseen; leave the rest to Django, which asks `errors.server_error`."""
        if errors.problem_of(exception).status == 500:
            return None
        return errors.explain(request, exception)
