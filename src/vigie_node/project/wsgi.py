# SPDX-License-Identifier: Apache-2.0
"""The site as a WSGI application; which face it is comes from the environment.

- On the partners' face look-ups are answered before Django, in the same process: see partner_api/hot.py and ADR 0042.
- Their errors are those of the rest of the face: the same codes, the same shape.
- What a client sends is read as UTF-8: Django would take over any codec that it names, before anything of ours runs.
- On the other faces, which people reach without a key, whoever sends a body is given up where it does not come
  (base/arrivals.py); partners' bodies are guarded where their key is known.
"""

import json
import os
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import structlog
from django.core.handlers.wsgi import WSGIRequest
from django.core.wsgi import get_wsgi_application
from django.utils.http import parse_header_parameters

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vigie_node.project.settings")
_site = get_wsgi_application()

from django.conf import settings  # noqa: E402 - the site has to be set up first
from django.db import DatabaseError, connections  # noqa: E402

from vigie_node.base.arrivals import Arrivals  # noqa: E402
from vigie_node.base.ids import new_id  # noqa: E402
from vigie_node.project import errors  # noqa: E402
from vigie_node.project.faces import SERVING, Face  # noqa: E402

_log = structlog.get_logger("vigie_node.look_up")
_HEADERS = [("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff")]
_respond = _arrivals = None
if settings.FACE == Face.PARTNER:
    from vigie_node.matching import lookup
    from vigie_node.partner_api import hot
    from vigie_node.project import following

    _service = hot.service()
    _service.start()
    _respond = _service.respond
    following.start(lookup.of_catalogue().check_fresh, face=Face.PARTNER)
elif settings.FACE in SERVING:
    _arrivals = Arrivals(most=SERVING[settings.FACE].threads // 2)


class _Request(WSGIRequest):
    """A request in UTF-8, whatever it says: some of Python's codecs fail, or take seconds of the whole process."""

    def __init__(self, environ: dict[str, Any]) -> None:
        super().__init__(environ)
        # None of ours holds a zero, and PostgreSQL takes none in text: a session would be looked for in vain.
        self.COOKIES = {name: value for name, value in self.COOKIES.items() if "\0" not in value}

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))


_site.request_class = _Request


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer one request."""
    if _respond is not None and environ["PATH_INFO"].startswith("/v1/match"):
        try:
            reply = _respond(environ)
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets an answer
            return _refuse(error, start_response)
        if reply is not None:
            size = str(len(reply.content))
            start_response("200 OK", [("Content-Type", reply.content_type), ("Content-Length", size), *_HEADERS])
            return [reply.content]
    if _arrivals is not None:
        environ["wsgi.input"] = _arrivals.guarded(environ["wsgi.input"], of=environ["REMOTE_ADDR"])
    return _site(environ, start_response)


def _refuse(error: Exception, start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Say why there is no answer, as Django's side of the face would."""
    if isinstance(error, DatabaseError):
        connections.close_all()  # the next request of this thread gets a fresh one
    problem = errors.problem_of(error)
    number = str(new_id(datetime.now(UTC)))
    if problem.status == 500:
        _log.error("bug", request=number, exc_info=error)
    body = {"code": problem.code, "message": problem.message, "request_id": number}
    content = json.dumps({"error": body}).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(content))), *_HEADERS]
    headers.append(("X-Request-Id", number))
    if problem.status in {429, 503, 507}:
        headers.append(("Retry-After", str(errors.RETRY_SECONDS)))
    if problem.status == 401:
        headers.append(("WWW-Authenticate", "Bearer"))
    start_response(f"{problem.status} {'Error' if problem.status >= 500 else 'Refused'}", headers)
    return [content]
