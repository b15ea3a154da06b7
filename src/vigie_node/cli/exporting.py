# SPDX-License-Identifier: Apache-2.0
"""`vigie-node export`: write what a list makes matchable now to a file that others can use."""

import argparse
from datetime import UTC, datetime, timedelta

from django.conf import settings

from vigie.lists import sealing
from vigie.lists.file import Keys
from vigie_node.base.actor import COMMAND
from vigie_node.catalogue import exporting, list_queries
from vigie_node.catalogue.exporting import Format
from vigie_node.cli import main, output


def register(groups: main.Groups) -> None:
    """Add the command."""
    parser = main.add_command(
        groups,
        "export",
        "write what a list makes matchable now to a file",
        run=export,
        example="vigie-node export known known.list --sign-with issuer.key --valid-days 7",
    )
    parser.add_argument("list", metavar="LIST", help="the list's name")
    parser.add_argument("file", type=main.path, metavar="FILE", help="where to write; the ending says what")
    parser.add_argument("--format", choices=[one.value for one in Format], help="list, csv or jsonl, if not the ending")
    parser.add_argument("--issuer", help="who issues it (default: the node's name)")
    parser.add_argument("--sign-with", type=main.path, metavar="FILE", help="sign a list with this private key")
    parser.add_argument("--valid-days", type=main.days, help="how long a list is valid")


def export(options: argparse.Namespace) -> None:
    """Write a list."""
    now = datetime.now(UTC)
    endings = {f".{one.value}": one for one in Format}
    form = Format(options.format) if options.format else endings.get(options.file.suffix, Format.LIST)
    done = exporting.export_list(
        list_queries.id_of(options.list),
        options.file,
        form=form,
        issuer=options.issuer or settings.NODE_NAME,
        keys=Keys(sign=sealing.signer(options.sign_with)) if options.sign_with else Keys(),
        valid_until=now + timedelta(days=options.valid_days) if options.valid_days else None,
        by=COMMAND,
        now=now,
    )
    record = {"list": done.list_id, "version": done.version, "entries": done.entries}
    output.write(record, text=f"{done.entries:,} entries of version {done.version}")
