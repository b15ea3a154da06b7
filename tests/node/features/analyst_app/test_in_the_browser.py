# SPDX-License-Identifier: Apache-2.0
"""The pages in a real browser: nothing that axe finds, nothing that the policy refuses, all by the keyboard.

One process serves all looks of a page: the fixture `page` fails on any error or breach of the policy in its console.
"""

import itertools
from urllib.parse import urlsplit

import pytest
from django.urls import resolve
from playwright.sync_api import expect

from node import accessibility, people
from node.features.analyst_app import furnishing
from node.features.analyst_app import world as building
from vigie_node.accounts.roles import Role
from vigie_node.analyst_app import shell
from vigie_node.project.faces import Face

LANGUAGES = ["en", "fr", "nl", "de"]


@pytest.fixture
def at(serve, page, transactional_db, settings, tmp_path):
    """The address of the analysts' face, with somebody who may do everything signed in; and the world it shows."""
    settings.UPLOADS = tmp_path / "uploads"
    built = building.build()
    address = serve(Face.ANALYST).replace("127.0.0.1", "localhost")
    page.context.add_cookies(people.cookies(people.recruit(*Role, name="Maria Janssens"), address))
    return address, built


@pytest.fixture
def everywhere(at):
    """The address of every page, by name, with something on it."""
    address, built = at
    return {name: address + path for name, path in furnishing.furnish(built).items()}


def open_page(page, address):
    page.goto(address)
    if page.locator("[data-chart]").count():  # the charts' library comes after the page
        page.wait_for_load_state("networkidle")


def speak(page, address, language):
    page.context.add_cookies([{"name": "django_language", "value": language, "url": address}])


class TestEveryPage:
    def test_that_the_navigation_names_is_looked_at(self, everywhere):
        looked_at = {resolve(urlsplit(one).path).url_name for one in everywhere.values()}
        assert {way.urls[0] for way in shell.WAYS} <= looked_at

    def test_has_nothing_that_axe_finds_in_any_language_nor_in_the_dark(self, everywhere, page):
        for language, (name, address) in itertools.product(LANGUAGES, everywhere.items()):
            page.emulate_media(color_scheme="dark" if language == "fr" else "light")  # no colour hangs on the language
            speak(page, address, language)
            open_page(page, address)
            assert page.evaluate("document.documentElement.lang") == language
            assert accessibility.violations(page) == [], (name, language)

    def test_fits_a_narrow_screen_and_200_percent(self, everywhere, page):
        too_wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        for name, address in everywhere.items():
            for width in [1280, 1024, 640, 320]:
                page.set_viewport_size({"width": width, "height": 700})
                if width == 1280:
                    open_page(page, address)
                assert page.evaluate(too_wide) == 0, (name, width)
            assert accessibility.violations(page) == [], name

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

    def test_the_dialogs_of_every_other_page_too(self, everywhere, page):
        for name in ["lists", "list", "series-list", "series", "imports", "import", "tasks", "key", "person", "loads"]:
            page.goto(everywhere[name])
            for dialog in page.eval_on_selector_all("[data-opens]", "all => all.map(one => one.dataset.opens)"):
                page.locator(f'[data-opens="{dialog}"]').first.click()
                assert accessibility.violations(page) == [], (name, dialog)
                page.keyboard.press("Escape")

    def test_a_policy_that_is_refused_says_so_at_the_field(self, everywhere, page, complaints):
        page.goto(everywhere["list-change"])
        page.get_by_label("How many sources must agree").fill("3")
        page.get_by_label("Hotline Example").check()
        page.get_by_label("Why it is changed").fill("to be surer")
        page.get_by_role("button", name="Put it in force").click()
        assert page.get_by_text("More sources must agree than are named.").is_visible()
        assert page.get_by_label("Hotline Example").is_checked()
        assert [one for one in complaints if "422" not in one] == []
        complaints.clear()
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

    def test_a_chart_names_months_in_the_language_of_the_page(self, at, page):
        address, world = at
        speak(page, address, "fr")
        page.goto(f"{address}/depictions/{world.depiction}")
        page.locator("#depiction-months svg").wait_for()
        first = page.evaluate("""() => {
            const [day] = JSON.parse(document.getElementById("depiction-months-rows").textContent).rows[0];
            return new Intl.DateTimeFormat("fr", {month: "short", year: "numeric"}).format(new Date(`${day}T00:00`));
        }""")
        assert first in page.locator("#depiction-months svg").text_content()

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

    def test_tasks_are_chosen_and_taken_without_a_mouse(self, everywhere, page):
        page.goto(f"{everywhere['tasks']}?show=open")
        page.keyboard.press("j")
        page.keyboard.press("x")
        page.get_by_role("button", name="Take the chosen ones").press("Enter")
        page.get_by_text("1 task is yours now.").wait_for()

    def test_an_import_is_let_count_without_a_mouse(self, everywhere, page):
        page.goto(everywhere["import"])
        page.get_by_role("button", name="Let it count…").press("Enter")
        page.get_by_role("dialog").get_by_role("button", name="Let it count").press("Enter")
        page.get_by_text("It counts from now on.").wait_for()

    def test_goes_past_the_ways_to_the_content(self, at, page):
        address, _world = at
        page.goto(f"{address}/catalogue")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"

    def test_what_is_shown_on_demand_takes_the_focus(self, everywhere, at, page):
        address, world = at
        page.goto(f"{address}/depictions/{world.depiction}")
        page.get_by_role("button", name="Show the values").press("Enter")
        expect(page.get_by_role("region", name="Fingerprints")).to_be_focused()
        page.goto(everywhere["tasks"])
        page.get_by_role("button", name="Show the place").first.press("Enter")
        expect(page.locator(".place")).to_be_focused()

    def test_help_opened_from_the_menu_gives_the_focus_back(self, at, page):
        address, _world = at
        page.goto(f"{address}/about")
        menu = page.get_by_role("button", name="your account")
        menu.press("Enter")
        page.get_by_role("button", name="Keyboard").press("Enter")
        page.keyboard.press("Escape")
        expect(menu).to_be_focused()

    def test_goes_to_the_first_field_that_is_wrong(self, everywhere, page, complaints):
        page.goto(everywhere["list-change"])
        page.get_by_label("Threshold (bits)").fill("99")
        page.get_by_role("button", name="Simulate it").press("Enter")
        expect(page.get_by_label("Threshold (bits)")).to_be_focused()
        page.goto(everywhere["lists"])
        page.get_by_role("button", name="New list").press("Enter")
        page.get_by_role("dialog").get_by_label("Name").fill("new")
        page.get_by_role("dialog").get_by_label("Title").fill("New")
        page.get_by_role("dialog").get_by_label("Why").fill(" ")
        page.get_by_role("dialog").get_by_role("button", name="Create").press("Enter")
        expect(page.get_by_role("dialog").get_by_label("Why")).to_be_focused()
        assert [one for one in complaints if "422" not in one] == []
        complaints.clear()

    def test_opens_and_leaves_the_menu_on_a_narrow_screen(self, at, page):
        address, _world = at
        page.set_viewport_size({"width": 320, "height": 700})
        page.goto(f"{address}/")
        assert not page.get_by_role("link", name="Reviews").is_visible()
        page.get_by_role("button", name="Menu").press("Enter")
        page.get_by_role("link", name="Reviews").press("Enter")
        page.wait_for_url("**/reviews")
