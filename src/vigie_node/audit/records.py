# SPDX-License-Identifier: Apache-2.0
"""The record of one event: its bytes, made one way only.

- A record is canonical JSON (RFC 8785 for what it holds: text, whole numbers, yes, no, nothing, lists of them): keys in
  order, no spaces, UTF-8. Its bytes are what is hashed; nothing is ever hashed that was made anew from columns.
- It holds ids, counts and states, nothing else. What looks like a fingerprint, a URL, a name or free text is refused:
  it could never be taken out again.
- The time is the one that was given, whatever the clock said before; the order of events is their sequence.
"""

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TypeAlias

from vigie_node.audit.events import Event
from vigie_node.base.actor import Actor

VERSION = 1
UNREADABLE = "UNREADABLE"  # the event of what was inserted and is no record
MAX_TEXT = 64
MAX_ITEMS = 1000
_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"
_TEXT = re.compile(r"[A-Za-z0-9_.:+/-]*")
_DIGEST = re.compile(r"(?:[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64})")
Plain: TypeAlias = "str | int | bool | list[str | int | bool | None] | None"


@dataclass(frozen=True, slots=True)
class Record:
    """One event as it was recorded; `details` are ids, counts and states."""

    id: uuid.UUID
    event: str
    subject: str
    actor: str
    organisation_id: uuid.UUID | None
    at: datetime
    details: Mapping[str, Plain]


def encode(
    event_id: uuid.UUID, event: Event, *, subject: object, by: Actor, at: datetime, details: Mapping[str, object]
) -> bytes:
    """Write the record of an event.

    Raises:  ValueError for what must not stand in the audit; it is a bug of the caller, whose message names no value.
    """
    if at.tzinfo is None:
        raise ValueError(f"{event}: the time has no zone")
    record = {
        "actor": str(by),
        "at": at.astimezone(UTC).strftime(_TIME),
        "details": {name: _plain(event, name, value) for name, value in details.items()},
        "event": event.value,
        "id": str(event_id),
        "organisation": str(by.organisation_id) if by.organisation_id else None,
        "subject": _text(event, "subject", str(subject)),
        "v": VERSION,
    }
    return _canonical(record)


def decode(record: bytes) -> Record:
    """Read a record.

    Raises:  ValueError where it is none, or not in the one form that there is.
    """
    try:
        found = json.loads(record)
        if found["v"] != VERSION or _canonical(found) != bytes(record):
            raise ValueError("not a canonical record")
        names = [found["event"], found["subject"], found["actor"]]
        if not all(isinstance(one, str) and len(one) <= MAX_TEXT and _TEXT.fullmatch(one) for one in names):
            raise ValueError("not a record of an event")
        return Record(
            id=uuid.UUID(found["id"]),
            event=found["event"],
            subject=found["subject"],
            actor=found["actor"],
            organisation_id=uuid.UUID(found["organisation"]) if found["organisation"] else None,
            at=datetime.strptime(found["at"], _TIME).replace(tzinfo=UTC),
            details=dict(found["details"]),
        )
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError("not a record of an event") from error


def read(record: bytes, *, leaf: bytes) -> Record:
    """Read a record, or stand in for what cannot be read: whatever was inserted gets its place in the audit.

    Whoever may insert events and nothing else could otherwise stop the sequencer with bytes of any sort.
    """
    try:
        return decode(record)
    except ValueError:
        return Record(uuid.UUID(bytes=leaf[:16]), UNREADABLE, "", "", None, datetime.fromtimestamp(0, UTC), {})


def _canonical(record: Mapping[str, object]) -> bytes:
    return json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def _plain(event: Event, name: str, value: object) -> Plain:
    if isinstance(value, list | tuple | set | frozenset):
        if len(value) > MAX_ITEMS:
            raise ValueError(f"{event}: `{name}` has more than {MAX_ITEMS} items")
        items = sorted(value, key=str) if isinstance(value, set | frozenset) else value
        return [_single(event, name, one) for one in items]
    return _single(event, name, value)


def _single(event: Event, name: str, value: object) -> str | int | bool | None:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if abs(value) >= 1 << 53:
            raise ValueError(f"{event}: `{name}` is too large for a count or a row number")
        return int(value)
    if isinstance(value, str | uuid.UUID):
        return _text(event, name, str(value))
    if isinstance(value, date):
        return _text(event, name, value.isoformat())
    raise ValueError(f"{event}: `{name}` is of a type that the audit does not take")


def _text(event: Event, name: str, text: str) -> str:
    if len(text) > MAX_TEXT or not _TEXT.fullmatch(text) or "//" in text or _DIGEST.fullmatch(text):
        raise ValueError(f"{event}: `{name}` is not an id, a state or a code; nothing else may stand in the audit")
    return text
