# SPDX-License-Identifier: Apache-2.0
"""`python -m bench.node.inspection prepare|look`: set a node up for a campaign, and look at what is left of it.

- Runs in a process of its own, set up for the node by its environment; the answer is the last line of its output.
"""

import json
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import django

django.setup()

from django.conf import settings  # noqa: E402 - the node has to be set up first

from vigie_node.accounts import actions as accounts  # noqa: E402
from vigie_node.accounts import key_actions as keys  # noqa: E402
from vigie_node.accounts.roles import Scope  # noqa: E402
from vigie_node.audit import actions as audit  # noqa: E402
from vigie_node.audit.models import Event  # noqa: E402
from vigie_node.base.actor import COMMAND, NODE  # noqa: E402
from vigie_node.catalogue import list_actions as lists  # noqa: E402
from vigie_node.catalogue import models as catalogue  # noqa: E402
from vigie_node.catalogue.rules import Mode, Policy  # noqa: E402
from vigie_node.changes.models import Change  # noqa: E402
from vigie_node.matching import actions as matching  # noqa: E402
from vigie_node.matching import tables  # noqa: E402
from vigie_node.matching.lookup import Lookup  # noqa: E402
from vigie_node.sightings import models as sightings  # noqa: E402


def prepare() -> dict[str, Any]:
    """Make a list and a partner's key."""
    now = datetime.now(UTC)
    lists.create_list("baseline", title="Baseline", policy=Policy(mode=Mode.ON), reason="a soak", by=COMMAND, now=now)
    partner = accounts.create_organisation("A provider", country="BE", kind="PROVIDER", by=COMMAND, now=now)
    made = keys.create_key(
        partner, name="a soak", scopes={Scope.MATCH}, expires_at=None, per_minute=1_000_000,
        values_per_day=1_000_000_000, by=COMMAND, now=now,
    )  # fmt: skip
    return {"token": made.token}


def look(folder: str) -> dict[str, Any]:
    """Compare what was acknowledged with what is there, and what is there with itself."""
    while audit.sequence(by=NODE, now=datetime.now(UTC)):
        pass
    acknowledged = _read(Path(folder))
    lost = _lost(acknowledged)
    return {
        "acknowledged": {kind: len(entries) for kind, entries in sorted(acknowledged.items())},
        "lost": [f"{kind}: {count}" for kind, count in lost.items() if count],
        "disagreements": _disagreements(acknowledged),
    }


def _read(folder: Path) -> dict[str, list[list[str]]]:
    found: dict[str, list[list[str]]] = {}
    for file in sorted(folder.iterdir()):
        for line in file.read_text().splitlines():
            try:
                kind, *what = json.loads(line)
            except ValueError:
                continue  # a killed writer's last, half a line: nothing was acknowledged by it
            found.setdefault(kind, []).append(what)
    return found


def _lost(acknowledged: dict[str, list[list[str]]]) -> Counter[str]:
    """Count what was acknowledged and is not there."""
    there = {
        "depiction": {str(one) for one in catalogue.Depiction.objects.values_list("id", flat=True)},
        "assertion": {str(one) for one in catalogue.Assertion.objects.values_list("id", flat=True)},
        "revocation": {str(one) for one in catalogue.Revocation.objects.values_list("assertion_id", flat=True)},
        "matched": set(sightings.Sighting.objects.values_list("place", flat=True)),
        "import": {str(one) for one in catalogue.Import.objects.values_list("id", flat=True)},
        "visible": _imports("VISIBLE"),
        "cancelled": _imports("CANCELLED"),
    }
    events = set(Event.objects.values_list("subject", flat=True))
    lost: Counter[str] = Counter()
    for kind, found in there.items():
        for entry in acknowledged.get(kind, []):
            lost[kind] += entry[0] not in found
            if kind in {"depiction", "assertion", "import"}:
                lost[f"event of {kind}"] += entry[0] not in events
    return lost


def _imports(state: str) -> set[str]:
    return {str(one) for one in catalogue.Import.objects.filter(state=state).values_list("id", flat=True)}


def _disagreements(acknowledged: dict[str, list[list[str]]]) -> list[str]:
    """Say what does not agree with itself."""
    told = [f"an answer that was not to be: {what[0]}" for what in acknowledged.get("surprise", [])]
    rows = {entry[0]: int(entry[1]) for entry in acknowledged.get("import", [])}
    for visible in _imports("VISIBLE"):
        count = catalogue.Assertion.objects.filter(via_id=visible).count()
        if count != rows.get(visible, count):
            told.append(f"a visible import shows {count} of {rows[visible]} rows")
    positions = list(Change.objects.order_by("at", "position").values_list("position", flat=True))
    if len(set(positions)) != len(positions):
        told.append("the change log repeats a position")
    for table in (tables.CATALOGUE, tables.SEEN):
        index = Lookup(table, folder=settings.INDEXES, stale_after_seconds=1.0)
        if not matching.reconcile(index, by=NODE, now=datetime.now(UTC)):
            told.append(f"the index of {table.name} and the database differ")
    report = audit.verify(by=NODE, now=datetime.now(UTC))
    told += [f"audit: {fault.kind} at {fault.sequence}" for fault in report.faults]
    return told


if __name__ == "__main__":
    print(json.dumps(prepare() if sys.argv[1] == "prepare" else look(sys.argv[2])))
