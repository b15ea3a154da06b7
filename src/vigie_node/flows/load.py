# SPDX-License-Identifier: Apache-2.0
"""A scan comes back: what it saw becomes sightings, known and unknown alike, matched against what is known now.

1. Its rows are staged, in small transactions.
2. The index of what is known catches up with the last of them.
3. Its sightings are looked up as any content would be; what matches is kept.

- Killed at any moment it goes on where it stood.
- Results that cannot be read to their end are no load: what was staged of them is taken out, and the load says why.
"""

import time
import uuid
from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path

from vigie.errors import InvalidInputError, NotFoundError, UntrustedError
from vigie.evidence.results import Results
from vigie_node.base.actor import Actor
from vigie_node.matching import lookup
from vigie_node.sightings import asking, loading, scanned
from vigie_node.sightings.loading import UnderWay
from vigie_node.sightings.scanned import Seen
from vigie_node.sightings.states import LoadState

STEP_SECONDS = 5.0
ROWS = 100
MAX_VALUES = 1000  # in one transaction
MATCHED_AT_ONCE = 300


def step(*, load_id: uuid.UUID | None = None, by: Actor, now: datetime) -> bool:
    """Work on a load for a few seconds, and say whether more is to be done.

    Raises:  StaleIndexError, TooManyCandidatesError.
    """
    load = loading.under_way(load_id)
    if load is None:
        return False
    if load.state is LoadState.MATCHING:
        _match(load, by=by, now=now)
        return True
    try:
        _stage(load, now=now)
    except (UntrustedError, NotFoundError, InvalidInputError) as error:
        loading.fail_load(load.id, problem=error.code, by=by, now=now)
    return True


def _stage(load: UnderWay, *, now: datetime) -> None:
    until = time.monotonic() + STEP_SECONDS
    with Results.open(Path(load.folder)) as results:
        rows = results.rows(start=load.rows_done)
        while time.monotonic() < until:
            portion = list(islice(rows, ROWS))
            if not portion:
                loading.end_staging(load)
                return
            for seen in _in_small_parts(scanned.of_rows(portion, keeps_names=load.keeps_names)):
                if not loading.stage(load, seen, now=now):
                    return
                load = loading.moved_on(load, rows=len(seen))


def _in_small_parts(seen: Sequence[Seen | None]) -> list[list[Seen | None]]:
    """Divide rows so that no part has more values than fit a short transaction, unless one row alone has."""
    parts: list[list[Seen | None]] = [[]]
    values = 0
    for one in seen:
        own = 0 if one is None else len(one.questions)
        if parts[-1] and values + own > MAX_VALUES:
            parts.append([])
            values = 0
        parts[-1].append(one)
        values += own
    return parts


def _match(load: UnderWay, *, by: Actor, now: datetime) -> None:
    until, limit = time.monotonic() + STEP_SECONDS, MATCHED_AT_ONCE
    while time.monotonic() < until:
        slice_ = loading.next_to_match(load, limit=limit)
        if not slice_:
            loading.end_load(load.id, by=by, now=now)
            return
        decided_at = loading.position()
        lookup.of_catalogue().catch_up()
        claims = asking.matching_now(slice_)
        if loading.note_matched(load, slice_, claims, decided_at=decided_at, now=now):
            load = loading.moved_on(load, matched_to=slice_[-1])
            limit = min(MATCHED_AT_ONCE, 2 * limit)
            continue
        # A change overtook it, or another process, or it was stopped. A smaller slice is overtaken less often.
        limit = max(1, limit // 2)
        as_it_is = loading.under_way(load.id)
        if as_it_is is None or as_it_is.state is not LoadState.MATCHING:
            return
        load = as_it_is
