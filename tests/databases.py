# SPDX-License-Identifier: Apache-2.0
"""The node's environment while tests run: its own home, its own keys, SQLite or a PostgreSQL started for the run.

It is set before Django reads the settings, which happens once in a process.
"""

import contextlib
import os
import tempfile
from pathlib import Path
from urllib.parse import quote

import postgres
from vigie_node.cli import homes

KINDS = ["sqlite", "postgres"]


@contextlib.contextmanager
def environment(kind):
    """Set the node's environment for a run on this kind of database."""
    with contextlib.ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vigie-node-")))
        homes.make(home)
        url = stack.enter_context(postgres.running()) if kind == "postgres" else f"sqlite://{home / 'node.sqlite3'}"
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "vigie_node.project.settings",
            "VIGIE_DATABASE_URL": url,
            "VIGIE_HOME": str(home),
            "VIGIE_HTTPS": "no",
            "VIGIE_DATABASE_ROLES": "no",
        }
        yield


def url(connection):
    """Return the URL of the database that a connection of Django has, for a process of the node."""
    settings = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite://{settings['NAME']}"
    return f"postgresql://{settings['USER']}@/{settings['NAME']}?host={quote(settings['HOST'])}"
