# SPDX-License-Identifier: Apache-2.0
"""A case of one organisation, asked for by somebody of another on every page with every id that there is."""

import hashlib
import itertools
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from node import analyst_description, partners, people
from node.features.analyst_app import furnishing
from node.features.sightings import scans
from vigie.fingerprints.values import Algorithm
from vigie_node.accounts.roles import PERMISSIONS, Permission, Role
from vigie_node.base.actor import NODE
from vigie_node.flows import load, retrace
from vigie_node.sightings import actions
from vigie_node.sightings.models import Sighting, Task

CASE, EXHIBIT, FILE, NOTE = "Operation Larkspur", "laptop of Mr X", "holiday-photo", "asked the prosecutor"
OWN_CASES_ONLY = [role for role in Role if Permission.CASES_ACROSS not in PERMISSIONS[role]]
PAGES = analyst_description.pages()


def addresses(page):
    """Every address of a page by the ids that there are; where it has two, some of all that they make together."""
    known = analyst_description.what_there_is()
    ids = [[{name: [one]} for one in known.get(name, [])] for name in page.parts]
    for chosen in itertools.islice(itertools.product(*ids), None if len(ids) < 2 else 4):
        address = page.address({name: one for part in chosen for name, one in part.items()})
        yield address
        if "GET" in page.methods:
            yield f"{address}?format=csv&case={CASE}"


def answers(person):
    """What a person is told by every page, asked and sent to, with every id that there is."""
    client = Client(raise_request_exception=False)
    for page in PAGES:
        people.sign_in(client, person)  # the page before may have ended the session
        for address in addresses(page):
            for method in {"GET", "POST"} & {*page.methods}:
                yield address, client.generic(method, address, headers={"HX-Request": "true"})


@pytest.fixture
def case(world, tmp_path):
    """A scan of an organisation in a case of its own, with something known and something that became known."""
    furnishing.furnish(world)
    own, now = people.recruit(*OWN_CASES_ONLY, of=people.organisation("Police")), datetime.now(UTC)
    lines = [scans.line(text, name=f"{FILE}-{text}.jpg") for text in ("content 0", "seen elsewhere")]
    actions.start_load(
        scans.results_of(tmp_path / "r", lines), case=CASE, exhibit=EXHIBIT, basis="criminal-investigation",
        expires_at=now + timedelta(days=30), keeps_names=True, by=people.actor(own), now=now,
    )  # fmt: skip
    while load.step(by=NODE, now=now):
        pass
    partners.know((Algorithm.SHA256, hashlib.sha256(b"seen elsewhere").digest()))
    while retrace.step(by=NODE, now=now + timedelta(minutes=1)):
        pass
    Task.objects.filter(case=CASE).update(note=NOTE)
    return own


def told_of_it(person):
    said = (CASE, EXHIBIT, FILE, NOTE)
    return {address for address, answer in answers(person) if any(one in answer.getvalue().decode() for one in said)}


@pytest.mark.django_db(transaction=True)
class TestACaseOfOneOrganisation:
    def test_is_told_to_its_own(self, case):
        places = {f"/sightings/{one}/place" for one in Sighting.objects.filter(case=CASE).values_list("pk", flat=True)}
        assert {"/tasks", f"/tasks?format=csv&case={CASE}"} | places <= told_of_it(case)

    def test_is_told_to_nobody_of_another(self, case):
        before = list(Task.objects.filter(case=CASE).values())
        stranger = people.recruit(*OWN_CASES_ONLY, of=people.organisation("Elsewhere", country="DE"))
        assert told_of_it(stranger) == set()
        assert list(Task.objects.filter(case=CASE).values()) == before != []
