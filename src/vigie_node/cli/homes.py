# SPDX-License-Identifier: Apache-2.0
"""The home of a node: its folders and its secrets.

- Folders are for their owner alone (0700), secrets too (0600). What exists is kept: a secret is made once, and a second
  `init` mends only permissions that are too wide.
- Secrets are made here and shown to nobody; a setting or a file named by NAME_FILE stands before them (settings.py).
"""

import base64
import os
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from vigie_node.project import environment

FOLDERS = ("secrets", "indexes", "uploads", "run", "backups")


def _signing_key() -> str:
    key = ed25519.Ed25519PrivateKey.generate()
    return base64.b64encode(key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())).decode()


SECRETS: dict[str, Callable[[], str]] = {
    "secret_key": lambda: secrets.token_urlsafe(64),
    "field_key": lambda: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    "signing_key": _signing_key,
    "metrics_token": lambda: secrets.token_urlsafe(32),
}


def make(home: Path) -> list[str]:
    """Make what is missing of a home and return what was made, by name.

    Raises:  OSError where the place cannot be written.
    """
    made = []
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    home.chmod(0o700)
    for name in FOLDERS:
        folder = home / name
        folder.mkdir(mode=0o700, exist_ok=True)
        folder.chmod(0o700)
    for name, secret in SECRETS.items():
        if _write_once(home / "secrets" / name, secret):
            made.append(name)
    return made


def make_passwords(folder: Path, *, settings: Sequence[str]) -> None:
    """Make the passwords that these settings name, where they are set nowhere."""
    for name in settings:
        if not environment.secret(name):
            _write_once(folder / name.removeprefix("VIGIE_").lower(), lambda: secrets.token_urlsafe(32))


def is_made(home: Path) -> bool:
    """Say whether a home has every folder and secret."""
    return all((home / "secrets" / name).is_file() for name in SECRETS)


def _write_once(file: Path, secret: Callable[[], str]) -> bool:
    if file.exists():
        file.chmod(0o600)
        return False
    # Written whole or not at all: half a key would lock people out without saying why.
    draft = file.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="ascii") as out:  # noqa: PTH123 - the descriptor holds the permissions
        out.write(secret())
        out.flush()
        os.fsync(out.fileno())
    draft.rename(file)
    return True
