# SPDX-License-Identifier: Apache-2.0
"""`python -m bench.node.work KIND ACKS SEED`: one who writes to a node or asks it, until killed.

- `write` records depictions with their assertions and now and then revokes one; `import` takes in one file after
  another, half of them made visible, half cancelled; `ask` looks listed values up over HTTP.
- What was acknowledged goes to the file ACKS, a line each, only after the node said so. A kill between the two leaves
  more in the node than in the file, never less.
"""

import http.client
import json
import os
import random
import sys
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

import django
import numpy as np

django.setup()

from vigie.errors import VigieError  # noqa: E402 - the node has to be set up first
from vigie.fingerprints.values import Algorithm  # noqa: E402
from vigie_node.base.actor import COMMAND  # noqa: E402
from vigie_node.catalogue import actions as catalogue  # noqa: E402
from vigie_node.catalogue import importing  # noqa: E402
from vigie_node.catalogue.identity import NewFingerprint  # noqa: E402
from vigie_node.catalogue.states import Grade, Kind  # noqa: E402


def value(rng: random.Random) -> bytes:
    """Make a value as real pictures have it: 128 ones and 128 zeros."""
    bits = np.zeros(256, np.uint8)
    bits[rng.sample(range(256), 128)] = 1
    return np.packbits(bits).tobytes()


class Acks:
    """What was acknowledged, one line at a time."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", buffering=1)

    def note(self, kind: str, *what: object) -> None:
        """Add a line."""
        self._file.write(json.dumps([kind, *map(str, what)]) + "\n")


def write(acks: Acks, rng: random.Random) -> None:
    """Record and revoke, without pause."""
    said: list[uuid.UUID] = []
    while True:
        now = datetime.now(UTC)
        source = catalogue.record_source("a writer", country="BE", organisation_id=None, by=COMMAND, now=now)
        content = value(rng)
        shown = catalogue.record_depiction(
            [NewFingerprint(Algorithm.PDQ, content), NewFingerprint(Algorithm.SHA256, rng.randbytes(32))],
            kind=Kind.PICTURE, by=COMMAND, now=now,
        )  # fmt: skip
        acks.note("depiction", shown, content.hex())
        assertion = catalogue.record_assertion(
            shown, source_id=source, scheme="inhope", label="baseline", facts={}, ground=Grade.SEEN, asserted_at=now,
            by=COMMAND, now=now,
        )  # fmt: skip
        acks.note("assertion", assertion, shown)
        said.append(assertion)
        if len(said) > 5 and rng.random() < 0.2:
            gone = said.pop(rng.randrange(len(said)))
            catalogue.revoke(gone, reason="a soak", by=COMMAND, now=now)
            acks.note("revocation", gone)
        time.sleep(0.01)


def take_in(acks: Acks, rng: random.Random) -> None:
    """Import one file after the other; the worker stages them."""
    home = Path(os.environ["VIGIE_HOME"])
    while True:
        now = datetime.now(UTC)
        name = f"importer {rng.randrange(10**9)}"
        source = catalogue.record_source(name, country="BE", organisation_id=None, by=COMMAND, now=now)
        rows = rng.randrange(200, 2000)
        file = home / f"{rng.randrange(10**9)}.csv"
        lines = (f"{rng.randbytes(32).hex()},inhope,national" for _ in range(rows))
        file.write_text("\n".join(["sha256,scheme,label", *lines]) + "\n")
        made = importing.start_import(file, source_id=source, options=importing.Options(), by=COMMAND, now=now)
        acks.note("import", made, rows)
        file.unlink()
        visible = rng.random() < 0.5
        while True:
            try:
                if visible:
                    importing.make_visible(made, by=COMMAND, now=datetime.now(UTC))
                else:
                    importing.cancel_import(made, reason="a soak", by=COMMAND, now=datetime.now(UTC))
                break
            except VigieError:  # not staged yet
                time.sleep(0.05)
        acks.note("visible" if visible else "cancelled", made)


def ask(acks: Acks, rng: random.Random) -> None:
    """Look up what others acknowledged, and strangers; note what was said to match."""
    port, token, listed = int(os.environ["BENCH_PORT"]), os.environ["BENCH_TOKEN"], Path(os.environ["BENCH_LISTED"])
    known: list[str] = []
    place = 0
    connection: http.client.HTTPConnection | None = None
    while True:
        if listed.exists():
            with listed.open() as file:
                file.seek(place)
                while (line := file.readline()).endswith("\n"):
                    entry = json.loads(line)
                    if entry[0] == "depiction":
                        known.append(entry[2])
                    place = file.tell()
        reference = f"upload {uuid.UUID(int=rng.getrandbits(128))}"
        content = rng.choice(known) if known and rng.random() < 0.5 else value(rng).hex()
        body = json.dumps({"items": [{"pdq": content, "ref": reference}]})
        try:
            connection = connection or http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("POST", "/v1/match", body, {"Authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            told = json.loads(answer.read())
        except (OSError, http.client.HTTPException):
            connection = None
            time.sleep(0.05)
            continue
        if answer.status == 200 and told["answers"][0]["verdict"] == "near":
            acks.note("matched", reference)
        elif answer.status == 200 and told["answers"][0]["verdict"] != "unknown":
            acks.note("surprise", told["answers"][0]["verdict"])
        elif answer.status != 200:
            acks.note("refused", answer.status)
        time.sleep(0.002)


def main() -> None:
    """Work until killed."""
    kind, acks, seed = sys.argv[1], Acks(Path(sys.argv[2])), int(sys.argv[3])
    {"write": write, "import": take_in, "ask": ask}[kind](acks, random.Random(seed))


if __name__ == "__main__":
    main()
