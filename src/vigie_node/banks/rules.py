# SPDX-License-Identifier: Apache-2.0
"""What a bank may be called, and what its switches mean for the list that it is.

- A bank is named in capitals, digits and underscores, and does not begin with a digit: HMA's clients count on it.
- The part of a bank that is in force (HMA's ratio) is the list's mode and share: 1 is on, 0 is off, between is a stable
  share of its contents. HMA draws anew at every look-up; here a content is in or out until the ratio changes.
- A sort of fingerprint that is switched off is off: it is neither made, nor asked, nor matched.
- A content is disabled for good (0), enabled (1), or disabled until a time, of at most five years from now.
"""

import math
import re
import unicodedata
from collections.abc import Collection
from datetime import datetime, timedelta

from vigie.errors import InvalidInputError
from vigie.fingerprints.values import Algorithm
from vigie_node.catalogue.rules import Mode, Policy

SCHEME = "bank"
MAX_NAME = 160  # with the organisation's name it still fits a list's title
MAX_NOTE = 255
DISABLED = 0
ENABLED = 1
LONGEST_DISABLING = timedelta(days=5 * 365)
_NAME = re.compile(r"[A-Z_][A-Z0-9_]*")
# What each sort of fingerprint that can be switched stands for in a list's policy.
SWITCHES: dict[Algorithm, tuple[Algorithm, ...]] = {
    Algorithm.PDQ: (Algorithm.PDQ, Algorithm.PDQ_FRAMES),
    Algorithm.MD5: (Algorithm.MD5,),
}


class UnfitNameError(InvalidInputError):
    """A bank cannot be called so."""

    code = "banks.unfit-name"


class UnfitRatioError(InvalidInputError):
    """The part of a bank in force is a number from 0 to 1."""

    code = "banks.unfit-ratio"


class UnfitTimeError(InvalidInputError):
    """A content is disabled until a time within five years, for good, or not."""

    code = "banks.unfit-time"


class UnfitNoteError(InvalidInputError):
    """A note is too long, or has control characters."""

    code = "banks.unfit-note"


def check_name(name: str) -> None:
    """Refuse a name that no bank may have.

    Raises:  UnfitNameError.
    """
    if not may_be_name(name):
        raise UnfitNameError(
            f"a bank is named in capitals, digits and underscores, not beginning with a digit, up to {MAX_NAME} of them"
        )


def may_be_name(name: str) -> bool:
    """Say whether a bank may be called so."""
    return len(name) <= MAX_NAME and bool(_NAME.fullmatch(name))


def check_note(note: str) -> None:
    """Refuse a note that is too long or has control characters.

    Raises:  UnfitNoteError.
    """
    if len(note) > MAX_NOTE or any(unicodedata.category(one) in {"Cc", "Cs"} for one in note):
        raise UnfitNoteError(f"a note has at most {MAX_NOTE} characters, on one line")


def check_disable_until(until: int, *, now: datetime) -> None:
    """Refuse a time that is before the epoch or too far away.

    Raises:  UnfitTimeError.
    """
    if not DISABLED <= until <= (now + LONGEST_DISABLING).timestamp():
        raise UnfitTimeError("disable_until_ts is 0 for good, 1 for not, or a Unix time within five years")


def is_enabled(until: int, *, now: datetime) -> bool:
    """Say whether a content with this disable_until_ts is enabled."""
    return until == ENABLED or (until > ENABLED and until <= now.timestamp())


def policy_for(*, source: str, label: str, ratio: float, off: Collection[Algorithm]) -> Policy:
    """Return the policy of the list that a bank is: this organisation's word that a content is in this bank.

    Raises:  UnfitRatioError.
    """
    if not (math.isfinite(ratio) and 0 <= ratio <= 1):
        raise UnfitRatioError("the part of a bank in force is a number from 0 to 1")
    without = {algorithm for switch in off for algorithm in SWITCHES[switch]}
    return Policy(
        classes={SCHEME: (label,)},
        sources=(source,),
        algorithms=tuple(one for one in Algorithm if one not in without),
        mode=Mode.ON if ratio == 1 else Mode.OFF if ratio == 0 else Mode.SHARE,
        share=ratio,
    )


def ratio_of(policy: Policy) -> float:
    """Return which part of a bank is in force; a list in shadow is none of it."""
    match policy.mode:
        case Mode.ON:
            return 1.0
        case Mode.SHARE:
            return policy.share
        case _:
            return 0.0
