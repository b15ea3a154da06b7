# SPDX-License-Identifier: Apache-2.0
"""Signing a list and encrypting it at rest.

- A signature is Ed25519 over the file's header, and the header vouches for every byte after it.
- A key file is one line of text: what it is, a colon, the 32 raw bytes in base64. A private one is readable by its
  owner alone, and neither is ever written over.
- Encryption is age, over the whole file: to recipients' public keys or by a passphrase. What is decrypted stays in
  memory.
- Checking raises the reason or returns nothing; nothing is trusted because a check was impossible.
"""

import base64
import binascii
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pyrage  # type: ignore[import-untyped]
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from vigie.errors import InvalidInputError, UntrustedError, WrongStateError

PRIVATE_KEY_NAME = "vigie-ed25519-private-key"
PUBLIC_KEY_NAME = "vigie-ed25519-public-key"
_MAX_KEY_FILE_BYTES = 4096


class MalformedKeyError(InvalidInputError):
    """The file or text is not a key of the kind that was asked for."""

    code = "lists.malformed-key"


class KeyExistsError(WrongStateError):
    """A key is never written over: whatever it signed could no longer be extended."""

    code = "lists.key-exists"


class UnsignedListError(UntrustedError):
    """A key was given, and the list has no signature."""

    code = "lists.unsigned"


class UnknownIssuerError(UntrustedError):
    """The list was signed by none of the keys that were given."""

    code = "lists.unknown-issuer"


class CannotDecryptError(UntrustedError):
    """The list is encrypted to another key, or damaged."""

    code = "lists.cannot-decrypt"


def make_keys(private_path: Path, *, public_path: Path) -> None:
    """Make a new pair of keys and write each into its file.

    Raises:  KeyExistsError; OSError where a file cannot be written.
    """
    key = Ed25519PrivateKey.generate()
    if private_path.exists() or public_path.exists():
        raise KeyExistsError("there is a key file of that name already; choose another name")
    _write_key(private_path, PRIVATE_KEY_NAME, key.private_bytes_raw(), mode=0o600)
    _write_key(public_path, PUBLIC_KEY_NAME, key.public_key().public_bytes_raw(), mode=0o644)


def signer(private_path: Path) -> Callable[[bytes], bytes]:
    """Return what signs with the private key in a file.

    Raises:  MalformedKeyError; OSError where the file cannot be read.
    """
    return Ed25519PrivateKey.from_private_bytes(_read_key(private_path, PRIVATE_KEY_NAME)).sign


def checker(public_paths: Sequence[Path]) -> Callable[[bytes, bytes], None]:
    """Return what checks that content was signed with one of the keys in these files: `check(content, signature)`.

    Raises:  MalformedKeyError; OSError where a file cannot be read. What is returned raises UnsignedListError and
             UnknownIssuerError.
    """
    keys = [Ed25519PublicKey.from_public_bytes(_read_key(path, PUBLIC_KEY_NAME)) for path in public_paths]

    def check(content: bytes, signature: bytes) -> None:
        if not signature:
            raise UnsignedListError("the list is not signed; ask its issuer for the signed one")
        if not any(_was_signed(key, content, signature) for key in keys):
            raise UnknownIssuerError("the list was not signed with the given key; get it from its issuer")

    return check


def encrypter(*, recipients: Sequence[str] = (), passphrase: str | None = None) -> Callable[[bytes], bytes]:
    """Return what encrypts to age recipients (age1…), or by a passphrase.

    Raises:  MalformedKeyError if a recipient is not one, or if neither or both are given.
    """
    if bool(recipients) == bool(passphrase):
        raise MalformedKeyError("encryption needs either recipients or a passphrase")
    if passphrase:
        return lambda content: pyrage.passphrase.encrypt(content, passphrase)
    try:
        parsed = [pyrage.x25519.Recipient.from_str(recipient) for recipient in recipients]
    except pyrage.RecipientError as error:
        raise MalformedKeyError("this is not an age recipient; it begins with age1") from error
    return lambda content: pyrage.encrypt(content, parsed)


def decrypter(*, identities: Sequence[str] = (), passphrase: str | None = None) -> Callable[[bytes], bytes]:
    """Return what decrypts with age identities (AGE-SECRET-KEY-1…) or a passphrase.

    Raises:  MalformedKeyError if an identity is not one, or if neither or both are given. What is returned raises
             CannotDecryptError.
    """
    if bool(identities) == bool(passphrase):
        raise MalformedKeyError("decryption needs either identities or a passphrase")
    try:
        parsed = [pyrage.x25519.Identity.from_str(identity) for identity in identities]
    except pyrage.IdentityError as error:
        raise MalformedKeyError("this is not an age identity; it begins with AGE-SECRET-KEY-1") from error

    def decrypt(content: bytes) -> bytes:
        try:
            if passphrase:
                return bytes(pyrage.passphrase.decrypt(content, passphrase))
            return bytes(pyrage.decrypt(content, parsed))
        except pyrage.DecryptError as error:
            raise CannotDecryptError("the list does not open with this key or passphrase, or it is damaged") from error

    return decrypt


def _was_signed(key: Ed25519PublicKey, content: bytes, signature: bytes) -> bool:
    try:
        key.verify(signature, content)
    except InvalidSignature:
        return False
    return True


def _write_key(path: Path, name: str, raw: bytes, *, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    except FileExistsError as error:
        raise KeyExistsError("there is a key file of that name already; choose another name") from error
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{name}:{base64.b64encode(raw).decode()}\n")
        file.flush()
        os.fsync(file.fileno())


def _read_key(path: Path, name: str) -> bytes:
    with path.open("rb") as file:
        content = file.read(_MAX_KEY_FILE_BYTES)
    found, _, encoded = content.strip().partition(b":")
    try:
        raw = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        raw = b""
    if found != name.encode() or len(raw) != 32:
        raise MalformedKeyError(f"this is not a key file of the kind {name}")
    return raw
