# SPDX-License-Identifier: Apache-2.0
"""Errors as answers: which status, which code, as a page or as JSON.

- An error of ours brings its code and message; its status is that of its kind (base/statuses.py).
- A database that is locked, restarting or out of room is not a bug: 503 with Retry-After, or 507, and the node recovers
  by itself. Whatever else was not foreseen is a bug: logged with the places it passed, shown as a number.
- The partners' face speaks JSON, the others pages in the reader's language. No answer repeats what was sent.
"""

import sys
from dataclasses import dataclass

import structlog
from django.conf import settings
from django.core.exceptions import BadRequest, PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, InternalError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.template.loader import render_to_string
from django.utils.translation import gettext

from vigie import errors as kinds
from vigie_node.base import error_words, room, statuses
from vigie_node.project.faces import Face

RETRY_SECONDS = 2
_log = structlog.get_logger("vigie_node.errors")


@dataclass(frozen=True, slots=True)
class Problem:
    """What an answer says of an error; the message is safe for any reader."""

    status: int
    code: str
    message: str


def problem_of(error: BaseException | None) -> Problem:
    """Say what an answer tells of this error."""
    if isinstance(error, kinds.VigieError):
        message = str(error) if settings.FACE == Face.PARTNER else error_words.said(error)
        return Problem(statuses.status_of(type(error)), error.code, message)
    if isinstance(error, OperationalError | InterfaceError | InternalError | OSError) and room.is_out(error):
        return Problem(507, "node.disk-full", gettext("The node has no room left; its operator has to make some."))
    if isinstance(error, OperationalError | InterfaceError | InternalError) and _may_pass(error):
        return Problem(503, "node.database-away", gettext("The database does not answer just now: try again."))
    return _of_django(error)


def _of_django(error: BaseException | None) -> Problem:
    match error:
        case Http404():
            return Problem(404, "node.no-such-page", gettext("There is nothing at this address."))
        case PermissionDenied():
            return Problem(403, "node.not-allowed", gettext("Your role does not allow this."))
        case RequestDataTooBig():
            return Problem(413, "node.too-large", gettext("This is more than is taken at once. Nothing was changed."))
        case UnreadablePostError():
            return Problem(408, "node.unfinished-form", gettext("What you sent did not arrive whole: send it again."))
        case SuspiciousOperation() | BadRequest() | MultiPartParserError():
            return Problem(400, "node.malformed-request", gettext("The request is malformed: change it."))
    return Problem(500, "node.bug", gettext("The node made an error. Nothing was changed; quote the number below."))


def _may_pass(error: BaseException) -> bool:
    # InternalError is a bug but for one: a server that was demoted takes no writes until the proxy has moved.
    return not isinstance(error, InternalError) or getattr(error.__cause__, "sqlstate", "") == "25006"


def answer(request: HttpRequest, problem: Problem) -> HttpResponse:
    """Write a problem for the reader of this face."""
    number = getattr(request, "request_id", "")
    response: HttpResponse
    if settings.FACE == Face.PARTNER:
        body = {"code": problem.code, "message": problem.message, "request_id": number}
        response = JsonResponse({"error": body}, status=problem.status)
    else:
        is_public = settings.FACE == Face.PUBLIC
        context = {"problem": problem, "title": _title(problem), "number": number, "is_public": is_public}
        page = render_to_string("error.html", context)
        response = HttpResponse(page, status=problem.status)
    if problem.status in {429, 503, 507}:
        response["Retry-After"] = str(RETRY_SECONDS)
    if problem.status == 401:
        response["WWW-Authenticate"] = "Bearer"
    return response


def _title(problem: Problem) -> str:
    titles = {
        404: gettext("Not found"),
        403: gettext("Not allowed"),
        409: gettext("Not possible now"),
        413: gettext("Too large"),
        415: gettext("Not readable"),
        500: gettext("Something went wrong here"),
        502: gettext("Not trusted"),
        503: gettext("Not available just now"),
        507: gettext("Not available just now"),
    }
    return titles.get(problem.status, gettext("Something is not right with the request"))


def explain(request: HttpRequest, error: BaseException | None) -> HttpResponse:
    """Answer an error and log it by its code; a bug with the places it passed."""
    problem = problem_of(error)
    if problem.status == 500:
        _log.error("bug", code=problem.code, exc_info=error)
    elif problem.status > 500:
        _log.warning("refused", code=problem.code, status=problem.status)
    return answer(request, problem)


def malformed(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what Django refused to read."""
    return explain(request, BadRequest() if exception is None else exception)


def not_allowed(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what a view refused."""
    return explain(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer an address that leads nowhere; the exception's text repeats it, so it is left out."""
    del exception
    return explain(request, Http404())


def wrong_method(request: HttpRequest) -> HttpResponse:
    """Answer who opens an address that only takes what a form sends."""
    message = gettext("Nothing opens at this address: it takes what a form sends. Go back to the page of the form.")
    return answer(request, Problem(405, "node.wrong-method", message))


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer what was raised outside of a view."""
    return explain(request, sys.exc_info()[1])


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form that did not come from our own page."""
    del reason
    message = gettext("This form is out of date, or cookies are refused. Go back, load the page again and resend it.")
    return answer(request, Problem(403, "node.form-out-of-date", message))
