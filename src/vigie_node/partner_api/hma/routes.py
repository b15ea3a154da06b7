# SPDX-License-Identifier: Apache-2.0
"""The paths of HMA's interface below `/compat/hma/<key>/`: what each answers, by which method.

- The key stands in the path because HMA's clients know an address and no key. The path is in no log; whoever puts a
  proxy before the node keeps it out of that one's too.
- The key needs the scope COMPAT_HMA, and such a path does nothing but what this table says.
- Slashes that clients put in twice, or at the end, are read as one, or none.
- Errors are HMA's: `{"message": …}`, with our code beside it.

Source: hasher-matcher-actioner/src/OpenMediaMatch/blueprints of facebook/ThreatExchange: requests and answers as read
there; nothing of its code.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from vigie.errors import NotAllowedError
from vigie_node.accounts.roles import Scope
from vigie_node.partner_api import borrowed
from vigie_node.partner_api.borrowed import Call, NoSuchOperationError
from vigie_node.partner_api.hma import curation, matching

WORD = "message"


class WrongMethodError(NotAllowedError):
    """The path is right, the method is not."""

    code = "hma.wrong-method"
    http_status = 405


@dataclass(frozen=True, slots=True)
class Route:
    """One operation: its method, its path as HMA writes it, and what answers; `<…>` are given to it by name."""

    method: str
    path: str
    answer: Callable[..., HttpResponse]
    what: str


def status(call: Call) -> HttpResponse:
    """Answer a load balancer: alive, or not fit to answer look-ups."""
    del call
    if matching.is_fresh():
        return HttpResponse("I-AM-ALIVE", content_type="text/plain")
    return HttpResponse("INDEX-STALE", content_type="text/plain", status=503)


def alive(call: Call) -> HttpResponse:
    """Answer that the process is there."""
    del call
    return HttpResponse("I-AM-ALIVE", content_type="text/plain")


ROUTES = (
    Route("GET", "status", status, "Whether look-ups are answered"),
    Route("GET", "status/live", alive, "Whether the process answers"),
    Route("GET", "h/hash", matching.hash_address, "Refused: nothing is fetched"),
    Route("POST", "h/hash", matching.hash_file, "The fingerprint of a file"),
    Route("GET", "m/lookup", matching.look_up_value, "The banks that hold something near a value"),
    Route("POST", "m/lookup", matching.look_up_file, "The banks that hold something near a file"),
    Route("GET", "m/raw_lookup", matching.look_up_raw, "The contents near a value, by number"),
    Route("POST", "m/compare", matching.compare, "How far two values are from each other"),
    Route("GET", "m/index/status", matching.index_status, "How much the index holds of the banks"),
    Route("GET", "c/banks", curation.list_banks, "The banks"),
    Route("POST", "c/banks", curation.create_bank, "Make a bank"),
    Route("GET", "c/bank/<name>", curation.show_bank, "One bank"),
    Route("PUT", "c/bank/<name>", curation.change_bank, "Rename a bank, or change its part in force"),
    Route("DELETE", "c/bank/<name>", curation.delete_bank, "Take a bank out of force"),
    Route("POST", "c/bank/<name>/content", curation.add_file, "Put a file's fingerprints into a bank"),
    Route("POST", "c/bank/<name>/signal", curation.add_signals, "Put fingerprints into a bank"),
    Route("GET", "c/bank/<name>/content/<number>", curation.show_content, "One content of a bank"),
    Route("PUT", "c/bank/<name>/content/<number>", curation.change_content, "Disable a content, or enable it"),
    Route("DELETE", "c/bank/<name>/content/<number>", curation.delete_content, "Take a content out of a bank"),
    Route("GET", "c/signal_type", curation.list_signal_types, "Which signal types are switched on"),
    Route("PUT", "c/signal_type/<name>", curation.change_signal_type, "Switch a signal type on or off"),
    Route("GET", "c/content_type", curation.list_content_types, "Which contents are taken"),
    Route("GET", "c/exchanges", curation.list_exchanges, "None: lists are imported by the node's operator"),
    Route("GET", "c/exchanges/apis", curation.list_exchanges, "None: lists are imported by the node's operator"),
)
_PARTS = {"<name>": "(?P<name>[^/]+)", "<number>": "(?P<number>[0-9]{1,18})"}


@csrf_exempt
def answer(request: HttpRequest, token: str, rest: str) -> HttpResponse:
    """Answer one request of an HMA client."""
    return borrowed.answered(
        request, lambda: token, scope=Scope.COMPAT_HMA, word=WORD, answer=lambda call: _routed(call, rest)
    )


def _routed(call: Call, rest: str) -> HttpResponse:
    path = re.sub("/+", "/", rest).strip("/")
    found = [(route, parts) for pattern, route in _PATTERNS if (parts := pattern.fullmatch(path))]
    for route, parts in found:
        if route.method == call.request.method:
            return route.answer(call, **parts.groupdict())
    if found:
        raise WrongMethodError("this path is asked otherwise: " + ", ".join(route.method for route, _ in found))
    raise NoSuchOperationError("there is no such path in this interface")


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile("/".join(_PARTS.get(part, re.escape(part)) for part in path.split("/")))


_PATTERNS = tuple((_pattern(route.path), route) for route in ROUTES)
