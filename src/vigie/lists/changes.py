# SPDX-License-Identifier: Apache-2.0
"""Create a list, add to it, remove from it: each writes a new version, whole.

- A change is all or nothing: the file is either the version before or the version after.
- Two changes at once cannot lose one another: the second is refused, and says so.
- What is already on the list is not added twice; what is not on it cannot be removed.
- A signed list stays signed and an encrypted one encrypted, or the change is refused.
"""

import fcntl
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from vigie.errors import InvalidInputError, NotAllowedError, NotFoundError, WrongStateError
from vigie.fingerprints.values import Algorithm
from vigie.lists import columns as tables
from vigie.lists import file as list_file
from vigie.lists.columns import Columns
from vigie.lists.entries import DIGEST_ALGORITHMS
from vigie.lists.file import NO_KEYS, Keys, OpenList
from vigie.lists.policy import ListInfo, Policy, check_about

Fingerprint = tuple[Algorithm, bytes]


class ListExistsError(WrongStateError):
    """There is a file of that name already."""

    code = "lists.exists"


class ListInUseError(WrongStateError):
    """Another command is changing the list."""

    code = "lists.in-use"


class NotOnListError(NotFoundError):
    """What is to be removed is not on the list."""

    code = "lists.not-on-list"


class MissingKeyError(NotAllowedError):
    """The list is signed or encrypted, and the change would leave it open."""

    code = "lists.missing-key"


class WeakNegativeError(InvalidInputError):
    """A negative list names contents by SHA-256 and pictures by PDQ only: ADR-0021."""

    code = "lists.weak-negative"


def create(
    path: Path,
    *,
    name: str,
    issuer: str,
    columns: Columns,
    now: datetime,
    policy: Policy | None = None,
    valid_until: datetime | None = None,
    keys: Keys = NO_KEYS,
) -> ListInfo:
    """Write version 1 of a new list; equal entries are kept once.

    Raises:  ListExistsError; MalformedPolicyError; WeakNegativeError; OSError as `file.write`.
    """
    check_about(name=name, issuer=issuer, valid_until=valid_until)
    info = ListInfo(
        name=name,
        issuer=issuer,
        version=1,
        created_at=now.astimezone(UTC),
        valid_until=valid_until and valid_until.astimezone(UTC),
        policy=policy or Policy(),
        counts=list_file.counts_of(columns),
        recipes=(),
    )
    once = tables.join([columns])
    _check_negative(once, info.policy)
    try:
        return list_file.write(path, info=info, columns=once, keys=keys, may_replace=False)
    except FileExistsError as error:
        raise ListExistsError("there is a file of that name already; use another name, or add to it") from error


def add(
    path: Path, *, columns: Columns, now: datetime, valid_until: datetime | None = None, keys: Keys = NO_KEYS
) -> ListInfo:
    """Write the next version of a list with these entries after its own; nothing new writes nothing.

    A `valid_until` replaces the list's.
    Raises:  ListInUseError; MissingKeyError; WeakNegativeError; what `file.open_list` raises; OSError as `file.write`.
    """
    with _taken(path, keys=keys) as opened:
        before = opened.columns()
        after = tables.join([before, columns])
        _check_negative(after, opened.info.policy)
        if len(after) == len(before) and valid_until is None:
            return opened.info
        return _write_next(path, opened, after, now=now, valid_until=valid_until, keys=keys)


def remove(
    path: Path,
    *,
    depictions: Collection[str] = (),
    fingerprints: Collection[Fingerprint] = (),
    now: datetime,
    keys: Keys = NO_KEYS,
) -> ListInfo:
    """Write the next version of a list without the entries of these depictions, or with these fingerprints.

    Raises:  NotOnListError if one of them is not on the list; then nothing is removed. As `add` otherwise.
    """
    with _taken(path, keys=keys) as opened:
        before = opened.columns()
        found = [_of_depiction(before, one) for one in depictions]
        found += [_with_fingerprint(before, algorithm, value) for algorithm, value in fingerprints]
        missing = sum(not one.any() for one in found)
        if missing or not found:
            raise NotOnListError(f"{missing} of {len(found)} given are not on the list; nothing was removed")
        gone = np.logical_or.reduce(found)
        return _write_next(path, opened, tables.select(before, ~gone), now=now, valid_until=None, keys=keys)


def _write_next(
    path: Path, opened: OpenList, columns: Columns, *, now: datetime, valid_until: datetime | None, keys: Keys
) -> ListInfo:
    if (opened.is_signed and keys.sign is None) or (opened.is_encrypted and keys.encrypt is None):
        raise MissingKeyError("the list is signed or encrypted; give the keys to sign and encrypt the next version")
    check_about(name=opened.info.name, issuer=opened.info.issuer, valid_until=valid_until)
    info = msgspec.structs.replace(
        opened.info,
        version=opened.info.version + 1,
        created_at=now.astimezone(UTC),
        valid_until=valid_until.astimezone(UTC) if valid_until else opened.info.valid_until,
    )
    return list_file.write(path, info=info, columns=columns, keys=keys)


@contextmanager
def _taken(path: Path, *, keys: Keys) -> Iterator[OpenList]:
    """Hold the list against other changes while it is read, changed and written."""
    with path.open("rb") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ListInUseError("another command is changing this list; try again when it has finished") from error
        # The lock is on this file, not on its name: a version published in between has another.
        if not os.path.samestat(os.fstat(held.fileno()), path.stat()):
            raise ListInUseError("another command has just changed this list; try again")
        yield list_file.open_list(path, now=None, keys=keys)


def _of_depiction(columns: Columns, depiction: str) -> NDArray[np.bool_]:
    key, _ = tables.depiction_key(depiction)
    marked: NDArray[np.bool_] = (columns.entries["depiction"] == np.frombuffer(key, np.uint8)).all(axis=1)
    for number in np.flatnonzero(marked):
        marked[number] = tables.depiction_text(columns, int(number)) == depiction
    return marked


def _with_fingerprint(columns: Columns, algorithm: Algorithm, value: bytes) -> NDArray[np.bool_]:
    marked = np.zeros(len(columns), np.bool_)
    wanted = np.frombuffer(value, np.uint8)
    for table in [columns.digests[algorithm]] if algorithm in DIGEST_ALGORITHMS else [columns.pictures, columns.frames]:
        marked[table["entry"][(table["value"] == wanted).all(axis=1)]] = True
    return marked


def _check_negative(columns: Columns, policy: Policy) -> None:
    if not policy.negative:
        return
    strong = np.zeros(len(columns), np.bool_)
    for table in (columns.digests[Algorithm.SHA256], columns.pictures, columns.frames):
        strong[table["entry"]] = True
    if not strong.all():
        raise WeakNegativeError(
            f"{int((~strong).sum())} entries have neither SHA-256 nor PDQ; an MD5 or SHA-1 alone can be forged, and "
            "would let known material pass"
        )
