# SPDX-License-Identifier: Apache-2.0
"""`vigie-node user`: make, enrol and list people, and what they may do.

- A link that lets somebody set up how they sign in is written once and works once; there are no passwords here.
- The operator may do what no person may do for themselves: make the first administrator, and take the last one away.
"""

import argparse
import uuid
from datetime import UTC, datetime

from vigie.errors import InvalidInputError, NotFoundError
from vigie_node.accounts import actions as accounts
from vigie_node.accounts import queries
from vigie_node.accounts.roles import Role
from vigie_node.accounts.tokens import ENROLMENT_PATH
from vigie_node.base.actor import COMMAND
from vigie_node.cli import main, output, up
from vigie_node.project.faces import Face


class UnknownPersonError(NotFoundError):
    """Nobody signs in with this address."""

    code = "node.unknown-person"


class UnknownOrganisationError(NotFoundError):
    """No organisation has this name."""

    code = "node.unknown-organisation"


class NoSuchRoleError(InvalidInputError):
    """There is no such role."""

    code = "node.no-such-role"


def register(groups: main.Groups) -> None:
    """Add the group."""
    parser: argparse.ArgumentParser = groups.add_parser(
        "user",
        help="make, enrol and list people, and what they may do",
        description="Make, enrol and list people, and what they may do.",
        epilog="Example: vigie-node user create b.dubois@example.org --name 'B. Dubois' --organisation "
        "'Example hotline' --role ANALYST",
        formatter_class=main.Help,
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    create = main.add_command(
        actions,
        "create",
        "make a person and write the link that lets them in, once",
        run=create_person,
        example="vigie-node user create b.dubois@example.org --name 'B. Dubois' --organisation 'Example hotline'",
    )
    create.add_argument("email", metavar="ADDRESS", help="the address that they sign in with")
    create.add_argument("--name", required=True, help="how they are called")
    create.add_argument("--organisation", required=True, help="whose person they are; it must be here already")
    create.add_argument("--language", default="en", help="en, fr, nl or de")
    create.add_argument("--role", action="append", default=[], metavar="ROLE", help=f"one of {', '.join(Role)}")
    for name, what, run, example in (
        ("enrol", "write a new link that lets a person start anew; what they had ends on use", enrol, ""),
        ("revoke-access", "end a person's access at once", revoke_access, ""),
        ("grant", "give a person a role", grant, " ANALYST"),
        ("take", "take a role from a person", take, " ANALYST"),
    ):
        one = main.add_command(
            actions, name, what, run=run, example=f"vigie-node user {name} b.dubois@example.org{example}"
        )
        one.add_argument("email", metavar="ADDRESS", help="the address that they sign in with")
        if example:
            one.add_argument("role", metavar="ROLE", help=f"one of {', '.join(Role)}")
    main.add_command(
        actions, "list", "list people, their roles and how far their access is", run=list_people,
        example="vigie-node user list",
    )  # fmt: skip


def create_person(options: argparse.Namespace) -> None:
    """Make a person with their roles, and their link."""
    now, wanted = datetime.now(UTC), [_role(one) for one in options.role]
    organisation = {one.name: one.id for one in queries.organisations()}.get(options.organisation)
    if organisation is None:
        raise UnknownOrganisationError("no organisation has this name: check the spelling, or make a key for it first")
    person = accounts.create_person(
        options.email, display_name=options.name, organisation_id=organisation, language=options.language,
        by=COMMAND, now=now,
    )  # fmt: skip
    for role in wanted:
        accounts.grant_role(person, role=role, by=COMMAND, now=now)
    _write_link(person)


def enrol(options: argparse.Namespace) -> None:
    """Write a new link."""
    _write_link(_person(options.email))


def _write_link(person_id: uuid.UUID) -> None:
    token = accounts.issue_enrolment(person_id, by=COMMAND, now=datetime.now(UTC))
    link = f"{up.read_plan().url(Face.ANALYST)}{ENROLMENT_PATH}{token}"
    output.write({"id": person_id, "enrolment": link}, text=f"{link}\nIt works once, within two days.")


def grant(options: argparse.Namespace) -> None:
    """Give a role."""
    person, role = _person(options.email), _role(options.role)
    accounts.grant_role(person, role=role, by=COMMAND, now=datetime.now(UTC))
    output.write({"id": person, "granted": role}, text="Granted; it counts at their next page.")


def take(options: argparse.Namespace) -> None:
    """Take a role."""
    person, role = _person(options.email), _role(options.role)
    accounts.revoke_role(person, role=role, by=COMMAND, now=datetime.now(UTC))
    output.write({"id": person, "taken": role}, text="Taken; it counts at their next page.")


def revoke_access(options: argparse.Namespace) -> None:
    """End a person's access."""
    person = _person(options.email)
    accounts.end_access(person, by=COMMAND, now=datetime.now(UTC))
    output.write({"id": person, "access": "ended"}, text="Access ended; their sessions too.")


def list_people(options: argparse.Namespace) -> None:
    """List people."""
    del options
    for one in queries.people():
        roles = [role.value for role in one.roles]
        record = {"id": one.id, "email": one.email, "name": one.display_name, "roles": roles, "access": one.access}
        text = f"{one.email}  {one.display_name}  {', '.join(roles) or 'no role'}  {one.access}"
        output.write(record, text=text)


def _person(email: str) -> uuid.UUID:
    found = next((one for one in queries.people() if one.email == email.strip().lower()), None)
    if found is None:
        raise UnknownPersonError("nobody signs in with this address: `vigie-node user list` shows who does")
    return found.id


def _role(name: str) -> Role:
    try:
        return Role(name.upper())
    except ValueError as error:
        raise NoSuchRoleError(f"a role is one of {', '.join(Role)}") from error
