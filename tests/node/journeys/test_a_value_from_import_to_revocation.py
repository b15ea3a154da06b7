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
EVENTS = [
    "IMPORT_STARTED", "IMPORT_STAGED", "IMPORT_MADE_VISIBLE", "LOOK_UPS_RECORDED", "DISPUTE_OPENED", "DISPUTE_SETTLED",
    "ASSERTION_REVOKED", "SIGHTINGS_UNDONE", "SIGHTINGS_READ", "TASK_TAKEN", "TASK_FINISHED",
]  # fmt: skip


class Partner:
    """A provider that asks about what is uploaded to it."""

    def __init__(self, address):
        self._address = address
        self._token = partners.key(Scope.MATCH, of=partners.organisation("Example hosting")).token

    def verdict(self, **value):
        """Ask about one content."""
        return self._fetch("/v1/match", {"items": [{"ref": REFERENCE, **value}]})["answers"][0]["verdict"]

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


def a_list_manager_sends_a_file(page, node, file):
    """Send a file; it is read in the background and shown before any of it counts."""
    enter(page, node, Role.LIST_MANAGER, "L. Peeters")
    go(page, "Imports")
    dialog = opened(page, "Take a file in")
    dialog.get_by_label("File", exact=True).set_input_files(file)
    dialog.get_by_label("Source", exact=True).fill("Hotline Example")
    dialog.get_by_label("Country of the source").fill("be")
    dialog.get_by_role("button", name="Send").click()
    expect(page.get_by_role("region", name="Preview")).to_contain_text("Hotline Example")
    assert accessibility.violations(page) == []


def lets_it_count(page):
    """Let the staged import count."""
    dialog = opened(page, "Let it count")
    expect(dialog).to_contain_text("1 new assertion of Hotline Example will count")
    dialog.get_by_role("button", name="Let it count").click()
    expect(page.get_by_text("It counts from now on.")).to_be_visible()


def an_analyst_disputes_the_word(page, node):
    """Find the depiction, read where it was seen, dispute the word; return the depiction's id."""
    enter(page, node, Role.ANALYST, "A. Dubois")
    page.get_by_label("Search everything").fill(SHA256)
    page.keyboard.press("Enter")
    page.locator('main a[href^="/depictions/"]').first.click()
    page.wait_for_url("**/depictions/*")
    depiction = page.url.rsplit("/", 1)[-1]
    expect(page.get_by_role("region", name="Last seen")).to_contain_text("upload")
    assert page.get_by_role("button", name="Revoke…").count() == 0  # an analyst may not
    dialog = opened(page, "Dispute")
    dialog.get_by_label("Why").fill("One frame was looked at only.")
    dialog.get_by_role("button", name="Open the dispute").click()
    expect(page.get_by_text("The dispute is open.")).to_be_visible()
    assert accessibility.violations(page) == []
    return depiction


def a_senior_analyst_rejects_the_dispute(page, node):
    """Find the dispute at home and settle it: the word stands."""
    enter(page, node, Role.SENIOR_ANALYST, "S. Janssens")
    page.get_by_role("link", name="Settle the dispute about what Hotline Example said").click()
    dialog = opened(page, "Settle the dispute")
    dialog.get_by_label("Outcome").select_option("REJECTED")
    dialog.get_by_label("On what it rests").fill("Two colleagues looked again.")
    dialog.get_by_role("button", name="Settle").click()
    expect(page.get_by_text("The dispute is settled.")).to_be_visible()


def revokes_the_word(page):
    """Revoke the word of the depiction that is open: it asks for a reason and says what it undoes."""
    dialog = opened(page, "Revoke")
    expect(dialog).to_contain_text("Hotline Example said inhope:baseline")
    expect(dialog).to_contain_text("Lists that cover this depiction now: national")
    dialog.get_by_label("Why").fill("The source took it back by telephone.")
    dialog.get_by_role("button", name="Revoke for good").click()


def an_investigator_reads_what_has_to_be_undone(page, node, *, depiction, on):
    """Read the task: time, partner, and the place, which is out of sight until asked for; return its row."""
    enter(page, node, Role.INVESTIGATOR, "I. Maes")
    row = page.get_by_role("region", name="Tasks").get_by_role("row").filter(has_text="revoked since").first
    # The look-back may still be on its way from the dispute that was rejected a moment before.
    wait_for(lambda: go(page, "Retrace") or row.count())
    expect(row).to_contain_text("Example hosting")
    expect(row).to_contain_text("upload")
    expect(row.locator(f'time[datetime^="{on:%Y-%m-%d}"]').first).to_be_visible()
    expect(row.locator(f'a[href="/depictions/{depiction}"]')).to_be_visible()
    assert REFERENCE not in page.content()
    row.get_by_role("button", name="Show the place").click()
    expect(row).to_contain_text(REFERENCE)
    assert accessibility.violations(page) == []
    return row


def takes_and_finishes(page, row):
    """Take the task and say what came of it."""
    row.get_by_role("checkbox").check()
    page.get_by_role("button", name="Take the chosen ones").click()
    expect(page.get_by_text("1 task is yours now.")).to_be_visible()
    dialog = opened(page, "Done")
    dialog.get_by_label("What came of it").fill("The account was given back.")
    dialog.get_by_role("button", name="Done").click()
    expect(page.get_by_text("The task is done.")).to_be_visible()


def test_a_value_from_import_to_revocation(node, partner, page, tmp_path):
    partners.make_list("national", classes={"inhope": ("baseline",)}, dispute_suspends=True)
    file = tmp_path / "known.csv"
    file.write_text(f"kind,sha256,pdq,pdq_quality,scheme,label\npicture,{SHA256},{PDQ.hex()},90,inhope,baseline\n")

    # 1. A file is sent and staged: nothing of it matches yet.
    a_list_manager_sends_a_file(page, node, file)
    assert partner.verdict(sha256=SHA256) == "unknown"

    # 2. Once it counts it matches within a second, in every process.
    lets_it_count(page)
    assert seconds_until(lambda: partner.verdict(sha256=SHA256) == "known") < 1

    # 3. The partner's uploads match, exactly and nearly.
    asked_at = datetime.now(UTC)
    assert partner.verdict(sha256=SHA256) == "known"
    assert partner.verdict(pdq=partners.moved(PDQ, 6).hex(), pdq_quality=90) == "near"

    # 4. The word is disputed, and suspended meanwhile: the list's policy says so.
    depiction = an_analyst_disputes_the_word(page, node)
    assert seconds_until(lambda: partner.verdict(sha256=SHA256) == "unknown") < 1
    assert partner.verdict(pdq=PDQ.hex(), pdq_quality=90) == "unknown"

    # 5. The dispute is rejected: it matches again.
    a_senior_analyst_rejects_the_dispute(page, node)
    assert seconds_until(lambda: partner.verdict(sha256=SHA256) == "known") < 1

    # 6. Later the source was wrong after all: the word is revoked and matches no more, within a second.
    revokes_the_word(page)
    assert seconds_until(lambda: partner.verdict(sha256=SHA256) == "unknown") < 1
    expect(page.get_by_text("The assertion is revoked.")).to_be_visible()
    expect(page.get_by_text("matches nothing", exact=True)).to_be_visible()
    assert partner.verdict(pdq=PDQ.hex(), pdq_quality=90) == "unknown"

    # 7. What was done on its strength is listed: for the partner, by its own pseudonym, and for an investigator.
    told = wait_for(partner.told_to_undo)
    assert {(one["ref"], one["list"]) for one in told} == {(REFERENCE, "national")}
    row = an_investigator_reads_what_has_to_be_undone(page, node, depiction=depiction, on=asked_at)
    takes_and_finishes(page, row)

    # 8. The audit holds all of it, in order, and is whole.
    wait_for(lambda: queries.pending_count() == 0)
    assert audit.verify(by=COMMAND, now=datetime.now(UTC)).is_whole
    found = list(models.Event.objects.order_by("sequence").values_list("event", flat=True))
    assert [found.index(one) for one in EVENTS] == sorted(found.index(one) for one in EVENTS)
