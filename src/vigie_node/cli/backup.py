# SPDX-License-Identifier: Apache-2.0
"""`vigie-node backup` and `vigie-node restore`.

- A backup is taken while the node works. It holds the database; the node's secrets are kept elsewhere, by other means.
- A restore only fills a node that holds no records and does not run, and in this order: check the file, load it, bring
  it to this version, delete what fell due meanwhile, drop the indexes, verify the audit against the backup's head.
- A restore that was cut off, or whose audit does not verify, leaves a mark: the node does not start, and only another
  restore, from the beginning, takes it away.
- Sessions do not come back: whoever was signed in then signs in again.
- What was revoked after the backup was taken stands again as it was then: the command says from when on.
"""

import argparse
import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection, transaction

from vigie import __version__
from vigie.errors import InvalidInputError, UntrustedError, WrongStateError
from vigie_node.audit import actions as audit
from vigie_node.audit import heads
from vigie_node.audit.events import Event
from vigie_node.audit.faults import FaultKind
from vigie_node.base.actor import COMMAND
from vigie_node.cli import backup_databases as databases
from vigie_node.cli import backup_files as files
from vigie_node.cli import main, migrate, output, supervisor
from vigie_node.matching import actions as matching
from vigie_node.sightings import actions as sightings

_SCRATCH = ".backup-"


class NotAFolderError(InvalidInputError):
    """Backups are only deleted by age in a folder that holds them."""

    code = "backup.not-a-folder"


class OtherDatabaseError(WrongStateError):
    """The backup is of another kind of database than this node has."""

    code = "backup.other-database"


class NewerBackupError(WrongStateError):
    """The backup was made by a later version."""

    code = "backup.newer"


class NotEmptyError(WrongStateError):
    """A node that holds records is never written over."""

    code = "backup.not-empty"


class InUseError(WrongStateError):
    """Somebody works on the database."""

    code = "backup.in-use"


class NotVerifiedError(UntrustedError):
    """The audit of the restored node is not what it was when the backup was made."""

    code = "backup.not-verified"


def register(groups: main.Groups) -> None:
    """Add both commands."""
    backup = main.add_command(
        groups,
        "backup",
        "write a backup of the node, while it works",
        run=write_backup,
        example="vigie-node backup /mnt/backups --recipient age1… --keep-days 35",
    )
    backup.add_argument("path", type=main.path, metavar="FILE|FOLDER", help="the file, or the folder for one more")
    backup.add_argument(
        "--recipient", action="append", default=[], metavar="AGE", help="encrypt it to this age recipient"
    )
    backup.add_argument(
        "--keep-days", type=main.days, metavar="N", help="then delete the folder's backups that are older than N days"
    )
    restore = main.add_command(
        groups,
        "restore",
        "make an empty node what it was when a backup was made",
        run=restore_backup,
        example="vigie-node restore vigie-node-20260301T020000Z.vigie-backup --identity backup.key",
    )
    restore.add_argument("file", type=main.path, metavar="FILE", help="the backup")
    restore.add_argument(
        "--identity", action="append", default=[], type=main.path, metavar="FILE", help="the age identity that opens it"
    )
    restore.add_argument(
        "--key", action="append", default=[], type=main.path, metavar="FILE",
        help="an earlier public key of the node that is trusted; may be repeated",
    )  # fmt: skip
    restore.add_argument("--check", action="store_true", help="check the file and change nothing")


def write_backup(options: argparse.Namespace) -> None:
    """Write a backup, then delete the old ones."""
    now = datetime.now(UTC)
    if options.keep_days is not None and (options.keep_days < 1 or not options.path.is_dir()):
        raise NotAFolderError("--keep-days takes one day or more, and a folder that holds backups")
    to = files.recipients(options.recipient)
    file = files.named(options.path, now=now)
    with _scratch() as scratch:
        copied = scratch / databases.PARTS[connection.vendor]
        facts = databases.copy(copied)
        part = copied
        if connection.vendor == "sqlite":
            part = copied.with_name(f"{copied.name}.gz")
            files.pack(copied, part)
            copied.unlink()
        manifest = _manifest(facts, part, now=now)
        head = heads.export(manifest.head, key=audit.signer().public_key) if manifest.head else None
        files.write(file, manifest=manifest.encode(head), part=part, name=part.name, to=to, scratch=scratch)
    size = manifest.head.head.size if manifest.head else 0
    with transaction.atomic():
        audit.record(Event.BACKUP_MADE, subject=size, by=COMMAND, at=now, bytes=file.stat().st_size, sealed=bool(to))
    pruned = _prune(options.path, days=options.keep_days, now=now) if options.keep_days else 0
    output.write(
        {"file": str(file), "bytes": file.stat().st_size, "audit_size": size, "pruned": pruned},
        text=f"{file}: {file.stat().st_size} bytes, audit of {size} events. Older backups deleted: {pruned}.",
    )


def _manifest(facts: databases.Facts, part: Path, *, now: datetime) -> files.Manifest:
    return files.Manifest(
        made_at=now,
        node=settings.NODE_NAME,
        version=__version__,
        database=connection.vendor,
        migrations=facts.migrations,
        head=_signed(facts.head) if facts.head else None,
        unsequenced=facts.pending,
        position=facts.position,
        part=part.name,
        part_bytes=part.stat().st_size,
        part_sha256=files.digest(part),
    )


def _signed(row: tuple) -> heads.SignedHead:  # type: ignore[type-arg]  # the columns that the copy was asked for
    size, root, last, signed_at, key_id, signature = row
    at = datetime.fromisoformat(signed_at) if isinstance(signed_at, str) else signed_at
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return heads.SignedHead(heads.Head(size, bytes(root), bytes(last), at, key_id), bytes(signature))


def _prune(folder: Path, *, days: int, now: datetime) -> int:
    old = files.older(folder, than=files.kept_since(now, days=days))
    for file in old:
        file.unlink()
    if old:
        with transaction.atomic():
            audit.record(Event.BACKUPS_PRUNED, subject="", by=COMMAND, at=now, count=len(old), days=days)
    return len(old)


def restore_backup(options: argparse.Namespace) -> None:
    """Check a backup, and make this empty node what it holds."""
    keys = files.identities(options.identity)
    trusted = [heads.public_key(path.read_text("ascii", errors="replace")) for path in options.key]
    now, half_restored = datetime.now(UTC), main.half_restored(settings.HOME)
    with _scratch() as scratch, files.opened(options.file, keys=keys, scratch=scratch) as (manifest, unpack):
        _check_fits(manifest)
        if manifest.head:
            heads.check(manifest.head, trusted=heads.keyring([audit.signer().public_key, *trusted]))
        copied = scratch / databases.PARTS[manifest.database]
        unpack(copied)
        if options.check:
            output.write({"made_at": manifest.made_at, "whole": True}, text="The backup is whole and fits this node.")
            return
        with supervisor.only_one(settings.HOME):
            _check_empty()
            half_restored.touch()
            databases.load(copied)
    applied = migrate.migrate()
    expired = _mend(now=now)
    _verify(manifest, trusted=trusted, now=now)
    size = manifest.head.head.size if manifest.head else 0
    with transaction.atomic():
        audit.record(Event.BACKUP_RESTORED, subject=size, by=COMMAND, at=now, made_at=manifest.made_at)
    half_restored.unlink()
    output.write(
        {"made_at": manifest.made_at, "audit_size": size, "migrations": len(applied), "expired": expired},
        text=f"The node is as it was on {manifest.made_at:%Y-%m-%d %H:%M} UTC; its audit of {size} events is whole.\n"
        "What was revoked, disputed or withdrawn since then must be done again, keys and people's rights included.",
    )


def _check_fits(manifest: files.Manifest) -> None:
    if (
        manifest.database != connection.vendor
        or manifest.part.removesuffix(".gz") != databases.PARTS[connection.vendor]
    ):
        raise OtherDatabaseError(
            "the backup is of another kind of database: set VIGIE_DATABASE_URL to one of the kind it was made on"
        )
    if unknown := migrate.unknown(manifest.migrations):
        raise NewerBackupError(
            f"the backup is of a later version ({len(unknown)} migrations are unknown here): install that version"
        )


def _check_empty() -> None:
    held = 0 if main.half_restored(settings.HOME).exists() else databases.held()
    if held:
        raise NotEmptyError(
            f"this node holds records ({held} tables): a backup is only restored into an empty one; "
            "make one with another VIGIE_HOME or VIGIE_DATABASE_URL, and `vigie-node init`"
        )
    if databases.others():
        raise InUseError("other processes are connected to the database: stop the node, then try again")


def _mend(*, now: datetime) -> int:
    """End sessions, delete what fell due meanwhile, drop the indexes; return how many sightings were deleted."""
    Session.objects.all().delete()
    expired = total = sightings.expire(by=COMMAND, now=now)
    while expired:
        expired = sightings.expire(by=COMMAND, now=now)
        total += expired
    matching.drop_snapshots(by=COMMAND, now=now)
    return total


def _verify(manifest: files.Manifest, *, trusted: list[Ed25519PublicKey], now: datetime) -> None:
    against = [manifest.head] if manifest.head else []
    report = audit.verify(keys=trusted, against=against, by=COMMAND, now=now)
    if report.is_whole:
        return
    kinds = {one.kind for one in report.faults}
    why = (
        "give the key that signed it with --key"
        if kinds == {FaultKind.UNKNOWN_KEY}
        else "see `vigie-node audit verify`"
    )
    raise NotVerifiedError(f"the audit does not verify ({report.fault_count} faults): do not start this node; {why}")


@contextlib.contextmanager
def _scratch() -> Iterator[Path]:
    """Yield a folder in the node's home, for its user alone; what is in it stands in clear."""
    settings.HOME.mkdir(mode=0o700, parents=True, exist_ok=True)
    _sweep()
    with tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=settings.HOME) as folder, _held(Path(folder)):
        yield Path(folder)


def _sweep() -> None:
    """Delete what a command that was killed left in clear."""
    for folder in settings.HOME.glob(f"{_SCRATCH}*"):
        with contextlib.suppress(BlockingIOError), _held(folder):
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold a folder, so that no other command takes it for a dead one's."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)
