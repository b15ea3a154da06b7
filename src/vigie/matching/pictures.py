# SPDX-License-Identifier: Apache-2.0
"""Matching one picture: against listed pictures, and against the frames of listed videos.

- A picture is near an entry when one of its values is within the list's threshold of one of the entry's.
- Of all that match one entry the closest speaks; among equals the plainest (as stored before turned).
- A still of a listed video is near it by one frame: whoever looks is told which, and how little of the video it is.
- A listed value that may never match does not, and the answer says that there was one.

Source: ADR-0022.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from vigie.fingerprints import video
from vigie.fingerprints.values import Algorithm, Turn
from vigie.fingerprints.video import FrameSpan
from vigie.index.hamming import Hits
from vigie.lists.entries import ROLES, Role
from vigie.lists.file import OpenList
from vigie.matching.claims import Grounds
from vigie.matching.verdicts import BORDER_REMOVED, ROW_GATED, TimeRanges
from vigie.matching.views import Views, row_codes, search

_BORDERLESS = ROLES.index(Role.BORDERLESS)


@dataclass(frozen=True, slots=True)
class Found:
    """The entries of one list that matched, each with its grounds; and what else the reason should say."""

    grounds: dict[int, Grounds] = field(default_factory=dict)
    notes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class KnownFrames:
    """The frames of one listed video in the order of time, and the place of each row among them."""

    spans: tuple[FrameSpan, ...]
    places: dict[int, int]


def near_pictures(one: OpenList, views: Views, *, negatives: Sequence[OpenList], threads: int) -> Found:
    """Find the listed pictures that a picture is near."""
    if one.pictures is None or not one.info.policy.uses(Algorithm.PDQ):
        return Found()
    hits = search(one.pictures, views, policy=one.info.policy, threads=threads)
    hits, notes = eligible_hits(one, "pictures", hits, negatives=negatives)
    entries = one.numbers("pictures.entry", hits.row, below=len(one))
    roles = one.numbers("pictures.role", hits.row, below=len(ROLES))
    grounds: dict[int, Grounds] = {}
    for hit in np.lexsort((roles, hits.query, hits.distance)).tolist():
        transform = _transform(views.transforms[hits.query[hit]], is_borderless=bool(roles[hit] == _BORDERLESS))
        grounds.setdefault(int(entries[hit]), Grounds(Algorithm.PDQ, int(hits.distance[hit]), transform))
    return Found(grounds, notes)


def near_frames(one: OpenList, views: Views, *, negatives: Sequence[OpenList], threads: int) -> Found:
    """Find the listed videos of which a picture is a still."""
    if one.frames is None or not one.info.policy.uses(Algorithm.PDQ_FRAMES):
        return Found()
    hits = search(one.frames, views, policy=one.info.policy, threads=threads)
    hits, notes = eligible_hits(one, "frames", hits, negatives=negatives)
    entries = one.numbers("frames.entry", hits.row, below=len(one))
    grounds: dict[int, Grounds] = {}
    for hit in np.lexsort((hits.row, hits.query, hits.distance)).tolist():
        entry = int(entries[hit])
        if entry not in grounds:
            known = known_frames(one, entry, negatives=negatives)
            pairs = [(0, known.places[row]) for row in hits.row[entries == entry].tolist()]
            overlap = video.compare(pairs, query=(FrameSpan(0, 0, b""),), known=known.spans)
            grounds[entry] = Grounds(
                Algorithm.PDQ_FRAMES,
                int(hits.distance[hit]),
                views.transforms[hits.query[hit]],
                share_of_known=overlap.share_of_known,
                time_ranges=TimeRanges((), overlap.ranges_known),
            )
    return Found(grounds, notes)


def known_frames(one: OpenList, entry: int, *, negatives: Sequence[OpenList]) -> KnownFrames:
    """Read the frames of one listed video, and which of them may match."""
    rows = one.frame_rows_of(entry)
    codes = row_codes(one, "frames", rows, negatives=negatives)
    values = one.snapshot.rows("frames.values", rows)
    at, until = (one.snapshot.rows(f"frames.{name}", rows) / 1000 for name in ("at_ms", "until_ms"))
    spans = tuple(
        FrameSpan(begin, end, value.tobytes(), counts=code == 0)
        for begin, end, value, code in zip(at.tolist(), until.tolist(), values, codes.tolist(), strict=True)
    )
    return KnownFrames(spans, {row: place for place, row in enumerate(rows.tolist())})


def eligible_hits(
    one: OpenList, part: str, hits: Hits, *, negatives: Sequence[OpenList]
) -> tuple[Hits, frozenset[str]]:
    """Leave out the hits on rows that may never match, and note it."""
    if not len(hits):
        return hits, frozenset()
    rows, inverse = np.unique(hits.row, return_inverse=True)
    keep = (row_codes(one, part, rows, negatives=negatives) == 0)[inverse]
    if keep.all():
        return hits, frozenset()
    return Hits(hits.query[keep], hits.row[keep], hits.distance[keep]), frozenset({ROW_GATED})


def _transform(transform: str, *, is_borderless: bool) -> str:
    """Name a match on the known picture without its border by that, too."""
    if not is_borderless or transform.startswith(BORDER_REMOVED):
        return transform
    return BORDER_REMOVED if transform == Turn.NONE.value else f"{BORDER_REMOVED}-{transform}"
