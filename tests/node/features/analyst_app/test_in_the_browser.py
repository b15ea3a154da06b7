# SPDX-License-Identifier: Apache-2.0
"""The pages in a real browser: nothing that axe finds, nothing that the policy refuses, all by the keyboard.

One process serves all looks of a page: the fixture `page` fails on any error or breach of the policy in its console.
"""

import pytest

from node import accessibility, people
from node.features.analyst_app import world as building
from vigie_node.accounts.roles import Role
from vigie_node.project.faces import Face

LANGUAGES = ["en", "fr", "nl", "de"]


@pytest.fixture
def at(serve, page, transactional_db, settings):
    """The address of the analysts' face, with somebody who may do everything signed in; and the world it shows."""
    built = building.build()
    address = serve(Face.ANALYST).replace("127.0.0.1", "localhost")
    page.context.add_cookies(people.cookies(people.recruit(*Role, name="Maria Janssens"), address))
    return address, built


def addresses(world):
    return ["/", "/search", "/catalogue", f"/depictions/{world.depiction}", f"/depictions/{world.bare}", "/reviews",
            "/alarms", "/about"]  # fmt: skip


def speak(page, address, language):
    page.context.add_cookies([{"name": "django_language", "value": language, "url": address}])


class TestEveryPage:
    def test_has_nothing_that_axe_finds_in_any_language_light_or_dark(self, at, page):
        address, world = at
        for language in LANGUAGES:
            speak(page, address, language)
            for scheme in ["light", "dark"]:
                page.emulate_media(color_scheme=scheme)
                for path in addresses(world):
                    page.goto(address + path)
                    page.wait_for_load_state("networkidle")
                    assert page.evaluate("document.documentElement.lang") == language
                    assert accessibility.violations(page) == [], (path, language, scheme)

    def test_fits_a_narrow_screen_and_200_percent(self, at, page):
        address, world = at
        for width in [320, 640]:
            page.set_viewport_size({"width": width, "height": 700})
            for path in addresses(world):
                page.goto(address + path)
                page.wait_for_load_state("networkidle")
                too_wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
                assert page.evaluate(too_wide) == 0, (path, width)
                assert accessibility.violations(page) == [], (path, width)

    def test_is_small_enough(self, at, page):
        address, _world = at
        sizes = []
        page.on("response", lambda response: sizes.append(len(response.body())) if response.ok else None)
        page.goto(address + "/")
        page.wait_for_load_state("networkidle")
        assert sum(sizes) < 1_000_000  # uncompressed; the charts' library is loaded where there are charts only


class TestStates:
    def test_dialogs_and_results_have_nothing_that_axe_finds(self, at, page):
        address, world = at
        page.goto(f"{address}/depictions/{world.depiction}")
        for name in page.eval_on_selector_all("[data-opens]", "all => all.map(one => one.dataset.opens)"):
            page.locator(f'[data-opens="{name}"]').click()
            assert accessibility.violations(page) == [], name
            page.keyboard.press("Escape")
        page.get_by_role("button", name="Show the values").click()
        page.get_by_text(world.sha256).wait_for()
        assert accessibility.violations(page) == []
        page.get_by_role("link", name="Stop it from matching").first.click()
        assert accessibility.violations(page) == []
        page.get_by_label("Search everything").fill(world.near_pdq)
        page.keyboard.press("Enter")
        page.get_by_text("2 of 256 bits differ").wait_for()
        assert accessibility.violations(page) == []

    def test_a_chart_is_drawn_with_its_table_behind(self, at, page):
        address, world = at
        page.goto(f"{address}/depictions/{world.depiction}")
        page.locator("#depiction-months svg").wait_for()
        page.locator("#depiction-countries svg").wait_for()
        assert page.locator("#depiction-months svg").count() == 1
        assert page.get_by_role("rowheader", name="Belgium").is_visible()
        page.get_by_text("The figures as a table").first.click()
        assert page.locator("figure").first.get_by_role("row").count() >= 2

    def test_works_without_scripts(self, at, browser):
        address, world = at
        context = browser.new_context(java_script_enabled=False)
        context.add_cookies(people.cookies(people.recruit(*Role), address))
        page = context.new_page()
        page.goto(f"{address}/depictions/{world.depiction}")
        page.locator('[data-opens^="revoke-"]').first.click()
        dialog = page.locator("dialog:target")
        dialog.locator("textarea").fill("Assessed by mistake.")
        dialog.get_by_role("button", name="Revoke for good").click()
        assert page.get_by_text("The assertion is revoked").is_visible()
        page.get_by_role("button", name="Show the values").click()
        assert page.get_by_text(world.sha256).is_visible()
        context.close()


class TestKeyboard:
    def test_a_dispute_is_found_opened_and_settled_without_a_mouse(self, at, page):
        address, world = at
        page.goto(f"{address}/")
        page.keyboard.press("j")
        assert "dispute" in page.evaluate("document.activeElement.textContent")
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/depictions/{world.depiction}")
        settle = page.locator('[data-opens^="settle-"]')
        settle.focus()
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.tagName") == "SELECT"
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Tab")
        page.keyboard.type("Two colleagues looked again.")
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.get_by_text("The dispute is settled.").wait_for()
        assert "Two colleagues looked again." in page.content()

    def test_searches_and_helps_by_one_key(self, at, page):
        address, world = at
        page.goto(f"{address}/about")
        page.keyboard.press("?")
        assert page.get_by_role("dialog", name="Keyboard").is_visible()
        page.keyboard.press("Escape")
        page.keyboard.press("/")
        page.keyboard.type(world.sha256)
        page.keyboard.press("Enter")
        page.get_by_text("equal SHA-256").wait_for()
        assert world.sha256 not in page.url

    def test_goes_past_the_ways_to_the_content(self, at, page):
        address, _world = at
        page.goto(f"{address}/catalogue")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"

    def test_opens_and_leaves_the_menu_on_a_narrow_screen(self, at, page):
        address, _world = at
        page.set_viewport_size({"width": 320, "height": 700})
        page.goto(f"{address}/")
        assert not page.get_by_role("link", name="Reviews").is_visible()
        page.get_by_role("button", name="Menu").press("Enter")
        page.get_by_role("link", name="Reviews").press("Enter")
        page.wait_for_url("**/reviews")
