# SPDX-License-Identifier: Apache-2.0
"""Defects of the services that others look values up with; each test says what must hold here instead.

Which test stands for which defect: docs/reference/peer-defects.md.
"""

import base64
import re

import pytest

from architecture.repository import ROOT
from node import partners
from node.hma_client import Hma
from vigie.fingerprints.values import Algorithm
from vigie.matching.verdicts import Outcome
from vigie_node.accounts.roles import Scope
from vigie_node.matching import lookup
from vigie_node.partner_api import arachnid

VALUE = partners.value(1)


@pytest.fixture
def listed(face):
    """A value that a list makes matchable."""
    partners.make_list()
    partners.know((Algorithm.PDQ, VALUE))
    lookup.of_catalogue().catch_up()


@pytest.fixture
def stale(listed):
    """The process has not heard from the change log for too long."""
    index = lookup.of_catalogue()
    index._following, index._heard = object(), -1000.0
    yield
    index._following = None


def basic(token):
    return {"Authorization": "Basic " + base64.b64encode(f"anybody:{token}".encode()).decode()}


def scan(face, *values):
    token = partners.key(Scope.COMPAT_ARACHNID).token
    body = {"hashes": [base64.b64encode(one).decode() for one in values]}
    return face.post("/compat/arachnid/v1/pdq/", body, "application/json", headers=basic(token))


class TestSilence:
    """A matcher that is down answers an error, in whatever interface it is asked, and never "no match"."""

    @pytest.mark.parametrize("path", ["m/lookup", "m/raw_lookup"])
    def test_a_stale_index_is_an_error_to_a_client_of_hma(self, face, stale, path):
        hma = Hma(face, partners.key(Scope.COMPAT_HMA).token)
        refused = hma.get(path, signal_type="pdq", signal=VALUE.hex())
        assert (refused.status_code, refused.json()["code"]) == (503, "matching.stale-index")

    def test_a_stale_index_is_an_error_to_a_client_of_arachnid(self, face, stale):
        refused = scan(face, VALUE)
        assert (refused.status_code, refused.json()["code"]) == (503, "matching.stale-index")
        assert b"no-known-match" not in refused.content


class TestWire:
    """What goes over the wire is the value that is documented, not the name that a program gives it."""

    def test_every_verdict_is_told_as_it_is_documented(self):
        page = (ROOT / "docs" / "reference" / "partner-api.md").read_text(encoding="utf-8")
        verdicts = page.partition("| verdict | meaning |")[2].partition("\n\n")[0]
        assert set(re.findall(r"`([a-z-]+)`", verdicts)) == {one.value for one in Outcome}

    def test_classes_are_those_of_arachnids_interface(self, face, listed):
        told = scan(face, VALUE, partners.value(2)).json()
        assert {one.value for one in arachnid.Class} == {"csam", "harmful-abusive-material", "no-known-match"}
        found = re.findall(r'"classification": ?"([^"]+)"', str(told).replace("'", '"'))
        assert set(found) == {"csam", "no-known-match"}
