# SPDX-License-Identifier: Apache-2.0
"""When a list makes a depiction matchable: whose word counts, how many must agree, what suspends it.

- A list is a policy over assertions. It never holds a depiction itself, so a new assertion, a dispute or a revocation
  changes what every list makes matchable, at once.
- A word counts for a list when its source is one of the list's (or the list takes any), its class is one of the
  list's classes, and it is neither revoked, superseded nor, where the policy says so, under dispute.
- One source has one voice, however often it speaks; the quorum counts voices. Of its words in one scheme the latest
  counts, also where nothing says that it supersedes the earlier: two imports may have brought them side by side. Where
  the latest was revoked nothing counts: an earlier one was given up when the later was said (ADR 0082).
- A word of class zero ("asserts nothing", "not illegal") never makes matchable; it counts against where the policy says
  that such a word of a counted source vetoes. Under dispute it still does: a challenge lets nothing match.
- A share lets a list in by depiction, not by look-up: the same depiction is in or out on every look-up and process.
"""

import hashlib
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec

from vigie.errors import InvalidInputError
from vigie.fingerprints.gates import MIN_QUALITY
from vigie.fingerprints.values import Algorithm

BANK = "bank"  # the local scheme: our own organisation put it on the list that the label names
MAX_THRESHOLD_BITS = 31
DISPUTE_DAYS = 14  # a challenge is answered within a fortnight, else it comes up as overdue


class MalformedPolicyError(InvalidInputError):
    """A list's policy is out of bounds."""

    code = "catalogue.malformed-policy"


class Mode(StrEnum):
    """How far a list's matches go."""

    OFF = "OFF"  # matches nothing
    SHADOW = "SHADOW"  # matches are recorded and told to nobody outside
    SHARE = "SHARE"  # a stable share of the depictions
    ON = "ON"


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a list makes matchable.

    classes   scheme -> codes whose assertion counts; empty: any class above zero of any scheme but `bank`, whose words
              count only for lists that name them
    sources   ids of the sources whose word counts; empty: any source
    quorum    how many sources must agree
    share     the part of depictions in mode SHARE, 0 to 1
    Raises:   MalformedPolicyError.
    """

    classes: dict[str, tuple[str, ...]] = {}
    sources: tuple[str, ...] = ()
    quorum: int = 1
    algorithms: tuple[Algorithm, ...] = tuple(Algorithm)
    threshold_bits: int = MAX_THRESHOLD_BITS
    min_quality: int = MIN_QUALITY
    negative: bool = False
    dispute_suspends: bool = True
    veto: bool = False
    flood_per_hour: int = 0  # quarantine a value matched more often than this in an hour; 0: never
    mode: Mode = Mode.OFF
    share: float = 1.0

    def __post_init__(self) -> None:
        checks = {
            "the quorum is a whole number of sources, 1 or more": self.quorum >= 1,
            f"the threshold is 0 to {MAX_THRESHOLD_BITS} bits": 0 <= self.threshold_bits <= MAX_THRESHOLD_BITS,
            "the minimum quality is 0 to 100": 0 <= self.min_quality <= 100,
            "name at least one algorithm, each once": 0 < len(self.algorithms) == len(set(self.algorithms)),
            "the share is a part from 0 to 1": 0 <= self.share <= 1,
            "the flood limit is a whole number, 0 for none": self.flood_per_hour >= 0,
            "more sources must agree than are named": not self.sources or self.quorum <= len(set(self.sources)),
        }
        for message, holds in checks.items():
            if not holds:
                raise MalformedPolicyError(message)


def to_json(policy: Policy) -> dict[str, Any]:
    """Return a policy as it is kept."""
    found: dict[str, Any] = msgspec.to_builtins(policy)
    return found


def differing(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """Return the names of what differs between two policies, in the order of their names."""
    whole = {**to_json(Policy()), **one}, {**to_json(Policy()), **other}
    return sorted(name for name in whole[0] if whole[0][name] != whole[1].get(name))


@dataclass(frozen=True, slots=True)
class Word:
    """One assertion as the rules see it; `weight` is the severity of its label in its scheme, 0 asserts nothing."""

    assertion: uuid.UUID
    source: uuid.UUID
    source_name: str
    scheme: str
    label: str
    weight: int
    asserted_at: datetime
    disputed: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class ListRule:
    """A list as the rules see it; one of an `organisation` is told to nobody else's keys."""

    id: uuid.UUID
    name: str
    version: int
    policy: Policy
    organisation: uuid.UUID | None = None

    def is_told_to(self, organisation: uuid.UUID | None) -> bool:
        """Say whether an organisation's keys may hear of this list at all."""
        return self.organisation is None or self.organisation == organisation


def words_that_count(policy: Policy, words: Sequence[Word]) -> tuple[Word, ...]:
    """Return the words that make a depiction matchable by this policy: none if its quorum is not reached.

    `words` are current: the latest of each source in each scheme, not revoked, of no import that is not visible.
    A source that speaks in several schemes is one voice with several words: each tells its label.
    Order:   gravest first, then the earliest assertion.
    """
    heard = [word for word in words if not policy.sources or str(word.source) in policy.sources]
    if policy.veto and any(word.weight == 0 for word in heard):
        return ()
    counted = [word for word in heard if takes(policy, word) and not (policy.dispute_suspends and word.disputed)]
    if len({word.source for word in counted}) < policy.quorum:
        return ()
    return tuple(sorted(counted, key=lambda one: (-one.weight, one.asserted_at, str(one.assertion))))


def current_words(words: Sequence[Word], *, revoked: Collection[uuid.UUID]) -> tuple[Word, ...]:
    """Return what each source says now in each scheme: its latest word, none where that one was revoked.

    In our own scheme each list is a matter of its own. Of two words of one time the graver is the latest.
    Order:   the earliest first.
    """
    latest: dict[tuple[uuid.UUID, str, str], Word] = {}
    for word in sorted(words, key=lambda one: (one.asserted_at, one.weight, str(one.assertion))):
        matter = word.source, word.scheme, word.label if word.scheme == BANK else ""
        latest.pop(matter, None)
        latest[matter] = word
    return tuple(word for word in latest.values() if word.assertion not in revoked)


def takes(policy: Policy, word: Word) -> bool:
    """Say whether a word is of a class of the list."""
    if word.weight == 0 and not policy.negative:
        return False
    if not policy.classes:
        # What one organisation's tool puts into its own bank is not for everybody's lists.
        return word.scheme != BANK
    return word.label in policy.classes.get(word.scheme, ())


def is_in_share(rule: ListRule, depiction: uuid.UUID) -> bool:
    """Say whether the list is in force for this depiction: the same answer in every process and at every time."""
    match rule.policy.mode:
        case Mode.OFF:
            return False
        case Mode.SHARE:
            drawn = hashlib.sha256(rule.id.bytes + depiction.bytes).digest()[:8]
            return int.from_bytes(drawn, "big") < rule.policy.share * 2**64
        case _:
            return True


def dispute_deadline(opened_at: datetime) -> datetime:
    """Return by when a dispute has to be settled."""
    return opened_at + timedelta(days=DISPUTE_DAYS)
