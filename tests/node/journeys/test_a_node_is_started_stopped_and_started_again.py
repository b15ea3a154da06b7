# SPDX-License-Identifier: Apache-2.0
"""What an operator does on the first day: one command, Ctrl-C, the same command again."""

import contextlib
import json
import sqlite3
import urllib.request

import pytest

import postgres
from node import commands

FACES = ("PUBLIC", "ANALYST", "PARTNER")


@pytest.fixture(params=["sqlite", "postgres"])
def database(request):
    """The environment that says which database a node is on: SQLite needs none."""
    if request.param == "sqlite":
        yield {}
        return
    with postgres.running() as url:
        yield {"VIGIE_DATABASE_URL": url}


def match(node, token, file):
    where = node.where["VIGIE_PARTNER_ADDRESS"]
    headers = {"Authorization": f"Bearer {token}"}
    request = urllib.request.Request(f"http://{where}/v1/match/file", data=file.read_bytes(), headers=headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())["answers"][0]["verdict"]


class TestAFirstDay:
    def test_from_nothing_to_a_node_that_matches_and_back_again(self, tmp_path, database):
        home = tmp_path / "home"

        # 1. One command makes, fills and starts it.
        with commands.up(home, "demo", **database) as node:
            link = node.read_until("enrolment")["enrolment"]
            made = node.read_until("key")
            assert node.read_until("state")["state"] == "up"
            for face in FACES:
                commands.wait_for(lambda face=face: node.get(face, "/readyz")[0] == 200)
                assert node.get(face, "/healthz")[0] == 200

            # 2. The pages are there, in the reader's language; nobody gets in without a link.
            assert "112" in node.get("PUBLIC", "/fr/")[1]
            assert node.get("ANALYST", "/sign-in")[0] == 200
            assert link.startswith("http://localhost:")

            # 3. What is known is found, as it is and altered; a stranger is not.
            pictures = home / "demonstration"
            assert match(node, made["key"], pictures / "known-1.jpg") == "known"
            assert match(node, made["key"], pictures / "known-1-larger.jpg") == "near"
            assert match(node, made["key"], pictures / "stranger.jpg") == "unknown"

            # 4. Ctrl-C ends it, all of it, soon.
            started = node.processes()
            node.end()
            assert node.process.returncode == 0
            assert not any(commands.is_running(one) for one in started)

        # 5. The same command finds everything again, and makes nothing twice.
        with commands.up(home, "demo", **database) as again:
            assert again.read_until("enrolment")["enrolment"] != link  # nobody used the first one
            assert again.read_until("state")["state"] == "up"
            assert not any("key" in one for one in again.written)
            commands.wait_for(lambda: again.get("PARTNER", "/readyz")[0] == 200)
            assert match(again, made["key"], pictures / "known-1.jpg") == "known"
            (status,) = commands.records(
                commands.wait_for(lambda: well(commands.run(home, "status", **again.where, **database)))
            )
            assert (status["alarms"], status["migrations_missing"]) == (0, 0)
            again.end()


class TestTheDemonstration:
    def test_is_not_shown_to_other_machines(self, tmp_path):
        done = commands.run(tmp_path / "home", "demo", VIGIE_PARTNER_ADDRESS="0.0.0.0:8002")
        assert done.returncode == 4
        assert "[node.public-demonstration]" in done.stderr

    def test_shows_what_a_node_is_for(self, tmp_path):
        with commands.up(tmp_path / "home", "demo") as node:
            node.read_until("state")
            wanted = {
                "SELECT count(*) >= 28 FROM catalogue_depiction": 1,
                "SELECT count(*) FROM catalogue_matchlist": 5,
                "SELECT count(*) FROM catalogue_series": 2,
                "SELECT count(*) FROM catalogue_dispute WHERE outcome = ''": 1,
                "SELECT count(*) FROM catalogue_revocation": 1,
                "SELECT count(DISTINCT country) > 3 FROM sightings_sighting": 1,
                "SELECT count(*) > 0 FROM sightings_task WHERE kind = 'KNOWN_SINCE'": 1,
                "SELECT count(*) > 0 FROM sightings_task WHERE kind = 'NO_LONGER_KNOWN'": 1,
                "SELECT count(*) FROM audit_pendingevent": 0,
                "SELECT count(*) FROM alarms_alarm": 0,
            }
            with contextlib.closing(sqlite3.connect(tmp_path / "home" / "node.sqlite3")) as database:
                found = commands.wait_for(lambda: wanted == ask(database, wanted) and wanted, seconds=30)
            assert found == wanted


def ask(database, questions):
    return {one: database.execute(one).fetchone()[0] for one in questions}


def well(done):
    return done if done.returncode == 0 else None
