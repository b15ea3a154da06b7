# SPDX-License-Identifier: Apache-2.0
"""Matching the frames of a video or of an animated picture: against listed videos, and against listed pictures.

- Two videos are compared in one turn at a time: a copy is turned as a whole, never frame by frame.
- How much two videos must have in common is the list's rule; what falls short of it is said, and is no match.
- A video is near a listed picture by one frame that may match: what is known is that picture.
- Of a video's frames the median distance is given, for one frame says little.

Source: ADR-0022; how two videos compare: `vigie.fingerprints.video`.
"""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from vigie.fingerprints import video
from vigie.fingerprints.messages import Frame
from vigie.fingerprints.values import TURNS, Algorithm, Turn
from vigie.fingerprints.video import FrameSpan, Overlap, OverlapRule
from vigie.index.hamming import Hits
from vigie.lists.file import OpenList
from vigie.matching.claims import Grounds
from vigie.matching.pictures import Found, KnownFrames, eligible_hits, known_frames
from vigie.matching.verdicts import FEW_FRAMES, TimeRanges
from vigie.matching.views import Views, search

Pair = tuple[int, int, int]  # frame of the query, row or entry of the list, distance in bits


def near_videos(
    one: OpenList, views: Views, frames: Sequence[Frame], *, negatives: Sequence[OpenList], threads: int
) -> Found:
    """Find the listed videos with which a video has enough in common."""
    if one.frames is None or not one.info.policy.uses(Algorithm.PDQ_FRAMES):
        return Found()
    hits = search(one.frames, views, policy=one.info.policy, threads=threads)
    hits, notes = eligible_hits(one, "frames", hits, negatives=negatives)
    entries = one.numbers("frames.entry", hits.row, below=len(one))
    spans = _spans(one, views, frames)
    rule = one.info.policy.overlap_rule
    grounds: dict[int, Grounds] = {}
    falls_short = False
    for entry, by_transform in _by_entry(hits, entries, views).items():
        known: KnownFrames | None = None
        for transform, pairs in by_transform.items():
            if not _may_suffice(pairs, spans, rule):
                falls_short = True
                continue
            known = known or known_frames(one, entry, negatives=negatives)
            placed = [(frame, known.places[row]) for frame, row, _ in pairs]
            overlap = video.compare(placed, query=spans, known=known.spans)
            if not video.suffices(overlap, rule=rule):
                falls_short = True
                continue
            candidate = _grounds(overlap, pairs, transform)
            if entry not in grounds or _share(candidate) > _share(grounds[entry]):
                grounds[entry] = candidate
    return Found(grounds, notes | ({FEW_FRAMES} if falls_short else frozenset()))


def near_pictures(
    one: OpenList, views: Views, frames: Sequence[Frame], *, negatives: Sequence[OpenList], threads: int
) -> Found:
    """Find the listed pictures that frames of a video are near."""
    if one.pictures is None or not one.info.policy.uses(Algorithm.PDQ):
        return Found()
    hits = search(one.pictures, views, policy=one.info.policy, threads=threads)
    hits, notes = eligible_hits(one, "pictures", hits, negatives=negatives)
    entries = one.numbers("pictures.entry", hits.row, below=len(one))
    spans = _spans(one, views, frames)
    picture = (FrameSpan(0, 0, b""),)
    grounds: dict[int, Grounds] = {}
    for entry, by_transform in _by_entry(hits, entries, views).items():
        for transform, pairs in by_transform.items():
            overlap = video.compare([(frame, 0) for frame, _, _ in pairs], query=spans, known=picture)
            candidate = Grounds(
                Algorithm.PDQ_FRAMES,
                min(distance for _, _, distance in pairs),
                transform,
                share_of_query=overlap.share_of_query,
                time_ranges=TimeRanges(overlap.ranges_query, ()),
            )
            if entry not in grounds or (candidate.distance_bits or 0) < (grounds[entry].distance_bits or 0):
                grounds[entry] = candidate
    return Found(grounds, notes)


def _spans(one: OpenList, views: Views, frames: Sequence[Frame]) -> tuple[FrameSpan, ...]:
    codes = views.codes(one.info.policy.min_quality).tolist()
    return tuple(
        FrameSpan(frame.at_seconds, frame.until_seconds, frame.value.pdq, counts=code == 0)
        for frame, code in zip(frames, codes, strict=True)
    )


def _by_entry(hits: Hits, entries: Iterable[int], views: Views) -> dict[int, dict[str, list[Pair]]]:
    """Group hits by entry, then by turn, the plainest turn first."""
    groups: dict[int, dict[str, list[Pair]]] = defaultdict(dict)
    numbers = np.asarray(entries).tolist()
    turns = [TURNS.index(Turn(views.transforms[query])) for query in hits.query.tolist()]
    for hit in sorted(range(len(hits)), key=turns.__getitem__):
        pair = (int(views.view[hits.query[hit]]), int(hits.row[hit]), int(hits.distance[hit]))
        groups[numbers[hit]].setdefault(TURNS[turns[hit]].value, []).append(pair)
    return groups


def _may_suffice(pairs: Sequence[Pair], spans: Sequence[FrameSpan], rule: OverlapRule) -> bool:
    """Tell at a glance what cannot suffice: one popular frame must not make every listed video be read."""
    of_query = len({frame for frame, _, _ in pairs})
    of_known = len({row for _, row, _ in pairs})
    is_whole = of_query >= rule.whole_share * sum(span.counts for span in spans)
    return min(of_query, of_known) >= rule.min_frames or is_whole


def _grounds(overlap: Overlap, pairs: Sequence[Pair], transform: str) -> Grounds:
    closest: dict[int, int] = {}
    for frame, _, distance in pairs:
        closest[frame] = min(distance, closest.get(frame, distance))
    return Grounds(
        Algorithm.PDQ_FRAMES,
        int(statistics.median_low(closest.values())),
        transform,
        overlap.share_of_query,
        overlap.share_of_known,
        TimeRanges(overlap.ranges_query, overlap.ranges_known),
    )


def _share(grounds: Grounds) -> float:
    return max(grounds.share_of_query or 0, grounds.share_of_known or 0)
