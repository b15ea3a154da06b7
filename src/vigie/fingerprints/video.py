# SPDX-License-Identifier: Apache-2.0
"""Two videos, frame by frame: how much of each is found in the other, and where.

- Near-equal neighbours count once: a still scene of an hour weighs as much as one of a second.
- Shares are counted in frames that may match, never in seconds: a long still scene or a long stretch of black
  can neither make nor hide a match.
- Frames that may never match (gated) are left out of every number; they neither join nor break a time range.
- An intro, a logo or black never suffices: the frames in common must be several different ones *and* a good part of
  one of the two videos. A logo that comes back is one picture, however often it is shown.
- A still video has too few frames for that; it matches only as a whole, never as a part of something longer.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from vigie.fingerprints import values
from vigie.fingerprints.messages import Frame

COLLAPSE_BITS = 10
BRIDGED_FRAMES = 1


@dataclass(frozen=True, slots=True)
class FrameSpan:
    """When one distinct frame is shown, and whether it may match (`counts` is False where it is gated)."""

    at_seconds: float
    until_seconds: float
    counts: bool = True


@dataclass(frozen=True, slots=True)
class TimeRange:
    """A stretch of a video, both ends included; a single frame is a range without length."""

    start_seconds: float
    end_seconds: float


@dataclass(frozen=True, slots=True)
class Overlap:
    """What two videos have in common.

    `distinct_frames` counts matched frames that resemble different frames of the other video; the shares are parts
    (0 to 1) of the frames that count; the ranges are in order and apart from each other.
    """

    share_of_query: float
    share_of_known: float
    ranges_query: tuple[TimeRange, ...]
    ranges_known: tuple[TimeRange, ...]
    distinct_frames: int


@dataclass(frozen=True, slots=True)
class OverlapRule:
    """How much two videos must have in common to be called near: ADR-0012."""

    min_frames: int = 3
    min_share: float = 0.5  # of one of the two
    whole_share: float = 0.8  # of both, where there are fewer than min_frames to be had


def collapse(frames: Iterable[Frame], *, max_distance_bits: int = COLLAPSE_BITS) -> Iterator[Frame]:
    """Join each frame to the one before it that it nearly equals, and yield what is left.

    The comparison is with the first frame of a run, not with the last: a slow fade cannot drift away unseen.
    Order:   as given, which is the order of time; holds one frame, however long the video.
    Units:   distance in bits between the values as stored.
    """
    run: Frame | None = None
    for frame in frames:
        if run is not None and values.distance_bits(run.value.pdq, frame.value.pdq) <= max_distance_bits:
            run = msgspec.structs.replace(run, until_seconds=max(run.until_seconds, frame.until_seconds))
            continue
        if run is not None:
            yield run
        run = frame
    if run is not None:
        yield run


def compare(pairs: Iterable[tuple[int, int]], *, query: Sequence[FrameSpan], known: Sequence[FrameSpan]) -> Overlap:
    """Say how much of each of two videos the matched frames cover, and where.

    `pairs` holds (position in `query`, position in `known`) of every two frames within the threshold, in any order,
    repeated or not; pairs with a frame that does not count are left out. Both sequences are in the order of time.
    Raises:  IndexError for a position outside its sequence.
    """
    partners: defaultdict[int, set[int]] = defaultdict(set)
    reverse: defaultdict[int, set[int]] = defaultdict(set)
    for query_at, known_at in pairs:
        if query[query_at].counts and known[known_at].counts:
            partners[query_at].add(known_at)
            reverse[known_at].add(query_at)
    return Overlap(
        share_of_query=_share(partners, query),
        share_of_known=_share(reverse, known),
        ranges_query=_ranges(partners, query),
        ranges_known=_ranges(reverse, known),
        distinct_frames=min(_distinct(partners), _distinct(reverse)),
    )


def suffices(overlap: Overlap, *, rule: OverlapRule) -> bool:
    """Say whether what two videos have in common is enough to call them near."""
    shares = (overlap.share_of_query, overlap.share_of_known)
    if overlap.distinct_frames >= rule.min_frames:
        return max(shares) >= rule.min_share
    return overlap.distinct_frames > 0 and min(shares) >= rule.whole_share


def _share(matched: Iterable[int], spans: Sequence[FrameSpan]) -> float:
    counted = sum(span.counts for span in spans)
    return len(set(matched)) / counted if counted else 0.0


def _distinct(partners: dict[int, set[int]]) -> int:
    """Count matched frames no two of which resemble the same frame of the other video, first come first counted."""
    taken: set[int] = set()
    count = 0
    for at in sorted(partners):
        if taken.isdisjoint(partners[at]):
            taken |= partners[at]
            count += 1
    return count


def _ranges(matched: Iterable[int], spans: Sequence[FrameSpan]) -> tuple[TimeRange, ...]:
    """Join matched frames into stretches; one that fails to match among them does not cut a stretch in two."""
    found = set(matched)
    ranges: list[TimeRange] = []
    missed = BRIDGED_FRAMES + 1
    for at, span in enumerate(spans):
        if not span.counts:
            continue
        if at not in found:
            missed += 1
            continue
        if missed > BRIDGED_FRAMES:
            ranges.append(TimeRange(span.at_seconds, span.until_seconds))
        else:
            ranges[-1] = TimeRange(ranges[-1].start_seconds, max(ranges[-1].end_seconds, span.until_seconds))
        missed = 0
    return tuple(ranges)
