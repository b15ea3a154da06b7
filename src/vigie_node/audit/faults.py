# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with an audit, and how a broken chain tells which.

- Each row's chain hash names the row before it. Where the chain breaks, the stretches between the breaks are laid in
  the order that their hashes tell, and that is compared with the order in which they stand.
- A stretch that follows on no row near it was put in between if the others close up without it. Otherwise its first row
  or the one before was altered; or, where rows are missing in all, one before it was taken out and the rest moved up.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from vigie_node.audit import chain

_AROUND = 40  # rows looked at before and after a break


class FaultKind(StrEnum):
    """What is wrong, at or from a sequence on."""

    CHANGED = "CHANGED"  # the row is not what was recorded
    DROPPED = "DROPPED"  # rows are missing
    EDGE = "EDGE"  # the kept edge of the tree is not that of the rows
    FALSE_HEAD = "FALSE_HEAD"  # the signature of a stored head is false
    FALSE_OUTSIDE_HEAD = "FALSE_OUTSIDE_HEAD"  # the head given is not signed by a key that is trusted
    HEAD_DISAGREES = "HEAD_DISAGREES"  # rows in this range were rewritten, and the chain with them
    INSERTED = "INSERTED"  # the row was put in between
    REORDERED = "REORDERED"  # rows stand in another order than recorded
    REPEATED = "REPEATED"  # an event stands here a second time
    SHORTER_THAN_OUTSIDE_HEAD = "SHORTER_THAN_OUTSIDE_HEAD"  # the head given covers more events than there are
    UNKNOWN_KEY = "UNKNOWN_KEY"  # a stored head is signed by a key that is not trusted
    UNLIKE_OUTSIDE_HEAD = "UNLIKE_OUTSIDE_HEAD"  # the events up to here are not those of the head given
    UNSIGNED = "UNSIGNED"  # rows that no head covers: put in by another than the sequencer


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault at `sequence`, or from there to `last`; `is_renumbered`: the rows after it were moved up."""

    kind: FaultKind
    sequence: int
    last: int = 0
    is_renumbered: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """A row as the chain sees it."""

    sequence: int
    leaf: bytes
    after: bytes


@dataclass(frozen=True, slots=True)
class Break:
    """A row whose chain hash does not follow from the row before; a head agreed with the rows up to `agreed`."""

    sequence: int
    agreed: int


def explain(broken: Sequence[Break], *, window: Callable[[int, int], Sequence[Link]], missing: int) -> list[Fault]:
    """Say what happened where the chain does not hold.

    Broken:  in order of the sequence.
    Window:  gives the rows of a range of sequences.
    Missing: how many rows fewer there are than the last head says.
    """
    explained: list[Fault] = []
    at = 0
    while at < len(broken):
        end = at
        while end + 1 < len(broken) and broken[end + 1].sequence - broken[end].sequence <= _AROUND // 2:
            end += 1
        first, last = broken[at].sequence, broken[end].sequence
        rows = list(window(first - _AROUND, last + _AROUND))
        if rows[0].sequence == 1:
            rows.insert(0, Link(0, b"", chain.GENESIS))
        explained += _explain_group(broken[at : end + 1], rows, missing=missing)
        at = end + 1
    return explained


@dataclass(slots=True)
class _Stretch:
    """Rows standing together in which the chain holds: places `first` to `last` of the window."""

    first: int
    last: int


def _explain_group(broken: Sequence[Break], rows: Sequence[Link], *, missing: int) -> list[Fault]:
    stretches = _stretches(rows, {one.sequence for one in broken})
    found, follows = _joints(stretches, rows)
    order = _walk(0, follows)
    for number, stretch in enumerate(stretches):
        if number in order:
            continue
        if max(order) > number:
            # The rows that were there go on behind it.
            found.append(_fault(FaultKind.INSERTED, stretch, rows))
            continue
        gone = next(one for one in broken if one.sequence == rows[stretch.first].sequence)
        if missing:
            found.append(Fault(FaultKind.DROPPED, gone.sequence, is_renumbered=True))
        else:
            # It, or the one before it, unless a head agreed with that one.
            start = gone.sequence if gone.agreed == gone.sequence - 1 else max(gone.sequence - 1, 1)
            found.append(Fault(FaultKind.CHANGED, start, last=gone.sequence))
        order += _walk(number, follows)
    moved = [number for number, stands in zip(order, sorted(order), strict=True) if number != stands]
    if moved:
        span = _Stretch(stretches[min(moved)].first, stretches[max(moved)].last)
        found.append(_fault(FaultKind.REORDERED, span, rows))
    return found


def _stretches(rows: Sequence[Link], broken: set[int]) -> list[_Stretch]:
    starts = [0, *(at for at, row in enumerate(rows) if at and row.sequence in broken)]
    ends = [*(start - 1 for start in starts[1:]), len(rows) - 1]
    return [_Stretch(start, end) for start, end in zip(starts, ends, strict=True)]


def _joints(stretches: Sequence[_Stretch], rows: Sequence[Link]) -> tuple[list[Fault], dict[int, int]]:
    """Return which stretch was chained to which, cutting off what was inserted in between."""
    found: list[Fault] = []
    follows: dict[int, int] = {}
    for number, stretch in enumerate(stretches[1:], 1):
        head = rows[stretch.first]
        place = next((at for at, row in enumerate(rows) if chain.link(row.after, head.leaf) == head.after), None)
        if place is None:
            continue
        behind, owner = next((at, one) for at, one in enumerate(stretches) if place <= one.last and place >= one.first)
        if place < owner.last:
            found.append(_fault(FaultKind.INSERTED, _Stretch(place + 1, owner.last), rows))
            owner.last = place
        follows[behind] = number
    return found, follows


def _walk(number: int, follows: dict[int, int]) -> list[int]:
    order = [number]
    while (following := follows.get(order[-1])) is not None and following not in order:
        order.append(following)
    return order


def _fault(kind: FaultKind, span: _Stretch, rows: Sequence[Link]) -> Fault:
    return Fault(kind, rows[span.first].sequence, last=rows[span.last].sequence)
