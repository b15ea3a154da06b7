# SPDX-License-Identifier: Apache-2.0
"""A node on a PostgreSQL of its own, whatever the other tests run on: its roles, and what it lives through."""

import contextlib
import os
import signal
import time
from pathlib import Path

import psycopg
import pytest
from psycopg import errors, sql

import postgres
from node import commands
from vigie_node.base import locks
from vigie_node.project.faces import ROLES, Face, grant_of


@pytest.fixture(scope="module")
def cluster():
    """A cluster, with a database for a user who is no superuser."""
    with postgres.running() as url:
        folder = Path(url.partition("host=")[2])
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE ROLE node LOGIN CREATEROLE")
            connection.execute("CREATE DATABASE node OWNER node")
        yield folder


@pytest.fixture(scope="module")
def url(cluster):
    return f"postgresql://node@/node?host={cluster}"


@pytest.fixture(scope="module")
def home(url, tmp_path_factory):
    home = tmp_path_factory.mktemp("node") / "home"
    (made,) = commands.records(commands.run(home, "init", VIGIE_DATABASE_URL=url))
    assert made["migrations"] > 10
    return home


@pytest.fixture
def as_face(home, url):
    """A way to meet the database as a face does."""
    with contextlib.ExitStack() as stack:
        yield lambda face: stack.enter_context(psycopg.connect(url, options=f"-c role={ROLES[face]}", autocommit=True))


def tables(connection):
    found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1").fetchall()
    return [name for (name,) in found]


def first_column(connection, table):
    return connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0"
        " AND attidentity = '' AND NOT attisdropped ORDER BY attnum DESC LIMIT 1",
        [f'"{table}"'],
    ).fetchone()[0]


def may(connection, verb, table):
    column = sql.Identifier(first_column(connection, table))
    statement = {
        "S": sql.SQL("SELECT count(*) FROM {0}"),
        "I": sql.SQL("INSERT INTO {0} ({1}) SELECT NULL WHERE false"),
        "U": sql.SQL("UPDATE {0} SET {1} = NULL WHERE false"),
        "D": sql.SQL("DELETE FROM {0} WHERE false"),
    }[verb].format(sql.Identifier(table), column)
    try:
        connection.execute(statement)
    except errors.InsufficientPrivilege:
        return False
    except errors.DatatypeMismatch:
        return True
    return True


class TestRoles:
    @pytest.mark.parametrize("face", ROLES)
    def test_are_exactly_what_the_table_of_grants_says(self, as_face, face):
        connection = as_face(face)
        wrong = []
        for table in tables(connection):
            granted = grant_of(table).of(face)
            for verb in "SI":
                if may(connection, verb, table) != (verb in granted):
                    wrong.append((table, verb))
            # To change or delete rows that a condition picks, PostgreSQL wants to let them be read as well.
            for verb in "UD":
                if may(connection, verb, table) != (verb in granted):
                    wrong.append((table, verb))
        assert wrong == []

    def test_let_the_public_face_leave_an_event(self, as_face):
        connection = as_face(Face.PUBLIC)
        connection.execute("INSERT INTO audit_pendingevent (record) VALUES ('x')")
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute("INSERT INTO audit_pendingevent (record) VALUES ('x') RETURNING number")

    @pytest.mark.parametrize(
        "statement",
        ["SELECT value FROM catalogue_fingerprint", "SELECT secret_sha256 FROM accounts_key", "DROP TABLE cache",
         "SELECT record FROM audit_pendingevent", "TRUNCATE audit_event", "CREATE TABLE x (y int)",
         "ALTER TABLE alarms_alarm DISABLE TRIGGER ALL", "COPY catalogue_fingerprint TO STDOUT",
         "SELECT lo_import('/etc/passwd')", "SELECT nextval('catalogue_fingerprint_id_seq')"],
    )  # fmt: skip
    def test_refuse_the_public_face_everything_else(self, as_face, statement):
        with pytest.raises((errors.InsufficientPrivilege, errors.InsufficientPrivilege)):
            as_face(Face.PUBLIC).execute(statement)

    @pytest.mark.parametrize("face", ROLES)
    def test_let_no_face_alter_the_audit(self, as_face, face):
        connection = as_face(face)
        for statement in ("UPDATE audit_event SET actor = ''", "DELETE FROM audit_event", "DELETE FROM audit_treehead"):
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(statement)

    @pytest.mark.parametrize("face", ROLES)
    def test_come_back_after_reset(self, as_face, face):
        connection = as_face(face)
        connection.execute("RESET ROLE")
        assert connection.execute("SELECT current_user").fetchone()[0] == ROLES[face]

    def test_are_set_anew_by_each_migration(self, home, url, as_face):
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("GRANT SELECT ON catalogue_fingerprint TO vigie_public")
        commands.records(commands.run(home, "migrate", VIGIE_DATABASE_URL=url))
        assert not may(as_face(Face.PUBLIC), "S", "catalogue_fingerprint")

    def test_that_cannot_be_made_are_asked_for(self, cluster, tmp_path):
        with psycopg.connect(f"postgresql://vigie@/postgres?host={cluster}", autocommit=True) as connection:
            connection.execute("CREATE ROLE weak LOGIN")
            connection.execute("CREATE DATABASE weak OWNER weak")
        done = commands.run(tmp_path / "home", "init", VIGIE_DATABASE_URL=f"postgresql://weak@/weak?host={cluster}")
        assert done.returncode == 4
        assert "[node.roles-refused]" in done.stderr
        assert "CREATEROLE" in done.stderr


class TestMigrate:
    def test_gives_up_rather_than_wait_behind_another(self, home, url):
        with psycopg.connect(url, autocommit=True) as other:
            other.execute("SELECT pg_advisory_lock(%s)", [locks.MIGRATION])
            done = commands.run(home, "migrate", VIGIE_DATABASE_URL=url)
        assert done.returncode == 8
        assert "[node.database-busy]" in done.stderr


class TestSuperuser:
    def test_is_refused_to_a_public_face(self, cluster, home, tmp_path):
        where = commands.addresses() | {"VIGIE_PUBLIC_ADDRESS": "0.0.0.0:18000", "VIGIE_HTTPS": "yes"}
        url = f"postgresql://vigie@/node?host={cluster}"
        done = commands.run(home, "serve", "public", VIGIE_DATABASE_URL=url, **where)
        assert done.returncode == 4
        assert "[vigie.E007]" in done.stderr


class TestUp:
    def test_runs_with_a_role_for_each_face(self, home, url, cluster):
        with commands.up(home, VIGIE_DATABASE_URL=url) as node:
            assert node.read_until("state")["state"] == "up"
            commands.wait_for(lambda: all(node.get(face, "/readyz")[0] == 200 for face in ("PUBLIC", "ANALYST")))
            commands.wait_for(lambda: node.get("PARTNER", "/readyz")[0] == 200)
            assert node.end() < 5

    def test_comes_back_by_itself_when_the_database_crashed(self, home, url, cluster):
        with commands.up(home, VIGIE_DATABASE_URL=url) as node:
            node.read_until("state")
            commands.wait_for(lambda: node.get("PARTNER", "/readyz")[0] == 200)
            crash(cluster)
            commands.wait_for(lambda: all(node.get(f, "/readyz")[0] == 200 for f in ("PUBLIC", "ANALYST", "PARTNER")))
            wait_until_sequenced(url)
            assert node.process.poll() is None
            node.end()
            assert "[node.process-died]" not in node.process.stderr.read()

    def test_says_so_while_the_database_is_away_and_recovers(self, home, url, cluster):
        with commands.up(home, VIGIE_DATABASE_URL=url) as node:
            node.read_until("state")
            commands.wait_for(lambda: node.get("PARTNER", "/readyz")[0] == 200)
            with away(cluster):
                for face in ("PUBLIC", "ANALYST", "PARTNER"):
                    status, body = commands.wait_for(lambda face=face: not_ready(node, face))
                    assert (status, '"database": "away"' in body) == (503, True)
                    assert node.get(face, "/healthz")[0] == 200
                status, page = node.get("ANALYST", "/", Cookie=f"sessionid={'a' * 32}")
                assert (status, "node.database-away" in page) == (503, True)
            for face in ("PUBLIC", "ANALYST", "PARTNER"):
                commands.wait_for(lambda face=face: node.get(face, "/readyz")[0] == 200)
            wait_until_sequenced(url)
            node.end()


def not_ready(node, face):
    status, body = node.get(face, "/readyz")
    return (status, body) if status != 200 else None


def crash(cluster):
    """Kill one server process: PostgreSQL ends all connections and recovers."""
    postmaster = int((cluster / "postmaster.pid").read_text().splitlines()[0])
    for pid in commands.children(postmaster):
        if b"postgres: node" in Path(f"/proc/{pid}/cmdline").read_bytes():
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
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'node'")
            time.sleep(0.1)
    try:
        yield
    finally:
        hidden.rename(socket)


def wait_until_sequenced(url):
    """Wait until the worker works again: an event that waits finds its place."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DELETE FROM audit_pendingevent WHERE record = 'x'")
        commands.wait_for(
            lambda: connection.execute("SELECT count(*) FROM audit_pendingevent").fetchone()[0] == 0, seconds=30
        )
