# SPDX-License-Identifier: Apache-2.0
import re

import pytest

from node import commands

ANALYST = ("user", "create", "b.dubois@example.org", "--name", "B. Dubois", "--organisation", "Example hotline")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("node") / "home"
    who = ("--organisation", "Example hotline", "--country", "FR", "--email", "a.keller@example.org")
    commands.records(commands.run(home, "init", *who))
    return home


class TestUser:
    def test_is_made_with_roles_enrolled_changed_and_ended(self, home):
        (made,) = commands.records(commands.run(home, *ANALYST, "--role", "ANALYST", "--language", "fr"))
        assert "/enrol#vl_" in made["enrolment"]
        (again,) = commands.records(commands.run(home, "user", "enrol", "B.Dubois@example.org"))
        assert again["enrolment"] != made["enrolment"]
        commands.records(commands.run(home, "user", "grant", "b.dubois@example.org", "SENIOR_ANALYST"))
        commands.records(commands.run(home, "user", "take", "b.dubois@example.org", "ANALYST"))
        listed = {one["email"]: one for one in commands.records(commands.run(home, "user", "list"))}
        assert listed["b.dubois@example.org"]["roles"] == ["SENIOR_ANALYST"]
        commands.records(commands.run(home, "user", "revoke-access", "b.dubois@example.org"))
        listed = {one["email"]: one for one in commands.records(commands.run(home, "user", "list"))}
        assert listed["b.dubois@example.org"]["access"] == "ENDED"

    @pytest.mark.parametrize(
        ("arguments", "exit_code", "code"),
        [
            (["enrol", "nobody@example.org"], 3, "node.unknown-person"),
            (["grant", "a.keller@example.org", "KING"], 2, "node.no-such-role"),
            (["grant", "a.keller@example.org", "ADMINISTRATOR"], 5, "accounts.role-held"),
            (["create", "c@example.org", "--name", "C", "--organisation", "Nowhere"], 3, "node.unknown-organisation"),
            (["create", "no-address", "--name", "C", "--organisation", "Example hotline"], 2, "accounts.malformed"),
        ],
        ids=lambda one: one if isinstance(one, str) else "",
    )
    def test_says_what_is_wrong(self, home, arguments, exit_code, code):
        done = commands.run(home, "user", *arguments)
        assert (done.returncode, f"[{code}]" in done.stderr) == (exit_code, True), done.stderr


class TestKey:
    def test_is_made_listed_and_ended(self, home):
        create = ("key", "create", "Example hosting", "--country", "NL", "--name", "uploads", "--days", "30")
        (made,) = commands.records(commands.run(home, *create))
        assert re.fullmatch(r"vk_[0-9a-f]{8}_[A-Za-z0-9_-]{43}", made["token"])
        (listed,) = commands.records(commands.run(home, "key", "list"))
        assert (listed["organisation"], listed["scopes"], listed["revoked"]) == (
            "Example hosting", ["MATCH", "STATUS"], False,
        )  # fmt: skip
        assert made["token"] not in str(listed)
        commands.records(commands.run(home, "key", "revoke", made["token"][:11], "--reason", "contract ended"))
        (listed,) = commands.records(commands.run(home, "key", "list"))
        assert listed["revoked"]
        again = commands.run(home, "key", "revoke", made["id"], "--reason", "contract ended")
        assert (again.returncode, "[accounts.key-revoked]" in again.stderr) == (5, True)

    @pytest.mark.parametrize(
        ("arguments", "exit_code", "code"),
        [
            (["revoke", "vk_00000000", "--reason", "x"], 3, "node.unknown-key"),
            (["create", "Elsewhere", "--name", "x"], 2, "node.country-wanted"),
            (["create", "Example hotline", "--name", "x", "--scope", "ALL"], 2, "accounts.unknown-scope"),
            (["create", "Example hotline", "--name", "x", "--until", "2001-01-01"], 2, "accounts.malformed-key"),
            (["create", "Example hotline", "--name", "x", "--until", "soon"], 2, None),
            (["create", "Example hotline", "--name", "x", "--days", "99999999"], 2, None),
        ],
        ids=lambda one: one if isinstance(one, str) else "",
    )
    def test_says_what_is_wrong(self, home, arguments, exit_code, code):
        done = commands.run(home, "key", *arguments)
        said = f"[{code}]" if code else "vigie-node key create: error:"
        assert (done.returncode, said in done.stderr) == (exit_code, True), done.stderr

    def test_that_is_refused_leaves_no_organisation(self, home):
        create = ("key", "create", "Elsewhere", "--name", "x")
        ended = commands.run(home, *create, "--country", "BE", "--until", "2001-01-01")
        assert "[accounts.malformed-key]" in ended.stderr
        assert "[node.country-wanted]" in commands.run(home, *create).stderr


class TestWithoutANode:
    @pytest.mark.parametrize("arguments", [("user", "list"), ("key", "list"), ("import", "a.csv", "--source", "A")])
    def test_says_that_there_is_none(self, tmp_path, arguments):
        done = commands.run(tmp_path / "nowhere", *arguments)
        assert (done.returncode, "[node.database-unusable]" in done.stderr) == (8, True), done.stderr
        assert "Traceback" not in done.stderr

    def test_says_so_of_a_database_that_is_not_a_nodes(self, tmp_path):
        (tmp_path / "node.sqlite3").touch()
        done = commands.run(tmp_path, "user", "list")
        assert (done.returncode, "[node.database-unusable]" in done.stderr) == (8, True), done.stderr
