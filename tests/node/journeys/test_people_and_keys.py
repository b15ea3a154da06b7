# SPDX-License-Identifier: Apache-2.0
"""An administrator invites somebody, a partner manager makes and ends a key: in the real browser, by keyboard."""

from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from node import accessibility, people
from vigie_node.accounts import queries
from vigie_node.accounts.roles import Role, Scope
from vigie_node.accounts.states import Access, KeyState
from vigie_node.project.faces import Face

pytestmark = pytest.mark.django_db(transaction=True)
NARROW, WIDE = {"width": 320, "height": 800}, {"width": 1280, "height": 900}


@pytest.fixture
def node(serve):
    return serve(Face.ANALYST)


def enter(page, node, *roles):
    page.context.add_cookies(people.cookies(people.recruit(*roles, name="A. Administrator"), node))


def check(page):
    """Look for barriers in a wide and a narrow window, where nothing may run out of the page."""
    for size in (NARROW, WIDE):
        page.set_viewport_size(size)
        assert accessibility.violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"too wide for {size}"


def press(page, role, name):
    wanted = page.get_by_role(role, name=name, exact=True)
    wanted.focus()
    expect(wanted).to_be_focused()
    page.keyboard.press("Enter")


def test_somebody_is_invited_and_later_leaves(node, page):
    enter(page, node, Role.ADMINISTRATOR)
    page.goto(f"{node}/people")
    check(page)
    press(page, "link", "Invite somebody")

    # The form says who may hold each role; what was typed stays when something is wrong.
    expect(page.get_by_role("heading", name="Invite somebody")).to_be_visible()
    check(page)
    page.get_by_label("Name shown").fill("N. Ew")
    page.get_by_label("E-mail address").fill("n.ew@example.org")
    page.get_by_role("checkbox", name="Analyst", exact=True).focus()
    page.keyboard.press("Space")
    press(page, "button", "Invite")

    # The link is shown once.
    expect(page.get_by_role("heading", name="The link for N. Ew")).to_be_visible()
    check(page)
    assert "/enrol#vl_" in page.locator("#enrolment-link").inner_text()
    press(page, "link", "I have handed it over")

    # A role is given, which conflicts: this is said. It is taken again.
    expect(page.get_by_role("heading", name="N. Ew")).to_be_visible()
    page.get_by_text("Give a role").click()
    check(page)
    press(page, "button", "Give Auditor")
    expect(page.get_by_text("Analyst and Auditor", exact=True)).to_be_visible()
    check(page)
    press(page, "button", "Take away Auditor")
    expect(page.get_by_text("Analyst and Auditor", exact=True)).to_have_count(0)

    # Their access ends, after a question that repeats whose it is.
    press(page, "button", "End access…")
    question = page.get_by_role("dialog", name="End this person's access?")
    expect(question).to_contain_text("N. Ew of Hotline")
    check(page)
    question.get_by_role("button", name="End access").press("Enter")
    expect(page.get_by_role("button", name="Restore access")).to_be_visible()
    check(page)
    assert queries.person(queries.person_id_of("n.ew@example.org")).access is Access.ENDED


def test_a_key_is_made_and_ended(node, page):
    enter(page, node, Role.PARTNER_MANAGER)
    page.goto(f"{node}/partners")
    check(page)
    press(page, "link", "Add an organisation")
    check(page)
    page.get_by_label("Name", exact=True).fill("Example hosting")
    page.get_by_label("Country").fill("nl")
    page.get_by_label("Kind").select_option("PROVIDER")
    press(page, "button", "Add")

    expect(page.get_by_role("heading", name="No key yet")).to_be_visible()
    check(page)
    page.get_by_role("link", name="Make a key").first.press("Enter")
    expect(page.get_by_role("heading", name="Make a key")).to_be_visible()
    check(page)
    page.get_by_label("What it is for").fill("upload filter")
    page.get_by_role("checkbox", name="Match", exact=True).check()
    press(page, "button", "Make the key")

    # The token is shown once.
    expect(page.get_by_role("heading", name="upload filter")).to_be_visible()
    check(page)
    assert page.locator("#token").inner_text().startswith("vk_")
    record = queries.key_records()[0]
    assert record.scopes == {Scope.MATCH}
    press(page, "link", "I have handed it over")

    # It ends with a reason.
    press(page, "button", "Revoke…")
    question = page.get_by_role("dialog", name="Revoke this key?")
    expect(question).to_contain_text("“upload filter” of Example hosting")
    check(page)
    question.get_by_label("Reason").fill("the contract ended")
    page.keyboard.press("Enter")
    expect(page.get_by_text("within a second it opens nothing")).to_be_visible()
    check(page)
    assert queries.key(record.id, now=datetime.now(UTC)).state is KeyState.REVOKED
