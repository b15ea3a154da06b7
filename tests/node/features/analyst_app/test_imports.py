# SPDX-License-Identifier: Apache-2.0
"""Imports in the browser's hands: sent, looked at, taken in, undone."""

import errno
import hashlib
import shutil
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from node import people
from vigie_node.accounts.roles import Role
from vigie_node.analyst_app import sent_files
from vigie_node.catalogue import import_queries
from vigie_node.catalogue.states import ImportState
from vigie_node.flows import take_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _own_uploads(settings, tmp_path):
    settings.UPLOADS = tmp_path / "uploads"


@pytest.fixture
def inside(enter, client):
    enter(Role.LIST_MANAGER)
    return client


def lines(*names):
    rows = [f"{hashlib.sha256(name.encode()).hexdigest()},inhope,baseline" for name in names]
    return csv_file("sha256,scheme,label", *rows)


def csv_file(*rows):
    return SimpleUploadedFile("known.csv", "\n".join(rows).encode())


def send(client, file, **more):
    return client.post("/imports/start", {"file": file, "source": "Hotline Example", "country": "be", **more})


def work():
    while take_in.step(datetime.now(UTC)):
        pass


def the_import():
    (row,) = import_queries.imports().rows
    return row


class TestAnImport:
    def test_the_empty_page_says_how_it_goes(self, inside):
        assert "No file was taken in yet" in inside.get("/imports").text

    def test_it_is_sent_looked_at_and_let_count(self, inside):
        sent = send(inside, lines("one", "two", "three"))
        row = the_import()
        assert sent.headers["Location"] == f"/imports/{row.id}"
        assert "It goes on when you close this page" in inside.get(f"/imports/{row.id}").text
        work()
        assert inside.get(f"/imports/{row.id}/progress").headers["HX-Refresh"] == "true"
        page = inside.get(f"/imports/{row.id}").text
        assert "Depictions that were not known" in page
        assert page.count("Hotline Example</td>") == 3
        inside.post(f"/imports/{row.id}/show")
        assert the_import().state is ImportState.VISIBLE

    def test_it_is_undone_with_a_reason_only(self, inside):
        send(inside, lines("one"))
        row = the_import()
        work()
        inside.post(f"/imports/{row.id}/show")
        assert inside.post(f"/imports/{row.id}/cancel", {"reason": ""}).status_code == 422
        inside.post(f"/imports/{row.id}/cancel", {"reason": "the wrong file"})
        assert the_import().state is ImportState.CANCELLED
        assert "the wrong file" in inside.get(f"/imports/{row.id}").text

    def test_a_refused_line_is_shown_with_its_number(self, inside):
        send(inside, csv_file("sha256,scheme,label", "00ff,inhope,baseline", "ab" * 32 + ",inhope,baseline"))
        work()
        page = inside.get(f"/imports/{the_import().id}").text
        assert "Line 2" in page
        assert inside.get(f"/imports/{the_import().id}/refused").text.startswith("line,code,why")

    @pytest.mark.parametrize(
        ("language", "short", "unknown"),
        [
            ("en", "sha256 has 64 hexadecimal digits; this has 3", "scheme inhope has no such label; choose one of: "),
            (
                "fr",
                "sha256 a 64 chiffres hexadécimaux\u00a0; il y en a 3 ici",
                "le système inhope n’a pas cette classe",
            ),
            ("nl", "sha256 heeft 64 hexadecimale cijfers; dit heeft er 3", "schema inhope heeft deze klasse niet"),
            (
                "de",
                "sha256 hat 64 hexadezimale Ziffern; hier sind es 3",
                "das Schema inhope hat diese Einstufung nicht",
            ),
        ],
    )
    def test_a_refused_line_is_said_in_the_language_of_the_reader_and_in_english_in_the_file(
        self, inside, language, short, unknown
    ):
        digest = hashlib.sha256(b"one").hexdigest()
        send(inside, csv_file("sha256,scheme,label", "abc,inhope,baseline", f"{digest},inhope,none"))
        work()
        inside.cookies["django_language"] = language
        shown = inside.get(f"/imports/{the_import().id}").text
        assert short in shown
        assert unknown in shown
        report = inside.get(f"/imports/{the_import().id}/refused").text
        assert "this has 3" in report

    def test_a_file_that_takes_words_back_asks_for_their_number(self, inside):
        send(inside, lines("one", "two"))
        work()
        inside.post(f"/imports/{the_import().id}/show")
        send(inside, lines("one"), full="on")
        work()
        second = import_queries.imports().rows[0]
        assert "Type that number to confirm" in inside.get(f"/imports/{second.id}").text
        inside.post(f"/imports/{second.id}/show")
        assert import_queries.one(second.id).state is ImportState.STAGED
        inside.post(f"/imports/{second.id}/show", {"revoking": "1"})
        assert import_queries.one(second.id).state is ImportState.VISIBLE

    def test_a_file_that_is_no_list_is_refused_at_the_form(self, inside):
        answer = send(inside, csv_file("colour,shape", "red,round"))
        assert answer.status_code == 422
        assert import_queries.imports().rows == ()


class TestAFileThatDoesNotFit:
    @pytest.mark.parametrize(
        ("language", "said"),
        [
            ("en", "larger than 4096 MiB"),
            ("fr", "dépasse 4096\u00a0Mio"),
            ("nl", "groter dan 4096 MiB"),
            ("de", "größer als 4096 MiB"),
        ],
    )
    def test_is_refused_unread_and_said_in_the_language_of_the_reader(self, inside, tmp_path, language, said):
        inside.cookies["django_language"] = language
        answer = announce(inside, (4096 << 20) + 1)
        assert answer.status_code == 413
        assert said in answer.text
        assert "imports.file-too-large" in answer.text
        assert not (tmp_path / "uploads").exists()

    def test_is_refused_unread_where_the_disk_has_no_room_for_all_that_comes_of_it(self, inside, settings, tmp_path):
        settings.IMPORT_BYTES = 1 << 60
        answer = announce(inside, shutil.disk_usage(tmp_path).free // 2)
        assert (answer.status_code, "imports.no-room" in answer.text) == (507, True)
        assert "Retry-After" in answer.headers

    def test_is_given_up_while_it_comes_when_the_room_goes(self, inside, tmp_path, monkeypatch):
        left = iter([10**9, 10**9])
        monkeypatch.setattr(sent_files.shutil, "disk_usage", lambda _path: SimpleNamespace(free=next(left, 0)))
        answer = send(inside, SimpleUploadedFile("known.csv", b"x" * 300_000))
        assert (answer.status_code, "imports.no-room" in answer.text) == (507, True)
        assert import_queries.imports().rows == ()
        assert list((tmp_path / "uploads").rglob("*")) == []

    def test_leaves_nothing_when_the_disk_is_full_all_the_same(self, inside, tmp_path, monkeypatch):
        def full(_self, _raw, _start):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(sent_files.ToTakeIn, "receive_data_chunk", full)
        assert send(inside, lines("one")).status_code == 507
        assert [one for one in (tmp_path / "uploads").rglob("*") if one.is_file()] == []


class TestAFileNobodyAskedFor:
    def test_of_somebody_who_may_not_import_is_refused_before_it_comes_near_the_disk(self, enter, tmp_path):
        assert send(enter(Role.AUDITOR), lines("one")).status_code == 403
        assert not (tmp_path / "uploads").exists()

    def test_is_refused_by_a_page_that_takes_none(self, inside, tmp_path):
        answer = inside.post("/search", {"text": "a", "file": lines("one")})
        assert answer.status_code == 400
        assert not (tmp_path / "uploads").exists()

    def test_needs_the_token_of_our_own_form(self, enter, tmp_path):
        strict = people.sign_in(Client(enforce_csrf_checks=True), people.recruit(Role.LIST_MANAGER))
        assert send(strict, lines("one")).status_code == 403
        assert import_queries.imports().rows == ()


def announce(client, size):
    """Send the beginning of a form that says it is so long."""
    kind = "multipart/form-data; boundary=b"
    return client.generic("POST", "/imports/start", b"x", kind, CONTENT_LENGTH=str(size))
