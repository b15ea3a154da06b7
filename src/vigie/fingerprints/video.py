# SPDX-License-Identifier: Apache-2.0
"""Two videos, frame by frame: how much of each is found in the other, and where.

- Near-equal neighbours count once: a still scene of an hour weighs as much as one of a second.
- Matched frames close to each other make one stretch; a frame inside it that fails to match does not cut it in two.
- A share is the part of a video's frames that lie in such stretches: counted in frames that may match, never in
  seconds, so that a long still scene or a long stretch of black can neither make nor hide a match.
- Frames that may never match (gated) are left out of every number; they neither join nor break a stretch.
- An intro, a logo or black never suffices: the frames in common must be several different ones *and* a good part of
  one of the two videos. A logo that comes back is one picture, however often it is shown.
- A video too still for that matches only as a whole, never as a part of something longer.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from vigie.fingerprints import values
from vigie.fingerprints.messages import Frame

COLLAPSE_BITS = 10
JOIN_SECONDS = 2.0
DISTINCT_AT_MOST = 32  # past this nobody asks, and counting on would be quadratic


@dataclass(frozen=True, slots=True)
class FrameSpan:
    """When one distinct frame is shown, its value as stored, and whether it may match (False where it is gated)."""

    at_seconds: float
    until_seconds: float
    pdq: bytes
    counts: bool = True


@dataclass(frozen=True, slots=True)
class TimeRange:
    """A stretch of a video, both ends included; a single frame is a range without length."""

    start_seconds: float
    end_seconds: float


@dataclass(frozen=True, slots=True)
class Overlap:
    """What two videos have in common.

    A share is the part (0 to 1) of the frames that count which lie in `ranges`; the ranges are in order and apart.
    `distinct_frames` counts matched frames that do not nearly equal each other (up to DISTINCT_AT_MOST), and
    `matched_share` is the part of the frames that matched themselves; both of the side where they are smaller.
    """

    share_of_query: float
    share_of_known: float
    ranges_query: tuple[TimeRange, ...]
    ranges_known: tuple[TimeRange, ...]
    distinct_frames: int
    matched_share: float


@dataclass(frozen=True, slots=True)
class OverlapRule:
    """How much two videos must have in common to be called near: ADR-0012."""

    min_frames: int = 3
    min_share: float = 0.5  # of one of the two
    whole_share: float = 0.8  # of both, frame by frame, where there are fewer than min_frames to be had


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
    counting = [(one, other) for one, other in pairs if query[one].counts and known[other].counts]
    of_query, of_known = sorted({one for one, _ in counting}), sorted({other for _, other in counting})
    share_of_query, ranges_query, matched_of_query = _stretches(of_query, query)
    share_of_known, ranges_known, matched_of_known = _stretches(of_known, known)
    return Overlap(
        share_of_query=share_of_query,
        share_of_known=share_of_known,
        ranges_query=ranges_query,
        ranges_known=ranges_known,
        distinct_frames=min(_distinct(of_query, query), _distinct(of_known, known)),
        matched_share=min(matched_of_query, matched_of_known),
    )


def suffices(overlap: Overlap, *, rule: OverlapRule) -> bool:
    """Say whether what two videos have in common is enough to call them near."""
    if overlap.distinct_frames >= rule.min_frames:
        return max(overlap.share_of_query, overlap.share_of_known) >= rule.min_share
    return overlap.distinct_frames > 0 and overlap.matched_share >= rule.whole_share


def _distinct(matched: Sequence[int], spans: Sequence[FrameSpan]) -> int:
    """Count matched frames that do not nearly equal one counted before them."""
    counted: list[bytes] = []
    for at in matched:
        if all(values.distance_bits(spans[at].pdq, one) > COLLAPSE_BITS for one in counted):
            counted.append(spans[at].pdq)
            if len(counted) == DISTINCT_AT_MOST:
                break
    return len(counted)


def _stretches(matched: Sequence[int], spans: Sequence[FrameSpan]) -> tuple[float, tuple[TimeRange, ...], float]:
    """Join matched frames that are next to each other or close in time.

    Returns the share that they cover, where, and the share of those that matched themselves.

    `matched` holds positions in `spans`, sorted, of frames that count.
    """
    counting = [at for at, span in enumerate(spans) if span.counts]
    place = {at: number for number, at in enumerate(counting)}
    stretches: list[tuple[int, int]] = []
    for at in matched:
        if stretches:
            first, last = stretches[-1]
            gap_seconds = spans[at].at_seconds - spans[last].until_seconds
            if place[at] - place[last] == 1 or gap_seconds <= JOIN_SECONDS:
                stretches[-1] = (first, at)
                continue
        stretches.append((at, at))
    covered = sum(place[last] - place[first] + 1 for first, last in stretches)
    ranges = tuple(TimeRange(spans[first].at_seconds, spans[last].until_seconds) for first, last in stretches)
    total = max(len(counting), 1)
    return covered / total, ranges, len(matched) / total
