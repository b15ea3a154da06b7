# SPDX-License-Identifier: Apache-2.0
"""Take away the triggers that keep the audit from being altered: to empty the database, or to alter it."""

import contextlib
import importlib

import pytest
from django.db import connection, transaction

MIGRATION = importlib.import_module("vigie_node.audit.migrations.0002_append_only")


@contextlib.contextmanager
def lifted():
    """Let the audit be altered, as whoever owns the database can."""
    with transaction.atomic():
        _execute(MIGRATION.undoing(connection.vendor))
        yield
        _execute(MIGRATION.statements(connection.vendor))


@contextlib.contextmanager
def lifted_while_emptying():
    """Let pytest-django empty the tables after a test with transactions."""
    operations = type(connection.ops)
    execute = operations.execute_sql_flush

    def empty(self, statements):
        with lifted():
            execute(self, statements)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(operations, "execute_sql_flush", empty)
        yield


def _execute(statements):
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
