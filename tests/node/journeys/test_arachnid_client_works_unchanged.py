# SPDX-License-Identifier: Apache-2.0
"""A program written for Arachnid Shield, with the published client, asks this node: only its address is another."""

import base64
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from node import partners
from vigie.fingerprints.values import Algorithm
from vigie_node.accounts.roles import Scope
from vigie_node.project.faces import Face

PROGRAM = Path(__file__).with_name("arachnid_program.py")
KNOWN, SIMILAR, OTHER = partners.picture(1), partners.picture(2), partners.picture(9)


@pytest.fixture
def node(serve):
    """A served node that knows one picture by its digests, another by its value alone."""
    partners.make_list()
    partners.know_picture(KNOWN, label="baseline")
    partners.know_picture(SIMILAR, exact=False, scheme="vics-us", label="2")
    partners.know((Algorithm.PDQ, partners.value(5)), label="national")
    return serve(Face.PARTNER)


def told(address, token, *asked, user=""):
    """Run the program and return what it was told, one answer for each thing asked."""
    done = subprocess.run(
        [sys.executable, PROGRAM, user or token[:11], token],
        input="".join(json.dumps(one) + "\n" for one in asked),
        env=os.environ | {"ARACHNID_SHIELD_URL": f"{address}/compat/arachnid/"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def media(content, kind="image/png"):
    return {"what": "bytes", "content": base64.b64encode(content).decode(), "type": kind}


def test_the_published_client_is_told_what_it_expects(node):
    token = partners.key(Scope.COMPAT_ARACHNID).token

    # 1. files: one known by its digest, a copy of another, one that nobody knows
    exact, near, none = told(
        node, token, media(KNOWN), media(partners.picture(2, format="JPEG"), "image/jpeg"), media(OTHER)
    )
    assert (exact["classification"], exact["match_type"], exact["matches"]) == ("csam", "exact", True)
    assert exact["sha256_hex"] == hashlib.sha256(KNOWN).hexdigest()
    assert exact["sha1_base32"] == base64.b32encode(hashlib.sha1(KNOWN, usedforsecurity=False).digest()).decode()
    assert exact["size_bytes"] == len(KNOWN)
    assert (near["classification"], near["match_type"]) == ("harmful-abusive-material", "near")
    assert near["near_match_details"] == []
    assert (none["classification"], none["match_type"], none["matches"]) == ("no-known-match", None, False)

    # 2. values, by their own text
    known, unknown = (base64.b64encode(partners.value(seed)).decode() for seed in (5, 6))
    (answers,) = told(node, token, {"what": "pdq", "hashes": [known, unknown]})
    assert answers == {known: ["csam", "near", None], unknown: ["no-known-match", None, None]}

    # 3. an address is refused in words; a file that cannot be read is an error, never "no known match"
    url, damaged, lie = told(
        node, token, {"what": "url", "url": "http://127.0.0.1:1/a"}, media(OTHER[:3000]), media(b"words", "image/png")
    )
    assert "fetches no address" in url["refused"]
    assert "nothing can be said of this file" in damaged["refused"]
    assert "neither a picture nor a video" in lie["refused"]

    # 4. a wrong key is told so
    (refused,) = told(node, token[:-1] + ("A" if token[-1] != "A" else "B"), media(OTHER))
    assert "key" in refused["refused"]


def test_a_trusted_key_is_told_the_digests_of_what_was_matched(node):
    token = partners.key(Scope.COMPAT_ARACHNID, Scope.MATCH_TRUSTED).token
    (near,) = told(node, token, media(partners.picture(1, format="JPEG"), "image/jpeg"))
    (detail,) = near["near_match_details"]
    assert detail["sha256_hex"] == hashlib.sha256(KNOWN).hexdigest()
    assert (detail["classification"], detail["timestamp"]) == ("csam", 0.0)
