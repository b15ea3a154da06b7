# SPDX-License-Identifier: Apache-2.0
"""`vigie-node status`: how the node is, at one glance; exit 8 where something that should answer does not."""

import argparse

from django.conf import settings
from django.db import connection

from vigie.errors import UnavailableError
from vigie_node.alarms import queries as alarms
from vigie_node.audit import queries as audit
from vigie_node.changes import queries as changes
from vigie_node.cli import main, migrate, output, supervisor, up


class NotWellError(UnavailableError):
    """A face that should answer does not."""

    code = "node.not-well"


def register(groups: main.Groups) -> None:
    """Add the command."""
    main.add_command(groups, "status", "say how the node is", run=run, example="vigie-node status")


def run(options: argparse.Namespace) -> None:
    """Say what answers, what waits and what stands."""
    del options
    missing = migrate.pending()
    record: dict[str, object] = {"supervised": up.is_up(settings.HOME), "migrations_missing": len(missing)}
    faces = {
        face.value: "ready" if supervisor.answers(address, path="/readyz")
        else "not ready" if supervisor.answers(address) else "silent"
        for face, address in settings.ADDRESSES.items()
    }  # fmt: skip
    record["faces"] = faces
    if connection.vendor == "postgresql":
        record["database_logins"] = "one for each face" if settings.DATABASE_ROLES else "SHARED BY ALL FACES"
    if not missing:
        record |= {
            "alarms": alarms.standing_count(),
            "audit_waiting": audit.pending_count(),
            "position": changes.latest(),
        }
    lines = [f"  {name:10} {state}" for name, state in faces.items()]
    lines += [f"  {name}: {value}" for name, value in record.items() if name != "faces"]
    output.write(record, text="\n".join(lines))
    if any(state != "ready" for state in faces.values()):
        raise NotWellError("not every face is ready; start the node with `vigie-node up`, or look at its log")
