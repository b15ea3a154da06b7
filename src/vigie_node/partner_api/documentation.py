# SPDX-License-Identifier: Apache-2.0
"""The description of the face, for programs and for people.

- `/` is a page without scripts, written from the same description that programs read at `/v1/openapi.json`.
- Both need no key: they hold nothing of the node's records.
"""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.views.decorators.http import require_safe

from vigie_node.partner_api import codes
from vigie_node.partner_api.description import whole

_CACHED = "public, max-age=300"


@require_safe
def description(request: HttpRequest) -> HttpResponse:
    """Answer with the OpenAPI description."""
    del request
    response = JsonResponse(whole())
    response["Cache-Control"] = _CACHED
    return response


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Answer with the same as a page."""
    del request
    values = {"node": settings.NODE_NAME, "groups": _groups(), "codes": codes.all_of_them()}
    response = HttpResponse(render_to_string("partner/documentation.html", values))
    response["Cache-Control"] = _CACHED
    return response


def _groups() -> list[dict[str, Any]]:
    """Return the operations by what they belong to, in the order in which a newcomer needs them."""
    by_tag: dict[str, list[dict[str, Any]]] = {"look-ups": [], "beside them": [], "Arachnid Shield": [], "HMA": []}
    for path, operations in whole()["paths"].items():
        for method, operation in operations.items():
            tag = (operation.get("tags") or ["beside them"])[0]
            by_tag[tag].append(_row(path, method, operation))
    return [{"title": title, "rows": rows} for title, rows in by_tag.items()]


def _row(path: str, method: str, operation: dict[str, Any]) -> dict[str, Any]:
    default = "COMPAT_HMA" if path.startswith("/compat/hma/") else ""
    bodies = list(operation.get("requestBody", {}).get("content", ()))
    return {
        "method": method.upper(),
        "path": path,
        "summary": operation["summary"],
        "more": operation.get("description", ""),
        "scope": operation.get("x-scope", default),
        "bodies": bodies,
        "parameters": [one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"],
    }
