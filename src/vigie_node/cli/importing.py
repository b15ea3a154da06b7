# SPDX-License-Identifier: Apache-2.0
"""`vigie-node import`: take a list of what is known into the catalogue, after a look at what it would change.

- Without --yes it asks before anything counts; with it, what refused lines say is told and the rest is taken in.
- A full replacement that takes words back asks for their number, or is given it with --revoking.
- An interruption loses nothing: the same import goes on, by the worker or by --go-on; or it is cancelled.
"""

import argparse
import sys
import time
import uuid
from datetime import UTC, datetime

from vigie.errors import InvalidInputError, NotAllowedError, UntrustedError, WrongStateError
from vigie.lists import sealing
from vigie.lists.file import NO_KEYS, Keys
from vigie_node.base.actor import COMMAND
from vigie_node.catalogue import import_queries, importing
from vigie_node.catalogue.import_queries import ImportRow
from vigie_node.catalogue.importing import Options
from vigie_node.catalogue.states import ImportState
from vigie_node.cli import main, output
from vigie_node.flows import take_in

_SHOWN_REFUSALS = 10
_WORDS = {
    "new": "new assertions",
    "superseding": "assertions that take the place of an earlier one",
    "unchanged": "assertions that are here already",
    "outdated": "assertions older than the one that is here",
    "repeated": "lines that repeat another",
    "stays_revoked": "assertions that were revoked here and stay revoked",
    "stays_disputed": "assertions that are disputed here and stay so",
    "overridden": "lines with a value that an override keeps from matching",
    "new_depictions": "new depictions",
    "new_fingerprints": "new fingerprints",
    "left_out": "values left out: they may never match",
    "refused": "lines refused",
    "revoking": "assertions taken back: the file no longer holds them",
}


class NothingNamedError(InvalidInputError):
    """Neither a file with its source nor an import is named."""

    code = "node.import-nothing-named"


class NotConfirmedError(NotAllowedError):
    """Nobody said yes."""

    code = "node.import-not-confirmed"


class ImportNotTakenInError(UntrustedError):
    """The file could not be taken in."""

    code = "node.import-not-taken-in"


class ImportStoppedError(WrongStateError):
    """Somebody cancelled the import."""

    code = "node.import-stopped"


def register(groups: main.Groups) -> None:
    """Add the command."""
    parser = main.add_command(
        groups,
        "import",
        "take a list of what is known into the catalogue",
        run=take,
        example="vigie-node import hashes.csv --source 'Example hotline' --scheme uk --label A",
    )
    parser.add_argument("file", type=main.path, metavar="FILE", nargs="?", help="a list of Vigie, CSV or JSON lines")
    parser.add_argument("--source", help="whose word it is: the name of an organisation")
    parser.add_argument("--country", default="", help="the two letters of its country, where it is not here yet")
    parser.add_argument("--scheme", default="", help="the classification scheme of lines that state none")
    parser.add_argument("--label", default="", help="their label in it")
    parser.add_argument("--list", default="", metavar="NAME", help="or the list of ours that such lines are put on")
    parser.add_argument("--full", action="store_true", help="take back what the source said before and this file lacks")
    parser.add_argument("--relays", action="store_true", help="the source may pass on the word of others")
    parser.add_argument("--sha256", default="", help="refuse the file if this is not its digest")
    parser.add_argument("--issuer-key", type=main.path, action="append", default=[], metavar="FILE",
                        help="refuse a list that was not signed with this public key; may be repeated")  # fmt: skip
    parser.add_argument("--yes", action="store_true", help="take it in without asking")
    parser.add_argument("--revoking", type=int, metavar="N", help="confirm that it takes back this many assertions")
    parser.add_argument("--later", action="store_true", help="leave it to the worker and to a look at the page")
    parser.add_argument("--go-on", type=uuid.UUID, metavar="ID", help="go on with an import that was interrupted")


def take(options: argparse.Namespace) -> None:
    """Take a file in."""
    import_id = options.go_on or _start(options)
    row = import_queries.one(import_id)
    if options.later:
        output.write({"import": import_id, "state": row.state}, text=f"waits for the worker: {import_id}")
        return
    output.progress(f"import {import_id}: staging")
    row = _stage(import_id)
    _tell(row)
    if row.state is ImportState.STAGED:
        _confirm(row, options)
        importing.make_visible(import_id, revoking=_revoking(row, options), by=COMMAND, now=datetime.now(UTC))
        row = import_queries.one(import_id)
    output.write({"import": row.id, "state": row.state, **row.counts}, text=f"It counts from now on: {row.id}")


def _start(options: argparse.Namespace) -> uuid.UUID:
    if options.file is None or not options.source:
        raise NothingNamedError("name a FILE and its --source, or an import to --go-on with")
    keys = Keys(check=sealing.checker(options.issuer_key)) if options.issuer_key else NO_KEYS
    return take_in.start(
        options.file,
        source=options.source,
        country=options.country,
        options=Options(
            scheme=options.scheme, label=options.label, bank=options.list, full=options.full, relays=options.relays,
            sha256=options.sha256,
        ),
        keys=keys,
        by=COMMAND,
        now=datetime.now(UTC),
    )  # fmt: skip


def _stage(import_id: uuid.UUID) -> ImportRow:
    """Stage the import to its end, here or by watching the worker."""
    began, said_at = time.monotonic(), 0.0
    try:
        while True:
            row = take_in.stage(import_id, by=COMMAND, now=datetime.now(UTC))
            if take_in.is_staged(row):
                break
            if time.monotonic() - said_at > 2:
                said_at = time.monotonic()
                rate = row.rows_done / max(said_at - began, 0.001)
                output.progress(f"{row.rows_done:,} of about {row.rows_total:,} lines, {rate:,.0f} a second")
    except KeyboardInterrupt:
        output.progress(f"Interrupted; go on with: vigie-node import --go-on {import_id}")
        raise
    if row.state is ImportState.FAILED:
        raise ImportNotTakenInError(f"the file was not taken in, nothing of it counts [{row.problem}]; mend it")
    if row.state is ImportState.CANCELLED:
        raise ImportStoppedError("somebody cancelled this import; nothing of it counts")
    return row


def _tell(row: ImportRow) -> None:
    """Say what the import changes, and what it refused."""
    for name, words in _WORDS.items():
        if row.counts.get(name):
            output.progress(f"{row.counts[name]:>12,} {words}")
    for one in import_queries.refusals(row.id, limit=_SHOWN_REFUSALS):
        output.progress(f"line {one.line}: {one.message} [{one.code}]")
    if row.counts.get("refused", 0) > _SHOWN_REFUSALS:
        output.progress("… and more; the page of the import shows them")


def _confirm(row: ImportRow, options: argparse.Namespace) -> None:
    if options.yes:
        return
    if sys.stdin.isatty():
        output.progress("Take it in? Type yes:")
        if sys.stdin.readline().strip() == "yes":
            return
    raise NotConfirmedError(f"nothing counts yet; say --yes with --go-on {row.id}, or decide on its page")


def _revoking(row: ImportRow, options: argparse.Namespace) -> int | None:
    if row.revoking and options.revoking is None and sys.stdin.isatty() and not options.yes:
        output.progress(f"It takes back {row.revoking} assertions. Type that number:")
        typed = sys.stdin.readline().strip()
        return int(typed) if typed.isdecimal() else None
    given: int | None = options.revoking
    return given
