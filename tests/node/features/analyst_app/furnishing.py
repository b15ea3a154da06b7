# SPDX-License-Identifier: Apache-2.0
"""What every page may show beside the small catalogue: imports, simulations, tasks, a partner with a key."""

import hashlib
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from node import partners, people
from node.features.analyst_app import world as building
from node.features.sightings import scans
from vigie.fingerprints.values import Algorithm
from vigie_node.accounts.roles import Role, Scope
from vigie_node.audit import actions as audit
from vigie_node.base.actor import COMMAND, NODE, Actor, ActorKind
from vigie_node.catalogue import actions as catalogue
from vigie_node.catalogue import dossier, list_queries, series_queries
from vigie_node.catalogue.importing import Options
from vigie_node.catalogue.rules import Mode, Policy
from vigie_node.catalogue.states import Kind
from vigie_node.flows import load, look_up, retrace, revoke, simulate, take_in
from vigie_node.matching.questions import Question
from vigie_node.sightings import actions as sightings
from vigie_node.sightings import inbox
from vigie_node.sightings.rules import EVERYWHERE


def furnish(world):
    """Record the rest and return the address of every page."""
    imports = {name: _import(lines, name=name) for name, lines in FILES.items()}
    _work_through(take_in.step)
    waiting = _import(FILES["Meldpunt Voorbeeld"], name="Hotline Waiting")
    _tasks()
    _loads()
    rows = {row.name: row for row in list_queries.lists()}
    simulation = _simulate(rows["national"], Policy(mode=Mode.ON, classes=building.CLASSES, quorum=2))
    running = _simulate(rows["off"], Policy(mode=Mode.SHADOW), work=False)
    provider = partners.organisation("Example hosting")
    key = partners.key(Scope.MATCH, Scope.MATCH_FILE, of=provider)
    person = people.recruit(Role.ANALYST, name="Adèle Dubois")
    audit.sequence(by=NODE, now=datetime.now(UTC))
    national = rows["national"].id
    return {
        "home": "/", "search": "/search", "tasks": "/tasks", "tasks-mine": "/tasks?show=mine", "loads": "/loads",
        "catalogue": "/catalogue", "depiction": f"/depictions/{world.depiction}", "bare": f"/depictions/{world.bare}",
        "lists": "/lists", "list": f"/lists/{national}", "list-change": f"/lists/{national}/change",
        "simulation": f"/simulations/{simulation}", "simulation-running": f"/simulations/{running}",
        "series-list": "/series", "series": f"/series/{series_queries.page().rows[0].id}",
        "series-none": "/series?status=IDENTIFIED", "imports": "/imports",
        "import": f"/imports/{imports['Hotline Example']}", "import-running": f"/imports/{waiting}",
        "reviews": "/reviews", "partners": "/partners", "partner-new": "/partners/add",
        "partner": f"/partners/{provider}", "key-new": f"/partners/{provider}/keys/add",
        "key": f"/partners/keys/{key.id}", "people": "/people", "invite": "/people/invite",
        "person": f"/people/{person}", "alarms": "/alarms", "audit": "/audit", "about": "/about",
    }  # fmt: skip


HEADER = "kind,sha256,scheme,label,asserted_at"
FILES = {
    "Hotline Example": [
        *(f"picture,{number:064x},inhope,{'baseline' if number % 3 else 'national'}," for number in range(1, 12)),
        f"picture,{hashlib.sha256(b'content 0').hexdigest()},inhope,national,{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "picture,12ab,inhope,baseline,",
        f"picture,{99:064x},inhope,no-such-label,",
    ],
    "Meldpunt Voorbeeld": [f"picture,{number:064x},inhope,baseline," for number in range(200, 203)],
}  # fmt: skip


def _import(lines, *, name):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "known.csv"
        file.write_text("\n".join([HEADER, *lines]))
        return take_in.start(
            file, source=name, country="BE", options=Options(), file_name=file.name, by=COMMAND, now=datetime.now(UTC)
        )


def _work_through(step):
    while step(datetime.now(UTC)):
        pass


def _tasks():
    """Something was seen on the strength of a word that is revoked; something else became known only later."""
    now = datetime.now(UTC)
    before = now - timedelta(hours=1)
    key = partners.key(Scope.MATCH, of=partners.organisation("Example hosting"))
    asker = Actor(ActorKind.KEY, key.id, partners.organisation("Example hosting"))
    seen = [Question(Algorithm.SHA256, _sha256(number)) for number in range(300, 304)]
    words = [_known(one.value, now=before) for one in seen]
    asked = [look_up.Asked((one,), f"upload {number}", "BE") for number, one in enumerate(seen)]
    look_up.look_up(asked, by=asker, now=before)
    for word in words[:3]:
        revoke.revoke(word, reason="The source took it back.", by=COMMAND, now=now - timedelta(minutes=20))
    _work_through(lambda at: retrace.step(by=NODE, now=at + timedelta(minutes=1)))
    mine = Actor(ActorKind.PERSON, people.recruit(Role.INVESTIGATOR, name="Ida Maes"))
    first = inbox.tasks(inbox.Wanted(), reach=EVERYWHERE)[0]
    sightings.take_task(first.id, by=mine, now=now, reach=EVERYWHERE)


def _loads():
    """One scan was loaded, another waits for the worker."""
    now = datetime.now(UTC)
    with tempfile.TemporaryDirectory() as folder:
        for case in ("2026-0147", "2026-0151"):
            lines = [scans.line(f"{case} {number}", seed=number) for number in range(6)]
            results = scans.results_of(Path(folder) / case, lines)
            sightings.start_load(
                results,
                case=case,
                basis="criminal-investigation",
                expires_at=now + timedelta(days=365),
                exhibit="laptop",
                by=COMMAND,
                now=now,
            )
            if case == "2026-0147":
                _work_through(lambda at: load.step(by=NODE, now=at))


def _sha256(number):
    return hashlib.sha256(f"content {number}".encode()).digest()


def _known(sha256, *, now):
    made = catalogue.record_depiction(
        [catalogue.NewFingerprint(Algorithm.SHA256, sha256)], kind=Kind.PICTURE, by=COMMAND, now=now
    )
    source = catalogue.record_source("Hotline Example", country="BE", by=COMMAND, now=now)
    building.say(made, source, now=now)
    return dossier.of(made).said[0].id


def _simulate(row, policy, *, work=True):
    made = sightings.start_simulation(row.id, policy=policy, last_n=1000, by=COMMAND, now=datetime.now(UTC))
    if work:
        _work_through(lambda at: simulate.step(by=NODE, now=at))
    return made
