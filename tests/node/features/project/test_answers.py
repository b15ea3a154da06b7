# SPDX-License-Identifier: Apache-2.0
"""What every face does with a request, whatever it asks."""

import re
import sqlite3

import pytest
from django.db import OperationalError, connection
from django.db.backends.sqlite3.base import DatabaseWrapper
from django.test import Client

from vigie_node.project import errors

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")

pytestmark = pytest.mark.django_db


@pytest.fixture
def client():
    return Client(headers={"host": "localhost"}, raise_request_exception=False)


class TestRequestId:
    def test_is_made_for_each_request(self, client):
        one, other = (client.get("/healthz")["X-Request-Id"] for _ in range(2))
        assert UUID.fullmatch(one)
        assert one != other

    def test_is_taken_over_where_it_is_one_as_we_make_them(self, client):
        given = "01a20184-7079-7748-8229-7beb3ed2e5b1"
        assert client.get("/healthz", headers={"X-Request-Id": given})["X-Request-Id"] == given

    @pytest.mark.parametrize(
        "given",
        ["short", "X" * 64, "Zebediah-Quackenbush", "GAPPTHUMPNNCRXCBNUWG7HQZ2C7VPBJS",
         "with space", "new\nline-x", "<script>", "a.b.c.d.e", "ä" * 8,
         "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "5D41402ABC4B2A76B9719D911017C592"],
    )  # fmt: skip
    def test_is_made_anew_where_it_is_not(self, client, given):
        made = client.get("/healthz", headers={"X-Request-Id": given})["X-Request-Id"]
        assert UUID.fullmatch(made)


class TestHeaders:
    @pytest.mark.parametrize("path", ["/", "/sign-in", "/no-such-page/"])
    def test_keep_answers_out_of_caches_and_pages_out_of_reach(self, client, path):
        answer = client.get(path)
        assert "no-store" in answer["Cache-Control"]
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Referrer-Policy"] in {"no-referrer", "same-origin"}
        assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
        assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "camera=()" in answer["Permissions-Policy"]
        assert "unsafe" not in answer["Content-Security-Policy"]


class TestErrors:
    def test_of_an_address_do_not_repeat_it(self, client):
        answer = client.get("/no-such-page-5d41402abc4b2a76/")
        page = answer.content.decode()
        assert answer.status_code == 404
        assert "5d41402abc4b2a76" not in page
        assert answer["X-Request-Id"] in page

    def test_speak_the_readers_language(self, client):
        page = client.get("/no-such-page/", headers={"Accept-Language": "fr"}).content.decode()
        assert '<html lang="fr">' in page

    def test_of_a_foreign_host_are_ours_too(self, client):
        answer = client.get("/sign-in", headers={"host": "evil.example.org"})
        assert answer.status_code == 400
        assert "node.malformed-request" in answer.content.decode()


class TestOperatorsAddresses:
    def test_answer_whatever_the_host(self, client):
        for path in ("/healthz", "/readyz"):
            assert client.get(path, headers={"host": "10.0.0.1"}).status_code == 200

    def test_say_what_is_not_ready(self, client, monkeypatch):
        def away():
            raise OperationalError("the server is gone")

        monkeypatch.setattr(connection, "cursor", away)
        answer = client.get("/readyz")
        assert (answer.status_code, answer["Retry-After"]) == (503, "2")
        assert answer.json()["database"] == "away"

    def test_show_figures_to_who_has_the_token_only(self, client, settings):
        settings.METRICS_TOKEN = "a-token-of-thirty-two-characters"
        for header in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": settings.METRICS_TOKEN}):
            assert client.get("/metrics", headers=header).status_code == 401
        answer = client.get("/metrics", headers={"Authorization": f"Bearer {settings.METRICS_TOKEN}"})
        assert "vigie_requests_total" in answer.content.decode()

    def test_have_no_figures_without_a_token(self, client, settings):
        settings.METRICS_TOKEN = ""
        assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404

    def test_count_by_view_never_by_address(self, client, settings):
        settings.METRICS_TOKEN = "a-token-of-thirty-two-characters"
        client.get("/no-such-page-5d41402abc4b2a76/")
        client.generic("PROPFIND5D41402ABC4B2A76", "/")
        answer = client.get("/metrics", headers={"Authorization": f"Bearer {settings.METRICS_TOKEN}"})
        assert "5d41402abc4b2a76" not in answer.content.decode().lower()


class TestADatabaseInTrouble:
    """Real errors of a real SQLite, as they arrive through Django."""

    @pytest.fixture
    def file(self, tmp_path):
        return tmp_path / "node.sqlite3"

    @pytest.fixture
    def own(self, file):
        settings = connection.settings_dict | {
            "ENGINE": "django.db.backends.sqlite3", "NAME": str(file), "CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": False,
            "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 0.1},
        }  # fmt: skip
        wrapper = DatabaseWrapper(settings, alias="own")
        wrapper.inc_thread_sharing()
        with wrapper.cursor() as cursor:
            cursor.execute("CREATE TABLE things (content blob)")
        yield wrapper
        wrapper.close()

    def test_that_is_full_is_said_to_be_full(self, own):
        with own.cursor() as cursor:
            cursor.execute("PRAGMA max_page_count = 4")
            with pytest.raises(OperationalError) as error:
                cursor.execute("INSERT INTO things VALUES (zeroblob(100000))")
        assert errors.problem_of(error.value).code == "node.disk-full"
        with own.cursor() as cursor:
            cursor.execute("PRAGMA max_page_count = 4000")
            cursor.execute("INSERT INTO things VALUES (zeroblob(100000))")

    def test_that_is_locked_asks_to_try_again(self, own, file):
        with sqlite3.connect(file, isolation_level=None) as other:
            other.execute("BEGIN EXCLUSIVE")
            with own.cursor() as cursor, pytest.raises(OperationalError) as error:
                cursor.execute("INSERT INTO things VALUES (1)")
            other.execute("ROLLBACK")
        other.close()
        problem = errors.problem_of(error.value)
        assert (problem.status, problem.code) == (503, "node.database-away")
        with own.cursor() as cursor:
            cursor.execute("INSERT INTO things VALUES (1)")
