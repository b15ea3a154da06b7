# SPDX-License-Identifier: Apache-2.0
"""Why a list claims a depiction, or does not: the rule taken apart.

- The verdict is that of `rules.py`, asked again; the parts only say how it came about. A test holds the two together.
- Pure: words, fingerprints and policy in, parts out; pages put them into sentences.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from vigie.fingerprints.values import Algorithm
from vigie_node.catalogue import rules
from vigie_node.catalogue.rules import ListRule, Word


class Part(StrEnum):
    """One question that decides; in the order in which they are asked."""

    MODE = "MODE"  # is the list in force for this depiction?
    SOURCES = "SOURCES"  # does it hear any of the sources?
    VETO = "VETO"  # does a source that it hears say that it is nothing?
    CLASSES = "CLASSES"  # does it take any of the classes?
    DISPUTES = "DISPUTES"  # is what it would take under dispute?
    QUORUM = "QUORUM"  # do enough sources agree?
    VALUES = "VALUES"  # is there a fingerprint by which it matches?


@dataclass(frozen=True, slots=True)
class Finding:
    """One part: whether it holds; how many there are, of how many that are needed or that there are."""

    part: Part
    holds: bool
    count: int = 0
    of: int = 0


@dataclass(frozen=True, slots=True)
class Because:
    """Whether a list claims a depiction, and why; `decided` is the first part that does not hold."""

    rule: ListRule
    claims: bool
    findings: tuple[Finding, ...]
    told: Word | None

    @property
    def decided(self) -> Finding | None:
        """Return the part that keeps the list from claiming it; None where it claims it."""
        return next((one for one in self.findings if not one.holds), None)


def why(
    rule: ListRule,
    words: Sequence[Word],
    *,
    depiction: uuid.UUID,
    usable: Mapping[Algorithm, Sequence[int | None]],
) -> Because:
    """Say whether a list claims a depiction, and why.

    `words` are the current ones. `usable` are the qualities of the values that no override keeps from matching.
    """
    policy = rule.policy
    heard = [word for word in words if not policy.sources or str(word.source) in policy.sources]
    against = [word for word in heard if word.weight == 0] if policy.veto else []
    of_class = [word for word in heard if rules.takes(policy, word)]
    undisputed = [word for word in of_class if not (policy.dispute_suspends and word.disputed)]
    voices = len({word.source for word in undisputed})
    values = sum(
        algorithm in policy.algorithms and (quality is None or quality >= policy.min_quality)
        for algorithm, qualities in usable.items()
        for quality in qualities
    )
    held = sum(len(qualities) for qualities in usable.values())
    findings = (
        Finding(Part.MODE, rules.is_in_share(rule, depiction), round(policy.share * 100), 100),
        Finding(Part.SOURCES, bool(heard), len(heard), len(words)),
        Finding(Part.VETO, not against, len(against), len(heard)),
        Finding(Part.CLASSES, bool(of_class), len(of_class), len(heard)),
        Finding(Part.DISPUTES, bool(undisputed) or not of_class, len(of_class) - len(undisputed), len(of_class)),
        Finding(Part.QUORUM, voices >= policy.quorum, voices, policy.quorum),
        Finding(Part.VALUES, values > 0, values, held),
    )
    counted = rules.words_that_count(policy, words)
    claims = bool(counted) and rules.is_in_share(rule, depiction) and values > 0
    return Because(rule, claims, findings, counted[0] if counted else None)
