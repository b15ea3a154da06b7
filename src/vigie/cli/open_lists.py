# SPDX-License-Identifier: Apache-2.0
"""The lists that a command was given: found, opened with their keys, or refused in one line."""

import argparse
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from vigie.errors import InvalidInputError, NotFoundError, VigieError
from vigie.lists.file import NO_KEYS, Keys, OpenList, open_list

_MAX_SECRET_BYTES = 65_536
_KEY_OPTIONS = ("key", "identity", "passphrase", "sign", "recipient", "encrypt_with")


class MissingListError(NotFoundError):
    """There is no list of that name."""

    code = "cli.missing-list"


class RepeatedListError(InvalidInputError):
    """One list is given twice."""

    code = "cli.repeated-list"


class UnusableSecretError(InvalidInputError):
    """A file does not hold the key, the identity or the passphrase that it should."""

    code = "cli.unusable-secret"


def keys_of(options: argparse.Namespace) -> Keys:
    """Read the keys that the options name.

    Raises:  UnusableSecretError; MalformedKeyError.
    """
    given = vars(options)
    if not any(given.get(name) for name in _KEY_OPTIONS):
        return NO_KEYS
    public, identities, passphrase = (given.get(name) for name in ("key", "identity", "passphrase"))
    sign, recipients, encrypt_with = (given.get(name) for name in ("sign", "recipient", "encrypt_with"))
    for path in [*(public or []), *(identities or []), *filter(None, [passphrase, sign, encrypt_with])]:
        if not path.is_file():
            raise UnusableSecretError("there is no file of that name with the key, identity or passphrase")
    from vigie.lists import sealing  # noqa: PLC0415 - cryptography costs its start-up where no key is given

    return Keys(
        check=sealing.checker(public) if public else None,
        sign=sealing.signer(sign) if sign else None,
        decrypt=sealing.decrypter(identities=_identities(identities or []), passphrase=_passphrase(passphrase))
        if identities or passphrase
        else None,
        encrypt=sealing.encrypter(recipients=recipients or [], passphrase=_passphrase(encrypt_with))
        if recipients or encrypt_with
        else None,
    )


def open_all(paths: Sequence[Path], options: argparse.Namespace, *, now: datetime) -> list[OpenList]:
    """Open each list, in the order given.

    Raises:  MissingListError, RepeatedListError; what `open_list` raises.
    """
    keys = keys_of(options)
    opened: list[OpenList] = []
    for number, path in enumerate(paths, 1):
        try:
            opened.append(open_one(path, keys=keys, now=now))
        except VigieError as error:
            if len(paths) == 1:
                raise
            raise type(error)(f"list {number} of {len(paths)}: {error}") from error
    if len({one.snapshot.header_bytes for one in opened}) < len(opened):
        raise RepeatedListError("a list is given twice: each of its matches would count twice; name it once")
    return opened


def open_one(path: Path, *, keys: Keys, now: datetime | None) -> OpenList:
    """Open one list; without `now` a stale one too.

    Raises:  MissingListError; what `open_list` raises.
    """
    if not path.is_file():
        raise MissingListError("there is no list of that name: check the path, or make one with `vigie list create`")
    opened = open_list(path, now=now, keys=keys)
    if opened.is_signed and keys.check is None:
        sys.stderr.write("vigie: the list is signed; give its issuer's key (--key) to have the signature checked\n")
    return opened


def _identities(paths: Sequence[Path]) -> list[str]:
    lines = [line.strip() for path in paths for line in _secret(path).splitlines()]
    found = [line for line in lines if line and not line.startswith("#")]
    if paths and not found:
        raise UnusableSecretError("the file holds no age identity; it has a line that begins with AGE-SECRET-KEY-1")
    return found


def _passphrase(path: Path | None) -> str | None:
    if path is None:
        return None
    lines = _secret(path).splitlines()
    if not lines or not lines[0].strip():
        raise UnusableSecretError("the file holds no passphrase; it stands on the first line")
    return lines[0].strip()


def _secret(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_SECRET_BYTES).decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnusableSecretError("the file with the identity or the passphrase is not text") from error
