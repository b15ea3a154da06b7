# SPDX-License-Identifier: Apache-2.0
"""On PostgreSQL the partners' face has a login of its own: it can do all that partners may ask, and no more."""

import io
import json
import time
import urllib.request
from datetime import timedelta

import pytest

from node import partners
from vigie.fingerprints.values import Algorithm
from vigie_node.accounts.roles import Scope
from vigie_node.cli import homes
from vigie_node.project import database_roles
from vigie_node.project.faces import LOGINS, Face, password_setting


@pytest.fixture
def node(serve, settings):
    homes.make_passwords(settings.SECRETS, settings=[password_setting(face) for face in LOGINS])
    database_roles.apply(database_roles.passwords())  # SQLite has none: there the same is done without
    return serve(Face.PARTNER, VIGIE_DATABASE_ROLES="yes")


def call(address, method, path, token, body=None):
    content = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(address + path, data=content, method=method, headers=headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(io.BytesIO(answer.read() or b"null"))


def test_every_operation_works_with_it(node):
    partners.make_list()
    partners.know((Algorithm.PDQ, partners.value(1)))
    token = partners.key(Scope.MATCH, Scope.SIGHTINGS_WRITE, Scope.STATUS, Scope.COMPAT_HMA).token
    time.sleep(1)
    seen = {"pdq": partners.value(1).hex()}
    assert call(node, "POST", "/v1/match", token, {"items": [seen]})["answers"][0]["verdict"] == "near"
    assert call(node, "GET", "/v1/status", token)["is_fresh"]
    assert call(node, "GET", "/v1/revocations", token)["revocations"] == []
    told = seen | {
        "place": "URL", "seen_at": partners.now().isoformat(), "legal_basis": "hotline-assessment",
        "expires_at": (partners.now() + timedelta(days=30)).isoformat(),
    }  # fmt: skip
    assert call(node, "POST", "/v1/sightings", token, {"sightings": [told]}) == {"recorded": 1}
    hma = f"/compat/hma/{token}"
    call(node, "POST", f"{hma}/c/banks", token, {"name": "A"})
    number = call(node, "POST", f"{hma}/c/bank/A/signal", token, {"pdq": partners.value(7).hex()})["id"]
    found = f"{hma}/m/raw_lookup?signal_type=pdq&signal={partners.value(7).hex()}"
    assert call(node, "GET", found, token) == {"matches": [number]}
    call(node, "PUT", f"{hma}/c/bank/A/content/{number}", token, {"disable_until_ts": 0})
    assert len(call(node, "GET", "/v1/revocations", token)["revocations"]) == 1
    call(node, "PUT", f"{hma}/c/bank/A/content/{number}", token, {"disable_until_ts": 1})
    call(node, "PUT", f"{hma}/c/signal_type/pdq", token, {"enabled_ratio": 0})
    call(node, "PUT", f"{hma}/c/signal_type/pdq", token, {"enabled_ratio": 1})
    call(node, "PUT", f"{hma}/c/bank/A", token, {"name": "B"})
    assert call(node, "DELETE", f"{hma}/c/bank/B/content/{number}", token) == {"deleted": 1}
    call(node, "DELETE", f"{hma}/c/bank/B", token)
    assert call(node, "GET", f"{hma}/c/banks", token) == []
