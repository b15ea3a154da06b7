# SPDX-License-Identifier: Apache-2.0
"""Record events, put them in order, give the head away, verify.

- An event is inserted in the transaction of the change it describes: nothing is locked and nothing is read; its place
  and its hash are given later by the sequencer.
- What is not committed leaves no event, and what is committed always has one.
- Reading the audit is an event as well, once for each page that a person sees.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.conf import settings
from django.db import connection, transaction

from vigie.errors import NotAllowedError, NotFoundError
from vigie_node.audit import heads, models, queries, records, sequencer, verification
from vigie_node.audit.events import Event
from vigie_node.base.actor import Actor, ActorKind
from vigie_node.base.ids import new_id

_VERIFICATIONS_KEPT = timedelta(days=366)

_INSERT = "INSERT INTO audit_pendingevent (record) VALUES (%s)"


class NotTheNodeError(NotAllowedError):
    """Only the node itself puts its audit in order."""

    code = "audit.not-the-node"


class NoHeadError(NotFoundError):
    """Nothing was put in order and signed yet."""

    code = "audit.no-head"


def record(event: Event, *, subject: object, by: Actor, at: datetime, **details: object) -> None:
    """Record an event; inside the caller's transaction.

    Details: ids, counts, states and codes (text of at most 64 characters, whole numbers, yes, no, lists of them);
             never a fingerprint, a URL, a name or free text, which are refused.
    Raises:  ValueError for such details, RuntimeError outside of a transaction: both are bugs of the caller.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("an event is recorded in the transaction of the change it describes")
    written = records.encode(new_id(at), event, subject=subject, by=by, at=at, details=details)
    # No RETURNING: a face that may only insert events need not be able to read them.
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [written])


def sequence(*, by: Actor, now: datetime, limit: int = 5000) -> int:
    """Put pending events in order, sign the head, and return how many events it were.

    Audit:   none: it would never come to an end; the head is what it leaves.
    Raises:  NotTheNodeError; heads.NoSigningKeyError; sequencer.BrokenAuditError, after which nothing is put in order
             until a person has seen to it.
    """
    if by.kind not in {ActorKind.NODE, ActorKind.COMMAND}:
        raise NotTheNodeError("only the node itself puts its audit in order")
    return sequencer.run(signer(), now=now, limit=limit)


def signer() -> heads.Signer:
    """Return what signs with the node's key.

    Raises:  heads.NoSigningKeyError.
    """
    return heads.Signer(settings.SIGNING_KEY)


@transaction.atomic
def export_head(*, by: Actor, now: datetime) -> str:
    """Return the last signed head, as the JSON that is given to outsiders.

    Audit:   AUDIT_HEAD_EXPORTED.
    Raises:  NoHeadError; heads.FalseHeadError where the node's key did not sign it.
    """
    head = queries.latest_head()
    if head is None:
        raise NoHeadError("nothing was put in order and signed yet; the worker does that within a second of an event")
    key = signer().public_key
    heads.check(head, trusted=heads.keyring([key]))
    record(Event.AUDIT_HEAD_EXPORTED, subject=head.head.size, by=by, at=now)
    return heads.export(head, key=key)


@transaction.atomic
def read_page(wanted: queries.Filter, *, before: int | None = None, by: Actor, now: datetime) -> queries.Page:
    """Read a page of events for a person.

    Audit:   AUDIT_READ, with what it was filtered by, not with what for.
    """
    page = queries.page(wanted, before=before)
    record(Event.AUDIT_READ, subject="", by=by, at=now, rows=len(page.rows), filters=_filters(wanted))
    return page


@transaction.atomic
def begin_export(wanted: queries.Filter, *, by: Actor, now: datetime) -> int:
    """Note that a person takes events away as a file, and return the sequence up to which they are read.

    Audit:   AUDIT_EXPORTED.
    """
    head = queries.latest_head()
    size = head.head.size if head else 0
    record(Event.AUDIT_EXPORTED, subject="", by=by, at=now, up_to=size, filters=_filters(wanted))
    return size


def prove(sequence: int, *, by: Actor, now: datetime) -> queries.Proof | None:
    """Return the proof that an event is in the audit, which shows the event; None where there is no such event.

    Audit:   AUDIT_EXPORTED, about the event's number.
    """
    proof = queries.inclusion(sequence)  # before the transaction: it reads every leaf, and nobody waits for that
    if proof is not None:
        with transaction.atomic():
            record(Event.AUDIT_EXPORTED, subject=sequence, by=by, at=now, up_to=proof.head.head.size)
    return proof


def verify(
    *,
    keys: Sequence[Ed25519PublicKey] = (),
    against: Sequence[heads.SignedHead] = (),
    progress: Callable[[int, int], None] = verification.quietly,
    by: Actor,
    now: datetime,
) -> verification.Report:
    """Verify the whole audit and note what was found.

    Keys:    trusted beside the node's own and its former ones (settings).
    Against: heads that outsiders keep.
    Audit:   AUDIT_VERIFIED.
    Raises:  heads.NoSigningKeyError, heads.MalformedHeadError for a former key. What is wrong is in the report.
    """
    former = [heads.public_key(line) for line in settings.FORMER_SIGNING_KEYS]
    trusted = heads.keyring([signer().public_key, *former, *keys])
    report = verification.verify(trusted=trusted, against=against, progress=progress)
    with transaction.atomic():
        models.Verification.objects.filter(at__lt=now - _VERIFICATIONS_KEPT).delete()
        models.Verification.objects.create(at=now, size=report.size, heads=report.head_count, faults=report.fault_count)
        record(Event.AUDIT_VERIFIED, subject=report.size, by=by, at=now, faults=report.fault_count)
    return report


def _filters(wanted: queries.Filter) -> list[str]:
    return [name for name in ("event", "actor", "subject", "since", "until") if getattr(wanted, name)]
