# SPDX-License-Identifier: Apache-2.0
"""Whether this process is alive, whether it is ready, and its figures: for the operator's own machines.

- `/healthz` says that the process answers. `/readyz` says what it waits for: the database, the migrations, and where it
  looks things up an index that is not stale; 503 until all is well, and again as soon as it is not.
- `/metrics` needs the bearer token of the settings; without a token set it does not exist.
- They stand before sessions, languages and hosts, so that they answer when those cannot.
"""

import hmac
from collections.abc import Callable

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.utils.module_loading import import_string

from vigie.errors import VigieError
from vigie_node.project import errors, metrics
from vigie_node.project.faces import Face
from vigie_node.project.middleware import GetResponse

WELL = "ok"
INDEX_OF = {
    Face.PARTNER: "vigie_node.matching.lookup.of_catalogue",
}
_migrated = {"is": False}  # once true it stays: no version of the node takes a migration back


def answer(get_response: GetResponse) -> GetResponse:
    """Answer the operator's three addresses, and pass everything else on."""
    views: dict[str, Callable[[HttpRequest], HttpResponse]] = {
        "/healthz": alive,
        "/readyz": ready,
        "/metrics": figures,
    }

    def respond(request: HttpRequest) -> HttpResponseBase:
        view = views.get(request.path_info)
        if view is None:
            return get_response(request)
        response = view(request)
        response["Cache-Control"] = "no-store"
        return response

    return respond


def alive(request: HttpRequest) -> HttpResponse:
    """Say that the process answers."""
    del request
    return JsonResponse({"alive": True, "face": settings.FACE.value})


def ready(request: HttpRequest) -> HttpResponse:
    """Say what this process waits for, if anything."""
    del request
    found = checks()
    status = 200 if all(state == WELL for state in found.values()) else 503
    response = JsonResponse({"ready": status == 200, "face": settings.FACE.value, **found}, status=status)
    if status == 503:
        response["Retry-After"] = str(errors.RETRY_SECONDS)
    return response


def checks() -> dict[str, str]:
    """Return the state of each thing that this process needs, `ok` where it is well."""
    found = {"database": _database()}
    found["migrations"] = _migrations() if found["database"] == WELL else "unknown"
    if settings.FACE in INDEX_OF:
        found["index"] = _index(INDEX_OF[settings.FACE])
    return found


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        connection.close()
        return "away"
    return WELL


def _migrations() -> str:
    if not _migrated["is"]:
        try:
            executor = MigrationExecutor(connection)
            _migrated["is"] = not executor.migration_plan(executor.loader.graph.leaf_nodes())
        except DatabaseError:
            return "unknown"
    return WELL if _migrated["is"] else "missing"


def _index(path: str) -> str:
    try:
        import_string(path)().check_fresh()
    except VigieError as error:
        return error.code
    return WELL


def figures(request: HttpRequest) -> HttpResponse:
    """Return the figures of all processes, to whoever has the token."""
    token = settings.METRICS_TOKEN
    given = request.headers.get("Authorization", "")
    if not token:
        return errors.explain(request, Http404())
    if not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
        response = HttpResponse("the metrics need their token\n", status=401, content_type="text/plain")
        response["WWW-Authenticate"] = 'Bearer realm="metrics"'
        return response
    return HttpResponse(metrics.exposition(), content_type="text/plain; version=0.0.4; charset=utf-8")
