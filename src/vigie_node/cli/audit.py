# SPDX-License-Identifier: Apache-2.0
"""`vigie-node audit`: give the signed head away, verify the audit, prove one event of it.

- `verify` exits 0 only for an audit in which nothing is wrong; what is wrong is listed with its place, exit 6.
- A file is written beside its name and renamed into place: a head or proof is there whole, or not at all.
"""

import argparse
import base64
import json
import os
import sys
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

from vigie.errors import NotFoundError, UntrustedError
from vigie_node.audit import actions, heads, merkle, queries
from vigie_node.audit.faults import Fault, FaultKind
from vigie_node.base.actor import COMMAND
from vigie_node.cli import main, output

PROOF_FORMAT = "vigie-audit-proof/1"
_TELL_EVERY_SECONDS = 5.0

SAYS = {
    FaultKind.CHANGED: "a row is not what was recorded",
    FaultKind.DROPPED: "rows are missing",
    FaultKind.EDGE: "the kept edge of the tree is not that of the rows",
    FaultKind.FALSE_HEAD: "the signature of a stored head is false",
    FaultKind.FALSE_OUTSIDE_HEAD: "the head given is not signed by a key that is trusted here",
    FaultKind.HEAD_DISAGREES: "rows in this range were rewritten, and the chain after them",
    FaultKind.INSERTED: "a row was put in between",
    FaultKind.REORDERED: "rows stand in another order than recorded",
    FaultKind.REPEATED: "an event stands here a second time",
    FaultKind.SHORTER_THAN_OUTSIDE_HEAD: "the head given covers more events than there are",
    FaultKind.UNKNOWN_KEY: "a stored head is signed by another key; give it with --key if it is an earlier one",
    FaultKind.UNLIKE_OUTSIDE_HEAD: "the events up to here are not those of the head given",
    FaultKind.UNSIGNED: "rows that no head covers: put in by another than the sequencer",
}


class AuditFaultsError(UntrustedError):
    """The audit is not what was recorded and signed."""

    code = "audit.faults"


class UnknownEventError(NotFoundError):
    """No event in order has this number or id."""

    code = "audit.unknown-event"


def register(groups: main.Groups) -> None:
    """Add the group."""
    parser: argparse.ArgumentParser = groups.add_parser(
        "audit",
        help="verify and export the audit",
        description="Verify the audit, give its signed head away, prove one event of it.",
        epilog="Example: vigie-node audit verify --against head-2026-03-01.json",
        formatter_class=main.Help,
    )
    commands = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    head = main.add_command(
        commands,
        "head",
        "write the last signed head, for an outsider to keep",
        run=write_head,
        example="vigie-node audit head --out head.json",
    )
    head.add_argument("--out", type=main.path, metavar="FILE", help="the file to write (default: standard output)")
    verify = main.add_command(
        commands,
        "verify",
        "verify every event, the chain, the tree and every signed head",
        run=verify_audit,
        example="vigie-node audit verify --against head-2026-03-01.json",
    )
    verify.add_argument(
        "--against", action="append", default=[], type=main.path, metavar="FILE",
        help="a head or proof given away earlier; may be repeated",
    )  # fmt: skip
    verify.add_argument(
        "--key", action="append", default=[], type=main.path, metavar="FILE",
        help="an earlier public key of the node that is trusted; may be repeated",
    )  # fmt: skip
    prove = main.add_command(
        commands,
        "prove",
        "write the proof that an event is in the audit, to be checked without the node",
        run=prove_event,
        example="vigie-node audit prove 4711 --out proof.json",
    )
    prove.add_argument("event", metavar="EVENT", help="its sequence number or its id")
    prove.add_argument("--since", type=main.path, metavar="FILE", help="also prove that this head only grew")
    prove.add_argument("--out", type=main.path, metavar="FILE", help="the file to write (default: standard output)")


def write_head(options: argparse.Namespace) -> None:
    """Write the last head."""
    _write(actions.export_head(by=COMMAND, now=datetime.now(UTC)), options.out)


def verify_audit(options: argparse.Namespace) -> None:
    """Verify the audit and list what is wrong."""
    against = [_head_of(path.read_bytes()) for path in options.against]
    keys = [heads.public_key(path.read_text("ascii", errors="replace")) for path in options.key]
    report = actions.verify(keys=keys, against=against, progress=_Progress(), by=COMMAND, now=datetime.now(UTC))
    for fault in report.faults:
        output.write(_fault(fault), text=_line(fault))
    summary = {
        "events": report.size,
        "heads": report.head_count,
        "unsequenced": report.pending,
        "against": len(against),
        "faults": report.fault_count,
        "is_whole": report.is_whole,
    }
    output.write(
        summary,
        text=f"{report.size} events, {report.head_count} signed heads, {report.pending} not yet in order, "
        f"{len(against)} heads from outside: {report.fault_count} faults.",
    )
    if not report.is_whole:
        raise AuditFaultsError("the audit is not what was recorded and signed: keep everything as it is, and ask why")


def prove_event(options: argparse.Namespace) -> None:
    """Write the proof of an event, once it was checked."""
    sequence = _sequence(options.event)
    found = actions.prove(sequence, by=COMMAND, now=datetime.now(UTC)) if sequence else None
    if found is None:
        raise UnknownEventError("no event in order has this number or id; the last one may wait a second for its place")
    head = found.head.head
    merkle.check_inclusion(
        merkle.leaf_hash(found.record), index=found.sequence - 1, size=head.size, path=found.path, root=head.root
    )
    key = actions.signer().public_key
    heads.check(found.head, trusted=heads.keyring([key]))
    proof = {
        "format": PROOF_FORMAT,
        "sequence": found.sequence,
        "record": found.record.decode("utf-8", errors="replace"),
        "record_base64": _base64(found.record),
        "path": [_base64(one) for one in found.path],
        "head": json.loads(heads.export(found.head, key=key)),
    }
    if options.since:
        proof["since"] = _growth(heads.load(options.since.read_bytes()), head)
    _write(json.dumps(proof, ensure_ascii=False, indent=2) + "\n", options.out)


def _growth(old: heads.SignedHead, head: heads.Head) -> dict[str, object]:
    found = queries.consistency(old.head.size)
    if found is None or found[0].head != head:
        raise merkle.FalseProofError("the earlier head covers more events than there are, or the audit grew: try again")
    merkle.check_consistency(
        old_size=old.head.size, old_root=old.head.root, size=head.size, root=head.root, path=found[1]
    )
    return {"size": old.head.size, "root": _base64(old.head.root), "path": [_base64(one) for one in found[1]]}


def _sequence(event: str) -> int | None:
    if event.isdecimal():
        return int(event) if len(event) <= 18 else None
    try:
        return queries.sequence_of(uuid.UUID(event))
    except ValueError as error:
        raise UnknownEventError("an event is named by its number, or by its id") from error


def _head_of(text: bytes) -> heads.SignedHead:
    """Read a head, or the head within a proof."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise heads.MalformedHeadError("this is not a head of an audit") from error
    if isinstance(found, dict) and found.get("format") == PROOF_FORMAT:
        return heads.load(json.dumps(found.get("head")))
    return heads.load(text)


def _fault(fault: Fault) -> dict[str, object]:
    return {"fault": fault.kind.value, "sequence": fault.sequence, "last": fault.last or fault.sequence}


def _line(fault: Fault) -> str:
    where = f"{fault.sequence} to {fault.last}" if fault.last > fault.sequence else str(fault.sequence)
    moved = "; the rows after them were moved up" if fault.is_renumbered else ""
    return f"{fault.kind.value:<26} {where:>20}  {SAYS[fault.kind]}{moved}"


def _write(text: str, path: Path | None) -> None:
    if path is None:
        sys.stdout.write(text)
        return
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


class _Progress:
    """Tells every few seconds how far the verification is."""

    def __init__(self) -> None:
        self._began = self._told = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._told < _TELL_EVERY_SECONDS:
            return
        self._told = now
        rate = done / (now - self._began)
        output.progress(f"{done} of {total} events, {rate:.0f} a second, {(total - done) / rate:.0f} s left")
