# SPDX-License-Identifier: Apache-2.0
"""What a list says of itself: its name, issuer, version and validity, and how its entries may match.

- The version grows with every change; two files of one list with the same version are the same list.
- The policy is the issuer's: threshold, minimum quality, algorithms, turned copies, how much of a video is enough.
- A negative list names what must not match; its values gate, they never match.
- Every number is checked when the policy is made or read: none can switch a gate off by being absurd.
"""

from datetime import UTC, datetime

import msgspec

from vigie.errors import InvalidInputError
from vigie.fingerprints.gates import MIN_QUALITY
from vigie.fingerprints.values import Algorithm
from vigie.fingerprints.video import OverlapRule
from vigie.lists.entries import MalformedEntryError, check_text

MAX_THRESHOLD_BITS = 31
DEFAULT_THRESHOLD_BITS = 31


class MalformedPolicyError(InvalidInputError):
    """What a list says of itself is out of bounds."""

    code = "lists.malformed-policy"


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """How the entries of a list may match.

    Raises:  MalformedPolicyError.
    """

    threshold_bits: int = DEFAULT_THRESHOLD_BITS
    min_quality: int = MIN_QUALITY
    algorithms: tuple[Algorithm, ...] = tuple(Algorithm)
    turns: bool = True
    min_frames: int = OverlapRule().min_frames
    min_share: float = OverlapRule().min_share
    negative: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.threshold_bits <= MAX_THRESHOLD_BITS:
            raise MalformedPolicyError(f"the threshold is a whole number of bits from 0 to {MAX_THRESHOLD_BITS}")
        if not 0 <= self.min_quality <= 100:
            raise MalformedPolicyError("the minimum quality is a whole number from 0 to 100")
        if not self.algorithms or len(set(self.algorithms)) < len(self.algorithms):
            raise MalformedPolicyError("name at least one algorithm, and each once")
        if self.min_frames < 1:
            raise MalformedPolicyError("the minimum of distinct frames is 1 or more")
        if not 0 < self.min_share <= 1:
            raise MalformedPolicyError("the minimum share of a video is above 0 and at most 1")

    def uses(self, algorithm: Algorithm) -> bool:
        """Say whether entries may match by this algorithm."""
        return algorithm in self.algorithms

    @property
    def overlap_rule(self) -> OverlapRule:
        """Say how much two videos must have in common."""
        return OverlapRule(min_frames=self.min_frames, min_share=self.min_share)


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How much a list holds."""

    entries: int
    depictions: int
    md5: int
    sha1: int
    sha256: int
    picture_values: int
    frames: int


class ListInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a list says of itself; `recipes` names every recipe its perceptual values were computed with.

    Raises:  MalformedPolicyError.
    """

    name: str
    issuer: str
    version: int
    created_at: datetime
    valid_until: datetime | None
    policy: Policy
    counts: Counts
    recipes: tuple[str, ...]

    def __post_init__(self) -> None:
        check_about(name=self.name, issuer=self.issuer, valid_until=self.valid_until)
        if self.version < 1:
            raise MalformedPolicyError("a list's version is 1 or more")
        if self.created_at.tzinfo is None:
            raise MalformedPolicyError("the time of creation needs a time zone")


def check_about(*, name: str, issuer: str, valid_until: datetime | None) -> None:
    """Refuse a name, an issuer or a validity that a list cannot have.

    Raises:  MalformedPolicyError.
    """
    try:
        check_text(name, name="a list's name")
        check_text(issuer, name="a list's issuer")
    except MalformedEntryError as error:
        raise MalformedPolicyError(str(error)) from error
    if valid_until is not None and valid_until.tzinfo is None:
        raise MalformedPolicyError("the end of validity needs a time zone; write it in UTC")


def is_stale(info: ListInfo, *, now: datetime) -> bool:
    """Say whether the list's validity has passed."""
    return info.valid_until is not None and now.astimezone(UTC) >= info.valid_until
