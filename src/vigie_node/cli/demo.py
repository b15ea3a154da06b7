# SPDX-License-Identifier: Apache-2.0
"""`vigie-node demo`: a node on this machine with a benign catalogue, from nothing, in one command.

- It makes the home where there is none, loads the demonstration once, and starts the node; the next start finds
  everything again.
- It listens on this machine only. The first person gets a link that works once, anew at each start until it was used.
"""

import argparse
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from vigie.errors import NotAllowedError
from vigie_node.cli import homes, main, output, supervisor, up
from vigie_node.project import environment
from vigie_node.project.faces import Face

ORGANISATION = "Example hotline"
EMAIL = "demo@example.org"


class PublicDemonstrationError(NotAllowedError):
    """The demonstration would be reached from other machines."""

    code = "node.public-demonstration"


def register(groups: main.Groups) -> None:
    """Add the command."""
    main.add_command(
        groups,
        "demo",
        "start a node on this machine with a benign demonstration catalogue; Ctrl-C stops it, the next start goes on",
        run=run,
        example="VIGIE_HOME=var vigie-node demo",
    )


def run(options: argparse.Namespace) -> int:
    """Make what is missing, load the demonstration, start the node."""
    del options
    os.environ.setdefault("VIGIE_HTTPS", "no")
    home = environment.home()
    plan = up.read_plan()
    check_local(plan)
    homes.make(home)
    with supervisor.only_one(home):
        pass  # whoever starts it twice must not void the first one's link
    output.progress("Preparing the node …")
    refused = supervisor.wait_for(supervisor.fork(lambda: sys.exit(prepare(home, plan))))
    return refused or up.keep_up(plan)


def check_local(plan: up.Plan) -> None:
    """Refuse to show a demonstration to other machines: its key and its link are printed.

    Raises:  PublicDemonstrationError.
    """
    if not all(up.is_loopback(address) for address in plan.addresses.values()):
        raise PublicDemonstrationError("the demonstration listens on this machine only; use `vigie-node init` and `up`")


def prepare(home: Path, plan: up.Plan) -> int:
    """Bring the database up to date and load the demonstration, once. In a child, which sets up the site."""
    main.set_up_site()
    from vigie_node.accounts import queries as accounts  # noqa: PLC0415 - only now is the site set up
    from vigie_node.accounts.states import Access  # noqa: PLC0415
    from vigie_node.cli import demonstration, migrate  # noqa: PLC0415

    migrate.migrate()
    person = next((one for one in accounts.people() if one.email == EMAIL), None)
    if person is None or person.access is Access.INVITED:
        link = _invite(plan)
        output.write({"enrolment": link}, text=f"To sign in the first time, open this once:\n  {link}")
    if not demonstration.is_loaded():
        organisation = {one.name: one.id for one in accounts.organisations()}[ORGANISATION]
        token = demonstration.load(folder=home / "demonstration", organisation_id=organisation, now=datetime.now(UTC))
        output.write(
            {"key": token, "pictures": home / "demonstration"},
            text=f"A partner's key to try the matching service with, shown this once:\n  {token}\n"
            f"Pictures to search by, two of them known: {home / 'demonstration'}",
        )
    return 0


def _invite(plan: up.Plan) -> str:
    from vigie_node.accounts import actions as accounts  # noqa: PLC0415 - only now is the site set up
    from vigie_node.accounts import queries  # noqa: PLC0415
    from vigie_node.accounts.roles import Role  # noqa: PLC0415
    from vigie_node.base.actor import COMMAND  # noqa: PLC0415
    from vigie_node.cli import init  # noqa: PLC0415

    link = init.first_administrator(
        ORGANISATION, country="FR", kind="HOTLINE", email=EMAIL, name="Demonstration", base=plan.url(Face.ANALYST)
    )
    (person,) = (one for one in queries.people() if one.email == EMAIL)
    for role in Role:
        # One person who sees every page, as no office should have it; the pages say so.
        if role not in person.roles:
            accounts.grant_role(person.id, role=role, by=COMMAND, now=datetime.now(UTC))
    return link
