# SPDX-License-Identifier: Apache-2.0
"""`vigie-node migrate`: bring the database to the state that this version needs.

- One at a time; on PostgreSQL with limits: a lock that is not had at once is given up rather than queued in front of
  the readers, and a statement that runs too long is ended. Nothing is half done: a migration is one transaction.
- Never backwards: a database that a newer version has migrated is refused.
- It also makes the cache's table, and on PostgreSQL the faces' logins and their rights.
"""

import argparse
import contextlib
import fcntl
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from django.conf import settings
from django.core.management import call_command
from django.db import OperationalError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

from vigie.errors import UnavailableError, WrongStateError
from vigie_node.audit import actions as audit
from vigie_node.audit.events import Event
from vigie_node.base import locks
from vigie_node.base.actor import COMMAND
from vigie_node.cli import homes, main, output
from vigie_node.project import database_roles
from vigie_node.project.faces import LOGINS, password_setting

LOCK_SECONDS = 5
STATEMENT_SECONDS = 1800


class NewerDatabaseError(WrongStateError):
    """The database was migrated by a newer version of the node."""

    code = "node.newer-database"


class NotMigratedError(WrongStateError):
    """The database lacks migrations of this version."""

    code = "node.not-migrated"


class BusyDatabaseError(UnavailableError):
    """The database could not be migrated just now."""

    code = "node.database-busy"


def register(groups: main.Groups) -> None:
    """Add the command."""
    parser = main.add_command(
        groups,
        "migrate",
        "bring the database to the state that this version needs; never backwards",
        run=run,
        example="vigie-node migrate --check",
    )
    parser.add_argument("--check", action="store_true", help="change nothing; fail if something is missing")


def run(options: argparse.Namespace) -> None:
    """Migrate, or say what is missing."""
    missing = pending()
    if options.check:
        if missing:
            raise NotMigratedError(f"{len(missing)} migrations are missing: run `vigie-node migrate`")
        output.write({"missing": 0}, text="The database is as this version needs it.")
        return
    done = migrate()
    output.write({"applied": done}, text=f"Migrations applied: {len(done)}.")


def pending() -> list[str]:
    """Return the migrations that the database lacks, in order.

    Raises:  NewerDatabaseError; BusyDatabaseError.
    """
    with _answering():
        executor = MigrationExecutor(connection)
    ours = {label for label, _ in executor.loader.graph.nodes}
    known = set(executor.loader.disk_migrations) | set(executor.loader.replacements)
    unknown = [one for one in executor.loader.applied_migrations if one[0] in ours and one not in known]
    if unknown:
        raise NewerDatabaseError(
            "a newer version of the node has migrated this database: install that version, or restore a backup"
        )
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def unknown(labels: Sequence[str]) -> list[str]:
    """Return which migrations, as `app.name`, this version does not have."""
    loader = MigrationLoader(None, ignore_no_migrations=True)
    known = {f"{app}.{name}" for app, name in (*loader.disk_migrations, *loader.replacements)}
    return [one for one in labels if one not in known]


def migrate() -> list[str]:
    """Apply what is missing and return it.

    Audit:   NODE_MIGRATED, where something was applied.
    Raises:  NewerDatabaseError; BusyDatabaseError; database_roles.LoginsRefusedError; database_roles.LoginShutOutError.
    """
    with _alone():
        missing = pending()
        try:
            if missing:
                call_command("migrate", interactive=False, verbosity=0)
            call_command("createcachetable", verbosity=0)
        except OperationalError as error:
            raise BusyDatabaseError(
                "the database was busy or full; nothing of the last migration was kept: try again"
            ) from error
        if missing:
            with transaction.atomic():
                audit.record(Event.NODE_MIGRATED, subject="node", by=COMMAND, at=datetime.now(UTC), count=len(missing))
        if connection.vendor == "postgresql" and settings.DATABASE_ROLES:
            homes.make_passwords(settings.SECRETS, settings=[password_setting(face) for face in LOGINS])
            database_roles.apply(database_roles.passwords())
    return missing


@contextlib.contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        raise BusyDatabaseError(
            "the database does not answer: check that it runs, VIGIE_HOME, VIGIE_DATABASE_URL, who runs the command, "
            "and the free space; where there is no node yet, run `vigie-node init`"
        ) from error


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    if connection.vendor != "postgresql":
        descriptor = os.open(settings.HOME / "run" / "migrate.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)
        return
    with _answering():
        connection.ensure_connection()
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = '{LOCK_SECONDS}s'")
            cursor.execute("SELECT pg_advisory_lock(%s)", [locks.MIGRATION])
            cursor.execute(f"SET statement_timeout = '{STATEMENT_SECONDS}s'")
    except OperationalError as error:
        connection.close()
        raise BusyDatabaseError("somebody else migrates this database: wait for it, then try again") from error
    try:
        yield
    finally:
        # Ends the lock and the limits, also after an error that broke the connection.
        connection.close()
