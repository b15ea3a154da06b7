# SPDX-License-Identifier: Apache-2.0
"""What Coop asks of HMA, call by call, against this node: only HMA_SERVICE_URL is another.

Source: server/services/hmaService/index.ts of roostorg/coop; its paths, methods and bodies.
"""

import json
import time
import urllib.error
import urllib.request

import pytest

from node import partners
from vigie_node.accounts.roles import Scope
from vigie_node.project.faces import Face


class Coop:
    """The calls of Coop's service; its address ends in a slash and its paths begin with one."""

    def __init__(self, url):
        self._url = url

    def fetch(self, method, path, *, body=None, kind="application/json"):
        content = json.dumps(body).encode() if kind == "application/json" and body is not None else body
        headers = {"Content-Type": kind} if content is not None else {}
        request = urllib.request.Request(f"{self._url}{path}", data=content, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def add_file(self, bank, content, **fields):
        parts = [
            f'--edge\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
            for name, value in fields.items()
        ]
        head = b'--edge\r\nContent-Disposition: form-data; name="photo"; filename="blob"\r\n'
        parts.insert(0, head + b"Content-Type: image/png\r\n\r\n" + content + b"\r\n")
        kind = "multipart/form-data; boundary=edge"
        return self.fetch("POST", f"/c/bank/{bank}/content", body=b"".join(parts) + b"--edge--\r\n", kind=kind)


@pytest.fixture
def coop(serve):
    address = serve(Face.PARTNER)
    token = partners.key(Scope.COMPAT_HMA).token
    coop = Coop(f"{address}/compat/hma/{token}/")
    until = time.monotonic() + 5
    while coop.fetch("GET", "/c/banks")[0] == 401 and time.monotonic() < until:
        time.sleep(0.05)
    return coop


def test_coop_keeps_a_bank_and_matches_with_it(coop):
    # 1. a moderator makes a bank: the ratio is sent as text
    name = "COOP_E7C89CE7729_KNOWN_THINGS"
    status, made = coop.fetch("POST", "/c/banks", body={"name": name, "enabled_ratio": "1"})
    assert (status, made) == (201, {"name": name, "matching_enabled_ratio": 1.0})
    assert coop.fetch("GET", f"/c/bank/{name}")[0] == 200
    assert coop.fetch("GET", f"/c/exchange/{name}")[0] == 404  # Coop: "no exchange for this bank"

    # 2. adds a picture, with what Coop sends beside it
    status, added = coop.add_file(name, partners.picture(), content_id="item 7", metadata='{"team": 2}', note="a note")
    assert status == 200
    assert set(added) == {"id", "signals"}

    # 3. a picture comes in: Coop looks its value up and reads the bank's matches
    pdq = added["signals"]["pdq"]
    path = f"/m/lookup?signal_type=pdq&signal={pdq}"
    assert coop.fetch("GET", path) == (200, {name: [{"bank_content_id": added["id"], "distance": "0"}]})
    assert coop.fetch("GET", f"/m/lookup?signal_type=pdq&signal={partners.value(1).hex()}") == (200, {})

    # 4. the bank is put in force in part, then wholly; hashing from an address is refused in words
    assert coop.fetch("PUT", f"/c/bank/{name}", body={"enabled_ratio": 0})[1]["matching_enabled_ratio"] == 0
    assert coop.fetch("GET", path) == (200, {})
    assert coop.fetch("PUT", f"/c/bank/{name}", body={"enabled_ratio": 1})[0] == 200
    status, refused = coop.fetch("GET", "/h/hash?url=http%3A%2F%2F127.0.0.1%3A1%2Fa.png")
    assert (status, refused["code"]) == (403, "partners.no-fetching")

    # 5. and is deleted
    assert coop.fetch("DELETE", f"/c/bank/{name}") == (200, {"message": "Done"})
    assert coop.fetch("GET", f"/c/bank/{name}")[0] == 404
    assert coop.fetch("GET", path) == (200, {})
