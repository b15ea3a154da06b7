# SPDX-License-Identifier: Apache-2.0
"""The seven kinds of error, told apart by what the caller can do.

- Every concrete error subclasses one kind, lives beside the function that raises it, and has a stable `code`.
- The message is safe for any reader: no fingerprint, URL, file name or free text from outside.
- A kind carries its exit code; `cli/main.py` is the only place that turns it into one.
"""

from typing import ClassVar


class VigieError(Exception):
    """Any failure that Vigie foresees; everything else is a bug.

    A message with places in braces is given with its `values`: so it can be said in another language, too.
    """

    code: ClassVar[str] = "vigie.error"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str = "", **values: str | int) -> None:
        super().__init__(message.format(**values) if values else message)
        self.template, self.values = message, values


class InvalidInputError(VigieError):
    """The request is malformed: change it."""

    code = "vigie.invalid-input"
    exit_code = 2


class NotFoundError(VigieError):
    """There is no such thing, or not for you."""

    code = "vigie.not-found"
    exit_code = 3


class NotAllowedError(VigieError):
    """A role or a policy refuses, and says which rule."""

    code = "vigie.not-allowed"
    exit_code = 4


class WrongStateError(VigieError):
    """Not from this state, or already done."""

    code = "vigie.wrong-state"
    exit_code = 5


class UntrustedError(VigieError):
    """A signature, a checksum or the freshness failed: get it again from its issuer."""

    code = "vigie.untrusted"
    exit_code = 6


class UnreadableError(VigieError):
    """A file that cannot be decoded safely."""

    code = "vigie.unreadable"
    exit_code = 7


class UnavailableError(VigieError):
    """A partner or a resource is silent: it may be tried again."""

    code = "vigie.unavailable"
    exit_code = 8
