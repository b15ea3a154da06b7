# SPDX-License-Identifier: Apache-2.0
"""The node's figures in Prometheus form, over all its processes.

- Every process counts into files of its own below the node's home; whoever is asked adds them up.
- No label holds a value from outside: a method is one of those we know, an address is the name of its view.
- PROMETHEUS_MULTIPROC_DIR names that folder; it is set before this module is imported (cli/processes.py).
- A look-up's answer is never counted by its value.
"""

import os
import time

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, multiprocess

from vigie_node.project.middleware import GetResponse

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
REQUESTS = Counter("vigie_requests", "Requests answered", ["face", "method", "view", "status"])
SECONDS = Histogram(
    "vigie_request_seconds",
    "Seconds to an answer",
    ["face", "view"],
    buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
)


def count(get_response: GetResponse) -> GetResponse:
    """Count requests and their time, by view."""
    face = settings.FACE.value

    def respond(request: HttpRequest) -> HttpResponseBase:
        begun = time.monotonic()
        response = get_response(request)
        match = request.resolver_match
        view = (match.view_name or match._func_path) if match else "none"
        method = request.method if request.method in METHODS else "other"
        REQUESTS.labels(face, method, view, str(response.status_code)).inc()
        SECONDS.labels(face, view).observe(time.monotonic() - begun)
        return response

    return respond


def exposition() -> bytes:
    """Return the figures of every process of the node."""
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)
    return generate_latest()
