# SPDX-License-Identifier: Apache-2.0
"""Nodes of their own for the tests of backups: each a home and a database, used through its commands only."""

import contextlib
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psycopg
from django.db import connection
from psycopg import sql

from node import commands

WRITER = """
import sys
import django
django.setup()
from datetime import UTC, datetime
from django.db import transaction
from vigie_node.audit import actions as audit
from vigie_node.base.actor import COMMAND, NODE
from vigie_node.catalogue import actions as catalogue
limit = int(sys.argv[1])
number = 0
while not limit or number < limit:
    number += 1
    now = datetime.now(UTC)
    catalogue.record_source(f"source {number}", country="BE", organisation_id=None, by=COMMAND, now=now)
    audit.sequence(by=NODE, now=now)
    print(number, flush=True)
"""
READER = """
import sys
import django
django.setup()
from django.db import connection
with connection.cursor() as cursor:
    for statement in sys.argv[1:]:
        cursor.execute(statement)
        if cursor.description:
            print(cursor.fetchone()[0])
"""


SEER = """
import sys
import django
django.setup()
from datetime import UTC, datetime, timedelta
from vigie_node.sightings.models import Sighting
now = datetime.now(UTC)
expires_at = now + timedelta(days=int(sys.argv[1]))
Sighting.objects.create(seen_at=now, place_kind="UPLOAD", expires_at=expires_at, created_at=now)
"""


@dataclass
class Node:
    home: Path
    settings: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments):
        return commands.run(self.home, *map(str, arguments), **self.settings)

    def records(self, *arguments):
        return commands.records(self.run(*arguments))

    def program(self, text, *arguments, **options):
        own = {"DJANGO_SETTINGS_MODULE": "vigie_node.project.settings", **self.settings}
        return subprocess.Popen(
            [sys.executable, "-c", text, *map(str, arguments)],
            env=commands.environment(self.home, **own), stdout=subprocess.PIPE, text=True, **options,
        )  # fmt: skip

    def write(self, count):
        """Record sources, one transaction each, and put their events in order."""
        with self.program(WRITER, count) as writer:
            writer.communicate()
        assert writer.returncode == 0

    def ask(self, *statements):
        """Run statements and return the first column of the first row of each that answers."""
        with self.program(READER, *statements) as reader:
            out, _ = reader.communicate()
        assert reader.returncode == 0
        return out.split()

    def django(self, *arguments):
        """Run a command of Django's."""
        with self.program("import sys; from django.core.management import execute_from_command_line as run; "
                          "run(['node', *sys.argv[1:]])", *arguments) as program:  # fmt: skip
            program.communicate()
        assert program.returncode == 0

    def see(self, *, expires_in_days):
        """Record a sighting that is kept so long."""
        with self.program(SEER, expires_in_days) as seer:
            seer.communicate()
        assert seer.returncode == 0

    @contextlib.contextmanager
    def busy(self):
        """Keep the node writing meanwhile; yields what reads the number acknowledged last."""
        with self.program(WRITER, 0) as writer:
            try:
                yield lambda: int(writer.stdout.readline())
            finally:
                writer.kill()


def make(folder, *, key=None, like=None):
    """Make an empty node, or a copy of another that is at rest; `key` is the file of the signing key that it shares."""
    settings = {"VIGIE_DATABASE_ROLES": "no"}
    if connection.vendor == "postgresql":
        settings["VIGIE_DATABASE_URL"] = _database(folder.name, like=like and like.home.name)
    node = Node(folder, settings)
    if like:
        shutil.copytree(like.home, folder)
    else:
        node.records("init")
    if key:
        (folder / "secrets" / "signing_key").write_text(key.read_text())
    return node


def _database(name, *, like):
    cluster = connection.settings_dict
    template = sql.Identifier(like or "template1")
    with psycopg.connect(host=cluster["HOST"], user=cluster["USER"], dbname="postgres", autocommit=True) as session:
        session.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        session.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), template))
    return f"postgresql://{cluster['USER']}@/{name}?host={quote(cluster['HOST'])}"
