# SPDX-License-Identifier: Apache-2.0
"""When a session ends by itself, and what it must have shown before it opens anything.

- It ends IDLE after the last request and ABSOLUTE after the sign-in, whichever comes first.
- It opens pages only once it showed a second factor itself, or enrolled one: that some other session of the same person
  has one proves nothing about this one.
- A passkey alone is two factors: the device, and what unlocks it (user verification is required).
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Any

IDLE = timedelta(minutes=30)
ABSOLUTE = timedelta(hours=12)
NOTED_EVERY = timedelta(minutes=1)  # the last request is written down no more often


class Ended(StrEnum):
    """Why a session ended."""

    IDLE = "IDLE"
    ABSOLUTE = "ABSOLUTE"
    UNKNOWN = "UNKNOWN"  # it does not say when it began: it is not one of ours


def why_ended(*, signed_in_at: float | None, seen_at: float | None, now: float) -> Ended | None:
    """Say why a session ended, or None while it stands.

    Units:   seconds since 1970.
    """
    if signed_in_at is None or seen_at is None or seen_at > now + 60 or signed_in_at > now + 60:
        return Ended.UNKNOWN
    if now - signed_in_at >= ABSOLUTE.total_seconds():
        return Ended.ABSOLUTE
    if now - seen_at >= IDLE.total_seconds():
        return Ended.IDLE
    return None


def is_worth_noting(*, seen_at: float, now: float) -> bool:
    """Tell whether the last request is long enough ago to be written down again."""
    return now - seen_at >= NOTED_EVERY.total_seconds()


def has_shown_second_factor(records: Sequence[Mapping[str, Any]], *, enrolled_here: bool) -> bool:
    """Tell whether a session showed a second factor, by its records of authentication, or enrolled one."""
    return enrolled_here or any(record.get("method") == "mfa" for record in records)


def may_remove_factor(*, passkeys_left: int, has_code_app: bool, has_first_factor: bool) -> bool:
    """Tell whether a person can still sign in with what is left: a passkey, or a code and something before it."""
    return passkeys_left > 0 or (has_code_app and has_first_factor)
