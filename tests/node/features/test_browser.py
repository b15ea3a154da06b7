# SPDX-License-Identifier: Apache-2.0
"""The browser of the tests sees what a strict page does, and reaches nothing but this machine."""

import http.server
import threading

import pytest
from playwright.sync_api import Error

from node import accessibility

POLICY = "default-src 'none'; script-src 'self'; img-src 'self'"
PAGES = {
    "/good": '<!doctype html><html lang="en"><title>Good</title><main><h1>Good</h1></main></html>',
    "/poor": '<!doctype html><html><title>Poor</title><main><h1>Poor</h1><img src="/dot"></main></html>',
    "/inline": '<!doctype html><html lang="en"><title>Inline</title><h1>I</h1><script>1</script></html>',
}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = PAGES.get(self.path, "").encode()
        self.send_response(200)
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("Content-Type", "text/html; charset=utf-8" if body else "image/svg+xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *arguments):
        pass


@pytest.fixture(scope="module")
def site():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class TestPage:
    def test_passes_where_nothing_is_wrong(self, page, site):
        page.goto(f"{site}/good")
        assert accessibility.violations(page) == []

    def test_shows_what_is_wrong_under_a_strict_policy(self, page, site):
        page.goto(f"{site}/poor")
        assert {line.partition(" ")[0] for line in accessibility.violations(page)} == {"html-has-lang", "image-alt"}

    def test_notices_a_breach_of_the_policy(self, page, site, complaints):
        page.goto(f"{site}/inline")
        assert "Content Security Policy" in complaints.pop()

    def test_cannot_leave_this_machine(self, page):
        with pytest.raises(Error, match="ERR_NAME_NOT_RESOLVED"):
            page.goto("http://example.org")
