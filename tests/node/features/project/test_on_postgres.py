# SPDX-License-Identifier: Apache-2.0
"""A node on a PostgreSQL of its own, whatever the other tests run on: its roles, and what it lives through."""

import contextlib
import json
import os
import urllib.error
import urllib.request
from pathlib import Path

import psycopg
import pytest
from psycopg import errors, sql

import postgres
from node import commands, outages
from vigie_node.base import locks
from vigie_node.project import environment
from vigie_node.project.faces import LOGINS, Face, grant_of, login_of

PASSWORD = "the-owner-s"


@pytest.fixture(scope="module")
def cluster():
    """A cluster that asks for passwords, with a database for a user who is no superuser."""
    with postgres.running() as url:
        folder = Path(url.partition("host=")[2])
        administer(
            folder, f"CREATE ROLE node LOGIN CREATEROLE PASSWORD '{PASSWORD}'", "CREATE DATABASE node OWNER node"
        )
        (folder / "pg_hba.conf").write_text("local all vigie trust\nlocal all all scram-sha-256\n")
        administer(folder, "SELECT pg_reload_conf()")
        yield folder


def administer(cluster, *statements):
    """Run statements as the administrator of the cluster."""
    with psycopg.connect(f"postgresql://vigie@/postgres?host={cluster}", autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


@pytest.fixture(scope="module")
def url(cluster):
    return f"postgresql://node:{PASSWORD}@/node?host={cluster}"


@pytest.fixture(scope="module")
def without_owner(cluster):
    """What reaches the database without the owner's password."""
    return f"postgresql:///node?host={cluster}"


@pytest.fixture(scope="module")
def home(url, tmp_path_factory):
    home = tmp_path_factory.mktemp("node") / "home"
    (made,) = commands.records(commands.run(home, "init", VIGIE_DATABASE_URL=url))
    assert made["migrations"] > 10
    return home


@pytest.fixture
def as_face(home, cluster):
    """A way to meet the database as a face does."""
    with contextlib.ExitStack() as stack:
        yield lambda face: stack.enter_context(connect(cluster, home, face))


def connect(cluster, home, face, *, database="node"):
    password = (home / "secrets" / f"database_{face}_password").read_text()
    user = login_of(face, database="node")
    return psycopg.connect(host=str(cluster), dbname=database, user=user, password=password, autocommit=True)


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


class TestLogins:
    @pytest.mark.parametrize("face", LOGINS)
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

    @pytest.mark.parametrize("face", LOGINS)
    def test_let_no_face_alter_the_audit(self, as_face, face):
        connection = as_face(face)
        for statement in ("UPDATE audit_event SET actor = ''", "DELETE FROM audit_event", "DELETE FROM audit_treehead"):
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(statement)

    @pytest.mark.parametrize("face", LOGINS)
    def test_lead_to_nobody_else(self, as_face, face):
        connection = as_face(face)
        for statement in ("RESET ROLE", "SET ROLE NONE", "RESET SESSION AUTHORIZATION"):
            connection.execute(statement)
        assert (
            connection.execute("SELECT current_user, session_user").fetchone() == (login_of(face, database="node"),) * 2
        )
        for other in ("node", "vigie", *(login_of(one, database="node") for one in LOGINS if one is not face)):
            for statement in ("SET ROLE {}", "SET SESSION AUTHORIZATION {}", "GRANT {} TO CURRENT_USER"):
                with pytest.raises(errors.InsufficientPrivilege):
                    connection.execute(sql.SQL(statement).format(sql.Identifier(other)))

    @pytest.mark.parametrize("face", LOGINS)
    def test_may_make_nothing_and_own_nothing(self, as_face, face):
        connection = as_face(face)
        makes = ["TABLE x (y int)", "TEMPORARY TABLE x (y int)", "SCHEMA x", "ROLE x", "DATABASE x"]
        for statement in [*(f"CREATE {one}" for one in makes), "ALTER ROLE CURRENT_USER CREATEROLE"]:
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(statement)

    def test_have_passwords_of_their_own_that_the_server_never_saw(self, home, cluster):
        files = [home / "secrets" / f"database_{face}_password" for face in LOGINS]
        held = {one.read_text() for one in files}
        assert len(held) == len(files)
        assert all(len(one) >= 40 for one in held)
        assert {one.stat().st_mode & 0o777 for one in files} == {0o600}
        log = (cluster / "log").read_text()
        assert [one for one in held if one in log] == []
        with psycopg.connect(f"postgresql://vigie@/postgres?host={cluster}") as connection:
            kept = connection.execute("SELECT rolpassword FROM pg_authid WHERE rolname LIKE 'vigie_node_%'").fetchall()
        assert [one[:14] for (one,) in kept] == ["SCRAM-SHA-256$"] * len(files)

    def test_of_one_node_do_not_open_another(self, cluster, home, tmp_path):
        administer(cluster, "CREATE DATABASE second OWNER node")
        second = f"postgresql://node:{PASSWORD}@/second?host={cluster}"
        commands.records(commands.run(tmp_path / "second", "init", VIGIE_DATABASE_URL=second))
        connect(cluster, home, Face.PUBLIC).close()
        with pytest.raises(psycopg.OperationalError, match="CONNECT"):
            connect(cluster, home, Face.PUBLIC, database="second")

    def test_are_set_anew_by_each_migration(self, home, url, as_face):
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("GRANT SELECT ON catalogue_fingerprint TO vigie_node_public")
            connection.execute("ALTER ROLE vigie_node_public PASSWORD 'another'")
        commands.records(commands.run(home, "migrate", VIGIE_DATABASE_URL=url))
        assert not may(as_face(Face.PUBLIC), "S", "catalogue_fingerprint")


@pytest.fixture(scope="module")
def asked(cluster, tmp_path_factory):
    """A home, its database whose owner may not make logins, and what `init` said of it."""
    administer(cluster, "CREATE ROLE weak LOGIN PASSWORD 'w'", "CREATE DATABASE weak OWNER weak")
    home, url = tmp_path_factory.mktemp("weak") / "home", f"postgresql://weak:w@/weak?host={cluster}"
    return home, url, commands.run(home, "init", VIGIE_DATABASE_URL=url)


class TestWithoutTheRightToMakeLogins:
    """An administrator who gives nobody CREATEROLE runs the statements that the node asks for."""

    def test_says_which_statements_somebody_has_to_run(self, asked):
        home, url, done = asked
        assert (done.returncode, "[node.logins-refused]" in done.stderr) == (4, True)
        assert "run/logins.sql" in done.stderr
        statements = (home / "run" / "logins.sql").read_text()
        assert statements.count("CREATE ROLE") == len(LOGINS)
        assert [one for one in (home / "secrets").iterdir() if one.read_text() in statements] == []
        where = commands.addresses()
        refused = commands.run(home, "up", VIGIE_DATABASE_URL=url, **where)
        assert (refused.returncode, "[vigie.E010]" in refused.stderr) == (4, True)

    def test_goes_on_once_they_were_run(self, asked, cluster):
        home, url, _ = asked
        administer(cluster, *(home / "run" / "logins.sql").read_text().splitlines())
        commands.records(commands.run(home, "init", VIGIE_DATABASE_URL=url))
        commands.records(commands.run(home, "migrate", VIGIE_DATABASE_URL=url))
        assert not (home / "run" / "logins.sql").exists()

    def test_can_do_without_and_says_so_loudly(self, asked, tmp_path):
        _, url, _ = asked
        shared = {"VIGIE_DATABASE_URL": url, "VIGIE_DATABASE_ROLES": "no"} | commands.addresses()
        commands.records(commands.run(tmp_path / "home", "init", **shared))
        with commands.up(tmp_path / "home", **shared) as node:
            node.read_until("state")
            status = commands.run(tmp_path / "home", "status", **shared)
            assert json.loads(status.stdout)["database_logins"] == "SHARED BY ALL FACES"
            node.end()
            assert "[vigie.W011]" in node.process.stderr.read()


class TestMigrate:
    def test_gives_up_rather_than_wait_behind_another(self, home, url):
        with psycopg.connect(url, autocommit=True) as other:
            other.execute("SELECT pg_advisory_lock(%s)", [locks.MIGRATION])
            done = commands.run(home, "migrate", VIGIE_DATABASE_URL=url)
        assert done.returncode == 8
        assert "[node.database-busy]" in done.stderr


class TestRestore:
    def test_notices_a_face_that_is_connected(self, home, url, as_face, tmp_path):
        commands.records(commands.run(home, "backup", str(tmp_path / "node.vigie-backup"), VIGIE_DATABASE_URL=url))
        as_face(Face.WORKER)
        done = commands.run(home, "restore", str(tmp_path / "node.vigie-backup"), VIGIE_DATABASE_URL=url)
        assert (done.returncode, "[backup.in-use]" in done.stderr) == (5, True)


class TestSuperuser:
    def test_is_refused_to_a_public_face(self, cluster, home, tmp_path):
        where = commands.addresses() | {"VIGIE_PUBLIC_ADDRESS": "0.0.0.0:18000", "VIGIE_HTTPS": "yes"}
        own = {"VIGIE_DATABASE_URL": f"postgresql://vigie@/node?host={cluster}", "VIGIE_DATABASE_ROLES": "no"}
        done = commands.run(home, "serve", "public", **own, **where)
        assert done.returncode == 4
        assert "[vigie.E007]" in done.stderr


class TestUp:
    def test_runs_with_a_login_for_each_face_and_without_the_owners(self, home, without_owner, url):
        with commands.up(home, VIGIE_DATABASE_URL=without_owner) as node:
            assert node.read_until("state")["state"] == "up"
            commands.wait_for(lambda: all(node.get(face, "/readyz")[0] == 200 for face in ("PUBLIC", "ANALYST")))
            commands.wait_for(lambda: node.get("PARTNER", "/readyz")[0] == 200)
            with psycopg.connect(url) as connection:
                here = (
                    "SELECT DISTINCT usename FROM pg_stat_activity WHERE datname = 'node' AND pid <> pg_backend_pid()"
                )
                users = {name for (name,) in connection.execute(here)}
            assert users <= {login_of(face, database="node") for face in LOGINS}
            status = commands.run(home, "status", VIGIE_DATABASE_URL=url, **node.where)
            assert json.loads(status.stdout)["database_logins"] == "one for each face"
            node.end()
            assert "[vigie.W" not in node.process.stderr.read()

    def test_refuses_a_login_that_may_be_the_owner(self, home, url, cluster):
        with psycopg.connect(f"postgresql://vigie@/node?host={cluster}", autocommit=True) as connection:
            connection.execute("ALTER TABLE cache OWNER TO vigie_node_partner")
            done = commands.run(home, "up", VIGIE_DATABASE_URL=url, **commands.addresses())
            connection.execute("ALTER TABLE cache OWNER TO node")
        assert (done.returncode, "[vigie.E011]" in done.stderr) == (4, True)

    def test_refuses_a_face_that_is_shut_out(self, home, url, cluster):
        administer(cluster, "ALTER ROLE vigie_node_partner NOLOGIN")
        done = commands.run(home, "up", VIGIE_DATABASE_URL=url, **commands.addresses())
        assert (done.returncode, "[vigie.E010]" in done.stderr) == (4, True)
        assert "vigie_node_partner" in done.stderr
        commands.records(commands.run(home, "migrate", VIGIE_DATABASE_URL=url))

    def test_keeps_the_owners_password_out_of_every_face(self, monkeypatch, url):
        monkeypatch.setenv("VIGIE_DATABASE_URL", url)
        monkeypatch.setenv("VIGIE_DATABASE_PASSWORD", PASSWORD)
        monkeypatch.setenv("VIGIE_DATABASE_ROLES", "yes")
        environment.forget_owner()
        assert [name for name, value in os.environ.items() if PASSWORD in value] == []
        assert "/node?host=" in os.environ["VIGIE_DATABASE_URL"]

    def test_comes_back_by_itself_when_the_database_crashed(self, home, url, cluster):
        with commands.up(home, VIGIE_DATABASE_URL=url) as node:
            node.read_until("state")
            commands.wait_for(lambda: node.get("PARTNER", "/readyz")[0] == 200)
            outages.crash(cluster)
            commands.wait_for(lambda: all(node.get(f, "/readyz")[0] == 200 for f in ("PUBLIC", "ANALYST", "PARTNER")))
            wait_until_sequenced(url)
            assert node.process.poll() is None
            node.end()
            assert "[node.process-died]" not in node.process.stderr.read()

    def test_says_so_while_the_database_is_away_and_recovers(self, home, url, cluster):
        with commands.up(home, VIGIE_DATABASE_URL=url) as node:
            node.read_until("state")
            commands.wait_for(lambda: node.get("PARTNER", "/readyz")[0] == 200)
            with outages.away(cluster):
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

    def test_says_that_there_is_no_room_and_loses_nothing_that_it_said_it_keeps(self, home, url, cluster):
        key = ("key", "create", "A provider", "--country", "BE", "--name", "x", "--scope", "MATCH")
        (made,) = commands.records(commands.run(home, *key, "--scope", "COMPAT_HMA", VIGIE_DATABASE_URL=url))
        with commands.up(home, VIGIE_DATABASE_URL=url) as node:
            node.read_until("state")
            commands.wait_for(lambda: node.get("PARTNER", "/readyz")[0] == 200)
            bank = f"/compat/hma/{made['token']}/c/bank"
            assert post(node, f"{bank}s", made, {"name": "OWN"})[0] == 201
            kept, refused = "12de" * 16, "2be1" * 16
            assert post(node, f"{bank}/OWN/signal", made, {"pdq": kept})[0] == 200
            with outages.no_room(cluster):
                status, told = post(node, f"{bank}/OWN/signal", made, {"pdq": refused})
                assert (status, told["code"]) == (503, "partners.disk-full")
                status, told = post(node, "/v1/match", made, {"items": [{"pdq": kept, "pdq_quality": 80}]})
                assert (status, told["error"]["code"]) == (507, "node.disk-full")
                status, told = post(node, "/v1/match", made, {"items": [{"sha256": "11" * 32}]})
                assert (status, told["answers"][0]["verdict"]) == (200, "unknown")
            assert post(node, f"{bank}/OWN/signal", made, {"pdq": refused})[0] == 200
            wait_until_sequenced(url)
            with psycopg.connect(url) as connection:
                values = connection.execute("SELECT value FROM catalogue_fingerprint ORDER BY id").fetchall()
            assert [one.hex() for (one,) in values] == [kept, refused]
            node.end()
            assert "[node.process-died]" not in node.process.stderr.read()
        assert commands.records(commands.run(home, "audit", "verify", VIGIE_DATABASE_URL=url))[-1]["is_whole"]


def post(node, path, made, body):
    """What the partners' face answers to the holder of a key: the status and what it says."""
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {made['token']}"}
    url = f"http://{node.where['VIGIE_PARTNER_ADDRESS']}{path}"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers), timeout=30) as got:
            return got.status, json.load(got)
    except urllib.error.HTTPError as got:
        return got.code, json.load(got)


def not_ready(node, face):
    status, body = node.get(face, "/readyz")
    return (status, body) if status != 200 else None


def wait_until_sequenced(url):
    """Wait until the worker works again: an event that waits finds its place."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DELETE FROM audit_pendingevent WHERE record = 'x'")
        commands.wait_for(
            lambda: connection.execute("SELECT count(*) FROM audit_pendingevent").fetchone()[0] == 0, seconds=30
        )
