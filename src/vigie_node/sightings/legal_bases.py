# SPDX-License-Identifier: Apache-2.0
"""On which ground what is unknown may be kept, and for how long at most.

- The grounds are data (`legal_bases.toml`): versioned, dated, each with its source and how sure it is; lawyers own it.
- A ground that is not in force on the day is refused; so is an expiry that it does not cover, or one that has passed.
"""

import datetime
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from vigie.errors import InvalidInputError


class UnknownBasisError(InvalidInputError):
    """There is no such legal basis."""

    code = "sightings.unknown-basis"


class BasisNotInForceError(InvalidInputError):
    """The legal basis has ended, or has not begun."""

    code = "sightings.basis-not-in-force"


class ExpiryOutOfBoundsError(InvalidInputError):
    """The expiry has passed, or lies beyond what the legal basis covers."""

    code = "sightings.expiry-out-of-bounds"


class Basis(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ground; `max_days` bounds how long what was seen is kept."""

    title: str
    source: str
    confidence: Literal["read", "reported", "own-bound"]
    max_days: Annotated[int, msgspec.Meta(ge=1)]
    in_force_from: datetime.date | None = None
    in_force_until: datetime.date | None = None
    note: str = ""

    def is_in_force(self, on: datetime.date) -> bool:
        """Say whether it may be relied on that day."""
        begun = self.in_force_from is None or self.in_force_from <= on
        return begun and (self.in_force_until is None or on <= self.in_force_until)


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    checked_on: datetime.date
    bases: dict[str, Basis]


@functools.cache
def _file() -> _File:
    return msgspec.toml.decode(Path(__file__).with_name("legal_bases.toml").read_bytes(), type=_File)


def bases() -> Mapping[str, Basis]:
    """Return every ground by its name, in the order of the file."""
    return _file().bases


def check(name: str, *, expires_at: datetime.datetime, now: datetime.datetime) -> Basis:
    """Return the basis of this name if it covers keeping something until then.

    Raises:  UnknownBasisError, BasisNotInForceError, ExpiryOutOfBoundsError.
    """
    basis = bases().get(name)
    if basis is None:
        raise UnknownBasisError(f"there is no such legal basis; choose one of: {', '.join(bases())}")
    if not basis.is_in_force(now.astimezone(datetime.UTC).date()):
        raise BasisNotInForceError("this legal basis is not in force today; choose the one that took its place")
    if expires_at <= now:
        raise ExpiryOutOfBoundsError("the expiry has passed; name a later day")
    if expires_at > now + datetime.timedelta(days=basis.max_days):
        raise ExpiryOutOfBoundsError(f"this legal basis covers at most {basis.max_days} days; name an earlier expiry")
    return basis
