# SPDX-License-Identifier: Apache-2.0
"""What matching answers: one word, the matches behind it, and the rule that decided.

- A match is a claim with its reasons: which list and version, by which algorithm, how far, who asserted, when.
- Matches come in one order, whatever the order in which they were found: known before near, the lists as given, then
  distance, depiction, algorithm and claim.
- The reason says which rule decided, in a sentence fit for any reader: no fingerprint, no distance, no name.
"""

from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from vigie.fingerprints.gates import Gate
from vigie.fingerprints.messages import Problem
from vigie.fingerprints.values import Algorithm, Turn
from vigie.fingerprints.video import TimeRange

BORDER_REMOVED = "border-removed"


class Outcome(StrEnum):
    """The word that a verdict gives; `unknown` is said of readable pictures and videos only."""

    KNOWN = "known"
    NEAR = "near"
    GATED = "gated"
    UNKNOWN = "unknown"
    UNREADABLE = "unreadable"
    NOT_MEDIA = "not-media"
    NOT_EXAMINED = "not-examined"


@dataclass(frozen=True, slots=True)
class TimeRanges:
    """Where a match lies in the video that was asked about, and where in the known one; empty for a picture."""

    query: tuple[TimeRange, ...]
    known: tuple[TimeRange, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One entry of one list that matched, and why; what does not apply is None.

    Units:  distance in bits: of the closest value of a picture, the median of the matched frames of a video;
            shares are parts (0 to 1) of the frames that may match.
    """

    list: str
    list_version: int
    depiction: str
    algorithm: Algorithm
    collision_prone: bool = False
    distance_bits: int | None = None
    transform: str | None = None
    scheme: str | None
    label: str | None
    asserted_by: str
    asserted_at: datetime
    share_of_query: float | None = None
    share_of_known: float | None = None
    time_ranges: TimeRanges | None = None


@dataclass(frozen=True, slots=True)
class Ranked:
    """A match with its list's place among the lists and its entry's number there."""

    place: int
    entry: int
    match: Match


@dataclass(frozen=True, slots=True)
class ExactVerdict:
    """What the digests alone say: a gate, matches, or nothing; `contradicted` where only another content has them."""

    gate: Gate | None = None
    ranked: tuple[Ranked, ...] = ()
    contradicted: bool = False

    @property
    def is_decided(self) -> bool:
        """Say whether the content need not be decoded."""
        return self.gate is not None or bool(self.ranked)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer about one content."""

    verdict: Outcome
    matches: tuple[Match, ...]
    reason: str
    problem: Problem | None = None


def in_order(ranked: list[Ranked] | tuple[Ranked, ...]) -> tuple[Match, ...]:
    """Put matches into their one order."""
    return tuple(one.match for one in sorted(ranked, key=_key))


def _key(one: Ranked) -> tuple[object, ...]:
    match = one.match
    return (
        match.distance_bits is not None,
        one.place,
        match.distance_bits or 0,
        match.depiction,
        list(Algorithm).index(match.algorithm),
        match.transform or "",
        match.scheme or "",
        match.label or "",
        match.asserted_by,
        match.asserted_at,
        one.entry,
    )


def transform_of(turn: Turn, *, without_border: bool) -> str:
    """Say how a copy was made: its turn, and whether it took a border away to see it."""
    if not without_border:
        return turn.value
    return BORDER_REMOVED if turn is Turn.NONE else f"{BORDER_REMOVED}-{turn.value}"


def known_reason(matches: tuple[Match, ...]) -> str:
    """Say by which digests the content is known."""
    return reason_of_digests({match.algorithm for match in matches})


def reason_of_digests(found: Set[Algorithm]) -> str:
    """Say that one of these digests is that of a listed content."""
    if Algorithm.SHA256 in found:
        return "Its SHA-256 digest is that of a listed content."
    names = {Algorithm.MD5: "MD5", Algorithm.SHA1: "SHA-1"}
    equal = " and ".join(name for algorithm, name in names.items() if algorithm in found)
    return (
        f"Only its {equal} digest is that of a listed content; such a digest can be forged: not to be acted on alone."
    )


def near_reason(match: Match) -> str:
    """Say by which rule the content is near the first of its matches."""
    if match.algorithm is Algorithm.PDQ:
        sentence = "Its value is within the list's threshold of a listed picture"
        return f"{sentence}{_as_copy(match.transform)}."
    ranges = match.time_ranges
    if ranges is not None and ranges.query and ranges.known:
        return f"It has enough different frames in common with a listed video{_as_copy(match.transform)}."
    if ranges is not None and ranges.known:
        return f"Its value is within the list's threshold of a frame of a listed video{_as_copy(match.transform)}."
    return f"A frame of it is within the list's threshold of a listed picture{_as_copy(match.transform)}."


def _as_copy(transform: str | None) -> str:
    if transform is None or transform == Turn.NONE.value:
        return ""
    border, turn = "", transform
    if transform.startswith(BORDER_REMOVED):
        border, turn = ", without a border", transform.removeprefix(BORDER_REMOVED).removeprefix("-")
    return border + (f", as a turned copy ({turn})" if turn else "")


CONTRADICTED = "A listed MD5 or SHA-1 equals its own, but other digests beside it differ: another content."
FEW_FRAMES = "It has some frames in common with a listed video, but too few: an intro or a logo never suffices."
ROW_GATED = "What is near it on a list may itself never match."
SHORTENED = "Only a part of it was looked at."


def gated_reason(gate: Gate) -> str:
    """Say why nothing of the content may match."""
    return f"It may never match: {gate.sentence}."


def unknown_reason(notes: set[str], *, shortened: str | None) -> str:
    """Say that nothing matched, and what else is to be known about that."""
    found = sorted(notes) + ([SHORTENED] if shortened else [])
    return " ".join(["Nothing on the lists is near it.", *found])
