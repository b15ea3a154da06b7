# SPDX-License-Identifier: Apache-2.0
"""A file comes in: it is staged, a person looks at what it would change, and it counts as a whole or not at all.

1. The file is copied and checked; its import waits for the worker.
2. The worker stages it, a moment at a time; nothing of it counts.
3. A person looks at the preview and makes it visible, or cancels it.
4. What is no longer needed is taken out, a little at a time.
"""

import uuid
from datetime import datetime
from pathlib import Path

from vigie.lists.file import NO_KEYS, Keys
from vigie_node.base.actor import NODE, Actor
from vigie_node.catalogue import actions as catalogue
from vigie_node.catalogue import import_queries, import_steps, importing
from vigie_node.catalogue.import_queries import ImportRow
from vigie_node.catalogue.importing import Options
from vigie_node.catalogue.states import ImportState


def start(
    path: Path,
    *,
    source: str,
    country: str = "",
    options: Options,
    keys: Keys = NO_KEYS,
    file_name: str = "",
    by: Actor,
    now: datetime,
) -> uuid.UUID:
    """Take a file over from the source of this name; return the import's id.

    Raises:  those of `importing.start_import`; MalformedEntryError for the source's name.
    """
    source_id = catalogue.record_source(source, country=country, by=by, now=now)
    return importing.start_import(
        path, source_id=source_id, options=options, keys=keys, file_name=file_name, by=by, now=now
    )


def step(now: datetime) -> bool:
    """Do a moment's work on whichever import waits; return whether more is to be done. The worker's job."""
    import_id = import_steps.claim(now=now)
    if import_id is None:
        return import_steps.clear_some(now=now)
    import_steps.stage_some(import_id, by=NODE, now=now)
    import_steps.release(import_id)
    return True


def stage(import_id: uuid.UUID, *, by: Actor, now: datetime) -> ImportRow:
    """Do a moment's work on one import, unless the worker is at it; return how far it is."""
    if import_steps.claim(now=now, import_id=import_id):
        import_steps.stage_some(import_id, by=by, now=now)
        import_steps.release(import_id)
    return import_queries.one(import_id)


def is_staged(row: ImportRow) -> bool:
    """Say whether there is nothing left to stage."""
    return row.state not in {ImportState.WAITING, ImportState.STAGING}
