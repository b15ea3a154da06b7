# SPDX-License-Identifier: Apache-2.0
"""Matching by digests: what is exactly known.

- An entry is known by the strongest of its digests that equals; by MD5 or SHA-1 alone it is marked collision-prone.
- An MD5 or SHA-1 decides nothing on a list on which an entry that holds it also holds another digest that differs:
  the list itself says that it belongs to another content.
- Empty and trivial content never matches, nor what a negative list names by its SHA-256.

Source: ADR-0021, ADR-0022.
"""

from collections.abc import Sequence

from vigie.fingerprints import gates
from vigie.fingerprints.gates import Gate
from vigie.fingerprints.values import Algorithm, Digests
from vigie.lists.file import OpenList
from vigie.matching.claims import Grounds, state
from vigie.matching.verdicts import ExactVerdict, Ranked

_STRONGEST_FIRST = (Algorithm.SHA256, Algorithm.SHA1, Algorithm.MD5)


def look_up(
    digests: Digests, *, size_bytes: int, lists: Sequence[OpenList], negatives: Sequence[OpenList]
) -> ExactVerdict:
    """Say what the digests of one content tell."""
    gate = gates.content_gate(digests, size_bytes=size_bytes)
    if gate is None and any(len(one.entries_with(digests.sha256, algorithm=Algorithm.SHA256)) for one in negatives):
        gate = Gate.NEGATIVE_LIST
    if gate is not None:
        return ExactVerdict(gate)
    ranked: list[Ranked] = []
    contradicted = False
    for place, one in enumerate(lists):
        found, refuted = _known_entries(one, digests)
        contradicted = contradicted or refuted
        ranked += state(one, place, {entry: Grounds(algorithm) for entry, algorithm in found.items()})
    return ExactVerdict(None, tuple(ranked), contradicted and not ranked)


def _known_entries(one: OpenList, digests: Digests) -> tuple[dict[int, Algorithm], bool]:
    """Return the entries that are this content, each with its strongest digest, and whether others were refuted."""
    own = {Algorithm.SHA256: digests.sha256, Algorithm.SHA1: digests.sha1, Algorithm.MD5: digests.md5}
    known: dict[int, Algorithm] = {}
    refuted = False
    for algorithm in _STRONGEST_FIRST:
        if not one.info.policy.uses(algorithm):
            continue
        entries = one.entries_with(own[algorithm], algorithm=algorithm)
        if algorithm is not Algorithm.SHA256 and any(
            other is not None and other != own[beside]
            for beside in _STRONGEST_FIRST
            if len(entries) and beside is not algorithm
            for other in one.digests_of(entries, algorithm=beside)
        ):
            refuted = True
            continue
        for entry in entries.tolist():
            known.setdefault(entry, algorithm)
    return known, refuted
