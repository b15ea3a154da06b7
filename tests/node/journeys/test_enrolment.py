# SPDX-License-Identifier: Apache-2.0
"""A person is invited, sets up how they sign in, and comes back: in the real browser, under the strict policy.

The device that keeps passkeys is Chromium's virtual one; everything is done with the keyboard.
"""

import time
from datetime import UTC, datetime

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from playwright.sync_api import expect

from node import accessibility, people
from vigie_node.accounts import actions, models
from vigie_node.accounts.roles import Role
from vigie_node.accounts.tokens import enrolment_path
from vigie_node.base.actor import COMMAND
from vigie_node.project.faces import Face

pytestmark = pytest.mark.django_db(transaction=True)
PASSWORD = "four pale lanterns drift"


@pytest.fixture
def node(serve):
    # A passkey belongs to a name, never to a number: browsers refuse 127.0.0.1.
    return serve(Face.ANALYST).replace("127.0.0.1", "localhost")


@pytest.fixture
def device(page):
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})


@pytest.fixture
def somebody(transactional_db):
    return people.recruit(Role.ADMINISTRATOR, email="b.dubois@example.org", name="B. Dubois")


def link_for(person, node):
    return node + enrolment_path(actions.issue_enrolment(person, by=COMMAND, now=datetime.now(UTC)))


def press(page, name, role="button"):
    """Reach something with Tab alone, then press Enter."""
    wanted = page.get_by_role(role, name=name, exact=role == "button")
    expect(wanted).to_be_visible()
    for _ in range(40):
        if wanted.evaluate("one => one === document.activeElement"):
            page.keyboard.press("Enter")
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the keyboard does not reach {name!r}")


def fill(page, label, text):
    field = page.get_by_label(label, exact=True)
    for _ in range(40):
        if field.evaluate("one => one === document.activeElement"):
            page.keyboard.type(text)
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the keyboard does not reach {label!r}")


def check(page):
    assert accessibility.violations(page) == []


def sign_out(page, node):
    page.goto(f"{node}/sign-out")
    check(page)
    page.locator("main").get_by_role("button", name="Sign out").press("Enter")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def code_now(secret, *, later=0):
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + later))


def test_with_a_passkey_alone(node, page, device, somebody):
    # The link is opened; its token leaves the address at once.
    page.goto(link_for(somebody, node))
    assert page.url == f"{node}/enrol"
    check(page)
    press(page, "Start")

    # Nothing opens before a second factor is set up.
    expect(page.get_by_role("heading", name="How will you sign in?")).to_be_visible()
    check(page)
    page.goto(f"{node}/people")
    expect(page.get_by_role("heading", name="How will you sign in?")).to_be_visible()

    # A passkey is made.
    press(page, "With a passkey", "link")
    expect(page.get_by_role("heading", name="Add a passkey")).to_be_visible()
    check(page)
    press(page, "Make a passkey")
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    check(page)
    press(page, "I keep them safe: go on", "link")

    # The person is in, with what their role opens.
    page.goto(f"{node}/people")
    expect(page.get_by_role("heading", name="People")).to_be_visible()
    check(page)
    page.goto(f"{node}/account")
    expect(page.get_by_role("heading", name="Your account")).to_be_visible()
    check(page)

    # They go, and come back with the passkey and nothing else; to the page that they wanted.
    sign_out(page, node)
    page.goto(f"{node}/people")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    check(page)
    press(page, "Sign in with a passkey")
    expect(page.get_by_role("heading", name="People")).to_be_visible()


def test_with_a_password_and_a_code_app(node, page, somebody):
    page.goto(link_for(somebody, node))
    press(page, "Start")
    press(page, "With a password and a code app", "link")

    # The password comes first: a code alone would be one factor.
    expect(page.get_by_role("heading", name="Choose a password")).to_be_visible()
    check(page)
    fill(page, "Password", PASSWORD)
    fill(page, "Password (again)", PASSWORD)
    press(page, "Go on")

    # Then the app reads the key, and proves it with a code.
    expect(page.get_by_role("heading", name="Set up a code app")).to_be_visible()
    check(page)
    secret = page.locator("#secret").inner_text()
    typed = code_now(secret)
    fill(page, "Authenticator code", typed)
    press(page, "Set it up")
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()

    # They come back with both; the code that was typed before does not open a second time.
    sign_out(page, node)
    page.goto(f"{node}/people")
    fill(page, "Email", "b.dubois@example.org")
    fill(page, "Password", PASSWORD)
    press(page, "Sign in with your password")
    expect(page.get_by_role("heading", name="Second step")).to_be_visible()
    check(page)
    fill(page, "Code", typed)
    press(page, "Sign in")
    expect(page.get_by_text("wrong, too old or was used before")).to_be_visible()
    check(page)
    page.get_by_label("Code", exact=True).fill("")
    fill(page, "Code", code_now(secret, later=1))
    press(page, "Sign in")
    expect(page.get_by_role("heading", name="People")).to_be_visible()

    # What the table holds is not the secret.
    stored = str(list(models.Person.objects.values_list("authenticator__data", flat=True)))
    assert secret not in stored


def test_a_link_works_once(node, page, device, somebody, complaints):
    link = link_for(somebody, node)
    page.goto(link)
    press(page, "Start")
    expect(page.get_by_role("heading", name="How will you sign in?")).to_be_visible()
    page.context.clear_cookies()
    page.goto(link)
    press(page, "Start")
    expect(page.get_by_text("This link was used or is too old")).to_be_visible()
    check(page)
    complaints.clear()  # the browser notes the 422
