# SPDX-License-Identifier: Apache-2.0
"""A person searches the catalogue: by fingerprint or by a file, which is fingerprinted and dropped.

- A person is shown what resembles, and beside it what a partner would be told now: two different questions.
- A search is no sighting: it is noted that somebody searched, never for what.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from vigie.fingerprints.messages import Problem
from vigie_node.base.actor import Actor
from vigie_node.catalogue import reading
from vigie_node.matching import answers, lookup, nearest, uploads
from vigie_node.matching.answers import Answer
from vigie_node.matching.nearest import Nearest
from vigie_node.matching.questions import Question


@dataclass(frozen=True, slots=True)
class Found:
    """What resembles; what the lists say; and why a file has no value, where it has none."""

    nearest: Nearest
    answer: Answer
    problem: Problem | None = None


def by_values(subjects: Sequence[Sequence[Question]], *, by: Actor, now: datetime) -> list[Found]:
    """Search by fingerprints; a subject is all fingerprints of one content.

    Audit:   CATALOGUE_SEARCHED, once for each subject.
    Raises:  StaleIndexError, TooManyCandidatesError.
    """
    return [_search(one, kind="fingerprint", by=by, now=now) for one in subjects]


def by_file(content: bytes, *, by: Actor, now: datetime) -> Found:
    """Search by a file.

    Audit:   FILE_SEARCHED.
    Raises:  EmptyFileError, FileTooLargeError, BusyExaminersError, StaleIndexError, TooManyCandidatesError.
    """
    examined = uploads.examine(content)
    return _search(examined.questions, kind="file", problem=examined.problem, by=by, now=now)


def _search(
    subject: Sequence[Question], *, kind: str, problem: Problem | None = None, by: Actor, now: datetime
) -> Found:
    index = lookup.of_catalogue()
    near = nearest.nearest(index, subject)
    answer = answers.answer(index, [subject])[0]
    reading.note_search(kind, found=len(near.rows), by=by, now=now)
    return Found(near, answer, problem)
