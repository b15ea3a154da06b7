# SPDX-License-Identifier: Apache-2.0
"""What a PostgreSQL that serves a node may go through: no room, a crash, being away."""

import contextlib
import os
import signal
import time
from pathlib import Path

import psycopg

from node import commands


@contextlib.contextmanager
def no_room(cluster):
    """Have the server refuse new rows in the words of a disk that is full."""
    with psycopg.connect(f"postgresql://vigie@/node?host={cluster}", autocommit=True) as connection:
        connection.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$"
        )
        for table in ("catalogue_depiction", "sightings_sighting", "audit_event"):
            connection.execute(f"CREATE TRIGGER refuse BEFORE INSERT ON {table} EXECUTE FUNCTION refuse()")
        try:
            yield
        finally:
            connection.execute("DROP FUNCTION refuse CASCADE")


def crash(cluster):
    """Kill one server process: PostgreSQL ends all connections and recovers."""
    postmaster = int((cluster / "postmaster.pid").read_text().splitlines()[0])
    for pid in commands.children(postmaster):
        if b"postgres: vigie_node_" in Path(f"/proc/{pid}/cmdline").read_bytes():
            os.kill(pid, signal.SIGKILL)
            return
    raise AssertionError("no server process of the node")


@contextlib.contextmanager
def away(cluster):
    """Take the database away: no new connection gets in, and those there are end."""
    (socket,) = (one for one in cluster.glob(".s.PGSQL.*") if not one.name.endswith(".lock"))
    hidden = socket.with_name("hidden")
    with psycopg.connect(f"postgresql://vigie@/postgres?host={cluster}", autocommit=True) as connection:
        socket.rename(hidden)
        for _ in range(3):
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'node'")
            time.sleep(0.1)
    try:
        yield
    finally:
        hidden.rename(socket)
