# SPDX-License-Identifier: Apache-2.0
"""The logins by which the faces meet PostgreSQL: made, and given their rights by the table of faces.py (ADR 0101).

- A face's login is member of nothing and owns nothing: no statement leads from it to the owner or to another face.
- Rights are taken away before they are given, so that a table moved to fewer hands is in fewer hands.
- The server gets the verifier of a password (SCRAM-SHA-256), never the password: its log cannot hold one.
- Where the owner may not make logins, the statements for an administrator are written to the node's home.
- SQLite has no logins: there the separation is that of URLs and loaded code.
"""

from collections.abc import Iterable, Mapping
from typing import LiteralString

import psycopg
from django.conf import settings
from django.db import ProgrammingError, connection, transaction
from psycopg import pq, sql
from psycopg.conninfo import make_conninfo

from vigie.errors import NotAllowedError, UnavailableError
from vigie_node.project.environment import secret
from vigie_node.project.faces import LOGINS, Face, grant_of, login_of, password_setting

_VERBS: dict[str, LiteralString] = {"S": "SELECT", "I": "INSERT", "U": "UPDATE", "D": "DELETE"}
_SECONDS = 10


class LoginsRefusedError(NotAllowedError):
    """The database does not let its owner make the faces' logins."""

    code = "node.logins-refused"


class LoginShutOutError(UnavailableError):
    """The login of a face does not get into the database."""

    code = "node.login-shut-out"


def passwords() -> dict[Face, str]:
    """Read the passwords of the faces' logins; empty where one was not made yet."""
    return {face: secret(password_setting(face)) for face in LOGINS}


def apply(given: Mapping[Face, str]) -> int:
    """Make the faces' logins with these passwords and set their rights; return how many tables are granted.

    Raises:  LoginsRefusedError; LoginShutOutError.
    """
    if connection.vendor != "postgresql":
        return 0
    for_administrator = settings.HOME / "run" / "logins.sql"
    if refused := [statement for face in LOGINS for statement in _make_login(face, password=given[face])]:
        for_administrator.write_text("".join(f"{one}\n" for one in refused))
        raise LoginsRefusedError(
            "the database user may not make the faces' logins: have an administrator of PostgreSQL run the statements "
            "in run/logins.sql of the node's home, then run `vigie-node migrate`; or give the user CREATEROLE"
        )
    for_administrator.unlink(missing_ok=True)
    granted = _grant()
    for face in LOGINS:
        check_login(face, password=given[face])
    return granted


def check_login(face: Face, *, password: str) -> None:
    """Meet the database as a face does.

    Raises:  LoginShutOutError; psycopg.OperationalError where the server does not answer.
    """
    own = {"user": name_of(face), "password": password, "connect_timeout": _SECONDS}
    reach = connection.get_connection_params() | own
    try:
        psycopg.connect(**reach).close()
    except psycopg.OperationalError as error:
        where = {name: reach[name] for name in ("host", "port") if name in reach}
        if pq.PGconn.ping(make_conninfo(**where).encode()) != pq.Ping.OK:
            raise
        raise LoginShutOutError(
            f"the login {own['user']} does not get into the database: run `vigie-node migrate`; if that says the same, "
            "have pg_hba.conf let it in with scram-sha-256"
        ) from error


def name_of(face: Face) -> str:
    """Return the name of a face's login in this database."""
    return login_of(face, database=str(connection.settings_dict["NAME"]))


def _make_login(face: Face, *, password: str) -> list[str]:
    """Make a login or give it its password again; return the statements where that is refused and it is shut out."""
    connection.ensure_connection()
    name, session = name_of(face), connection.connection
    verifier = session.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name])
        verb, login = sql.SQL("ALTER" if cursor.fetchone() else "CREATE"), sql.Identifier(name)
        statement = sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(verb, login, sql.Literal(verifier))
        try:
            with transaction.atomic():
                cursor.execute(statement)
        except ProgrammingError:
            try:
                check_login(face, password=password)
            except LoginShutOutError:
                database = sql.Identifier(str(connection.settings_dict["NAME"]))
                let_in = sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, login)
                return [f"{one.as_string(session)};" for one in (statement, let_in)]
    return []


@transaction.atomic
def _grant() -> int:
    tables = connection.introspection.table_names(include_views=False)
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema(), current_database()")
        schema, database = (sql.Identifier(name) for name in cursor.fetchone())
        # Logins of other nodes in this cluster have no business here.
        cursor.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
        for face in LOGINS:
            login = sql.Identifier(name_of(face))
            for what in ("TABLES", "SEQUENCES", "FUNCTIONS"):
                revoke = sql.SQL("REVOKE ALL ON ALL " + what + " IN SCHEMA {} FROM {}")
                cursor.execute(revoke.format(schema, login))
            cursor.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, login))
            cursor.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, login))
            _grant_tables(tables, face=face, login=login)
    return sum(grant_of(table) is not None for table in tables)


def _grant_tables(tables: Iterable[str], *, face: Face, login: sql.Identifier) -> None:
    for table in tables:
        grant = grant_of(table)
        verbs = [sql.SQL(_VERBS[letter]) for letter in grant.of(face)] if grant else []
        if not grant or not verbs:
            continue
        with connection.cursor() as cursor:
            statement = sql.SQL("GRANT {} ON {} TO {}").format(sql.SQL(", ").join(verbs), sql.Identifier(table), login)
            cursor.execute(statement)
            if "I" in grant.of(face):
                cursor.execute(
                    "SELECT s.relname FROM pg_class s JOIN pg_depend d ON d.objid = s.oid AND d.deptype IN ('a', 'i')"
                    " JOIN pg_class t ON t.oid = d.refobjid WHERE s.relkind = 'S' AND t.oid = to_regclass(%s)",
                    [f'"{table}"'],
                )
                for (sequence,) in cursor.fetchall():
                    cursor.execute(sql.SQL("GRANT USAGE ON SEQUENCE {} TO {}").format(sql.Identifier(sequence), login))
