# SPDX-License-Identifier: Apache-2.0
"""What the node's tests may count on: a database of their own, its processes, a page in a real browser.

- `db` and `transactional_db` are those of pytest-django; SQLite is a file, which threads and processes share.
- `serve(Face.PUBLIC)` starts one face as a process of its own, on the database of the test, and returns its address.
- `own_index` gives a test an index that no other test has filled.
- `page` is a tab of Chromium that reaches this machine only. What it logs as an error fails the test at its end; a test
  that expects some clears `complaints`.
- On PostgreSQL only what a database decides runs again: tests that use the run's database, and of those in a browser
  the journeys.
"""

import contextlib

import pytest
from playwright.sync_api import sync_playwright

from node import append_only, faces

BROWSER_OPTIONS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
]


DATABASE = {"db", "transactional_db", "live_server"}


def pytest_collection_modifyitems(config, items):
    if config.getoption("database") == "postgres":
        left_out = [item for item in items if not _depends_on_database(item)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def _depends_on_database(item):
    uses_it = item.get_closest_marker("django_db") or DATABASE & set(item.fixturenames)
    return uses_it and ("journeys" in item.path.parts or "browser" not in item.fixturenames)


@pytest.fixture(scope="session", autouse=True)
def audit_is_emptied_between_tests():
    with append_only.lifted_while_emptying():
        yield


@pytest.fixture
def own_index(settings, tmp_path):
    """An index of this test alone, in this process."""
    from vigie_node.matching import lookup  # noqa: PLC0415 - the settings are read after this file

    settings.INDEXES = tmp_path / "indexes"
    lookup.forget()
    yield
    lookup.forget()


@pytest.fixture
def serve(transactional_db):
    """A way to start faces of the node; they end with the test."""
    with contextlib.ExitStack() as stack:
        yield lambda face, **environment: stack.enter_context(faces.serving(face, **environment))


@pytest.fixture(scope="module")
def browser(chromium):
    """Chromium, for the tests of one module."""
    # The browser is driven by an event loop in this thread, which Django takes for a request of its own.
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(executable_path=chromium, chromium_sandbox=False, args=BROWSER_OPTIONS)
        yield browser
        browser.close()


@pytest.fixture
def complaints():
    """What a page logged as an error, its violations of the content security policy among them."""
    return []


@pytest.fixture
def page(browser, complaints):
    """A tab without memory of the one before."""
    context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(15_000)
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert complaints == []
