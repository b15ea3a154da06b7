# SPDX-License-Identifier: Apache-2.0
import errno
import re
import sqlite3
import stat
from unittest import mock

import pytest
from django.db import OperationalError

from node import commands
from vigie_node.cli import main

SOMEBODY = (
    "--organisation",
    "Example hotline",
    "--country",
    "FR",
    "--email",
    "a.keller@example.org",
    "--name",
    "A. K.",
)


@pytest.fixture
def nowhere(tmp_path):
    return tmp_path / "nowhere"


class TestInit:
    def test_makes_a_home_that_is_for_its_owner_alone(self, nowhere):
        (made,) = commands.records(commands.run(nowhere, "init", *SOMEBODY))
        assert made["secrets_made"] == 4
        for path in [nowhere, *nowhere.rglob("*")]:
            assert path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO) == 0, path
        assert {one.name for one in (nowhere / "secrets").iterdir()} == {
            "secret_key", "field_key", "signing_key", "metrics_token",
        }  # fmt: skip

    def test_gives_the_first_administrator_a_link_and_no_password(self, nowhere):
        (made,) = commands.records(commands.run(nowhere, "init", *SOMEBODY))
        assert made["enrolment"].startswith("http://localhost:8001/enrol#vl_")
        (person,) = commands.records(commands.run(nowhere, "user", "list"))
        assert (person["roles"], person["access"]) == (["ADMINISTRATOR"], "INVITED")

    def test_keeps_what_exists_when_it_is_run_again(self, nowhere):
        commands.records(commands.run(nowhere, "init", *SOMEBODY))
        before = {one.name: one.read_text() for one in (nowhere / "secrets").iterdir()}
        (nowhere / "secrets" / "field_key").chmod(0o644)
        (again,) = commands.records(commands.run(nowhere, "init"))
        assert again == {"secrets_made": 0, "migrations": 0}
        assert {one.name: one.read_text() for one in (nowhere / "secrets").iterdir()} == before
        assert (nowhere / "secrets" / "field_key").stat().st_mode & 0o777 == 0o600

    def test_shows_no_secret(self, nowhere):
        done = commands.run(nowhere, "init", *SOMEBODY)
        written = done.stdout + done.stderr
        assert [one for one in (nowhere / "secrets").iterdir() if one.read_text() in written] == []

    def test_wants_an_organisation_for_the_first_person(self, nowhere):
        done = commands.run(nowhere, "init", "--email", "a.keller@example.org")
        assert done.returncode == 2
        assert "[node.nobody-named]" in done.stderr

    def test_says_where_it_cannot_write(self, tmp_path):
        (tmp_path / "file").touch()
        done = commands.run(tmp_path / "file" / "home", "init")
        assert done.returncode == 3
        assert "[node.system]" in done.stderr


class TestMigrate:
    def test_refuses_a_database_of_a_newer_version(self, home):
        with sqlite3.connect(home / "node.sqlite3") as database:
            database.execute(
                "INSERT INTO django_migrations (app, name, applied) VALUES ('catalogue', '0099_later', '2030-01-01')"
            )
        database.close()
        for arguments in (["migrate"], ["migrate", "--check"], ["up"]):
            done = commands.run(home, *arguments)
            assert done.returncode == 5, arguments
            assert "[node.newer-database]" in done.stderr

    def test_checks_without_changing_anything(self, home):
        assert commands.records(commands.run(home, "migrate", "--check")) == [{"missing": 0}]
        with sqlite3.connect(home / "node.sqlite3") as database:
            database.execute("DELETE FROM django_migrations WHERE app = 'alarms'")
        database.close()
        done = commands.run(home, "migrate", "--check")
        assert (done.returncode, done.stdout) == (5, "")
        assert "[node.not-migrated]" in done.stderr

    @pytest.mark.parametrize("command", ["init", "migrate"])
    def test_says_when_the_database_is_away(self, home, command):
        url = f"postgresql://vigie@/postgres?host={home}"
        done = commands.run(home, command, VIGIE_DATABASE_URL=url)
        assert done.returncode == 8
        assert "the database does not answer: check that it runs" in done.stderr
        assert "[node.database-busy]" in done.stderr


class TestAFullDatabase:
    @pytest.mark.parametrize("error", [OperationalError("database or disk is full"), OSError(errno.ENOSPC, "x")])
    def test_is_said_to_be_full(self, monkeypatch, capsys, error):
        monkeypatch.setattr(main, "build_parser", mock.Mock(side_effect=error))
        assert main.main(["status"]) == 8
        assert "free" in capsys.readouterr().err


class TestCommands:
    @pytest.mark.parametrize(
        "arguments",
        [[], ["init"], ["up"], ["serve"], ["migrate"], ["status"], ["demo"], ["key"], ["key", "create"],
         ["key", "revoke"], ["key", "list"], ["user"], ["user", "create"], ["user", "enrol"], ["user", "grant"],
         ["user", "take"], ["user", "revoke-access"], ["user", "list"]],
        ids=" ".join,
    )  # fmt: skip
    def test_have_help_with_an_example(self, nowhere, arguments):
        done = commands.run(nowhere, *arguments, "--help")
        assert done.returncode == 0, done.stderr
        assert re.search(r"\nExample:\n  (VIGIE_HOME=\S+ )?vigie-node .*\n$", done.stdout)

    def test_refuse_what_they_do_not_know(self, home):
        assert commands.run(home, "fly").returncode == 2

    def test_need_a_home(self, nowhere):
        done = commands.run(nowhere, "up")
        assert done.returncode == 3
        assert "[node.no-home]" in done.stderr

    @pytest.mark.parametrize(
        ("command", "setting", "value", "exit_code", "code"),
        [
            ("status", "VIGIE_PARTNER_WORKERS", "many", 2, "node.broken-settings"),
            ("up", "VIGIE_PARTNER_WORKERS", "many", 2, "node.broken-settings"),
            ("status", "VIGIE_DATABASE_URL", "mysql://somewhere", 2, "node.broken-settings"),
            ("status", "VIGIE_LOG_LEVEL", "LOUD", 2, "node.broken-settings"),
            ("status", "VIGIE_NODE_NAME_FILE", "/nowhere", 2, "node.broken-settings"),
            ("up", "VIGIE_PUBLIC_ADDRESS", "nowhere", 8, "node.port-taken"),
            ("up", "VIGIE_PUBLIC_ADDRESS", "127.0.0.1:99999", 4, "vigie.E009"),
            ("status", "VIGIE_PUBLIC_ADDRESS", "nowhere", 8, "node.not-well"),
        ],
    )
    def test_name_a_setting_that_cannot_be(self, home, command, setting, value, exit_code, code):
        done = commands.run(home, command, **{setting: value})
        assert (done.returncode, f"[{code}]" in done.stderr) == (exit_code, True), done.stderr
        assert setting in done.stderr or command == "status"
        assert "Traceback" not in done.stderr
