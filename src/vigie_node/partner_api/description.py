# SPDX-License-Identifier: Apache-2.0
"""The whole face as one OpenAPI description: what ninja knows, the look-ups before Django, the borrowed interfaces.

- The look-ups' shapes are read from the types that decode and encode them, so that they cannot drift apart.
- What each operation needs stands in `x-scope`, the scope of the key.
"""

import functools
from typing import Any

import msgspec

from vigie_node.accounts.roles import Scope
from vigie_node.partner_api import hot
from vigie_node.partner_api.api import Needs, api
from vigie_node.partner_api.hma import described

_KEY = "The key itself, as HMA's clients know no other place for it"
_FAILED = {"4XX": {"$ref": "#/components/responses/Error"}, "503": {"$ref": "#/components/responses/Error"}}
_DETAILED = {
    "4XX": {"$ref": "#/components/responses/ArachnidError"},
    "503": {"$ref": "#/components/responses/ArachnidError"},
}
_BINARY = {"schema": {"type": "string", "format": "binary"}}


@functools.cache
def whole() -> dict[str, Any]:
    """Return the description; the same object each time, to be written and not to be changed."""
    schema: dict[str, Any] = dict(api.get_openapi_schema(path_prefix="/v1/"))
    shapes = msgspec.json.schema_components([hot.MatchAsked, hot.MatchTold], ref_template="#/components/schemas/{name}")
    components = schema["components"]
    components["schemas"] |= shapes[1]
    components["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "A key of the node: vk_…"},
        "arachnid": {"type": "http", "scheme": "basic", "description": "The key's prefix and the key"},
    }
    components["responses"] = _refusals()
    paths = {path: _with_failures(operations) for path, operations in schema["paths"].items()}
    for needs, operation in _needs(paths):
        operation["security"] = [{"key": []}] if needs else []
        if needs:
            operation["x-scope"] = needs
    schema["paths"] = paths | _look_ups() | _arachnid() | described.paths(key=_KEY)
    return schema


def _needs(paths: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return each operation that ninja knows with the scope that it needs."""
    found = []
    for _, router in api._routers:  # ninja has no public way to its operations
        for path, view in router.path_operations.items():
            for operation in view.operations:
                needs = next((one.scope.value for one in operation.auth_callbacks if isinstance(one, Needs)), "")
                for method in operation.methods:
                    found.append((needs, paths[f"/v1/{path}"][method.lower()]))
    return found


def _with_failures(operations: dict[str, Any]) -> dict[str, Any]:
    return {
        method: {**operation, "responses": {str(k): v for k, v in operation["responses"].items()} | _FAILED}
        for method, operation in operations.items()
    }


def _look_ups() -> dict[str, Any]:
    asked, told = ({"schema": {"$ref": f"#/components/schemas/{one}"}} for one in ("MatchAsked", "MatchTold"))
    both = {"application/json": told, hot.MSGPACK: told}
    answers = {"200": {"description": "One answer for each content, in order", "content": both}, **_FAILED}
    return {
        "/v1/match": {
            "post": {
                "tags": ["look-ups"],
                "operationId": "match",
                "summary": "Look up contents by their fingerprints",
                "description": f"Up to {hot.MAX_VALUES} fingerprints; JSON or MessagePack by Content-Type and Accept.",
                "security": [{"key": []}],
                "x-scope": Scope.MATCH.value,
                "requestBody": {"required": True, "content": {"application/json": asked, hot.MSGPACK: asked}},
                "responses": answers,
            }
        },
        "/v1/match/file": {
            "post": {
                "tags": ["look-ups"],
                "operationId": "match_file",
                "summary": "Look up a file: it is fingerprinted in a confined process, in memory, and dropped",
                "security": [{"key": []}],
                "x-scope": Scope.MATCH_FILE.value,
                "requestBody": {"required": True, "content": {"application/octet-stream": _BINARY}},
                "responses": answers,
            }
        },
    }


def _arachnid() -> dict[str, Any]:
    texts = {"type": "array", "items": {"type": "string"}, "minItems": 1}
    bodies = {
        "media": ("What a file is", {"application/octet-stream": _BINARY}),
        "pdq": ("What PDQ values are near", {"application/json": {"schema": _object(hashes=texts)}}),
        "url": ("Refused: nothing is fetched", {"application/json": {"schema": _object(url={"type": "string"})}}),
    }
    return {
        f"/compat/arachnid/v1/{name}/": {
            "post": {
                "tags": ["Arachnid Shield"],
                "operationId": f"arachnid_{name}",
                "summary": what,
                "security": [{"arachnid": []}],
                "x-scope": Scope.COMPAT_ARACHNID.value,
                "requestBody": {"required": True, "content": body},
                "responses": {"200": {"description": "As Arachnid Shield answers"}, **_DETAILED},
            }
        }
        for name, (what, body) in bodies.items()
    }


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _refusals() -> dict[str, Any]:
    text = {"type": "string"}
    error = _object(error=_object(code=text, message=text, request_id=text))
    return {
        name: {"description": what, "content": {"application/json": {"schema": shape}}}
        for name, what, shape in (
            ("Error", "Why there is no answer; /v1/errors lists the codes", error),
            ("HmaError", "Why there is no answer, as HMA says it", _object(message=text, code=text)),
            ("ArachnidError", "Why there is no answer, as Arachnid says it", _object(detail=text, code=text)),
        )
    }
