# SPDX-License-Identifier: Apache-2.0
"""Encrypt the secrets of second factors before they are stored.

- The key is the node's, outside of the database: who reads a backup reads no second factor.
- VIGIE_FIELD_KEY may hold several keys, parted by commas: the first encrypts, all decrypt, so that a key is changed by
  putting a new one in front.
- Without a key nothing is stored: a secret is never kept in clear.
"""

import base64
import functools
import hashlib

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from vigie.errors import UntrustedError

_PURPOSE = b"vigie_node.accounts: secrets of second factors\x00"


class NoFieldKeyError(UntrustedError):
    """The node has no key for the secrets of second factors."""

    code = "accounts.no-field-key"


class UnreadableSecretError(UntrustedError):
    """A stored secret was not encrypted with the node's key, or was changed."""

    code = "accounts.unreadable-secret"


def encrypt(text: str, *, keys: str) -> str:
    """Encrypt a secret with the first of the keys.

    Raises:  NoFieldKeyError.
    """
    return _cipher(keys).encrypt(text.encode()).decode()


def decrypt(text: str, *, keys: str) -> str:
    """Decrypt a secret with whichever of the keys encrypted it.

    Raises:  NoFieldKeyError; UnreadableSecretError.
    """
    try:
        return _cipher(keys).decrypt(text.encode()).decode()
    except InvalidToken as error:
        raise UnreadableSecretError("a second factor cannot be read with this node's key: set it up anew") from error


@functools.lru_cache(maxsize=4)
def _cipher(keys: str) -> MultiFernet:
    parts = [part.strip() for part in keys.split(",") if part.strip()]
    if not parts:
        raise NoFieldKeyError("the node has no key for second factors: set VIGIE_FIELD_KEY")
    return MultiFernet(
        [Fernet(base64.urlsafe_b64encode(hashlib.sha256(_PURPOSE + part.encode()).digest())) for part in parts]
    )
