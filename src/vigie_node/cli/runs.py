# SPDX-License-Identifier: Apache-2.0
"""What the audit holds of the node's starts and stops.

- A start says with which version and which processes, and whether the run before it was stopped cleanly: after a power
  cut or a kill nothing could be recorded, so the next start says it.
- A file in the home stands from a start to the stop that was recorded. The supervisor's lock keeps it to one run.
- Both run in a child of the supervisor that has set up the site.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from django.db import transaction

from vigie import __version__
from vigie_node.audit import actions as audit
from vigie_node.audit.events import Event
from vigie_node.base.actor import Actor
from vigie_node.project.faces import Face


@transaction.atomic
def note_start(home: Path, *, faces: Sequence[Face], by: Actor, now: datetime) -> None:
    """Note that the node starts.

    Audit:   NODE_STARTED, with the version, the processes, and whether the last run was stopped cleanly.
    """
    audit.record(
        Event.NODE_STARTED, subject="node", by=by, at=now, version=__version__, faces=[face.value for face in faces],
        was_stopped_cleanly=not _mark(home).exists(),
    )  # fmt: skip
    transaction.on_commit(lambda: _mark(home).touch(mode=0o600))


@transaction.atomic
def note_stop(home: Path, *, by: Actor, now: datetime) -> None:
    """Note that the node was stopped, by a word rather than by a death.

    Audit:   NODE_STOPPED, with the version.
    """
    audit.record(Event.NODE_STOPPED, subject="node", by=by, at=now, version=__version__)
    transaction.on_commit(lambda: _mark(home).unlink(missing_ok=True))


def _mark(home: Path) -> Path:
    return home / "run" / "started"
