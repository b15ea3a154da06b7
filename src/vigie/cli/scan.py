# SPDX-License-Identifier: Apache-2.0
"""`vigie scan`, `vigie report`, `vigie unknown`: trace a folder tree, and read what came of it.

- Ctrl-C ends a scan cleanly: what is finished is kept, and the command that goes on is printed.
- File names are hidden until asked for: names can harm too.
"""

import argparse
import os
import shlex
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from types import FrameType
from typing import Any

import msgspec

from vigie.cli import inputs, open_lists, output
from vigie.cli.output import Done, ProgressLine
from vigie.errors import WrongStateError
from vigie.evidence import report as pages
from vigie.evidence import scan as scans
from vigie.evidence.results import Amount, Results, ToLookAt
from vigie.fingerprints.sandbox import Limits
from vigie.index import snapshot
from vigie.matching.verdicts import Outcome

_INTERRUPTED = 130


class IncompleteScanError(WrongStateError):
    """The scan has nothing to show yet."""

    code = "cli.incomplete-scan"


_VERDICT_COLUMNS = (
    ("verdict", lambda row: row["verdict"]),
    ("files", lambda row: f"{row['files']:,}"),
    ("distinct contents", lambda row: f"{row['contents']:,}"),
    ("bytes", lambda row: "" if row["size_bytes"] is None else f"{row['size_bytes']:,}"),
)
_SUMMARY_COLUMNS = (
    ("files in the folder", lambda row: f"{row['files']:,}"),
    ("bytes", lambda row: f"{row['size_bytes']:,}"),
    ("verdicts, files in archives included", lambda row: _counted(row["verdicts"])),
    ("result", lambda row: row["result"]),
)
_UNKNOWN_COLUMNS = (
    ("why", lambda row: row["group"]),
    ("kind", lambda row: " ".join(filter(None, [row["kind"], row["format"]]))),
    ("bytes", lambda row: "" if row["size_bytes"] is None else f"{row['size_bytes']:,}"),
    ("copies", lambda row: str(row["copies"])),
    ("sha256", lambda row: (row["sha256"] or "")[:16]),
    ("reason", lambda row: row["reason"] or ""),
)
_NAME_COLUMN = ("file", lambda row: " > ".join([*row["container"], row["path"]]))


def scan_folder(options: argparse.Namespace) -> int:
    """Scan a folder, or go on with a scan that was interrupted."""
    now, workers = datetime.now(UTC), inputs.workers_of(options.workers)
    lists = open_lists.open_all(options.lists, options, now=now)
    line, last = ProgressLine("scan"), Done(0, 0, 0, 0)

    def tell(progress: scans.Progress) -> None:
        nonlocal last
        verdicts = _counted(progress.verdicts)
        last = Done(
            progress.files_done, progress.files_total or 0, progress.size_done, progress.size_total or 0, verdicts
        )
        line.tell(last)

    with _stopped_by_interrupt() as stop:
        summary = scans.run(
            options.folder,
            lists=lists,
            out=options.out,
            workers=workers,
            limits=Limits(),
            now=now,
            progress=tell,
            stop=stop,
            allow_unconfined=options.unconfined,
        )
    line.end(last if last.files else None)
    if not summary.complete:
        sys.stderr.write(f"vigie: interrupted; nothing finished is lost. Go on with:\n  {_command_line()}\n")
        return _INTERRUPTED
    if summary.was_complete:
        sys.stderr.write("vigie: this scan was complete already; this is its result\n")
    row = {"result": os.fspath(options.out), **msgspec.to_builtins(summary)}
    output.print_rows([row], as_json=output.wants_json(asked=False), columns=_SUMMARY_COLUMNS)
    return 0


def report(options: argparse.Namespace) -> None:
    """Summarise a result, and write its page where asked."""
    with Results.open(options.result) as results:
        _tell_incomplete(results)
        if options.html is not None:
            _write_page(options.html, pages.html(results, language=options.language, show_names=options.show_names))
        amounts = results.by_verdict()
        rows = [{"verdict": one.value, **_amount(amounts[one])} for one in Outcome if one in amounts]
        rows.append({"verdict": "all", **_amount(results.total())})
    output.print_rows(rows, as_json=output.wants_json(asked=options.json), columns=_VERDICT_COLUMNS)


def unknown(options: argparse.Namespace) -> None:
    """List the contents that people should look at."""
    with Results.open(options.result) as results:
        _tell_incomplete(results)
        rows = (_unknown_row(one, show_names=options.show_names) for one in results.unknown())
        columns = (*_UNKNOWN_COLUMNS, _NAME_COLUMN) if options.show_names else _UNKNOWN_COLUMNS
        output.print_rows(rows, as_json=output.wants_json(asked=options.json), columns=columns)


def _tell_incomplete(results: Results) -> None:
    """Say that a result is not all there is; refuse it where nothing of it can be shown yet.

    Raises:  IncompleteScanError.
    """
    if results.manifest.complete:
        return
    if not results.manifest.parts:
        raise IncompleteScanError("the scan was interrupted before its first part was written: repeat its command")
    sys.stderr.write("vigie: the scan is not complete; this is a part of it. Repeat its command to go on\n")


def _counted(verdicts: Mapping[str, int]) -> str:
    return ", ".join(f"{verdicts[one]:,} {one}" for one in Outcome if verdicts.get(one))


def _amount(amount: Amount) -> dict[str, Any]:
    return {"files": amount.files, "contents": amount.contents, "size_bytes": amount.size_bytes}


def _unknown_row(one: ToLookAt, *, show_names: bool) -> dict[str, Any]:
    row = one.row
    hexadecimal = {name: row[name] and bytes(row[name]).hex() for name in ("md5", "sha1", "sha256", "pdq")}
    return {
        "group": str(one.group),
        "copies": one.copies,
        "kind": row["kind"],
        "format": row["format"],
        "size_bytes": row["size_bytes"],
        **hexadecimal,
        "pdq_quality": row["pdq_quality"],
        "verdict": row["verdict"],
        "matches": row["matches"],
        "reason": row["reason"],
        "problem_code": row["problem_code"],
        "container": list(row["container"]) if show_names else None,
        "path": row["path"] if show_names else None,
    }


def _write_page(path: Path, page: str) -> None:
    snapshot.publish(path, lambda file: file.write(page.encode()))


@contextmanager
def _stopped_by_interrupt() -> Iterator[Event]:
    """Turn the first Ctrl-C into a request to stop; the second one interrupts at once."""
    stop = Event()

    def ask_to_stop(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before)
        sys.stderr.write("\nvigie: stopping; what is in work is finished first (Ctrl-C again to stop at once)\n")
        stop.set()

    before = signal.signal(signal.SIGINT, ask_to_stop)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


def _command_line() -> str:
    return shlex.join(["vigie", *sys.argv[1:]])
