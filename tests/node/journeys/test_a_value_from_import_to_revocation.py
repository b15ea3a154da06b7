# SPDX-License-Identifier: Apache-2.0
"""A value is imported, matched by a partner, disputed, revoked; it matches no more, its earlier matches are listed.

Everybody works in the real browser, the partner over HTTP; the faces and the worker are processes of their own.
"""

import json
import time
import urllib.request
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from node import accessibility, faces, partners, people
from node.commands import wait_for
from vigie_node.accounts.roles import Role, Scope
from vigie_node.audit import actions as audit
from vigie_node.audit import models, queries
from vigie_node.base.actor import COMMAND
from vigie_node.project.faces import Face

pytestmark = pytest.mark.django_db(transaction=True)
SHA256 = "5b" * 32
PDQ = partners.value(1)
REFERENCE = "upload 4711 of user 9"


class Partner:
    """A provider that asks about what is uploaded to it."""

    def __init__(self, address):
        self._address = address
        self._token = partners.key(Scope.MATCH, of=partners.organisation("Example hosting")).token

    def ask(self, **value):
        """Ask about one content and return the verdict."""
        return self._fetch("/v1/match", {"items": [{"ref": REFERENCE, **value}]})["answers"][0]

    def told_to_undo(self):
        """Return what it was told as a match and stands no longer."""
        return self._fetch("/v1/revocations?since=0")["revocations"]

    def _fetch(self, path, body=None):
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        content = json.dumps(body).encode() if body else None
        request = urllib.request.Request(f"{self._address}{path}", data=content, headers=headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read())


@pytest.fixture
def node(serve):
    """The address of the analysts' face; the partners' face and the worker are beside it."""
    with faces.working():
        yield serve(Face.ANALYST)


@pytest.fixture
def partner(serve):
    return Partner(serve(Face.PARTNER))


def enter(page, node, role, name):
    """Let somebody of this role sit down at the browser."""
    page.context.clear_cookies()
    page.context.add_cookies(people.cookies(people.recruit(role, name=name), node))
    page.goto(node)


def go(page, way):
    page.get_by_role("navigation", name="Main").get_by_role("link", name=way, exact=True).click()


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()


def opened(page, name):
    """Press what opens a dialog and return the dialog."""
    page.get_by_role("button", name=f"{name}…").first.click()
    dialog = page.locator("dialog[open]")
    expect(dialog).to_be_visible()
    return dialog


def seconds_until(condition):
    begun = time.monotonic()
    wait_for(condition, seconds=5)
    return time.monotonic() - begun


def test_a_value_from_import_to_revocation(node, partner, page, tmp_path):
    partners.make_list("national", classes={"inhope": ("baseline",)}, dispute_suspends=True)

    # 1. A list manager sends a file; it is read in the background and shown before any of it counts.
    file = tmp_path / "known.csv"
    file.write_text(f"kind,sha256,pdq,pdq_quality,scheme,label\npicture,{SHA256},{PDQ.hex()},90,inhope,baseline\n")
    enter(page, node, Role.LIST_MANAGER, "L. Peeters")
    go(page, "Imports")
    dialog = opened(page, "Take a file in")
    dialog.get_by_label("File", exact=True).set_input_files(file)
    dialog.get_by_label("Source", exact=True).fill("Hotline Example")
    dialog.get_by_label("Country of the source").fill("be")
    dialog.get_by_role("button", name="Send").click()
    expect(page.get_by_role("region", name="Preview")).to_contain_text("Hotline Example")
    assert accessibility.violations(page) == []
    assert partner.ask(sha256=SHA256)["verdict"] == "unknown"

    # 2. They let it count: from then on it matches, within a second, in every process.
    dialog = opened(page, "Let it count")
    expect(dialog).to_contain_text("From Hotline Example")
    dialog.get_by_role("button", name="Let it count").click()
    expect(page.get_by_text("It counts from now on.")).to_be_visible()
    assert seconds_until(lambda: partner.ask(sha256=SHA256)["verdict"] == "known") < 1

    # 3. The partner's uploads match, exactly and nearly.
    asked_at = datetime.now(UTC)
    assert partner.ask(sha256=SHA256)["verdict"] == "known"
    near = partner.ask(pdq=partners.moved(PDQ, 6).hex(), pdq_quality=90)
    assert near["verdict"] == "near"

    # 4. An analyst finds the depiction, reads where it was seen, and disputes the word.
    enter(page, node, Role.ANALYST, "A. Dubois")
    page.get_by_label("Search everything").fill(SHA256)
    page.keyboard.press("Enter")
    page.locator('main a[href^="/depictions/"]').first.click()
    page.wait_for_url("**/depictions/*")
    depiction = page.url.rsplit("/", 1)[-1]
    expect(page.get_by_role("region", name="Last seen")).to_contain_text("upload")
    assert page.get_by_role("button", name="Revoke…").count() == 0
    dialog = opened(page, "Dispute")
    dialog.get_by_label("Why").fill("One frame was looked at only.")
    dialog.get_by_role("button", name="Open the dispute").click()
    expect(page.get_by_text("The dispute is open.")).to_be_visible()
    assert accessibility.violations(page) == []

    # 5. Meanwhile it is suspended: the list's policy says so.
    assert seconds_until(lambda: partner.ask(sha256=SHA256)["verdict"] == "unknown") < 1
    assert partner.ask(pdq=PDQ.hex(), pdq_quality=90)["verdict"] == "unknown"

    # 6. A senior analyst finds the dispute at home and rejects it: it matches again.
    enter(page, node, Role.SENIOR_ANALYST, "S. Janssens")
    page.get_by_role("link", name="Settle the dispute about the word of Hotline Example").click()
    dialog = opened(page, "Settle the dispute")
    dialog.get_by_label("Outcome").select_option("REJECTED")
    dialog.get_by_label("On what it rests").fill("Two colleagues looked again.")
    dialog.get_by_role("button", name="Settle").click()
    expect(page.get_by_text("The dispute is settled.")).to_be_visible()
    assert seconds_until(lambda: partner.ask(sha256=SHA256)["verdict"] == "known") < 1

    # 7. Later the source was wrong after all: the word is revoked, which asks for a reason and says what it undoes.
    dialog = opened(page, "Revoke")
    expect(dialog).to_contain_text("Hotline Example said inhope:baseline")
    expect(dialog).to_contain_text("national")
    dialog.get_by_label("Why").fill("The source took it back by telephone.")
    dialog.get_by_role("button", name="Revoke for good").click()
    assert seconds_until(lambda: partner.ask(sha256=SHA256)["verdict"] == "unknown") < 1
    expect(page.get_by_text("The assertion is revoked.")).to_be_visible()
    expect(page.get_by_text("matches nothing", exact=True)).to_be_visible()
    assert partner.ask(pdq=PDQ.hex(), pdq_quality=90)["verdict"] == "unknown"

    # 8. What was done on its strength is listed: for the partner, who told us of it by a pseudonym of their own …
    told = wait_for(partner.told_to_undo)
    assert {one["ref"] for one in told} == {REFERENCE}
    assert {one["list"] for one in told} == {"national"}

    # … and for an investigator: place, time and partner; the place is out of sight until asked for.
    enter(page, node, Role.INVESTIGATOR, "I. Maes")
    go(page, "Retrace")
    row = page.get_by_role("region", name="Tasks").get_by_role("row").filter(has_text="revoked since").first
    expect(row).to_contain_text("Example hosting")
    expect(row).to_contain_text("upload")
    expect(row.locator(f'time[datetime^="{asked_at:%Y-%m-%d}"]').first).to_be_visible()
    expect(row.locator(f'a[href="/depictions/{depiction}"]')).to_be_visible()
    assert REFERENCE not in page.content()
    row.get_by_role("button", name="Show the place").click()
    expect(row).to_contain_text(REFERENCE)
    assert accessibility.violations(page) == []

    # 9. They take it and say what came of it.
    row.get_by_role("checkbox").check()
    press(page, "Take the chosen ones")
    expect(page.get_by_text("1 task is yours now.")).to_be_visible()
    dialog = opened(page, "Done")
    dialog.get_by_label("What came of it").fill("The account was given back.")
    dialog.get_by_role("button", name="Done").click()
    expect(page.get_by_text("The task is done.")).to_be_visible()

    # 10. The audit holds all of it, in order, and is whole.
    wait_for(lambda: queries.pending_count() == 0)
    assert audit.verify(by=COMMAND, now=datetime.now(UTC)).is_whole
    found = list(models.Event.objects.order_by("sequence").values_list("event", flat=True))
    journey = ["IMPORT_STARTED", "IMPORT_STAGED", "IMPORT_MADE_VISIBLE", "LOOK_UPS_RECORDED", "DISPUTE_OPENED",
               "DISPUTE_SETTLED", "ASSERTION_REVOKED", "SIGHTINGS_UNDONE", "SIGHTINGS_READ", "TASK_TAKEN",
               "TASK_FINISHED"]  # fmt: skip
    assert [found.index(one) for one in journey] == sorted(found.index(one) for one in journey)
