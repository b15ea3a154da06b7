# SPDX-License-Identifier: Apache-2.0
import pytest

from node import accessibility, people
from node.append_only import lifted
from node.features.audit.audit_building import record, sequence, verify
from vigie_node.accounts.roles import Role
from vigie_node.audit import heads, models, queries
from vigie_node.project.faces import Face


@pytest.fixture
def at(serve, page, transactional_db, settings):
    """The address of the analysts' face, with an auditor signed in."""
    address = serve(Face.ANALYST, VIGIE_SIGNING_KEY=settings.SIGNING_KEY).replace("127.0.0.1", "localhost")
    auditor = people.recruit(Role.AUDITOR, name="C. Auditor")
    page.context.add_cookies(people.cookies(auditor, address))
    record(60, by=people.actor(auditor))
    sequence()
    return address


def look(page):
    page.wait_for_load_state("networkidle")
    too_wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(too_wide) == 0
    assert accessibility.violations(page) == []


class TestPage:
    def test_has_nothing_that_axe_finds_in_any_state(self, at, page, complaints):
        states = ["/audit", "/audit?subject=nothing", "/audit?since=yesterday", "/audit?event=DEPICTION_READ&after=20"]
        for scheme, width in [("light", 1280), ("dark", 320)]:
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size({"width": width, "height": 800})
            for path in states:
                page.goto(at + path)
                look(page)
                if "yesterday" in path:
                    assert len(complaints) == 1
                    complaints.clear()  # Chromium logs every answer of 422
        with lifted():
            models.Event.objects.filter(sequence=2).update(subject="x")
        verify()
        page.goto(f"{at}/audit")
        assert page.get_by_text("Change nothing.").is_visible()
        look(page)

    def test_is_filtered_paged_and_its_head_taken_away(self, at, page):
        page.goto(f"{at}/audit")
        page.get_by_label("What happened").select_option("a depiction was read")
        page.get_by_role("button", name="Show").click()
        page.get_by_role("link", name="Next page").click()
        page.get_by_role("link", name="a depiction was read").first.wait_for()
        assert "event=DEPICTION_READ" in page.url
        with page.expect_download() as download:
            page.get_by_role("button", name="Download the signed head").click()
        assert heads.load(download.value.path().read_text()) == queries.latest_head()
        with page.expect_download() as download:
            page.get_by_role("link", name="CSV").click()
        assert len(download.value.path().read_text().splitlines()) == 61
