# SPDX-License-Identifier: Apache-2.0
"""The paths of HMA's interface as an OpenAPI description: what each takes."""

import re
from typing import Any

from vigie_node.partner_api.hma.routes import ROUTES, Route

_TEXT = {"type": "string"}
_RATIO = {"type": "number", "minimum": 0, "maximum": 1}
_SIGNAL = {"type": "string", "enum": ["pdq", "video_md5"]}
_QUERY: dict[str, dict[str, Any]] = {
    "h/hash": {"url": _TEXT, "types": _TEXT},
    "m/lookup": {"signal": _TEXT, "signal_type": _SIGNAL, "banks": _TEXT, "seed": _TEXT, "bypass_coinflip": _TEXT},
    "m/raw_lookup": {"signal": _TEXT, "signal_type": _SIGNAL, "banks": _TEXT, "include_distance": _TEXT},
    "m/index/status": {"signal_type": _SIGNAL},
    "c/bank/<name>/content/<number>": {"include_signals": _TEXT, "include_metadata": _TEXT},
}
_BANK = {"name": _TEXT, "enabled_ratio": _RATIO, "enabled": {"type": "boolean"}}
_JSON: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "m/compare"): {"pdq": {"type": "array", "items": _TEXT, "minItems": 2, "maxItems": 2}},
    ("POST", "c/banks"): _BANK,
    ("PUT", "c/bank/<name>"): _BANK,
    ("POST", "c/bank/<name>/signal"): {"pdq": _TEXT, "video_md5": _TEXT, "note": _TEXT},
    ("PUT", "c/bank/<name>/content/<number>"): {"disable_until_ts": {"type": "integer"}, "note": _TEXT},
    ("PUT", "c/signal_type/<name>"): {"enabled_ratio": _RATIO},
}
_FILES = {("POST", "h/hash"), ("POST", "m/lookup"), ("POST", "c/bank/<name>/content")}


def paths(*, key: str) -> dict[str, dict[str, Any]]:
    """Return the paths, each with its operations; `key` describes the part of the path that is the key."""
    found: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        path = "/compat/hma/{key}/" + route.path.replace("<", "{").replace(">", "}")
        found.setdefault(path, {})[route.method.lower()] = _operation(route, key=key)
    return found


def _operation(route: Route, *, key: str) -> dict[str, Any]:
    parameters = [_parameter("key", where="path", schema=_TEXT, what=key)]
    for name in re.findall("<([a-z]+)>", route.path):
        schema = {"type": "integer", "minimum": 1} if name == "number" else _TEXT
        parameters.append(_parameter(name, where="path", schema=schema))
    asked = _QUERY.get(route.path, {}) if route.method == "GET" or route.path in {"h/hash", "m/lookup"} else {}
    parameters += [_parameter(name, where="query", schema=schema) for name, schema in asked.items()]
    answered = "201" if (route.method, route.path) == ("POST", "c/banks") else "200"
    if route.path == "c/signal_type/<name>":
        answered = "204"
    operation: dict[str, Any] = {
        "tags": ["HMA"],
        "summary": route.what,
        "operationId": "hma_" + re.sub("[^a-z]+", "_", f"{route.method} {route.path}".lower()).strip("_"),
        "parameters": parameters,
        "responses": {
            answered: {"description": "As HMA answers"},
            "4XX": {"$ref": "#/components/responses/HmaError"},
            "503": {"$ref": "#/components/responses/HmaError"},
        },
    }
    body = _body(route)
    if body:
        operation["requestBody"] = {"required": True, "content": body}
    return operation


def _body(route: Route) -> dict[str, Any]:
    if (route.method, route.path) in _FILES:
        file = {"type": "string", "format": "binary"}
        properties = {"photo": file, "video": file, "note": _TEXT, "metadata": _TEXT}
        return {"multipart/form-data": {"schema": {"type": "object", "properties": properties}}}
    fields = _JSON.get((route.method, route.path))
    return {"application/json": {"schema": {"type": "object", "properties": fields}}} if fields else {}


def _parameter(name: str, *, where: str, schema: dict[str, Any], what: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {"name": name, "in": where, "schema": schema, "required": where == "path"}
    return found | ({"description": what} if what else {})
