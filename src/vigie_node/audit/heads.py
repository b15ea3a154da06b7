# SPDX-License-Identifier: Apache-2.0
"""Signed heads: what the node says its audit was, in a form that an outsider can keep and check.

- The signed text is a checkpoint (C2SP tlog-checkpoint): origin, size and root, a line each, then lines of our own with
  the chain's last hash and the time. The signature is Ed25519, in a signed note (C2SP signed-note).
- The origin names the key, so that a head of another node or of an earlier key is told apart.
- A head that was given away is one small JSON file; whoever has it can tell later whether the audit was altered.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from vigie.errors import InvalidInputError, UntrustedError
from vigie.lists.sealing import PRIVATE_KEY_NAME, PUBLIC_KEY_NAME

FORMAT = "vigie-audit-head/1"
_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"
_ED25519_NOTE = b"\x01"


class NoSigningKeyError(InvalidInputError):
    """The node has no key to sign its audit with, or what it has is none."""

    code = "audit.no-signing-key"


class MalformedHeadError(InvalidInputError):
    """The file is not a head of an audit."""

    code = "audit.malformed-head"


class FalseHeadError(UntrustedError):
    """The head was signed by another key, or altered."""

    code = "audit.false-head"


@dataclass(frozen=True, slots=True)
class Head:
    """What is signed: the tree over the first `size` events, the chain up to there, and when."""

    size: int
    root: bytes
    chain_hash: bytes
    signed_at: datetime
    key_id: str

    def text(self) -> bytes:
        """Return the text that is signed."""
        lines = [
            f"vigie-audit/{self.key_id}",
            str(self.size),
            _base64(self.root),
            f"chain {_base64(self.chain_hash)}",
            f"signed {self.signed_at.astimezone(UTC).strftime(_TIME)}",
        ]
        return ("\n".join(lines) + "\n").encode("ascii")


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A head with its signature."""

    head: Head
    signature: bytes

    def note(self, key: Ed25519PublicKey) -> str:
        """Return the head as a signed note, for whoever follows logs with other programs."""
        name = f"vigie-audit/{self.head.key_id}"
        prefix = hashlib.sha256(name.encode() + b"\n" + _ED25519_NOTE + key.public_bytes_raw()).digest()[:4]
        return f"{self.head.text().decode()}\n— {name} {_base64(prefix + self.signature)}\n"


class Signer:
    """Signs heads with the node's key."""

    def __init__(self, secret: str) -> None:
        self._key = _private_key(secret)
        self.public_key = self._key.public_key()
        self.key_id = key_id(self.public_key)

    def __repr__(self) -> str:
        return f"<Signer {self.key_id}>"

    def sign(self, *, size: int, root: bytes, chain_hash: bytes, now: datetime) -> SignedHead:
        """Sign a head."""
        head = Head(size, root, chain_hash, now, self.key_id)
        return SignedHead(head, self._key.sign(head.text()))


def new_signing_key() -> str:
    """Make a key for the setting VIGIE_SIGNING_KEY, in one line of text."""
    return f"{PRIVATE_KEY_NAME}:{_base64(Ed25519PrivateKey.generate().private_bytes_raw())}"


def key_id(key: Ed25519PublicKey) -> str:
    """Return the name of a key: the first 16 hexadecimal digits of the SHA-256 of its 32 bytes."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


def public_key(line: str) -> Ed25519PublicKey:
    """Read a public key from its line of text.

    Raises:  MalformedHeadError.
    """
    name, _, encoded = line.strip().partition(":")
    raw = _decoded(encoded)
    if name != PUBLIC_KEY_NAME or len(raw) != 32:
        raise MalformedHeadError(f"this is not a key of the kind {PUBLIC_KEY_NAME}")
    return Ed25519PublicKey.from_public_bytes(raw)


def public_line(key: Ed25519PublicKey) -> str:
    """Write a public key as its line of text."""
    return f"{PUBLIC_KEY_NAME}:{_base64(key.public_bytes_raw())}"


def keyring(keys: Iterable[Ed25519PublicKey]) -> dict[str, Ed25519PublicKey]:
    """Return keys by their names."""
    return {key_id(one): one for one in keys}


def check(signed: SignedHead, *, trusted: Mapping[str, Ed25519PublicKey]) -> None:
    """Check the signature of a head against the keys that are trusted, by name.

    Raises:  FalseHeadError.
    """
    key = trusted.get(signed.head.key_id)
    if key is None:
        raise FalseHeadError("the head was signed with a key that is not trusted here; give that key if it should be")
    try:
        key.verify(signed.signature, signed.head.text())
    except InvalidSignature as error:
        raise FalseHeadError("the signature of the head is false") from error


def export(signed: SignedHead, *, key: Ed25519PublicKey) -> str:
    """Write a head as the JSON that is given to outsiders."""
    head = signed.head
    fields = {
        "format": FORMAT,
        "size": head.size,
        "root": _base64(head.root),
        "chain": _base64(head.chain_hash),
        "signed_at": head.signed_at.astimezone(UTC).strftime(_TIME),
        "key_id": head.key_id,
        "public_key": public_line(key),
        "signature": _base64(signed.signature),
        "note": signed.note(key),
    }
    return json.dumps(fields, ensure_ascii=False, indent=2) + "\n"


def load(text: str | bytes) -> SignedHead:
    """Read a head from its JSON; its signature is not checked yet.

    Raises:  MalformedHeadError.
    """
    try:
        fields = json.loads(text)
        if fields["format"] != FORMAT or not isinstance(fields["size"], int) or not isinstance(fields["key_id"], str):
            raise MalformedHeadError("this is not a head of an audit, or of a later form")
        signed_at = datetime.strptime(fields["signed_at"], _TIME).replace(tzinfo=UTC)
        root, chain, signature = (_decoded(fields[name]) for name in ("root", "chain", "signature"))
    except (ValueError, KeyError, TypeError) as error:
        raise MalformedHeadError("this is not a head of an audit") from error
    if [len(root), len(chain), len(signature)] != [32, 32, 64] or fields["size"] < 0:
        raise MalformedHeadError("this is not a head of an audit")
    return SignedHead(Head(fields["size"], root, chain, signed_at, fields["key_id"]), signature)


def _private_key(secret: str) -> Ed25519PrivateKey:
    name, _, encoded = secret.strip().rpartition(":")
    raw = _decoded(encoded)
    if name not in {"", PRIVATE_KEY_NAME} or len(raw) != 32:
        raise NoSigningKeyError(
            "the audit has no key to sign with: set VIGIE_SIGNING_KEY, or let `vigie-node init` make one"
        )
    return Ed25519PrivateKey.from_private_bytes(raw)


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _decoded(text: object) -> bytes:
    try:
        return base64.b64decode(str(text), validate=True)
    except (binascii.Error, ValueError):
        return b""
