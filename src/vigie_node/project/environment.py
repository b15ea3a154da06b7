# SPDX-License-Identifier: Apache-2.0
"""Read the node's settings and secrets: from the environment, from files, from the folder of secrets.

- A setting is the variable NAME, or what stands in the file that NAME_FILE names.
- A secret may also lie in the folder of secrets that `vigie-node init` fills, under its name without VIGIE_.
- Everything is read when it is asked for: a process holds the secrets that it asked for and no others.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit


def text(name: str, default: str = "") -> str:
    """Read a setting, or the file that NAME_FILE names.

    Raises:  ValueError, which names the setting.
    """
    file = os.environ.get(f"{name}_FILE")
    try:
        return Path(file).read_text().strip() if file else os.environ.get(name, default)
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{name}_FILE names no file that can be read") from error


def number(name: str, default: int) -> int:
    """Read a setting that is a whole number.

    Raises:  ValueError, which names the setting.
    """
    found = text(name, str(default))
    if not found.isdecimal():
        raise ValueError(f"{name} is a whole number")
    return int(found)


def one_of(name: str, choices: Sequence[str]) -> str:
    """Read a setting that is one of a few words; the first is the default.

    Raises:  ValueError, which names the setting.
    """
    found = text(name, choices[0])
    if found not in choices:
        raise ValueError(f"{name} is one of {', '.join(choices)}")
    return found


def secret(name: str) -> str:
    """Read a secret; empty where there is none."""
    file = secrets_folder() / name.removeprefix("VIGIE_").lower()
    return text(name) or (file.read_text().strip() if file.is_file() else "")


def home() -> Path:
    """Return the node's home."""
    return Path(text("VIGIE_HOME") or Path.home() / ".local/share/vigie-node").absolute()


def secrets_folder() -> Path:
    """Return the folder of secrets."""
    return Path(text("VIGIE_SECRETS") or home() / "secrets").absolute()


def forget_owner() -> None:
    """Take the login of the database's owner out of the environment of a face, which has one of its own."""
    url = urlsplit(text("VIGIE_DATABASE_URL"))
    if url.scheme not in {"", "sqlite"} and text("VIGIE_DATABASE_ROLES", "yes") == "yes":
        for name in ("VIGIE_DATABASE_URL", "VIGIE_DATABASE_PASSWORD"):
            os.environ.pop(name, None)
            os.environ.pop(f"{name}_FILE", None)
        os.environ["VIGIE_DATABASE_URL"] = url._replace(netloc=url.netloc.rpartition("@")[2]).geturl()
