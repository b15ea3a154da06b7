# SPDX-License-Identifier: Apache-2.0
"""What stops the start: a configuration with which the node would not be safe.

- Each is numbered and says what to do; `vigie-node up` and `serve` refuse to start on any (E), and tell of doubts (W).
- A check reads settings and files; the one that asks the database is asked for by `database`.
"""

import stat
from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connections

from vigie_node.project.faces import Face

TAG = "vigie"
SECRETS = ("SECRET_KEY", "FIELD_KEY", "SIGNING_KEY", "METRICS_TOKEN")
MIN_SECRET = 32
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@register(TAG)
def check(app_configs: Sequence[AppConfig] | None = None, **kwargs: Any) -> list[CheckMessage]:  # noqa: ANN401 - Django's
    """Return what is not safe about the settings and the node's home."""
    del app_configs, kwargs
    return [*_secrets(), *_files(), *_addresses(), *_site()]


def _secrets() -> Iterable[CheckMessage]:
    for name in SECRETS:
        if len(_secret(name)) < MIN_SECRET:
            hint = f"run `vigie-node init`, or set VIGIE_{name} or VIGIE_{name}_FILE to {MIN_SECRET} characters or more"
            yield Error(f"The secret {name} is missing or too short.", hint=hint, id="vigie.E001")
    folder: Path = settings.SECRETS
    for file in [folder, *sorted(folder.glob("*"))] if folder.is_dir() else []:
        if file.stat().st_mode & _OTHERS:
            hint = "run `chmod -R go= ` on the folder of secrets, and make new secrets if others had access"
            yield Error("A secret can be read by others on this machine.", hint=hint, id="vigie.E002")


def _secret(name: str) -> str:
    try:
        return str(getattr(settings, name))
    except ImproperlyConfigured:  # Django's own refusal of an empty SECRET_KEY
        return ""


def _files() -> Iterable[CheckMessage]:
    if settings.HOME.is_dir() and settings.HOME.stat().st_mode & _OTHERS:
        yield Error("The node's home is open to others.", hint="run `chmod go= ` on it", id="vigie.E008")
    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        for suffix in ("", "-wal", "-shm"):
            file = Path(f"{database['NAME']}{suffix}")
            # Below a home that is closed to others nobody reaches the file, whatever its own mode says.
            if file.is_file() and file.stat().st_mode & _OTHERS and not _is_closed(file.parent):
                hint = "run `chmod go= ` on the database file and what stands beside it"
                yield Error("The database file can be read by others.", hint=hint, id="vigie.E006")


def _is_closed(folder: Path) -> bool:
    return not folder.stat().st_mode & _OTHERS


def is_loopback(address: str) -> bool:
    """Say whether an address host:port can be reached from this machine only."""
    host = address.rpartition(":")[0].strip("[]")
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _addresses() -> Iterable[CheckMessage]:
    for face, address in settings.ADDRESSES.items():
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 1 << 16:
            hint = f"set VIGIE_{face.upper()}_ADDRESS to host:port, for example 127.0.0.1:8001"
            yield Error(f"The address of the face {face} is malformed.", hint=hint, id="vigie.E009")
        elif not is_loopback(address) and not settings.HTTPS:
            hint = "serve it behind a proxy that speaks HTTPS and set VIGIE_HTTPS=yes, or listen on 127.0.0.1"
            yield Error(f"The face {face} is public without HTTPS.", hint=hint, id="vigie.E003")


def _site() -> Iterable[CheckMessage]:
    if settings.DEBUG:
        yield Error("DEBUG shows the insides of the node to anybody.", hint="leave it off", id="vigie.E004")
    if not settings.ALLOWED_HOSTS or "*" in settings.ALLOWED_HOSTS:
        hint = "set VIGIE_HOSTS to the names under which the node is reached, with commas between"
        yield Error("The node answers to any name, or to none.", hint=hint, id="vigie.E005")


@register(Tags.database)
def database(
    app_configs: Sequence[AppConfig] | None = None,
    databases: Sequence[str] | None = None,
    **kwargs: Any,  # noqa: ANN401 - Django's
) -> list[CheckMessage]:
    """Refuse a serving face that meets PostgreSQL as a superuser: no right would bind it."""
    del app_configs, kwargs
    found: list[CheckMessage] = []
    for alias in databases or ():
        if settings.FACE == Face.COMMAND or connections[alias].vendor != "postgresql":
            continue
        try:
            with connections[alias].cursor() as cursor:
                cursor.execute("SELECT rolname = session_user, rolsuper FROM pg_roles"
                               " WHERE rolname IN (session_user, current_user)")  # fmt: skip
                supers = {"session" if is_session else "current" for is_session, is_super in cursor if is_super}
        except DatabaseError:
            found.append(Warning("The database does not answer.", hint="start it, or mend the URL", id="vigie.W010"))
            continue
        hint = "give the node a user of its own without SUPERUSER in VIGIE_DATABASE_URL"
        local = all(is_loopback(address) for address in settings.ADDRESSES.values())
        if "current" in supers or (supers and not local):
            found.append(Error("This face would be a superuser of the database.", hint=hint, id="vigie.E007"))
        elif supers:
            found.append(Warning("The database user is a superuser.", hint=hint, id="vigie.W007"))
    return found
