# SPDX-License-Identifier: Apache-2.0
"""Reasons: what has weight in law is done for a stated reason, in the words of who does it."""

from vigie.errors import InvalidInputError

MAX_CHARACTERS = 4000


class MissingReasonError(InvalidInputError):
    """A reason has to be given."""

    code = "catalogue.missing-reason"


class LongReasonError(InvalidInputError):
    """The text is too long to be read."""

    code = "catalogue.long-reason"


def stated(text: str, *, name: str) -> str:
    """Return a reason without the spaces around it.

    Raises:  MissingReasonError, LongReasonError.
    """
    reason = text.strip()
    if not reason:
        raise MissingReasonError(f"say why, in a sentence that a colleague understands later: {name} is empty")
    if len(reason) > MAX_CHARACTERS:
        raise LongReasonError(f"{name} has more than {MAX_CHARACTERS} characters")
    return reason
