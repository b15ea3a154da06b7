# SPDX-License-Identifier: Apache-2.0
"""The roles by which the faces meet PostgreSQL: made and given their rights by the table of faces.py.

- Rights are taken away before they are given, so that a table moved to fewer hands is in fewer hands.
- A role cannot log in: a face takes it on as it connects. An operator who wants one login a face makes it a member of
  its role, and gives each process its own VIGIE_DATABASE_URL.
- SQLite has no roles: there the separation is that of URLs and loaded code.
"""

from typing import LiteralString

from django.db import ProgrammingError, connection, transaction
from psycopg import sql

from vigie.errors import NotAllowedError
from vigie_node.project.faces import ROLES, Face, grant_of

_VERBS: dict[str, LiteralString] = {"S": "SELECT", "I": "INSERT", "U": "UPDATE", "D": "DELETE"}


class RolesRefusedError(NotAllowedError):
    """The database does not let this user make or grant the faces' roles."""

    code = "node.roles-refused"


@transaction.atomic
def apply() -> int:
    """Make the faces' roles and set their rights; return how many tables are granted.

    Raises:  RolesRefusedError.
    """
    if connection.vendor != "postgresql":
        return 0
    try:
        with transaction.atomic():
            _make_roles()
            return _grant()
    except ProgrammingError as error:
        raise RolesRefusedError(
            "the database user may not make the roles "
            f"{', '.join(ROLES.values())}: give it CREATEROLE, or make them and grant them to it WITH ADMIN OPTION"
        ) from error


def _make_roles() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", [list(ROLES.values())])
        present = {name for (name,) in cursor.fetchall()}
        for role in ROLES.values():
            if role not in present:
                cursor.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(role)))
            # Whoever makes a role may administer it, but from PostgreSQL 16 on not take it on without this.
            cursor.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(role)))


def _grant() -> int:
    tables = connection.introspection.table_names(include_views=False)
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        schema = sql.Identifier(cursor.fetchone()[0])
        for face, name in ROLES.items():
            role = sql.Identifier(name)
            for what in ("TABLES", "SEQUENCES", "FUNCTIONS"):
                revoke = sql.SQL("REVOKE ALL ON ALL " + what + " IN SCHEMA {} FROM {}")
                cursor.execute(revoke.format(schema, role))
            cursor.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, role))
            for table in tables:
                _grant_table(table, face=face, role=role)
    return sum(grant_of(table) is not None for table in tables)


def _grant_table(table: str, *, face: Face, role: sql.Identifier) -> None:
    grant = grant_of(table)
    verbs = [sql.SQL(_VERBS[letter]) for letter in grant.of(face)] if grant else []
    if not verbs:
        return
    with connection.cursor() as cursor:
        statement = sql.SQL("GRANT {} ON {} TO {}").format(sql.SQL(", ").join(verbs), sql.Identifier(table), role)
        cursor.execute(statement)
        if grant and "I" in grant.of(face):
            cursor.execute(
                "SELECT s.relname FROM pg_class s JOIN pg_depend d ON d.objid = s.oid AND d.deptype IN ('a', 'i')"
                " JOIN pg_class t ON t.oid = d.refobjid WHERE s.relkind = 'S' AND t.oid = to_regclass(%s)",
                [f'"{table}"'],
            )
            for (sequence,) in cursor.fetchall():
                cursor.execute(sql.SQL("GRANT USAGE ON SEQUENCE {} TO {}").format(sql.Identifier(sequence), role))
