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

import psycopg
from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection

from vigie_node.project import database_roles
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


def database(*, faces: Sequence[Face]) -> list[CheckMessage]:
    """Refuse what would let a face do more in PostgreSQL than it may, and a face whose login is shut out."""
    if connection.vendor != "postgresql":
        return []
    try:
        return [*_shut_out(faces)] or [*_rights(faces)]
    except (DatabaseError, psycopg.OperationalError):
        return [Warning("The database does not answer.", hint="start it, or mend the URL", id="vigie.W010")]


def _shut_out(faces: Iterable[Face]) -> Iterable[CheckMessage]:
    known = database_roles.passwords() if settings.DATABASE_ROLES else {}
    for face in faces if known else ():
        try:
            database_roles.check_login(face, password=known[face])
        except database_roles.LoginShutOutError as error:
            yield Error(f"The face {face} cannot work:", hint=str(error), id="vigie.E010")


def _rights(faces: Iterable[Face]) -> Iterable[CheckMessage]:
    """Say where a login of a face has more than the rights of a face."""
    with connection.cursor() as cursor:
        shared = [connection.connection.info.user]
        logins = [database_roles.name_of(face) for face in faces] if settings.DATABASE_ROLES else shared
        cursor.execute(
            "SELECT bool_or(rolsuper), bool_or(EXISTS (SELECT FROM pg_tables WHERE schemaname = current_schema()"
            " AND pg_has_role(rolname, tableowner, 'MEMBER'))) FROM pg_roles WHERE rolname = ANY(%s)",
            [logins],
        )
        is_superuser, is_owner = cursor.fetchone()
    if is_superuser and not all(is_loopback(address) for address in settings.ADDRESSES.values()):
        hint = "give the node a user of its own without SUPERUSER in VIGIE_DATABASE_URL"
        yield Error("A face would be a superuser of the database.", hint=hint, id="vigie.E007")
    elif is_owner:
        hint = "set VIGIE_DATABASE_ROLES=yes, let no face's login own a table or be in another role, and migrate"
        kind, number = (Error, "E011") if settings.DATABASE_ROLES else (Warning, "W011")
        yield kind(
            "A face would own tables of the database: nothing there holds it back.", hint=hint, id=f"vigie.{number}"
        )
