# SPDX-License-Identifier: Apache-2.0
"""The Merkle tree over the audit, and proofs in it: RFC 9162, section 2.1 (the same tree as RFC 6962).

- A leaf is hashed behind a 0x00, an inner node behind a 0x01: nobody can pass one off as the other.
- The right edge of the tree (its frontier) is all that is needed to go on: appending n leaves costs O(n + log size).
- Proofs are told as ranges of leaves whose subtrees are needed, so that whoever has the leaves can stream them.
- Checking raises the reason or returns nothing.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from vigie.errors import UntrustedError

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
Range = tuple[int, int]


class FalseProofError(UntrustedError):
    """A proof does not show what it claims."""

    code = "audit.false-proof"


def leaf_hash(record: bytes) -> bytes:
    """Hash a record into a leaf."""
    return hashlib.sha256(b"\x00" + record).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two nodes into the one above them."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """The full subtrees on the right edge of a tree, the largest first: one for each bit set in its size."""

    size: int = 0
    nodes: tuple[bytes, ...] = ()

    def append(self, leaves: Iterable[bytes]) -> "Frontier":
        """Return the frontier with leaves (their hashes) added."""
        size, nodes = self.size, list(self.nodes)
        for leaf in leaves:
            node, full = leaf, size
            while full & 1:
                node = node_hash(nodes.pop(), node)
                full >>= 1
            nodes.append(node)
            size += 1
        return Frontier(size, tuple(nodes))

    def root(self) -> bytes:
        """Return the hash of the whole tree."""
        if not self.nodes:
            return EMPTY_ROOT
        root = self.nodes[-1]
        for node in reversed(self.nodes[:-1]):
            root = node_hash(node, root)
        return root

    def to_bytes(self) -> bytes:
        """Pack the nodes, 32 bytes each."""
        return b"".join(self.nodes)

    @classmethod
    def from_bytes(cls, size: int, packed: bytes) -> "Frontier":
        """Unpack a frontier.

        Raises:  ValueError where the nodes are not those of a tree of this size.
        """
        if size < 0 or len(packed) != HASH_BYTES * size.bit_count():
            raise ValueError("this is no frontier of a tree of that size")
        return cls(size, tuple(packed[at : at + HASH_BYTES] for at in range(0, len(packed), HASH_BYTES)))


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Return the hash of the tree over leaf hashes."""
    return Frontier().append(leaves).root()


def inclusion_ranges(index: int, size: int) -> list[Range]:
    """Return the ranges of leaves whose subtrees make the proof that leaf `index` is in a tree of `size` leaves.

    Order:   as in the proof, from the leaf to the root.
    Source:  RFC 9162, section 2.1.3.1.
    """
    if not 0 <= index < size:
        raise ValueError("there is no such leaf")
    ranges: list[Range] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _largest_power_below(end - start)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    return ranges[::-1]


def consistency_ranges(old_size: int, size: int) -> list[Range]:
    """Return the ranges of leaves whose subtrees prove that a tree only grew from `old_size` to `size` leaves.

    Source:  RFC 9162, section 2.1.4.1.
    """
    if not 0 < old_size <= size:
        raise ValueError("there is no such proof")
    ranges: list[Range] = []
    start, end, is_whole = 0, size, True
    while old_size != end:
        middle = start + _largest_power_below(end - start)
        if old_size <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start, is_whole = middle, False
    if not is_whole:
        ranges.append((start, end))
    return ranges[::-1]


def proof(ranges: Sequence[Range], *, leaves: Callable[[int, int], Iterable[bytes]]) -> list[bytes]:
    """Return the hashes of the subtrees over ranges; `leaves(start, end)` gives the leaf hashes of one."""
    return [Frontier().append(leaves(start, end)).root() for start, end in ranges]


def check_inclusion(leaf: bytes, *, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """Check that a leaf is at its place in the tree with this root.

    Raises:  FalseProofError.
    Source:  RFC 9162, section 2.1.3.2.
    """
    if not 0 <= index < size:
        raise FalseProofError("the proof names a place outside the tree")
    place, last, found = index, size - 1, leaf
    for one in path:
        if last == 0:
            raise FalseProofError("the proof is too long")
        if place & 1 or place == last:
            found = node_hash(one, found)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, one)
        place, last = place >> 1, last >> 1
    if last != 0 or found != root:
        raise FalseProofError("the record is not at that place of the tree")


def check_consistency(*, old_size: int, old_root: bytes, size: int, root: bytes, path: Sequence[bytes]) -> None:
    """Check that the tree of `size` leaves is the one of `old_size` leaves with more behind it.

    Raises:  FalseProofError.
    Source:  RFC 9162, section 2.1.4.2.
    """
    if not 0 < old_size <= size:
        raise FalseProofError("a tree does not shrink")
    if old_size == size:
        if path or old_root != root:
            raise FalseProofError("two trees of one size differ")
        return
    nodes = list(path) if old_size & (old_size - 1) else [old_root, *path]
    if not nodes:
        raise FalseProofError("the proof is empty")
    place, last = old_size - 1, size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old = new = nodes[0]
    for one in nodes[1:]:
        if last == 0:
            raise FalseProofError("the proof is too long")
        if place & 1 or place == last:
            old, new = node_hash(one, old), node_hash(one, new)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            new = node_hash(new, one)
        place, last = place >> 1, last >> 1
    if last != 0 or old != old_root or new != root:
        raise FalseProofError("the later tree is not the earlier one with more behind it")


def _largest_power_below(count: int) -> int:
    return 1 << (count - 1).bit_length() - 1
