# SPDX-License-Identifier: Apache-2.0
"""The texts of keys and of enrolment links: make them, take them apart, hash them.

- A token is 256 random bits after a prefix that says what it is, so that a leaked one is recognised.
- Only its SHA-256 is stored; two hashes are compared in constant time.
- The token of an enrolment link stands after the # of the address: browsers send that part to nobody, so it is in no
  log of a server or a proxy, and a program that opens links on its own does not spend it.
"""

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field

_KEY = re.compile(r"vk_([0-9a-f]{8})_[A-Za-z0-9_-]{43}")
_LINK = re.compile(r"vl_[A-Za-z0-9_-]{43}")
ENROLMENT_PATH = "/enrol#"


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token just made; `text` is shown once and never again."""

    text: str = field(repr=False)
    prefix: str
    sha256: bytes = field(repr=False)


def new_key() -> NewToken:
    """Make the token of a key: vk_, eight hexadecimal digits, _, 43 characters of base64."""
    prefix = secrets.token_hex(4)
    text = f"vk_{prefix}_{_random()}"
    return NewToken(text, prefix, digest(text))


def new_link() -> NewToken:
    """Make the token of an enrolment link: vl_ and 43 characters of base64."""
    text = f"vl_{_random()}"
    return NewToken(text, "", digest(text))


def digest(text: str) -> bytes:
    """Return the SHA-256 of a token, 32 bytes."""
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()


def key_prefix(text: str) -> str | None:
    """Return the prefix of a key's token, or None where the text is no token."""
    found = _KEY.fullmatch(text)
    return found[1] if found else None


def link_token(text: str) -> str | None:
    """Return the token in what somebody pasted: the token itself or the whole link; None where there is none."""
    found = _LINK.search(text)
    return found[0] if found else None


def is_same(text: str, sha256: bytes) -> bool:
    """Tell in constant time whether a token has this hash."""
    return hmac.compare_digest(digest(text), sha256)


def enrolment_path(token: str) -> str:
    """Return the path of the link that carries a token."""
    return f"{ENROLMENT_PATH}{token}"


def _random() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()
