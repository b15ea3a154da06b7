# SPDX-License-Identifier: Apache-2.0
"""`vigie-node load`: take the results of a scan into the node as sightings.

- The legal basis and the expiry are required: what is unknown is kept on a ground and for a time, or not at all.
- An interruption loses nothing: the same command goes on, and so does the worker.
"""

import argparse
import uuid
from datetime import UTC, date, datetime, time, timedelta

from vigie.errors import InvalidInputError, WrongStateError
from vigie_node.base.actor import COMMAND
from vigie_node.cli import main, output
from vigie_node.flows import load as flow
from vigie_node.sightings import actions as sightings
from vigie_node.sightings import legal_bases, queries
from vigie_node.sightings.states import LoadState


class ExpiryNotUnderstoodError(InvalidInputError):
    """The expiry is neither a day nor a number of days."""

    code = "node.expiry-not-understood"


class LoadStoppedError(WrongStateError):
    """The load was stopped, or its results could not be read to their end."""

    code = "node.load-stopped"


def register(groups: main.Groups) -> None:
    """Add the command."""
    parser = main.add_command(
        groups,
        "load",
        "take the results of a scan in as sightings, known and unknown alike",
        run=load,
        example="vigie-node load RESULTS --case 2026-0147 --basis criminal-investigation --expires 365d",
    )
    parser.add_argument("results", type=main.path, metavar="RESULTS", help="the folder that `vigie scan` wrote")
    parser.add_argument("--case", required=True, help="the case that it belongs to")
    parser.add_argument("--exhibit", default="", help="the exhibit that was scanned")
    parser.add_argument("--basis", required=True, help=f"the legal basis: {', '.join(legal_bases.bases())}")
    parser.add_argument("--expires", required=True, help="until when it is kept: a day (2027-06-30) or days (365d)")
    parser.add_argument("--country", default="", help="the two letters of the country where it was seized")
    parser.add_argument("--keep-names", action="store_true", help="keep the names of the files too")
    parser.add_argument("--later", action="store_true", help="leave the work to the node's worker")


def load(options: argparse.Namespace) -> None:
    """Start a load and work on it to its end."""
    now = datetime.now(UTC)
    load_id = sightings.start_load(
        options.results,
        case=options.case,
        exhibit=options.exhibit,
        basis=options.basis,
        expires_at=expiry(options.expires, now=now),
        country=options.country,
        keeps_names=options.keep_names,
        by=COMMAND,
        now=now,
    )
    while not options.later and flow.step(load_id=load_id, by=COMMAND, now=datetime.now(UTC)):
        _say(load_id)
    row = queries.load(load_id)
    if row.state in {LoadState.CANCELLED, LoadState.FAILED}:
        raise LoadStoppedError(f"the load was stopped ({row.problem or row.state.lower()}); nothing of it is kept")
    kept, matched = row.counts.get("kept", 0), row.counts.get("matched", 0)
    output.write(
        {"load": load_id, "state": row.state, "rows": row.rows_done, **row.counts},
        text=f"{row.state.lower()}: {row.rows_done:,} rows, {kept:,} kept, {matched:,} of them known ({load_id})",
    )


def expiry(text: str, *, now: datetime) -> datetime:
    """Read an expiry: the end of a day, or so many days from now.

    Raises:  ExpiryNotUnderstoodError.
    """
    try:
        if text.endswith("d"):
            return now + timedelta(days=int(text[:-1]))
        return datetime.combine(date.fromisoformat(text), time.max, UTC)
    except (ValueError, OverflowError) as error:
        raise ExpiryNotUnderstoodError("write the expiry as a day (2027-06-30) or as days (365d)") from error


def _say(load_id: uuid.UUID) -> None:
    row = queries.load(load_id)
    output.progress(f"{row.state.lower()}: {row.rows_done:,} of {row.rows_total:,} rows")
