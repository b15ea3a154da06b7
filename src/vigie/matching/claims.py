# SPDX-License-Identifier: Apache-2.0
"""From entries that matched to matches with their reasons: what a list says, beside why it is said here."""

from collections.abc import Mapping
from dataclasses import dataclass

from vigie.fingerprints.values import Algorithm
from vigie.lists.file import OpenList
from vigie.matching.verdicts import Match, Ranked, TimeRanges


@dataclass(frozen=True, slots=True)
class Grounds:
    """Why an entry matched; as in `Match`."""

    algorithm: Algorithm
    distance_bits: int | None = None
    transform: str | None = None
    share_of_query: float | None = None
    share_of_known: float | None = None
    time_ranges: TimeRanges | None = None


def state(one: OpenList, place: int, grounds: Mapping[int, Grounds]) -> list[Ranked]:
    """Put what the entries of a list say beside the grounds on which they matched."""
    return [
        Ranked(
            place,
            entry,
            Match(
                list=one.info.name,
                list_version=one.info.version,
                depiction=said.depiction,
                algorithm=why.algorithm,
                collision_prone=why.algorithm in {Algorithm.MD5, Algorithm.SHA1},
                distance_bits=why.distance_bits,
                transform=why.transform,
                scheme=said.claim.scheme,
                label=said.claim.label,
                asserted_by=said.claim.asserted_by,
                asserted_at=said.asserted_at,
                share_of_query=why.share_of_query,
                share_of_known=why.share_of_known,
                time_ranges=why.time_ranges,
            ),
        )
        for (entry, why), said in zip(grounds.items(), one.said_of(list(grounds)), strict=True)
    ]
