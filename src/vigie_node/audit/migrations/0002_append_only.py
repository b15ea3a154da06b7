# SPDX-License-Identifier: Apache-2.0
"""Let the database refuse to change or delete what was put in order or signed.

A node's own mistakes stop here; whoever owns the database can drop a trigger, and is caught by `vigie-node audit verify`.
"""

from typing import ClassVar

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

TABLES = {"audit_event": "sequence", "audit_treehead": "size"}
SAYS = "the audit is append-only"
_POSTGRESQL_FUNCTION = f"""
CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '{SAYS}' USING ERRCODE = 'integrity_constraint_violation'; END $$
"""


def statements(vendor: str) -> list[str]:
    """Return the statements that make the triggers."""
    if vendor == "sqlite":
        refuse = f"BEGIN SELECT RAISE(ABORT, '{SAYS}'); END"
        # INSERT OR REPLACE deletes without a trigger for deleting.
        again = "INSERT ON {table} WHEN EXISTS (SELECT 1 FROM {table} WHERE {key} = NEW.{key})"
        return [
            statement
            for table, key in TABLES.items()
            for statement in (
                f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} {refuse}",
                f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} {refuse}",
                f"CREATE TRIGGER {table}_no_replace BEFORE {again.format(table=table, key=key)} {refuse}",
            )
        ]
    refuse = "EXECUTE FUNCTION audit_is_append_only()"
    return [
        _POSTGRESQL_FUNCTION,
        *(
            f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table} FOR EACH {each} {refuse}"
            for table in TABLES
            for verb, each in (("update", "ROW"), ("delete", "ROW"), ("truncate", "STATEMENT"))
        ),
    ]


def undoing(vendor: str) -> list[str]:
    """Return the statements that take the triggers away."""
    if vendor == "sqlite":
        return [f"DROP TRIGGER {table}_no_{verb}" for table in TABLES for verb in ("update", "delete", "replace")]
    return ["DROP FUNCTION audit_is_append_only() CASCADE"]


def _make(_: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    for statement in statements(editor.connection.vendor):
        editor.execute(statement)


def _undo(_: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    for statement in undoing(editor.connection.vendor):
        editor.execute(statement)


class Migration(migrations.Migration):
    """Make the triggers."""

    dependencies: ClassVar = [("audit", "0001_initial")]
    operations: ClassVar = [migrations.RunPython(_make, _undo)]
