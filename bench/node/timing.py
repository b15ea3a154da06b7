# SPDX-License-Identifier: Apache-2.0
"""`python -m bench.node.timing effective|look-back|pages …`: time what happens inside a node.

- `effective PORT TOKEN COUNT`: record a value, then ask over many connections, so that every worker process is met,
  until each has known it once; the time from the commit to the last.
- `look-back`: work off everything that became known.
- `pages DEPICTION …`: ask the analysts' views in this process, signed in, each several times; nothing but the server.
"""

import http.client
import json
import statistics
import sys
import time
from datetime import UTC, datetime
from typing import Any

import django
import numpy as np

django.setup()

from django.test import Client  # noqa: E402 - the node has to be set up first

from node import people  # noqa: E402 - how tests sign somebody in
from vigie.fingerprints.values import Algorithm  # noqa: E402
from vigie_node.accounts.roles import Role  # noqa: E402
from vigie_node.base.actor import COMMAND, NODE  # noqa: E402
from vigie_node.catalogue import actions as catalogue  # noqa: E402
from vigie_node.catalogue.states import Grade, Kind  # noqa: E402
from vigie_node.flows import retrace  # noqa: E402
from vigie_node.sightings.models import Task  # noqa: E402

_CONNECTIONS = 8  # so many that each of two workers holds some
_TIMES = 7


def effective(port: int, token: str, count: int) -> dict[str, Any]:
    """Time when a new value counts everywhere."""
    rng = np.random.default_rng(5)
    source = catalogue.record_source("A hotline", country="BE", by=COMMAND, now=datetime.now(UTC))
    open_ones = [http.client.HTTPConnection("127.0.0.1", port, timeout=10) for _ in range(_CONNECTIONS)]
    seconds = []
    for _ in range(count):
        bits = np.zeros(256, np.uint8)
        bits[:128] = 1
        value = np.packbits(rng.permuted(bits)).tobytes()
        now = datetime.now(UTC)
        shown = catalogue.record_depiction(
            [catalogue.NewFingerprint(Algorithm.PDQ, value)], kind=Kind.PICTURE, by=COMMAND, now=now
        )
        catalogue.record_assertion(
            shown, source_id=source, scheme="inhope", label="baseline", facts={}, ground=Grade.SEEN, asserted_at=now,
            by=COMMAND, now=now,
        )  # fmt: skip
        start = time.perf_counter()
        waiting = list(open_ones)
        while waiting:
            waiting = [one for one in waiting if not _knows(one, value.hex(), token)]
        seconds.append(time.perf_counter() - start)
    return {"seconds": seconds}


def _knows(connection: http.client.HTTPConnection, value: str, token: str) -> bool:
    body = json.dumps({"items": [{"pdq": value}]})
    connection.request("POST", "/v1/match", body, {"Authorization": f"Bearer {token}"})
    return json.loads(connection.getresponse().read())["answers"][0]["verdict"] == "near"


def look_back() -> dict[str, Any]:
    """Work off what became known."""
    start = time.perf_counter()
    while retrace.step(by=NODE, now=datetime.now(UTC)):
        pass
    return {"seconds": time.perf_counter() - start, "tasks": Task.objects.count()}


def pages(*depictions: str) -> dict[str, Any]:
    """Time the pages of the catalogue."""
    client = _signed_in()
    asked = {
        "depiction": [f"/depictions/{one}" for one in depictions[:_TIMES]],
        "catalogue": ["/catalogue"] * _TIMES,
        "catalogue by label": ["/catalogue?label=inhope:national"] * _TIMES,
        "lists": ["/lists"] * _TIMES,
        "tasks": ["/tasks"] * _TIMES,
        "home": ["/"] * _TIMES,
    }
    return {name: statistics.median(_milliseconds(client, path) for path in paths) for name, paths in asked.items()}


def _signed_in() -> Client:
    client = Client(SERVER_NAME="localhost")
    people.sign_in(client, people.recruit(*Role, name="A. Bench", email=f"bench-{time.time_ns()}@example.org"))
    return client


def _milliseconds(client: Client, path: str) -> float:
    start = time.perf_counter()
    answer = client.get(path)
    if answer.status_code != 200:
        raise RuntimeError(f"{path} answered {answer.status_code}")
    return (time.perf_counter() - start) * 1e3


if __name__ == "__main__":
    kind, *given = sys.argv[1:]
    if kind == "effective":
        print(json.dumps(effective(int(given[0]), given[1], int(given[2]))))
    else:
        print(json.dumps(look_back() if kind == "look-back" else pages(*given)))
