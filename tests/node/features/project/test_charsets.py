# SPDX-License-Identifier: Apache-2.0
"""What a client says of its letters is not believed: everything is read as UTF-8."""

import pytest

from node.wires import ask
from vigie_node.project.faces import Face


@pytest.mark.parametrize(("face", "path"), [(Face.ANALYST, "/sign-in"), (Face.PARTNER, "/v1/errors")])
def test_no_codec_that_a_stranger_names_is_used(serve, face, path):
    address = serve(face)
    for name in ("hex", "rot13", "punycode", "idna", "utf-16", "no-such-codec", "utf-8"):
        status, headers, _ = ask(address, "GET", f"{path}?x=%ff=", Content_Type=f"text/plain; charset={name}")
        assert (status, "x-request-id" in headers) == (200, True), name


def test_no_cookie_that_holds_a_zero_is_believed(serve):
    cookie = 'sessionid="' + "\\000" * 9 + '"'
    assert ask(serve(Face.ANALYST), "GET", "/people", Cookie=cookie)[0] == 302
