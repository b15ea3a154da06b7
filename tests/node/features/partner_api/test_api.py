# SPDX-License-Identifier: Apache-2.0
"""The operations beside the look-ups, what each needs, and how they are described."""

import io
import json
import re
from datetime import timedelta

import pytest
from django.apps import apps

from node import partners
from vigie.fingerprints.values import Algorithm
from vigie_node.accounts.roles import Scope
from vigie_node.base.actor import COMMAND, NODE
from vigie_node.catalogue import actions as catalogue
from vigie_node.catalogue.rules import Mode
from vigie_node.flows import retrace
from vigie_node.matching import lookup
from vigie_node.partner_api import arachnid, codes, description, hot
from vigie_node.partner_api.api import Needs, api


def bearer(*scopes, **more):
    return {"Authorization": f"Bearer {partners.key(*scopes, **more).token}"}


def sighting(seed=1, **more):
    return {
        "place": "URL", "ref": "pseudonym 7", "seen_at": partners.now().isoformat(), "country": "BE",
        "legal_basis": "hotline-assessment", "expires_at": (partners.now() + timedelta(days=30)).isoformat(),
        "pdq": partners.value(seed).hex(), "pdq_quality": 90, **more,
    }  # fmt: skip


# Every operation beside the look-ups: which scopes let it answer.
OPERATIONS = {
    ("GET", "/v1/status"): {Scope.STATUS},
    ("GET", "/v1/lists"): {Scope.MATCH},
    ("POST", "/v1/sightings"): {Scope.SIGHTINGS_WRITE},
    ("GET", "/v1/revocations"): {Scope.MATCH},
    ("GET", "/v1/errors"): set(Scope),
    ("GET", "/v1/openapi.json"): set(Scope),
    ("GET", "/"): set(Scope),
    ("GET", "/compat/hma/{token}/c/banks"): {Scope.COMPAT_HMA},
    ("POST", "/compat/arachnid/v1/url/"): {Scope.COMPAT_ARACHNID},
}
NO_KEY = {"/v1/errors", "/v1/openapi.json", "/"}


class TestScopes:
    @pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=str)
    def test_each_operation_answers_to_its_scope_alone(self, face, method, path):
        for scope in Scope:
            token = partners.key(scope).token
            address = path.replace("{token}", token)
            found = face.generic(method, address, headers={"Authorization": f"Bearer {token}"})
            refused = found.status_code == 403 and b"partners.missing-scope" in found.content
            assert refused is (scope not in OPERATIONS[method, path]), (scope, found.content)

    @pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=str)
    def test_without_a_key_only_the_description_answers(self, face, method, path):
        found = face.generic(method, path.replace("{token}", "none"))
        assert found.status_code == (200 if path in NO_KEY else 401)

    def test_no_operation_is_left_out_of_this_table(self):
        known = {(method, path) for method, path in OPERATIONS if path.startswith("/v1")} | {
            ("GET", "/v1/openapi.json")
        }
        described = {
            (method.upper(), path)
            for path, operations in api.get_openapi_schema(path_prefix="/v1/")["paths"].items()
            for method in operations
        }
        assert described | {("GET", "/v1/openapi.json")} == known

    def test_every_operation_of_ninja_declares_its_scope_or_that_it_needs_none(self):
        open_ones = []
        for _, router in api._routers:
            for path, view in router.path_operations.items():
                for operation in view.operations:
                    needs = [one for one in operation.auth_callbacks if isinstance(one, Needs)]
                    if not needs:
                        open_ones.append(path)
        assert open_ones == ["errors"]


class TestStatus:
    def test_it_tells_position_freshness_and_the_lists_of_this_key(self, face):
        partners.make_list("national")
        partners.make_list("in-shadow", mode=Mode.SHADOW)
        partners.make_list("negative", negative=True)
        partners.make_list("off", mode=Mode.OFF)
        told = face.get("/v1/status", headers=bearer(Scope.STATUS)).json()
        assert (told["is_fresh"], told["lists"]) == (True, ["national"])
        assert told["position"] == lookup.of_catalogue().position > 0

    def test_it_says_so_where_the_index_is_stale(self, face):
        headers = bearer(Scope.STATUS, Scope.MATCH)
        face.get("/v1/status", headers=headers)
        index = lookup.of_catalogue()
        index._following, index._heard = object(), -1000.0
        try:
            assert face.get("/v1/status", headers=headers).json()["is_fresh"] is False
            refused = face.get("/v1/lists", headers=headers)
            assert (refused.status_code, refused["Retry-After"]) == (503, "2")
            assert refused.json()["error"]["code"] == "matching.stale-index"
        finally:
            index._following = None

    def test_lists_tell_version_and_share(self, face):
        partners.make_list("half", mode=Mode.SHARE, share=0.5)
        told = face.get("/v1/lists", headers=bearer(Scope.MATCH)).json()
        assert told == {"lists": [{"name": "half", "version": 1, "share": 0.5}]}


class TestSightings:
    def test_known_and_unknown_ones_are_kept(self, face):
        partners.make_list()
        partners.know((Algorithm.PDQ, partners.value(1)))
        body = {"sightings": [sighting(1), sighting(2, place="EXHIBIT")]}
        headers = bearer(Scope.SIGHTINGS_WRITE)
        told = face.post("/v1/sightings", body, "application/json", headers=headers)
        assert (told.status_code, told.json()) == (200, {"recorded": 2})
        first, second = apps.get_model("sightings.Sighting").objects.order_by("id")
        assert (first.place, first.place_kind, first.country) == ("pseudonym 7", "URL", "BE")
        assert (first.legal_basis, second.place_kind) == ("hotline-assessment", "EXHIBIT")
        assert [one.matches.count() for one in (first, second)] == [1, 0]

    @pytest.mark.parametrize(
        "change",
        [
            {"place": "SOMEWHERE"}, {"ref": "x" * 2001}, {"ref": "zero\0"}, {"ref": "\ud800"}, {"country": "be"},
            {"legal_basis": ""}, {"legal_basis": "x" * 65}, {"legal_basis": "our own wish"},
            {"legal_basis": "provider-detection-2021-1232"}, {"seen_at": "yesterday"},
            {"seen_at": "2026-01-01T00:00:00"}, {"expires_at": "2020-01-01T00:00:00Z"},
            {"expires_at": "9999-01-01T00:00:00Z"},
            {"seen_at": "2999-01-01T00:00:00Z"}, {"pdq": "00"}, {"pdq": "é" * 64}, {"pdq": None, "pdq_quality": None},
            {"pdq_quality": 101}, {"more": 1},
        ],
        ids=str,
    )  # fmt: skip
    def test_unfit_ones_are_refused_and_none_is_kept(self, face, change):

        body = json.dumps({"sightings": [sighting(1), sighting(2, **change)]})
        refused = face.post("/v1/sightings", body, "application/json", headers=bearer(Scope.SIGHTINGS_WRITE))
        assert refused.status_code == 422, refused.content
        assert refused.json()["error"]["code"] in {
            "partners.malformed-request", "fingerprints.malformed", "sightings.unfit-times",
            "sightings.unknown-basis", "sightings.basis-not-in-force", "sightings.expiry-out-of-bounds",
        }  # fmt: skip
        assert "pseudonym" not in refused.content.decode()
        assert not apps.get_model("sightings.Sighting").objects.exists()

    def test_values_count_against_the_quota(self, face):
        headers = bearer(Scope.SIGHTINGS_WRITE, values_per_day=1)
        body = {"sightings": [sighting(1), sighting(2)]}
        refused = face.post("/v1/sightings", body, "application/json", headers=headers)
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "partners.over-quota")


class TestRevocations:
    def test_a_key_hears_of_its_own_matches_that_stand_no_more(self, face):
        partners.make_list()
        _, word = partners.know((Algorithm.PDQ, partners.value(1)))
        one, other = partners.key(Scope.MATCH), partners.key(Scope.MATCH, of=partners.organisation("B"))
        headers = {"Authorization": f"Bearer {one.token}"}
        for made, ref in ((one, "upload 1"), (other, "upload 2")):
            _match(made.token, ref)
        assert face.get("/v1/revocations", headers=headers).json()["revocations"] == []
        catalogue.revoke(word, reason="a test", by=COMMAND, now=partners.now())
        _look_back()
        told = face.get("/v1/revocations", headers=headers).json()
        (row,) = told["revocations"]
        assert (row["ref"], row["list"], row["scheme"], row["label"]) == ("upload 1", "baseline", "inhope", "baseline")
        assert (told["position"], told["more"]) == (row["position"], False)
        again = face.get("/v1/revocations", {"since": told["position"]}, headers=headers).json()
        assert again == {"position": told["position"], "more": False, "revocations": []}

    @pytest.mark.parametrize("since", ["-1", "one", str(2**63), "1e3", ""])
    def test_an_unfit_position_is_refused(self, face, since):
        refused = face.get("/v1/revocations", {"since": since}, headers=bearer(Scope.MATCH))
        assert (refused.status_code, refused.json()["error"]["code"]) == (422, "partners.malformed-request")


def _match(token, ref):

    content = json.dumps({"items": [{"pdq": partners.value(1).hex(), "ref": ref}]}).encode()
    environ = {
        "REQUEST_METHOD": "POST", "PATH_INFO": "/v1/match", "CONTENT_LENGTH": str(len(content)),
        "CONTENT_TYPE": "application/json", "HTTP_AUTHORIZATION": f"Bearer {token}", "wsgi.input": io.BytesIO(content),
    }  # fmt: skip
    assert b'"near"' in hot.service().respond(environ).content


def _look_back():
    later = partners.now() + timedelta(minutes=1)
    for _ in range(50):
        if not retrace.step(by=NODE, now=later):
            return
    raise AssertionError("the look-back never ends")


class TestErrors:
    def test_the_list_is_for_programs_too(self, face):
        told = face.get("/v1/errors").json()["errors"]
        by_code = {one["code"]: one for one in told}
        assert by_code["partners.over-quota"]["status"] == 429
        assert by_code["partners.over-quota"]["meaning"].startswith("The key asked for more than it may")
        assert len({one["code"] for one in told}) == len(told)
        assert all(one["meaning"].endswith(".") for one in told)

    def test_an_unknown_address_and_a_wrong_method_have_the_same_shape(self, face):
        for refused, status, code in (
            (face.get("/v1/nothing"), 404, "node.no-such-page"),
            (face.put("/v1/status"), 405, "partners.wrong-method"),
            (face.get("/v1/status", headers=bearer(Scope.MATCH)), 403, "partners.missing-scope"),
        ):
            assert refused.status_code == status
            error = refused.json()["error"]
            assert error["code"] == code
            assert error["message"]
            assert error["request_id"] == refused["X-Request-Id"]

    def test_the_page_lists_every_code(self, pytestconfig):
        page = (pytestconfig.rootpath / "docs/reference/partner-api.md").read_text()
        listed = set(re.findall(r"^\| `([a-z]+\.[a-z-]+)` \| (\d{3}) \|", page, re.MULTILINE))
        assert listed == {(one.code, str(one.status)) for one in codes.all_of_them()}


class TestDescription:
    def test_it_is_openapi_and_names_every_interface(self, face):
        told = face.get("/v1/openapi.json").json()
        assert told["openapi"].startswith("3.")
        paths = set(told["paths"])
        assert {"/v1/match", "/v1/match/file", "/v1/status", "/compat/arachnid/v1/pdq/"} <= paths
        assert "/compat/hma/{key}/m/lookup" in paths
        assert told["paths"]["/v1/match"]["post"]["x-scope"] == "MATCH"
        assert told["paths"]["/v1/sightings"]["post"]["x-scope"] == "SIGHTINGS_WRITE"
        assert description.whole() is description.whole()

    def test_every_reference_in_it_leads_somewhere(self, face):
        answer = face.get("/v1/openapi.json")
        references = set(re.findall(r'"\$ref": "#/([^"]+)"', answer.content.decode()))
        assert references
        for reference in references:
            place = answer.json()
            for part in reference.split("/"):
                assert part in place, reference
                place = place[part]

    def test_the_page_needs_no_script_and_no_other_host(self, face):
        page = face.get("/")
        text = page.content.decode()
        assert page.status_code == 200
        assert "/v1/match/file" in text
        assert "/compat/hma/{key}/c/banks" in text
        assert "<script" not in text
        assert "style=" not in text
        assert not re.findall(r'(?:src|href)="(?:https?:)?//', text)
        assert "script-src 'self'" in page["Content-Security-Policy"]


class TestArachnidClasses:
    @pytest.mark.parametrize(
        ("scheme", "label", "expected"),
        [
            ("inhope", "baseline", "csam"), ("inhope", "national", "csam"), ("tech-coalition", "A1", "csam"),
            ("tech-coalition", "B2", "csam"), ("uk", "A", "csam"), ("uk", "C", "csam"), ("vics-us", "1", "csam"),
            ("vics-us", "2", "harmful-abusive-material"), ("vics-us", "3", "harmful-abusive-material"),
            ("demonstration", "sample", "harmful-abusive-material"), ("bank", "x", "harmful-abusive-material"),
        ],
    )  # fmt: skip
    def test_what_each_label_is_told_as(self, scheme, label, expected):
        claim = type("Claim", (), {"scheme": scheme, "label": label, "labels": {}})()
        assert arachnid.class_of([claim]) == expected

    def test_the_gravest_of_several_is_told(self):
        mild = type("Claim", (), {"scheme": "vics-us", "label": "2", "labels": {}})()
        grave = type("Claim", (), {"scheme": "uk", "label": "C", "labels": {}})()
        assert arachnid.class_of([mild, grave]) == "csam"
        assert arachnid.class_of([]) == "no-known-match"

    def test_a_class_derived_from_facts_counts(self):
        derived = type("Claim", (), {"scheme": "bank", "label": "x", "labels": {"inhope": "baseline"}})()
        assert arachnid.class_of([derived]) == "csam"
