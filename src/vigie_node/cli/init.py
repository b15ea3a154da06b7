# SPDX-License-Identifier: Apache-2.0
"""`vigie-node init`: make a node's home, its database and its first administrator.

- It may be run again: what exists is kept, what is missing is made, permissions that are too wide are mended.
- The first administrator gets a link that works once and for a short time; there is no default password.
"""

import argparse
from datetime import UTC, datetime

from vigie.errors import InvalidInputError
from vigie_node.cli import homes, main, output, up
from vigie_node.project import environment
from vigie_node.project.faces import Face


class NobodyNamedError(InvalidInputError):
    """A node needs somebody who can let others in."""

    code = "node.nobody-named"


def register(groups: main.Groups) -> None:
    """Add the command."""
    parser = main.add_command(
        groups,
        "init",
        "make a node's home: folders, secrets, database, first administrator and the link that lets them in",
        run=run,
        example="vigie-node init --organisation 'Example hotline' --country FR "
        "--email a.keller@example.org --name 'A. Keller'",
    )
    parser.add_argument("--organisation", metavar="NAME", help="the organisation that runs the node")
    parser.add_argument("--country", default="", metavar="CC", help="its country, two letters")
    parser.add_argument("--kind", default="HOTLINE", help="HOTLINE, POLICE, AUTHORITY, PROVIDER, CHARITY or OTHER")
    parser.add_argument("--email", help="the first administrator's address")
    parser.add_argument("--name", help="the first administrator's name")


def run(options: argparse.Namespace) -> None:
    """Make what is missing."""
    home = environment.home()
    made = homes.make(home)
    main.set_up_site()
    from vigie_node.cli import migrate  # noqa: PLC0415 - only now is there a home to set the site up from

    applied = migrate.migrate()
    record: dict[str, object] = {"secrets_made": len(made), "migrations": len(applied)}
    lines = [f"The node's home is ready: {home}", f"Secrets made: {len(made)}. Migrations applied: {len(applied)}."]
    if options.email:
        link = first_administrator(
            options.organisation or "", country=options.country, kind=options.kind, email=options.email,
            name=options.name or options.email, base=up.read_plan().url(Face.ANALYST),
        )  # fmt: skip
        record["enrolment"] = link
        lines += ["The administrator sets up how they sign in here, once, within two days:", f"  {link}"]
    elif not has_administrator():
        lines.append("Nobody can sign in yet: run it again with --organisation, --country, --email and --name.")
    output.write(record, text="\n".join(lines))


def has_administrator() -> bool:
    """Say whether somebody can let others in."""
    from vigie_node.accounts import queries as accounts  # noqa: PLC0415 - once the site is set up
    from vigie_node.accounts.roles import Role  # noqa: PLC0415

    return any(Role.ADMINISTRATOR in one.roles for one in accounts.people())


def first_administrator(organisation: str, *, country: str, kind: str, email: str, name: str, base: str) -> str:
    """Make the first administrator, or find them again, and return their one-time link.

    Raises:  NobodyNamedError.
    """
    from vigie_node.accounts import actions as accounts  # noqa: PLC0415 - once the site is set up
    from vigie_node.accounts import queries  # noqa: PLC0415
    from vigie_node.accounts.roles import Role  # noqa: PLC0415
    from vigie_node.accounts.tokens import ENROLMENT_PATH  # noqa: PLC0415
    from vigie_node.base.actor import COMMAND  # noqa: PLC0415

    now = datetime.now(UTC)
    person_id = next((one.id for one in queries.people() if one.email == email.strip().lower()), None)
    if person_id is None:
        if not organisation or not country:
            raise NobodyNamedError("name the organisation and its country: --organisation NAME --country CC")
        here = {one.name: one.id for one in queries.organisations()}
        owner = here.get(organisation) or accounts.create_organisation(
            organisation, country=country, kind=kind, by=COMMAND, now=now
        )
        person_id = accounts.create_person(email, display_name=name, organisation_id=owner, by=COMMAND, now=now)
    if Role.ADMINISTRATOR not in queries.roles_of(person_id):
        accounts.grant_role(person_id, role=Role.ADMINISTRATOR, by=COMMAND, now=now)
    return f"{base}{ENROLMENT_PATH}{accounts.issue_enrolment(person_id, by=COMMAND, now=now)}"
