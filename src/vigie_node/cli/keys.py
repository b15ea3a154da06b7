# SPDX-License-Identifier: Apache-2.0
"""`vigie-node key`: make, end and list the keys of partners.

- The token is written once, when the key is made; the node keeps its hash only.
- Without scopes a key may ask for verdicts and no more: what would let a list be reconstructed is asked for by name.
"""

import argparse
import uuid
from datetime import UTC, datetime, time, timedelta

from django.db import transaction

from vigie.errors import InvalidInputError, NotFoundError
from vigie_node.accounts import actions as accounts
from vigie_node.accounts import queries
from vigie_node.accounts.roles import Scope
from vigie_node.accounts.states import OrganisationKind
from vigie_node.base.actor import COMMAND
from vigie_node.cli import main, output

DAYS = 365
PER_MINUTE = 6000
VALUES_PER_DAY = 10_000_000


class UnknownKeyError(NotFoundError):
    """No key begins like this, or several do."""

    code = "node.unknown-key"


class CountryWantedError(InvalidInputError):
    """An organisation that is not here yet needs its country."""

    code = "node.country-wanted"


def register(groups: main.Groups) -> None:
    """Add the group."""
    parser: argparse.ArgumentParser = groups.add_parser(
        "key",
        help="make, end and list the keys of partners",
        description="Make, end and list the keys with which other organisations' programs ask.",
        epilog="Example: vigie-node key create 'Example hosting' --country NL --name 'upload filter'",
        formatter_class=main.Help,
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    _add_create(actions)
    revoke = main.add_command(
        actions,
        "revoke",
        "end a key at once and for good",
        run=revoke_key,
        example="vigie-node key revoke 0a1b2c3d --reason 'contract ended'",
    )
    revoke.add_argument("key", metavar="KEY", help="its id, or the eight characters after vk_")
    revoke.add_argument("--reason", required=True, help="why; it is kept with the key")
    main.add_command(
        actions, "list", "list the keys, their scopes, quotas and ends", run=list_keys, example="vigie-node key list"
    )


def _add_create(actions: main.Groups) -> None:
    parser = main.add_command(
        actions,
        "create",
        "make a key for an organisation and write its token, once",
        run=create_key,
        example="vigie-node key create 'Example hosting' --country NL --name 'upload filter' --scope MATCH",
    )
    parser.add_argument("organisation", metavar="ORGANISATION", help="its name; it is recorded if it is not here yet")
    parser.add_argument("--country", help="its two letters, where it is not here yet")
    parser.add_argument("--kind", default=OrganisationKind.PROVIDER.value, help="what it is, where it is not here yet")
    parser.add_argument("--name", required=True, help="what the key is for")
    parser.add_argument(
        "--scope", action="append", default=[], metavar="SCOPE",
        help=f"what it may ask, may be repeated: {', '.join(Scope)} (default MATCH and STATUS)",
    )  # fmt: skip
    parser.add_argument(
        "--days", type=main.days, default=DAYS, help=f"how long it is valid (default {DAYS}; 0: no end)"
    )
    parser.add_argument("--until", type=main.day, metavar="DATE", help="its last day, instead of --days")
    parser.add_argument("--per-minute", type=int, default=PER_MINUTE, help=f"requests a minute (default {PER_MINUTE})")
    parser.add_argument(
        "--values-per-day", type=int, default=VALUES_PER_DAY, help=f"fingerprints a day (default {VALUES_PER_DAY})"
    )


def create_key(options: argparse.Namespace) -> None:
    """Make a key, and its organisation where that is not here yet: both or none."""
    now = datetime.now(UTC)
    with transaction.atomic():
        new = _create(options, now=now)
    output.write({"id": new.id, "token": new.token}, text=f"{new.token}\nIt is shown this once. Its id: {new.id}")


def _create(options: argparse.Namespace, *, now: datetime) -> accounts.NewKey:
    organisation = {one.name: one.id for one in queries.organisations()}.get(options.organisation)
    if organisation is None:
        if not options.country:
            raise CountryWantedError("this organisation is not here yet: give its country with --country CC")
        organisation = accounts.create_organisation(
            options.organisation, country=options.country, kind=options.kind, by=COMMAND, now=now
        )
    return accounts.create_key(
        organisation,
        name=options.name,
        scopes=options.scope or [Scope.MATCH, Scope.STATUS],
        expires_at=_end(options, now=now),
        per_minute=options.per_minute,
        values_per_day=options.values_per_day,
        by=COMMAND,
        now=now,
    )


def _end(options: argparse.Namespace, *, now: datetime) -> datetime | None:
    if options.until:
        return datetime.combine(options.until, time.max, tzinfo=UTC)
    return now + timedelta(days=options.days) if options.days else None


def revoke_key(options: argparse.Namespace) -> None:
    """End a key."""
    wanted = options.key.removeprefix("vk_")[:8] if not _is_id(options.key) else options.key
    found = [one for one in queries.key_records() if wanted in {str(one.id), one.prefix}]
    if len(found) != 1:
        raise UnknownKeyError("no key is called so: `vigie-node key list` shows them")
    accounts.revoke_key(found[0].id, reason=options.reason, by=COMMAND, now=datetime.now(UTC))
    output.write({"id": found[0].id, "revoked": True}, text="Revoked; it is refused everywhere within a second.")


def _is_id(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def list_keys(options: argparse.Namespace) -> None:
    """List the keys."""
    del options
    for one in queries.key_records():
        record = {
            "id": one.id, "prefix": one.prefix, "organisation": one.organisation_name, "scopes": sorted(one.scopes),
            "expires_at": one.expires_at, "revoked": one.revoked, "per_minute": one.per_minute,
            "values_per_day": one.values_per_day,
        }  # fmt: skip
        state = "revoked" if one.revoked else f"until {one.expires_at:%Y-%m-%d}" if one.expires_at else "no end"
        output.write(record, text=f"{one.prefix}  {one.organisation_name}  {', '.join(sorted(one.scopes))}  {state}")
