# SPDX-License-Identifier: Apache-2.0
"""Hostile requests to every page of the analysts' face: each gets a clear answer, and nothing is changed or lost.

The pages are those that the description finds: a page that is added is asked too.
"""

import contextlib
import http.client
import itertools
from datetime import UTC, datetime
from urllib.parse import urlencode, urlsplit

import pytest
from django.conf import settings
from django.test import Client

from node import analyst_description, entrance, people
from node.audited import events
from node.features.analyst_app import furnishing
from vigie_node.accounts import actions
from vigie_node.accounts.roles import Role
from vigie_node.analyst_app.access import Openness
from vigie_node.base.actor import COMMAND
from vigie_node.matching import uploads
from vigie_node.project.faces import Face

TOKEN = "a" * 32  # of the forms; the cookie says the same
FORM, UPLOAD = "application/x-www-form-urlencoded", "multipart/form-data; boundary="
PAGES = analyst_description.pages()
FORMS = [page for page in PAGES if "POST" in page.methods]

# What a path may not turn into anything else by; each leads nowhere.
TRICKS = {
    "climbs": "{}/..%2f..%2fpeople",
    "climbs in dots": "{}/%2e%2e/%2e%2e/people",
    "climbs in a longer code": "{}/%c0%ae%c0%ae/%c0%af",
    "another site": "//evil.example{}",
    "two slashes": "/{}",
    "a backslash": "/%5cevil.example{}",
    "a zero": "{}%00",
    "no text": "{}%ff%fe",
    "a line break": "{}%0d%0aSet-Cookie:%20planted=1",
    "a parameter": "{};jsessionid=planted",
    "too long": "{}" + "a" * 20_000,
}
# What may not be told back in a header, stored as it is, or taken for a number or a day; all of it where no form says
# what a field is.
TEXTS = {
    "a line break": "a\r\nSet-Cookie: planted=1\r\n\r\n<script>",
    "a zero": "a\0b",
    "another site": "//evil.example/",
    "half a character": b"\xed\xa0\x80",
    "very long": "é" * 20_000,
}
NUMBERS = {"beyond all": "9" * 5000, "beyond the database": str(2**63), "in other digits": "٣"}
DAYS = {"before all": "0001-01-01", "after all": "9999-12-31"}
VALUES = {"integer": NUMBERS, "date": DAYS, "choice": {}, "": TEXTS | NUMBERS | DAYS}
VALUES["string"] = {name: TEXTS[name] for name in ("a line break", "a zero")}  # the rest is up to Django


@pytest.fixture
def inside(enter, client):
    """Somebody with every role."""
    client.raise_request_exception = False
    enter(*Role)
    return client


def code_of(answer):
    """The code that a page quotes of an error."""
    return answer.text.partition("<code>")[2].partition("</code>")[0]


class TestForms:
    @pytest.mark.parametrize(
        ("trick", "more"),
        {
            "no token": {},
            "no token, but the cookie": {"cookie": TOKEN},
            "the token of somebody else": {"cookie": TOKEN, "token": "b" * 32},
            "a token without the cookie": {"token": TOKEN},
            "the token, from another site": {"cookie": TOKEN, "token": TOKEN, "origin": "https://evil.example"},
            "the token, from nowhere": {"cookie": TOKEN, "token": TOKEN, "origin": "null"},
        }.items(),
    )
    def test_that_are_not_of_our_pages_are_refused_on_every_page(self, world, trick, more):
        strict = Client(enforce_csrf_checks=True, raise_request_exception=False)
        people.sign_in(strict, people.recruit(*Role))
        headers = {"Origin": more.get("origin", "http://testserver"), "X-CSRFToken": more.get("token", "")}
        known = analyst_description.what_there_is()
        wrong = {}
        with events() as found:
            for page in FORMS:
                strict.cookies["csrftoken"] = more.get("cookie", "")
                answer = strict.post(page.address(known), headers=headers)
                if (answer.status_code, code_of(answer)) != (403, "node.form-out-of-date"):
                    wrong[page.path] = answer.status_code
        assert wrong == {}
        assert list(found) == []

    def test_of_our_pages_are_taken(self, db):
        strict = people.sign_in(Client(enforce_csrf_checks=True), people.recruit(Role.LIST_MANAGER))
        strict.cookies["csrftoken"] = TOKEN
        answer = strict.post("/lists/create", headers={"X-CSRFToken": TOKEN, "Origin": "http://testserver"})
        assert answer.status_code == 422


class TestMethods:
    def test_that_a_page_does_not_have_are_refused_and_said(self, inside):
        wrong = {}
        for page in PAGES:
            for method in {*analyst_description.METHODS, "BREW"} - {*page.methods, "HEAD"}:
                answer = inside.generic(method, page.address({}))
                is_said = {*page.methods} <= {*answer.headers.get("Allow", "").split(", ")}
                if (answer.status_code, code_of(answer), is_said) != (405, "node.wrong-method", True):
                    wrong[method, page.path] = answer.status_code, answer.headers.get("Allow")
        assert wrong == {}

    def test_are_refused_in_the_readers_language(self, inside):
        inside.cookies[settings.LANGUAGE_COOKIE_NAME] = "fr"
        assert '<html lang="fr"' in inside.get("/lists/create").text


class TestAddresses:
    def test_tricks_with_any_path_lead_nowhere(self, serve):
        node = serve(Face.ANALYST)
        (cookie,) = people.cookies(people.recruit(*Role), node)
        headers = {"Host": "localhost", "Cookie": f"{cookie['name']}={cookie['value']}"}
        wrong = {}
        with contextlib.closing(http.client.HTTPConnection(urlsplit(node).netloc, timeout=20)) as wire:
            for page, (name, trick) in itertools.product(PAGES, TRICKS.items()):
                wire.request("GET", trick.format(page.address({})), headers=headers)
                answer = wire.getresponse()
                answer.read()
                if answer.status not in {400, 404} or "planted" in answer.getheader("Set-Cookie", ""):
                    wrong[name, page.path] = answer.status, answer.getheader("Location")
        assert wrong == {}

    def test_of_another_host_are_refused_on_every_page(self, inside):
        for host in ("evil.example", "localhost@evil.example", "localhost\r\nX: 1", "localhost:80:80", ""):
            answers = {page.path: inside.get(page.address({}), HTTP_HOST=host) for page in PAGES}
            told = {path: (one.status_code, code_of(one)) for path, one in answers.items()}
            assert told == dict.fromkeys(told, (400, "node.malformed-request"))


class TestValues:
    """One field of a page at a time, the others as they should be, with everything there to act upon."""

    @pytest.mark.django_db(transaction=True)
    def test_of_no_kind_break_a_page_or_a_header(self, inside, world):
        furnishing.furnish(world)
        known, person = analyst_description.what_there_is(), inside.session["_auth_user_id"]
        wrong = {}
        for page in PAGES:
            people.sign_in(inside, person)
            for method, field, name, stated in _asked(page):
                address = page.address(known)
                asked = inside.get(f"{address}?{stated}") if method == "GET" else inside.post(address, stated, FORM)
                if asked.status_code >= 500 or _is_led_astray(asked):
                    wrong[name, method, page.path, field] = asked.status_code, asked.headers.get("Location")
        assert wrong == {}


def _asked(page):
    """Yield what a page is asked: by which method, what is wrong with which field, and the whole query or form."""
    for method, fields in (("GET", page.asked), ("POST", page.stated)):
        if method not in page.methods:
            continue
        # allauth's pages read `next`: those before a session is whole.
        is_before = page.access.openness in {Openness.ALL, Openness.ENROLLING}
        right = {name: analyst_description.example(one) for name, one in fields.items()} if method == "POST" else {}
        for field in [*fields, "next"] if is_before else fields:
            for name, value in VALUES[analyst_description.kind(fields.get(field, []))].items():
                yield method, field, name, urlencode(right | {field: value}, doseq=True)


def _is_led_astray(answer):
    leads_away = urlsplit(answer.headers.get("Location", "")).netloc not in {"", "testserver"}
    return leads_away or "planted" in answer.cookies or any("\n" in value for value in answer.headers.values())


class TestSizes:
    def test_a_form_that_is_too_large_is_refused_unread_and_said(self, inside, db):
        too_much = str(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
        inside.cookies[settings.LANGUAGE_COOKIE_NAME] = "fr"
        wrong = {}
        with events() as found:
            for page in FORMS:
                answer = inside.generic("POST", page.address({}), b"x", FORM, CONTENT_LENGTH=too_much)
                if (answer.status_code, code_of(answer)) != (413, "node.too-large"):
                    wrong[page.path] = answer.status_code
                assert '<html lang="fr"' in answer.text
        assert wrong == {}
        assert list(found) == []

    def test_a_file_of_a_stranger_is_refused_unread(self, db):
        too_much = str(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
        for page in FORMS:
            kind = f"{UPLOAD}b"
            answer = Client().generic("POST", page.address({}), b"x", kind, CONTENT_LENGTH=too_much)
            assert answer.status_code == 413, page.path

    def test_a_file_that_is_too_large_to_be_searched_by_is_refused_unread(self, db):
        strict = Client(enforce_csrf_checks=True, raise_request_exception=False)
        people.sign_in(strict, people.recruit(Role.ANALYST))
        strict.cookies["csrftoken"] = TOKEN
        kind, too_much = f"{UPLOAD}b", str(uploads.MAX_FILE_BYTES + 1)
        answer = strict.generic("POST", "/search/file", b"x", kind, CONTENT_LENGTH=too_much)
        assert (answer.status_code, code_of(answer)) == (413, "matching.file-too-large")

    @pytest.mark.parametrize(
        ("content", "kind"),
        [
            (urlencode({f"field{number}": "" for number in range(2000)}), FORM),
            ("x=1", "multipart/form-data"),
            ("x=1", UPLOAD + "b" * 300),
            ('--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n', f"{UPLOAD}b"),
            ("x=1", f"{FORM}; charset=utf-16"),
            ("x=1", f"{FORM}; charset=none"),
            ("{}", "application/json"),
        ],
    )  # fmt: skip
    def test_a_form_that_is_malformed_is_refused_on_every_page(self, inside, content, kind):
        person = inside.session["_auth_user_id"]
        wrong = {}
        for page in FORMS:
            people.sign_in(inside, person)
            answer = inside.generic("POST", page.address({}), content, kind)
            if answer.status_code >= 500:
                wrong[page.path] = answer.status_code
        assert wrong == {}


class TestSessions:
    """A session that somebody else planted is worth nothing to them once its browser's person is in."""

    @pytest.fixture
    def somebody(self, db):
        entrance.forget_attempts()
        return entrance.recruit()

    def by_password(self, client, person):
        entrance.give_password(person)
        secret = entrance.give_code_app(person)
        client.post("/sign-in", {"login": entrance.ADDRESS, "password": entrance.PASSWORD})
        return client.post("/sign-in/second-factor", {"code": entrance.code(secret)})

    def by_link(self, client, person):
        token = actions.issue_enrolment(person, by=COMMAND, now=datetime.now(UTC))
        return client.post("/enrol", {"link": token})

    @pytest.mark.parametrize("way", [by_password, by_link])
    @pytest.mark.parametrize("is_known", [True, False])
    def test_planted_ones_are_not_kept(self, client, somebody, way, is_known):
        planted = Client().session
        planted.save()
        fixed = planted.session_key if is_known else "0123456789abcdefghijklmnopqrstuv"
        client.cookies["sessionid"], client.cookies["csrftoken"] = fixed, TOKEN
        assert way(self, client, somebody).status_code == 302
        assert client.cookies["sessionid"].value != fixed
        assert client.cookies["csrftoken"].value != TOKEN
        thief = Client()
        thief.cookies["sessionid"] = fixed
        assert thief.get("/people").headers["Location"].startswith("/sign-in")
