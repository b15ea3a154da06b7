# SPDX-License-Identifier: Apache-2.0
"""From what a content is, and what matching says of it, to the statement in its rows.

- The last thing said of a content counts: a video's full pass replaces its first.
- A video whose first pass matches needs no full pass.
- What was not decoded has a kind and a format only as far as its first bytes tell.
- What matched stays matched where the file changed while it was read; anything else that was said of it falls.
"""

from msgspec import structs

from vigie.evidence.row import Frame, Place, Statement
from vigie.fingerprints.decode.kinds import Kind, Role
from vigie.fingerprints.messages import Content, Other, Picture, Problem, Value, Video
from vigie.fingerprints.picture import RECIPE
from vigie.fingerprints.source import ChangedSourceError
from vigie.matching.matcher import Matcher
from vigie.matching.verdicts import ExactVerdict, Outcome, Verdict

MATCHED = (Outcome.KNOWN, Outcome.NEAR)
UNTOLD = Kind(None, "other", None)  # a member of an archive that was not decoded: its first bytes were never seen

_ARCHIVES = frozenset({"zip", "7z", "tar", "gzip", "bzip2", "xz"})


class Judged:
    """One content while it is examined: what it is, as far as is said, and what matching says of that."""

    def __init__(self, matcher: Matcher, *, exact: ExactVerdict, what: Content | None = None) -> None:
        self.what: Content = what or Other()
        self._matcher = matcher
        self._exact = exact
        self._verdict: Verdict | None = None

    def take(self, what: Content) -> None:
        """Take in what is said of the content now."""
        self.what, self._verdict = what, None

    def enough(self, video: Video) -> bool:
        """Answer whether the first pass of a video decides."""
        self.take(video)
        return self.verdict.verdict in MATCHED

    @property
    def verdict(self) -> Verdict:
        """What matching says of the content as it was taken in last."""
        if self._verdict is None:
            self._verdict = self._matcher.content(self.what, exact=self._exact)
        return self._verdict

    def statement(self, kind: Kind, *, confinement: tuple[str, ...] = ()) -> Statement:
        """State what is said of the content; `kind` is what its first bytes say, `confinement` what held around it."""
        verdict, what = self.verdict, self.what
        told = Statement(
            verdict=verdict.verdict,
            kind=_kind(what, kind),
            format=kind.format if isinstance(what, Problem) else what.format or kind.format,
            matches=verdict.matches,
            reason=verdict.reason,
            problem_code=verdict.problem.code if verdict.problem else None,
            problem_message=verdict.problem.message if verdict.problem else None,
            confinement=confinement,
        )
        if isinstance(what, Picture):
            return structs.replace(
                told,
                recipe=RECIPE,
                pdq=what.stored.pdq,
                pdq_quality=what.stored.quality,
                pdq_upright=_pdq(what.upright),
                pdq_borderless=_pdq(what.borderless),
                frames=_frames(what),
            )
        return structs.replace(told, recipe=RECIPE, frames=_frames(what)) if isinstance(what, Video) else told


def of_problem(problem: Problem, *, kind: str | None) -> Statement:
    """State why something has no content that could be matched."""
    return Statement(
        verdict=Outcome.UNREADABLE if problem.examined else Outcome.NOT_EXAMINED,
        kind=kind,
        reason=problem.message,
        problem_code=problem.code,
        problem_message=problem.message,
    )


def of_changed(said: Statement, place: Place, *, error: ChangedSourceError) -> tuple[Statement, Place]:
    """State of a file that changed while it was read what can still be said of it."""
    if said.verdict in MATCHED:
        return structs.replace(said, problem_code=error.code, problem_message=str(error)), place
    problem = Problem(code=error.code, message=str(error), examined=False)
    return of_problem(problem, kind=said.kind), structs.replace(place, md5=None, sha1=None, sha256=None)


def _kind(what: Content, kind: Kind) -> str | None:
    match what:
        case Picture():
            return "picture"
        case Video():
            return "video"
        case _ if kind.role is Role.ARCHIVES or (isinstance(what, Other) and what.format in _ARCHIVES):
            return "archive"
        case Problem():
            return what.kind
    return kind.kind


def _frames(what: Picture | Video) -> list[Frame]:
    return [Frame(one.at_seconds, one.until_seconds, one.value.pdq, one.value.quality) for one in what.frames]


def _pdq(value: Value | None) -> bytes | None:
    return None if value is None else value.pdq
