# SPDX-License-Identifier: Apache-2.0
"""Take a file in, look at what it would change, make it visible by one flip, or cancel or undo it.

- All or nothing: until the flip nothing of a file counts, after it everything does. The flip is one row.
- A full replacement takes back what the source no longer holds; whoever makes it visible states how many words the
  preview said it takes back, so that a file that lost its second half takes back nothing by a slip of the hand.
- A source has one import under way at a time, and its imports are undone in the reverse order of their coming: so what
  a preview shows is what the flip does.
- An import that never was visible is taken out row by row; one that was is undone at once, and its rows are kept
  hidden, since matches refer to them.
- What a person revoked or disputed while the file was staged holds against what was staged, in whatever order the two
  come to the database.

Decision: ADR 0081.
"""

import uuid
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
from django.conf import settings
from django.db import transaction

from vigie.errors import InvalidInputError, NotFoundError, UntrustedError, WrongStateError
from vigie.lists.file import NO_KEYS, Keys
from vigie_node.alarms import actions as alarms
from vigie_node.alarms.codes import Alarm
from vigie_node.audit import actions as audit
from vigie_node.audit.events import Event
from vigie_node.base import locks
from vigie_node.base.actor import Actor
from vigie_node.base.ids import new_id
from vigie_node.catalogue import classes, identity, upstream_files
from vigie_node.catalogue.actions import NoSuchSourceError
from vigie_node.catalogue.list_actions import NoSuchListError
from vigie_node.catalogue.models import Assertion, Dispute, Import, MatchList, Revocation, Source
from vigie_node.catalogue.reasons import stated
from vigie_node.catalogue.states import IMPORT_MOVES, ImportState
from vigie_node.changes import actions as changes
from vigie_node.changes.topics import Topic

_WORD = ("depiction_id", "source_id", "scheme", "label")
_LATE = timedelta(minutes=1)  # decided just before the import began, a revocation may be written after what it staged
UNDER_WAY = tuple(one.value for one in (ImportState.WAITING, ImportState.STAGING, ImportState.STAGED))


class NoSuchImportError(NotFoundError):
    """There is no such import."""

    code = "catalogue.no-such-import"


class ImpossibleImportMoveError(WrongStateError):
    """The import is not in a state from which this can be done."""

    code = "catalogue.impossible-import-move"


class ImportUnderWayError(WrongStateError):
    """Another import of the source is under way."""

    code = "catalogue.import-under-way"


class LaterImportError(WrongStateError):
    """A later import of the same source has to be undone first."""

    code = "catalogue.later-import"


class OlderListError(WrongStateError):
    """A newer version of this list was taken in before."""

    code = "catalogue.older-list"


class UnconfirmedRevocationsError(WrongStateError):
    """The number of words that a full replacement takes back was not confirmed."""

    code = "catalogue.unconfirmed-revocations"


class OtherFileError(UntrustedError):
    """The file is not the one that its sender announced."""

    code = "catalogue.other-file"


class OneClassError(InvalidInputError):
    """A scheme needs its label, and lines get a class of a scheme or a list, not both."""

    code = "catalogue.one-class"


class Options(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """How a file is to be read.

    scheme, label   the class of lines that state none
    bank            or the list of ours that such lines are put on
    full            the file is everything that its source has to say: what it does not hold is taken back
    relays          the source may pass on the word of others; else a line in another's name is refused
    sha256          of the whole file, as its sender announced it
    """

    scheme: str = ""
    label: str = ""
    bank: str = ""
    full: bool = False
    relays: bool = False
    sha256: str = ""


def file_of(import_id: uuid.UUID) -> Path:
    """Return where the copy of an import's file lies, until it is done with."""
    return Path(settings.UPLOADS) / "imports" / str(import_id)


def start_import(
    path: Path,
    *,
    source_id: uuid.UUID,
    options: Options,
    by: Actor,
    now: datetime,
    keys: Keys = NO_KEYS,
    file_name: str = "",
) -> uuid.UUID:
    """Copy a file, check what it is and who signed it, and have it staged; return the import's id.

    `keys` checks the signature of a list of the engine; `file_name` is the name that its sender gave it.
    Audit:   IMPORT_STARTED, with the number of lines.
    Raises:  NoSuchSourceError, NoSuchListError, OneClassError, ImportUnderWayError, OlderListError, OtherFileError;
             those of `upstream_files.kind_of`; OSError.
    """
    _check_options(options)
    if not Source.objects.filter(id=source_id).exists():
        raise NoSuchSourceError("there is no such source; record it first")
    _check_none_under_way(source_id)
    import_id = new_id(now)
    copied = file_of(import_id)
    copied.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        digest, lines = upstream_files.copy(path, copied)
        _check_digest(digest, announced=options.sha256)
        kind, entries, about = upstream_files.kind_of(copied, keys=keys, now=now)
        entry = Import(
            id=import_id, source_id=source_id, file_name=(file_name or path.name)[:255], file_sha256=digest,
            format=kind, options=msgspec.to_builtins(options) | {"about": about},
            rows_total=lines if entries is None else entries, created_at=now,
            created_by=str(by),
        )  # fmt: skip
        _start(entry, by=by, now=now)
    except BaseException:
        copied.unlink(missing_ok=True)
        raise
    return import_id


@transaction.atomic
def _start(entry: Import, *, by: Actor, now: datetime) -> None:
    Source.objects.select_for_update().get(id=entry.source_id)  # two at once: the second sees the first
    _check_none_under_way(entry.source_id)
    _check_not_older(entry)
    entry.save(force_insert=True)
    audit.record(Event.IMPORT_STARTED, subject=entry.id, by=by, at=now, lines=entry.rows_total, format=entry.format)


@transaction.atomic
def make_visible(import_id: uuid.UUID, *, by: Actor, now: datetime, revoking: int | None = None) -> None:
    """Let everything that a staged import brought count, at once.

    `revoking` is how many words the writer saw that a full replacement takes back.
    Audit:   IMPORT_MADE_VISIBLE, with what it counts.
    Raises:  NoSuchImportError, ImpossibleImportMoveError, UnconfirmedRevocationsError.
    """
    locks.hold(locks.WORDS)
    shown = locked(import_id)
    check_may_move(shown, ImportState.VISIBLE)
    taken_back = int(shown.counts.get("revoking", 0))
    if taken_back and revoking != taken_back:
        raise UnconfirmedRevocationsError(
            f"this file takes back {taken_back} words of its source; look at them, then confirm that number"
        )
    overtaken = _drop_overtaken(shown)
    counts = dict(shown.counts) | ({"overtaken": overtaken} if overtaken else {})
    shown.state, shown.visible_at, shown.counts, shown.claimed_at = ImportState.VISIBLE.value, now, counts, None
    shown.save(update_fields=["state", "visible_at", "counts", "claimed_at"])
    audit.record(
        Event.IMPORT_MADE_VISIBLE, subject=import_id, by=by, at=now, new=counts.get("new", 0),
        superseding=counts.get("superseding", 0), revoking=taken_back, overtaken=overtaken,
    )  # fmt: skip
    changes.append(Topic.IMPORT, subject=import_id, now=now)


@transaction.atomic
def cancel_import(import_id: uuid.UUID, *, reason: str, by: Actor, now: datetime) -> None:
    """Cancel an import, or undo one that is visible: from now on nothing of it counts, and what it took back does.

    Audit:   IMPORT_CANCELLED, with the state it was in.
    Raises:  NoSuchImportError, ImpossibleImportMoveError, LaterImportError; MissingReasonError.
    """
    why = stated(reason, name="reason")
    locks.hold(locks.WORDS)
    cancelled = locked(import_id)
    check_may_move(cancelled, ImportState.CANCELLED)
    before = cancelled.state
    was_visible = before == ImportState.VISIBLE.value
    if was_visible:
        later = Import.objects.filter(source_id=cancelled.source_id, created_at__gt=cancelled.created_at)
        if later.filter(state__in=(*UNDER_WAY, ImportState.VISIBLE.value)).exists():
            raise LaterImportError("a later import of this source relies on this one; undo or cancel that one first")
        cancelled.undone_at = now
    cancelled.state, cancelled.closing_reason, cancelled.claimed_at = ImportState.CANCELLED.value, why, None
    cancelled.save(update_fields=["state", "undone_at", "closing_reason", "claimed_at"])
    audit.record(Event.IMPORT_CANCELLED, subject=import_id, by=by, at=now, before=before)
    if was_visible:
        changes.append(Topic.IMPORT, subject=import_id, now=now)


@transaction.atomic
def fail_import(import_id: uuid.UUID, *, problem: str, by: Actor, now: datetime) -> None:
    """Note that a file could not be taken in: nothing of it counts, and an alarm says so.

    Audit:   IMPORT_FAILED, with the problem's code.
    Raises:  NoSuchImportError, ImpossibleImportMoveError.
    """
    failed = locked(import_id)
    check_may_move(failed, ImportState.FAILED)
    failed.state, failed.problem, failed.claimed_at = ImportState.FAILED.value, problem, None
    failed.save(update_fields=["state", "problem", "claimed_at"])
    alarms.raise_alarm(Alarm.IMPORT_FAILED, subject=import_id, by=by, now=now)
    audit.record(Event.IMPORT_FAILED, subject=import_id, by=by, at=now, problem=problem)


def locked(import_id: uuid.UUID) -> Import:
    """Return an import, locked until the transaction ends.

    Raises:  NoSuchImportError.
    """
    found = Import.objects.select_for_update().filter(id=import_id).first()
    if found is None:
        raise NoSuchImportError("there is no such import")
    return found


def check_may_move(moved: Import, wanted: ImportState) -> None:
    """Refuse a move that IMPORT_MOVES does not list.

    Raises:  ImpossibleImportMoveError.
    """
    current = ImportState(moved.state)
    if wanted not in IMPORT_MOVES[current]:
        raise ImpossibleImportMoveError(f"an import cannot go from {current.lower()} to {wanted.lower()}")


def _check_options(options: Options) -> None:
    if bool(options.scheme) != bool(options.label) or (options.scheme and options.bank):
        raise OneClassError("give a scheme with its label, or the name of a list of ours, or neither")
    if options.scheme:
        classes.check_class(options.scheme, options.label)
    if options.bank and not MatchList.objects.filter(name=options.bank).exists():
        raise NoSuchListError("there is no list of that name")


def _check_digest(digest: str, *, announced: str) -> None:
    if announced and announced.lower() != digest:
        raise OtherFileError("the file's SHA-256 is not the one announced; get it again from its sender")


def _check_none_under_way(source_id: uuid.UUID) -> None:
    if Import.objects.filter(source_id=source_id, state__in=UNDER_WAY).exists():
        raise ImportUnderWayError("an import of this source is under way; make it visible or cancel it first")


def _check_not_older(entry: Import) -> None:
    """Refuse a list of the engine of which a newer version is visible: it would say again what was taken back."""
    about = entry.options["about"]
    if "version" not in about:
        return
    visible = Import.objects.filter(source_id=entry.source_id, format=entry.format, state=ImportState.VISIBLE.value)
    versions = [
        one["about"]["version"]
        for one in visible.values_list("options", flat=True)
        if one["about"].get("list") == about["list"]
    ]
    if max(versions, default=0) > about["version"]:
        raise OlderListError(f"version {max(versions)} of this list was taken in before; this one is older")


def _drop_overtaken(shown: Import) -> int:
    """Leave out staged words that repeat what a person revoked or disputed since the import began.

    Whatever they supersede: two imports staged beside each other do not know each other's words.
    """
    since = shown.created_at - _LATE
    ended = Revocation.objects.filter(via=None, revoked_at__gte=since)
    challenged = Dispute.objects.filter(outcome="", opened_at__gte=since)
    overtaken = {word for one in (ended, challenged) for word in one.values_list(*(f"assertion__{of}" for of in _WORD))}
    dropped = 0
    for portion in identity.portions(sorted({depiction for depiction, *_ in overtaken})):
        staged = Assertion.objects.filter(via=shown, depiction__in=portion).values_list("id", *_WORD)
        repeating = [id for id, *word in staged if tuple(word) in overtaken]
        dropped += Assertion.objects.filter(id__in=repeating).delete()[0]
    return dropped
