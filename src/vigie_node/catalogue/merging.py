# SPDX-License-Identifier: Apache-2.0
"""What a word in a file does to what is held: new, later, unchanged, or one that does not count and why.

- Of one source's words about one depiction in one scheme the latest counts, in whatever order the files arrive.
- What a person revoked here stays revoked though the source says the same again, and says it later, or said something
  else in between, or the import that brought it was undone. Another class is another word, and counts.
- What is disputed here stays under its dispute though the source says the same again.
- A word of the same time with another class contradicts: it is refused, for nobody can tell which was meant.
- A file that states no time states no later word: the same class is unchanged, another class is said now.

Decision: ADR 0082.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Effect(StrEnum):
    """What becomes of a word in a file; the names are those of the import's counts."""

    NEW = "new"
    SUPERSEDING = "superseding"
    UNCHANGED = "unchanged"
    OUTDATED = "outdated"  # the source said something later, held already
    STAYS_REVOKED = "stays_revoked"
    STAYS_DISPUTED = "stays_disputed"
    CONTRADICTORY = "contradictory"


COUNTED = (Effect.NEW, Effect.SUPERSEDING)  # those that record an assertion


@dataclass(frozen=True, slots=True)
class Held:
    """A word held of the same source, depiction and scheme.

    is_lasting      it does not go when an import of another source is undone
    revoked_here    a person ended it; revoked_there: its source did, by a file that no longer held it
    is_undone       its import was undone: nothing of it counts but that a person ended it
    """

    assertion: uuid.UUID
    label: str
    asserted_at: datetime
    is_lasting: bool = True
    is_disputed: bool = False
    revoked_here: bool = False
    revoked_there: bool = False
    is_undone: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a word does, and which held word it supersedes or repeats."""

    effect: Effect
    held: uuid.UUID | None = None


def effect_of(label: str, asserted_at: datetime | None, held: Sequence[Held]) -> Outcome:
    """Say what a word does to those held; `asserted_at` is None where the file states no time."""
    standing = [one for one in held if not one.is_undone]
    newest = max(standing, key=lambda one: (one.asserted_at, one.assertion), default=None)
    if newest is not None and asserted_at is not None and asserted_at < newest.asserted_at:
        return Outcome(Effect.OUTDATED, newest.assertion)
    same = [one for one in held if one.label == label]
    before = max(same, key=lambda one: (one.asserted_at, not one.revoked_here), default=None)
    if before is not None and before.revoked_here:
        return Outcome(Effect.STAYS_REVOKED, before.assertion)
    if newest is None:
        return Outcome(Effect.NEW)
    if asserted_at == newest.asserted_at:
        return _of_that_time(label, [one for one in standing if one.asserted_at == asserted_at])
    again = _repeated(newest) if newest.label == label else Outcome(Effect.SUPERSEDING, newest.assertion)
    if again.effect is Effect.UNCHANGED and asserted_at is not None:
        return Outcome(Effect.SUPERSEDING, newest.assertion)  # confirmed, later
    return again


def _of_that_time(label: str, held: Sequence[Held]) -> Outcome:
    """Say what a word does to those of the very same time."""
    same = next((one for one in held if one.label == label), None)
    if same is not None:
        return _repeated(same)
    stands = any(not (one.revoked_here or one.revoked_there) for one in held)
    return Outcome(Effect.CONTRADICTORY if stands else Effect.SUPERSEDING, held[0].assertion)


def _repeated(one: Held) -> Outcome:
    """Say what the same word again does; it was not revoked here."""
    if one.is_disputed and not one.revoked_there:
        return Outcome(Effect.STAYS_DISPUTED, one.assertion)
    if one.revoked_there or not one.is_lasting:
        return Outcome(Effect.SUPERSEDING, one.assertion)
    return Outcome(Effect.UNCHANGED, one.assertion)
