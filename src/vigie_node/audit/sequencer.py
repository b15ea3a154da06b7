# SPDX-License-Identifier: Apache-2.0
"""Put pending events in order: number, chain, add to the tree, sign.

- One sequencer at a time: SQLite has one writer, on PostgreSQL an advisory lock is held to the end of the transaction.
- One transaction moves a batch and signs the head over it: there is no event in order that no head covers.
- The order is that of insertion among what is committed; a clock that jumps changes nothing but the times recorded.
- Nothing is built on what does not fit: where rows, edge of the tree and last head disagree, nothing is signed.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db import connection, transaction

from vigie.errors import UntrustedError
from vigie_node.audit import chain, heads, merkle, models, records
from vigie_node.base import locks

BATCH = 500  # events in one transaction, which stays below 100 ms


class BrokenAuditError(UntrustedError):
    """Rows, edge of the tree and last signed head disagree."""

    code = "audit.broken"


def run(signer: heads.Signer, *, now: datetime, limit: int) -> int:
    """Put at most `limit` pending events in order, in small transactions, and return how many.

    Raises:  BrokenAuditError.
    """
    total = 0
    while total < limit and (moved := _move(signer, now=now, limit=min(BATCH, limit - total))):
        total += moved
    return total


@transaction.atomic
def _move(signer: heads.Signer, *, now: datetime, limit: int) -> int:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [locks.AUDIT])
    pending = list(models.PendingEvent.objects.order_by("number").values_list("number", "record")[:limit])
    if not pending:
        return 0
    frontier, last = _edge()
    leaves = _append([bytes(record) for _, record in pending], size=frontier.size, last=last)
    frontier = frontier.append(bytes(one.leaf_hash) for one in leaves)
    last = bytes(leaves[-1].chain_hash)
    models.Event.objects.bulk_create(leaves)
    models.Frontier.objects.update_or_create(
        id=1, defaults={"size": frontier.size, "nodes": frontier.to_bytes(), "chain_hash": last}
    )
    signed = signer.sign(size=frontier.size, root=frontier.root(), chain_hash=last, now=now)
    models.TreeHead.objects.create(
        size=signed.head.size,
        root=signed.head.root,
        chain_hash=signed.head.chain_hash,
        signed_at=signed.head.signed_at,
        key_id=signed.head.key_id,
        signature=signed.signature,
    )
    # By number, not up to one: on PostgreSQL a lower number may be committed after a higher one was read.
    numbers = [number for number, _ in pending]
    if models.PendingEvent.objects.filter(number__in=numbers).delete()[0] != len(numbers):
        raise BrokenAuditError("events that were being put in order have vanished; run `vigie-node audit verify`")
    return len(pending)


def _append(pending: Sequence[bytes], *, size: int, last: bytes) -> list[models.Event]:
    rows = []
    for sequence, record in enumerate(pending, size + 1):
        leaf = merkle.leaf_hash(record)
        last = chain.link(last, leaf)
        found = records.read(record, leaf=leaf)
        rows.append(
            models.Event(
                sequence=sequence,
                event_id=found.id,
                event=found.event,
                subject=found.subject,
                actor=found.actor,
                organisation=found.organisation_id,
                at=found.at,
                record=record,
                leaf_hash=leaf,
                chain_hash=last,
            )
        )
    return rows


def _edge() -> tuple[merkle.Frontier, bytes]:
    """Return the edge of the tree and the last hash of the chain, once rows and head agree with them."""
    edge = models.Frontier.objects.filter(id=1).first() or models.Frontier(chain_hash=chain.GENESIS)
    head = models.TreeHead.objects.order_by("-size").first()
    last = models.Event.objects.order_by("-sequence").values_list("sequence", "chain_hash").first()
    signed = (head.size, bytes(head.root), bytes(head.chain_hash)) if head else (0, merkle.EMPTY_ROOT, chain.GENESIS)
    rows = (last[0], bytes(last[1])) if last else (0, chain.GENESIS)
    try:
        frontier = merkle.Frontier.from_bytes(edge.size, bytes(edge.nodes))
    except ValueError as error:
        raise BrokenAuditError("the edge of the audit's tree is damaged; run `vigie-node audit verify`") from error
    if signed != (frontier.size, frontier.root(), bytes(edge.chain_hash)) or rows != (signed[0], signed[2]):
        raise BrokenAuditError(
            "the audit's rows and its last signed head disagree: nothing is signed until that is cleared up; "
            "run `vigie-node audit verify`"
        )
    return frontier, bytes(edge.chain_hash)
