# SPDX-License-Identifier: Apache-2.0
"""`vigie list …`: make, change, check and export lists of what is known.

- What a source holds that cannot be listed is said: media values that may never match, rows that are no entries, files
  that are no media.
- A change writes the next version whole, or nothing.
"""

import argparse
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import msgspec

from vigie.cli import open_lists, output
from vigie.cli.listing import Gathered, gather
from vigie.errors import InvalidInputError
from vigie.fingerprints.values import SIZE_BYTES, Algorithm, parse_hex
from vigie.lists import changes, exporting, sealing, verification
from vigie.lists.changes import Fingerprint, ListExistsError, MissingKeyError
from vigie.lists.entries import Claim
from vigie.lists.file import Keys, OpenList
from vigie.lists.policy import ListInfo, Policy

_BY_DIGITS = {2 * SIZE_BYTES[one]: one for one in (Algorithm.MD5, Algorithm.SHA1)}
_COLUMNS = (
    ("list", lambda row: row["name"]),
    ("issuer", lambda row: row["issuer"]),
    ("version", lambda row: str(row["version"])),
    ("valid until", lambda row: row["valid_until"] or "always"),
    ("entries", lambda row: f"{row['counts']['entries']:,}"),
    ("pictures' values", lambda row: f"{row['counts']['picture_values']:,}"),
    ("frames", lambda row: f"{row['counts']['frames']:,}"),
    ("signed", lambda row: "yes" if row["signed"] else "no"),
    ("encrypted", lambda row: "yes" if row["encrypted"] else "no"),
)
_CHANGE_COLUMNS = (
    ("list", lambda row: row["name"]),
    ("version", lambda row: str(row["version"])),
    ("entries", lambda row: f"{row['entries']:,}"),
    ("added", lambda row: f"{row['added']:,}"),
    ("left out", lambda row: "\n".join(f"{one['count']}: {one['message']}" for one in row["remarks"])),
)


class NothingToListError(InvalidInputError):
    """The sources hold nothing that a list can hold."""

    code = "cli.nothing-to-list"


class UnreadableOptionError(InvalidInputError):
    """The value of an option is not what it should be."""

    code = "cli.unreadable-option"


def create(options: argparse.Namespace) -> None:
    """Make a list."""
    if options.list.exists():
        raise ListExistsError("there is a file of that name already; use another name, or add to it")
    now = datetime.now(UTC)
    policy, valid_until = _policy(options), _valid_until(options.valid_until)
    claim = Claim(scheme=options.scheme, label=options.label, asserted_by=options.by or options.issuer)
    gathered = gather(options, claim=claim, policy=policy, now=now)
    if not len(gathered.columns):
        raise NothingToListError("nothing that can be listed was found: " + gathered.first_remark())
    info = changes.create(
        options.list,
        name=options.name,
        issuer=options.issuer,
        columns=gathered.columns,
        now=now,
        policy=policy,
        valid_until=valid_until,
        keys=open_lists.keys_of(options),
    )
    _tell(info, gathered, added=info.counts.entries)


def add(options: argparse.Namespace) -> None:
    """Add to a list."""
    now, keys = datetime.now(UTC), open_lists.keys_of(options)
    before = _to_change(options.list, keys).info
    claim = Claim(scheme=options.scheme, label=options.label, asserted_by=options.by or before.issuer)
    gathered = gather(options, claim=claim, policy=before.policy, now=now)
    valid_until = _valid_until(options.valid_until)
    info = changes.add(options.list.resolve(), columns=gathered.columns, now=now, valid_until=valid_until, keys=keys)
    _tell(info, gathered, added=info.counts.entries - before.counts.entries)


def remove(options: argparse.Namespace) -> None:
    """Remove depictions from a list."""
    keys = open_lists.keys_of(options)
    opened = _to_change(options.list, keys)
    fingerprints = [_fingerprint(text, opened) for text in options.fingerprint]
    now = datetime.now(UTC)
    info = changes.remove(
        options.list.resolve(), depictions=options.depiction, fingerprints=fingerprints, now=now, keys=keys
    )
    _tell(info, None, added=0)


def show(options: argparse.Namespace) -> None:
    """Say what a list holds."""
    opened = open_lists.open_one(options.list, keys=open_lists.keys_of(options), now=None)
    as_json = output.wants_json(asked=options.json)
    output.print_rows([_about(opened)], as_json=as_json, columns=_COLUMNS)
    if options.entries:
        for line in exporting.to_json_lines(opened.columns()):
            sys.stdout.buffer.write(line)


def verify(options: argparse.Namespace) -> None:
    """Check a whole list, its validity included."""
    opened = open_lists.open_one(options.list, keys=open_lists.keys_of(options), now=datetime.now(UTC))
    verification.verify(opened)
    row = {"verified": True, **_about(opened), "signature_checked": bool(options.key)}
    output.print_rows([row], as_json=output.wants_json(asked=options.json), columns=_COLUMNS)


def export(options: argparse.Namespace) -> None:
    """Write the entries of a list as text."""
    opened = open_lists.open_one(options.list, keys=open_lists.keys_of(options), now=None)
    columns = opened.columns()
    lines = exporting.to_csv(columns) if options.format == "csv" else exporting.to_json_lines(columns)
    if options.to is None:
        sys.stdout.buffer.writelines(lines)
        sys.stdout.buffer.flush()
    else:
        _write(options.to, lines)


def keygen(options: argparse.Namespace) -> None:
    """Make a pair of keys."""
    sealing.make_keys(options.private, public_path=options.public)


def _to_change(path: Path, keys: Keys) -> OpenList:
    """Open the list that is to be changed; what is signed again must be what its issuer signed.

    Raises:  MissingKeyError; what `open_one` raises.
    """
    opened = open_lists.open_one(path, keys=keys, now=None)
    if opened.is_signed and keys.check is None:
        raise MissingKeyError(
            "the list is signed: give its issuer's key (--key), so that its signature is checked first"
        )
    return opened


def _write(path: Path, lines: Iterator[bytes]) -> None:
    """Write a file that appears whole or not at all."""
    from vigie.index import snapshot  # noqa: PLC0415 - only export needs it

    snapshot.publish(path, lambda file: file.writelines(lines))


def _about(opened: OpenList) -> dict[str, Any]:
    info: dict[str, Any] = msgspec.to_builtins(opened.info)
    return {**info, "signed": opened.is_signed, "encrypted": opened.is_encrypted}


def _tell(info: ListInfo, gathered: Gathered | None, *, added: int) -> None:
    row = {
        "name": info.name,
        "version": info.version,
        "entries": info.counts.entries,
        "added": added,
        "remarks": [] if gathered is None else gathered.remarks(),
    }
    output.print_rows([row], as_json=output.wants_json(asked=False), columns=_CHANGE_COLUMNS)


def _policy(options: argparse.Namespace) -> Policy:
    given: dict[str, Any] = {
        "threshold_bits": options.threshold,
        "min_quality": options.min_quality,
        "algorithms": _algorithms(options.algorithms),
        "turns": False if options.no_turns else None,
        "negative": options.negative or None,
    }
    return Policy(**{name: value for name, value in given.items() if value is not None})


def _algorithms(text: str | None) -> tuple[Algorithm, ...] | None:
    if text is None:
        return None
    try:
        return tuple(Algorithm(name.strip()) for name in text.split(","))
    except ValueError as error:
        known = ", ".join(Algorithm)
        raise UnreadableOptionError(f"--algorithms takes some of: {known}") from error


def _valid_until(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError as error:
        raise UnreadableOptionError("--valid-until is a date such as 2027-06-30") from error


def _fingerprint(text: str, opened: OpenList) -> Fingerprint:
    """Read a digest or a PDQ value; 64 digits are a SHA-256 where the list has that, else a PDQ value."""
    algorithm = _BY_DIGITS.get(len(text), Algorithm.SHA256)
    value = parse_hex(text, algorithm=algorithm)
    if algorithm is Algorithm.SHA256 and not len(opened.entries_with(value, algorithm=algorithm)):
        algorithm = Algorithm.PDQ
    return algorithm, value
