# SPDX-License-Identifier: Apache-2.0
import errno
import json

import pytest
from django.core.exceptions import BadRequest, DisallowedHost, PermissionDenied
from django.db import IntegrityError, InterfaceError, OperationalError
from django.http import Http404
from django.test import RequestFactory

from vigie import errors as kinds
from vigie_node.project import errors
from vigie_node.project.faces import Face


class _FullError(Exception):
    sqlstate = "53100"


def _caused(error, cause):
    error.__cause__ = cause
    return error


class _QuotaError(kinds.NotAllowedError):
    code = "test.quota"
    http_status = 429


CASES = [
    (kinds.InvalidInputError("x"), 422, "vigie.invalid-input"),
    (kinds.NotFoundError("x"), 404, "vigie.not-found"),
    (kinds.NotAllowedError("x"), 403, "vigie.not-allowed"),
    (kinds.WrongStateError("x"), 409, "vigie.wrong-state"),
    (kinds.UntrustedError("x"), 502, "vigie.untrusted"),
    (kinds.UnreadableError("x"), 415, "vigie.unreadable"),
    (kinds.UnavailableError("x"), 503, "vigie.unavailable"),
    (_QuotaError("x"), 429, "test.quota"),
    (Http404("x"), 404, "node.no-such-page"),
    (PermissionDenied("x"), 403, "node.not-allowed"),
    (BadRequest("x"), 400, "node.malformed-request"),
    (DisallowedHost("x"), 400, "node.malformed-request"),
    (OperationalError("database is locked"), 503, "node.database-away"),
    (OperationalError("server closed the connection unexpectedly"), 503, "node.database-away"),
    (InterfaceError("connection already closed"), 503, "node.database-away"),
    (OperationalError("database or disk is full"), 507, "node.disk-full"),
    (_caused(OperationalError("x"), _FullError()), 507, "node.disk-full"),
    (OSError(errno.ENOSPC, "x"), 507, "node.disk-full"),
    (OSError(errno.EIO, "x"), 500, "node.bug"),
    (IntegrityError("UNIQUE constraint failed: a value"), 500, "node.bug"),
    (ValueError("a value"), 500, "node.bug"),
    (None, 500, "node.bug"),
]


@pytest.fixture
def request_of_someone():
    request = RequestFactory().get("/secret-path/")
    request.request_id = "abcdefgh-1"
    return request


class TestProblemOf:
    @pytest.mark.parametrize(("error", "status", "code"), CASES, ids=lambda one: repr(one)[:40])
    def test_maps_each_kind_to_one_status(self, error, status, code):
        problem = errors.problem_of(error)
        assert (problem.status, problem.code) == (status, code)

    @pytest.mark.parametrize("error", [one for one, *_ in CASES if not isinstance(one, kinds.VigieError)], ids=repr)
    def test_tells_nothing_of_what_was_sent_or_held(self, error):
        assert str(error) not in errors.problem_of(error).message or error is None


class TestAnswer:
    def test_is_json_on_the_partners_face(self, request_of_someone, settings):
        settings.FACE = Face.PARTNER
        answer = errors.explain(request_of_someone, kinds.WrongStateError("the import is visible already"))
        assert (answer.status_code, answer["Content-Type"]) == (409, "application/json")
        assert json.loads(answer.content) == {
            "error": {
                "code": "vigie.wrong-state",
                "message": "the import is visible already",
                "request_id": "abcdefgh-1",
            }
        }

    @pytest.mark.parametrize("face", [Face.PUBLIC, Face.ANALYST])
    def test_is_a_page_elsewhere_with_its_code_and_number(self, request_of_someone, settings, face):
        settings.FACE = face
        answer = errors.explain(request_of_someone, kinds.NotFoundError("no such <list>"))
        page = answer.content.decode()
        assert "no such &lt;list&gt;" in page
        assert "vigie.not-found" in page
        assert "abcdefgh-1" in page
        assert "secret-path" not in page

    def test_says_when_to_try_again(self, request_of_someone):
        answer = errors.explain(request_of_someone, OperationalError("database is locked"))
        assert (answer.status_code, answer["Retry-After"]) == (503, "2")
