# SPDX-License-Identifier: Apache-2.0
"""A client of HMA's interface, as programs written for HMA have one."""

import json

from django.core.files.uploadedfile import SimpleUploadedFile

BANK = "TEST_BANK"


class Hma:
    """A client that knows an address and nothing else."""

    def __init__(self, face, token):
        self._face, self._base = face, f"/compat/hma/{token}"

    def get(self, path, **query):
        return self._face.get(f"{self._base}/{path}", query)

    def send(self, method, path, body):
        return self._face.generic(method, f"{self._base}/{path}", json.dumps(body), "application/json")

    def post(self, path, body):
        return self.send("POST", path, body)

    def put(self, path, body):
        return self.send("PUT", path, body)

    def delete(self, path):
        return self._face.delete(f"{self._base}/{path}")

    def upload(self, path, content, *, field="photo", **fields):
        files = {field: SimpleUploadedFile("a.bin", content)}
        return self._face.post(f"{self._base}/{path}", files | fields)

    def bank(self, name=BANK, **more):
        made = self.post("c/banks", {"name": name, **more})
        assert made.status_code == 201, made.content
        return made.json()

    def signal(self, value, *, bank=BANK, **more):
        made = self.post(f"c/bank/{bank}/signal", {"pdq": value.hex(), **more})
        assert made.status_code == 200, made.content
        return made.json()["id"]

    def lookup(self, value, **query):
        found = self.get("m/lookup", signal_type="pdq", signal=value.hex(), **query)
        assert found.status_code == 200, found.content
        return found.json()

    def raw(self, value, **query):
        found = self.get("m/raw_lookup", signal_type="pdq", signal=value.hex(), **query)
        assert found.status_code == 200, found.content
        return found.json()["matches"]
