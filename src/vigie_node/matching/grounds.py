# SPDX-License-Identifier: Apache-2.0
"""On what grounds a listed depiction is a subject: a digest, a near value, enough frames in common.

- Each list judges by its own policy: its algorithms, its threshold, its minimum quality. Of what fits the strongest
  speaks: a digest before a near value, the nearest first.
- A picture is near a listed picture or a frame of a listed video by one value, and so is a frame of a video a listed
  picture. Two videos need enough in common, in one turn at a time, counted in frames that this list would match.
- Frames that may never match are left out of every number.

Source: the rules of vigie.matching.pictures and vigie.matching.videos (ADR-0012, ADR-0022).
"""

import statistics
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from vigie.fingerprints import gates, video
from vigie.fingerprints.values import Algorithm
from vigie.fingerprints.video import FrameSpan, OverlapRule
from vigie.matching.verdicts import BORDER_REMOVED
from vigie_node.catalogue.rules import Policy
from vigie_node.catalogue.standing import Print
from vigie_node.matching import gating
from vigie_node.matching.gating import DIGESTS
from vigie_node.matching.questions import PLAIN, Question, Subject

Hit: TypeAlias = tuple[Question, Print, int]  # what was asked, the listed fingerprint, how far


@dataclass(frozen=True, slots=True)
class Ground:
    """Why a depiction is a candidate for a subject: by which fingerprint, how far."""

    fingerprint: int
    algorithm: Algorithm
    distance_bits: int | None = None
    transform: str = PLAIN
    quality: int = gates.UNKNOWN_QUALITY

    @property
    def rank(self) -> tuple[int, int, str, int]:
        """Order grounds: the strongest digest, then the nearest value."""
        place = DIGESTS.index(self.algorithm) if self.algorithm in DIGESTS else len(DIGESTS)
        return place, self.distance_bits or 0, self.transform, self.fingerprint

    def under(self, policy: Policy) -> "Ground | None":
        """Return this ground where it is one for a list of this policy."""
        if self.algorithm not in policy.algorithms:
            return None
        if self.distance_bits is None:
            return self
        return self if self.distance_bits <= policy.threshold_bits and self.quality >= policy.min_quality else None


@dataclass(frozen=True, slots=True)
class Passage:
    """Frames of a video near frames of a listed one, in one turn; `asked` and `listed` are in the order of time."""

    hits: tuple[Hit, ...]
    transform: str
    asked: Mapping[FrameSpan, bool]  # each frame, and whether it may match
    listed: Sequence[Print]

    def under(self, policy: Policy) -> Ground | None:
        """Return the ground that this is for a list of this policy: none where too little is left in common."""
        if Algorithm.PDQ_FRAMES not in policy.algorithms:
            return None
        hits = [one for one in self.hits if one[2] <= policy.threshold_bits and quality(one) >= policy.min_quality]
        if not hits:
            return None
        places = {one.row: place for place, one in enumerate(self.listed)}
        frames = {frame: place for place, frame in enumerate(self.asked)}
        pairs = [(frames[asked.frame], places[known.row]) for asked, known, _ in hits if asked.frame is not None]
        query = tuple(replace(frame, counts=counts) for frame, counts in self.asked.items())
        if not video.suffices(video.compare(pairs, query=query, known=self._known()), rule=OverlapRule()):
            return None
        closest: dict[FrameSpan | None, int] = {}
        for asked, _, distance in hits:
            closest[asked.frame] = min(distance, closest.get(asked.frame, distance))
        nearest = min(hits, key=lambda one: (one[2], one[1].row))
        median = int(statistics.median_low(closest.values()))
        return Ground(nearest[1].row, Algorithm.PDQ_FRAMES, median, self.transform, quality(nearest))

    def _known(self) -> tuple[FrameSpan, ...]:
        never = gating.never(self.listed)
        return tuple(
            FrameSpan((one.start_ms or 0) / 1000, (one.end_ms or 0) / 1000, one.value, counts=one.row not in never)
            for one in self.listed
        )


Grounds = dict[uuid.UUID, list[Ground | Passage]]


def best(policy: Policy, candidates: Iterable[Ground | Passage]) -> Ground | None:
    """Return the strongest ground for a list of this policy."""
    fitting = [ground for one in candidates if (ground := one.under(policy)) is not None]
    return min(fitting, key=lambda ground: ground.rank, default=None)


def of_hit(hit: Hit) -> Ground:
    """Return the ground that one hit is by itself."""
    question, known, distance = hit
    if question.algorithm in DIGESTS:
        return Ground(known.row, question.algorithm)
    transform = question.transform
    if known.role == "borderless" and not transform.startswith(BORDER_REMOVED):
        transform = BORDER_REMOVED if transform == PLAIN else f"{BORDER_REMOVED}-{transform}"
    algorithm = Algorithm.PDQ if question.frame is None and known.algorithm is Algorithm.PDQ else Algorithm.PDQ_FRAMES
    return Ground(known.row, algorithm, distance, transform, quality(hit))


def quality(hit: Hit) -> int:
    """Return the lower quality of the two values of a hit."""
    question, known, _ = hit
    return min(question.quality, gates.UNKNOWN_QUALITY if known.quality is None else known.quality)


def frames_of(subject: Subject, gated: Collection[Question]) -> dict[FrameSpan, bool]:
    """Return the frames of a subject in the order of time, and of each whether it may match."""
    found: dict[FrameSpan, bool] = {}
    for one in subject:
        if one.frame is not None:
            found[one.frame] = found.get(one.frame, False) or one not in gated
    return dict(sorted(found.items(), key=lambda item: (item[0].at_seconds, item[0].pdq)))


def sides_of(subject: Subject) -> dict[Question, FrameSpan | int]:
    """Tell apart what a subject shows: frames of a video; a picture as it is, upright, on black, without its border.

    A turned value is of the side that was named before it. Digests are of no side.
    """
    sides: dict[Question, FrameSpan | int] = {}
    side = 0
    for one in subject:
        if one.algorithm in DIGESTS:
            continue
        side += one.transform in {PLAIN, BORDER_REMOVED}
        sides.setdefault(one, side if one.frame is None else one.frame)
    return sides
