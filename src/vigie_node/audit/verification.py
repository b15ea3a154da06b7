# SPDX-License-Identifier: Apache-2.0
"""Verify the audit: every row, the chain, the tree, every signed head, and heads that outsiders keep.

- One pass in the order of the sequence, a page at a time: memory does not grow with the audit.
- After a fault the pass goes on from what stands there, so that one alteration is one fault at its place.
- What a row was is never guessed: `faults.py` says what can be shown, and a head that fails says from where to where.
- Whoever owns the database and the signing key can write a whole new history; only a head given away before tells.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.db import connection

from vigie_node.audit import chain, faults, heads, merkle, models, records
from vigie_node.audit.faults import Fault, FaultKind

PAGE = 2000
MAX_FAULTS = 1000
_COLUMNS = (
    "sequence", "event_id", "event", "subject", "actor", "organisation", "at", "record", "leaf_hash", "chain_hash",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Report:
    """What a verification found; `faults` holds the first MAX_FAULTS of `fault_count`."""

    size: int
    head_count: int
    pending: int
    faults: tuple[Fault, ...]
    fault_count: int
    last: heads.SignedHead | None

    @property
    def is_whole(self) -> bool:
        """Say that nothing was found."""
        return not self.fault_count


def quietly(_done: int, _total: int) -> None:
    """Tell nobody how far the work is."""


def verify(
    *,
    trusted: Mapping[str, Ed25519PublicKey],
    against: Sequence[heads.SignedHead] = (),
    progress: Callable[[int, int], None] = quietly,
) -> Report:
    """Verify the whole audit, and that heads kept outside of the node are heads of it.

    Trusted: the public keys by name; a head signed by any other is a fault.
    """
    run = _Run(trusted=trusted, wanted=_Wanted(against, trusted=trusted))
    for fault in run.wanted.faults:
        run.add(fault)
    total = _ends()[0]
    for page in _pages():
        for row in page:
            run.take(row)
        progress(run.size, max(total, run.size))
    run.finish()
    last = models.TreeHead.objects.order_by("-size").first()
    return Report(
        size=run.size,
        head_count=run.stored.count,
        pending=models.PendingEvent.objects.count(),
        faults=tuple(sorted(run.found, key=lambda one: (one.sequence, one.kind))),
        fault_count=run.count,
        last=_signed(last) if last else None,
    )


@dataclass(slots=True)
class _Row:
    sequence: int
    record: bytes
    leaf: bytes
    chain: bytes
    is_changed: bool


class _Wanted:
    """Heads from outside, by size, whose signatures hold."""

    def __init__(self, against: Sequence[heads.SignedHead], *, trusted: Mapping[str, Ed25519PublicKey]) -> None:
        self.faults: list[Fault] = []
        self._by_size: dict[int, list[heads.Head]] = {}
        for one in against:
            try:
                heads.check(one, trusted=trusted)
            except heads.FalseHeadError:
                self.faults.append(Fault(FaultKind.FALSE_OUTSIDE_HEAD, one.head.size))
            else:
                self._by_size.setdefault(one.head.size, []).append(one.head)

    def at(self, size: int, *, root: Callable[[], bytes]) -> Iterator[Fault]:
        for head in self._by_size.pop(size, []):
            if head.root != root():
                yield Fault(FaultKind.UNLIKE_OUTSIDE_HEAD, size)

    def beyond(self) -> Iterator[Fault]:
        """Yield the heads that no row reached."""
        for size in self._by_size:
            yield Fault(FaultKind.SHORTER_THAN_OUTSIDE_HEAD, size)


class _Heads:
    """The stored heads in order, each compared when the pass has reached its size."""

    def __init__(self, trusted: Mapping[str, Ed25519PublicKey]) -> None:
        self._trusted = trusted
        self._rows = _head_rows()
        self._next = next(self._rows, None)
        self.count = 0
        self.largest = 0
        self.agreed = 0  # the largest head that agreed with the rows

    def at(self, size: int, *, root: Callable[[], bytes], last: bytes) -> Iterator[Fault]:
        while self._next and self._next.size <= size:
            head, self._next = self._next, next(self._rows, None)
            yield from self._check(head)
            if head.size < size:
                continue
            if (bytes(head.root), bytes(head.chain_hash)) == (root(), last):
                self.agreed = size
            else:
                yield Fault(FaultKind.HEAD_DISAGREES, self.agreed + 1, last=size)

    def rest(self) -> Iterator[Fault]:
        while self._next:
            head, self._next = self._next, next(self._rows, None)
            yield from self._check(head)

    def _check(self, head: models.TreeHead) -> Iterator[Fault]:
        self.count += 1
        self.largest = head.size
        try:
            heads.check(_signed(head), trusted=self._trusted)
        except heads.FalseHeadError:
            known = head.key_id in self._trusted
            yield Fault(FaultKind.FALSE_HEAD if known else FaultKind.UNKNOWN_KEY, head.size)


@dataclass(slots=True)
class _Run:
    """The state of one pass."""

    trusted: Mapping[str, Ed25519PublicKey]
    wanted: _Wanted
    stored: _Heads = field(init=False)
    frontier: merkle.Frontier = field(default_factory=merkle.Frontier)
    last: bytes = chain.GENESIS
    size: int = 0
    count: int = 0
    found: list[Fault] = field(default_factory=list)
    broken: list[faults.Break] = field(default_factory=list)
    is_explained: bool = False  # a located fault explains why later heads and roots cannot agree

    def __post_init__(self) -> None:
        self.stored = _Heads(self.trusted)

    def add(self, fault: Fault) -> None:
        self.count += 1
        if len(self.found) < MAX_FAULTS:
            self.found.append(fault)

    def take(self, row: _Row) -> None:
        gap = row.sequence != self.size + 1
        if gap:
            self.add(Fault(FaultKind.DROPPED, self.size + 1, last=row.sequence - 1))
            self.is_explained = True
        if row.is_changed:
            self.add(Fault(FaultKind.CHANGED, row.sequence))
        if not gap and chain.link(self.last, row.leaf) != row.chain:
            self.is_explained = True
            if not row.is_changed and len(self.broken) < MAX_FAULTS:
                self.broken.append(faults.Break(row.sequence, self.stored.agreed))
        # Of the stored leaf: a record that was changed alone is one fault, told above.
        self.frontier = self.frontier.append([row.leaf])
        self.size, self.last = row.sequence, row.chain
        self._compare()

    def finish(self) -> None:
        for fault in self.stored.rest():
            self.add(fault)
        rows, signed, edge = _ends()
        missing = max(signed - rows, 0)
        explained = faults.explain(self.broken, window=_window, missing=missing)
        for fault in explained:
            self.add(fault)
        if missing and not any(one.kind == FaultKind.DROPPED and one.is_renumbered for one in explained):
            self.add(Fault(FaultKind.DROPPED, rows + 1, last=signed))
        if rows > signed:
            self.add(Fault(FaultKind.UNSIGNED, signed + 1, last=rows))
        for fault in [*self.wanted.beyond(), *_edge_faults(self, size=edge, signed=signed), *_duplicates()]:
            self.add(fault)

    def _compare(self) -> None:
        root = _once(self.frontier.root)
        for fault in self.stored.at(self.size, root=root, last=self.last):
            # One head that disagrees explains all after it, and a located fault explains them all.
            if fault.kind != FaultKind.HEAD_DISAGREES:
                self.add(fault)
            elif not self.is_explained:
                self.add(fault)
                self.is_explained = True
        for fault in self.wanted.at(self.size, root=root):
            self.add(fault)


def _once(compute: Callable[[], bytes]) -> Callable[[], bytes]:
    kept: list[bytes] = []

    def value() -> bytes:
        if not kept:
            kept.append(compute())
        return kept[0]

    return value


def _pages() -> Iterator[list[_Row]]:
    after: int | None = None
    while True:
        rows = models.Event.objects.order_by("sequence")
        rows = rows if after is None else rows.filter(sequence__gt=after)
        page = [_row(one) for one in rows.values_list(*_COLUMNS)[:PAGE]]
        if not page:
            return
        yield page
        after = page[-1].sequence


def _row(values: tuple) -> _Row:  # type: ignore[type-arg]  # the columns above
    sequence, event_id, event, subject, actor, organisation, at, record, leaf, last = values
    record, leaf = bytes(record), bytes(leaf)
    computed = merkle.leaf_hash(record)
    told = records.read(record, leaf=computed)
    same = (told.id, told.event, told.subject, told.actor, told.organisation_id, told.at) == (
        event_id, event, subject, actor, organisation, at,
    )  # fmt: skip
    return _Row(sequence, record, leaf, bytes(last), is_changed=computed != leaf or not same)


def _window(first: int, last: int) -> list[faults.Link]:
    rows = models.Event.objects.filter(sequence__gte=first, sequence__lte=last).order_by("sequence")
    return [
        faults.Link(sequence, bytes(leaf), bytes(after))
        for sequence, leaf, after in rows.values_list("sequence", "leaf_hash", "chain_hash")
    ]


def _head_rows() -> Iterator[models.TreeHead]:
    after = 0
    while page := list(models.TreeHead.objects.filter(size__gt=after).order_by("size")[:PAGE]):
        yield from page
        after = page[-1].size


def _signed(row: models.TreeHead) -> heads.SignedHead:
    head = heads.Head(row.size, bytes(row.root), bytes(row.chain_hash), row.signed_at, row.key_id)
    return heads.SignedHead(head, bytes(row.signature))


def _ends() -> tuple[int, int, int]:
    """Return the last row, the last head and the size of the kept edge, of one moment: the sequencer may be at work."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT max(sequence) FROM audit_event), (SELECT max(size) FROM audit_treehead),"
            " (SELECT size FROM audit_frontier WHERE id = 1)"
        )
        rows, signed, edge = cursor.fetchone()
    return rows or 0, signed or 0, edge or 0


def _edge_faults(run: _Run, *, size: int, signed: int) -> Iterator[Fault]:
    if size != signed:
        yield Fault(FaultKind.EDGE, size)
        return
    edge = models.Frontier.objects.filter(id=1, size=run.size).first()
    # Where rows were altered the edges differ as well, and that is told already.
    if edge and not run.count and (bytes(edge.nodes), bytes(edge.chain_hash)) != (run.frontier.to_bytes(), run.last):
        yield Fault(FaultKind.EDGE, size)


def _duplicates() -> Iterator[Fault]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT max(sequence) FROM audit_event GROUP BY event_id HAVING count(*) > 1 ORDER BY 1 LIMIT %s",
            [MAX_FAULTS],
        )
        for (sequence,) in cursor.fetchall():
            yield Fault(FaultKind.REPEATED, sequence)
