# SPDX-License-Identifier: Apache-2.0
"""Fingerprints in, an explained verdict out.

- Digests first: what is exactly known, or may never match, need not be decoded.
- `known` is said of an exact digest, `near` of a perceptual value within a list's threshold, `gated` of content of
  which no value may match; `unknown` of readable pictures and videos only, and never of what could not be looked up.
- Every list is asked by its own policy; a list that has run out is refused, never passed over.
- Lists whose policy is negative gate what they name, and match nothing.
- The same question has the same answer, in the same order, on every run.

Source: ADR-0021 (what never matches), ADR-0022 (verdicts).
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from vigie.fingerprints import gates
from vigie.fingerprints.gates import Gate
from vigie.fingerprints.messages import Content, Other, Picture, Problem, Video
from vigie.fingerprints.values import Algorithm, Digests
from vigie.lists.file import OpenList, StaleListError
from vigie.lists.policy import is_stale
from vigie.matching import digests as by_digests
from vigie.matching import pictures, verdicts, videos, views
from vigie.matching.claims import state
from vigie.matching.pictures import Found
from vigie.matching.verdicts import ExactVerdict, Outcome, Ranked, Verdict
from vigie.matching.views import Views

_Look = Callable[[OpenList], Found]


class Matcher:
    """Matches contents against lists; it may be shared by threads."""

    def __init__(self, lists: Sequence[OpenList], *, now: datetime, threads: int = 1) -> None:
        """Take opened lists, in the order in which their matches are to come.

        Raises:  StaleListError if the validity of one has passed.
        """
        if any(is_stale(one.info, now=now) for one in lists):
            raise StaleListError("the validity of a list has passed; get the current one from its issuer")
        self._lists = [one for one in lists if not one.info.policy.negative]
        self._negatives = [one for one in lists if one.info.policy.negative]
        self._threads = threads

    def exact(self, digests: Digests, *, size_bytes: int) -> ExactVerdict:
        """Say what the digests of one content tell."""
        return by_digests.look_up(digests, size_bytes=size_bytes, lists=self._lists, negatives=self._negatives)

    def content(self, what: Content, *, exact: ExactVerdict) -> Verdict:
        """Say what is to be said of one content, of which `exact` is what its digests told."""
        if exact.gate is not None:
            return Verdict(Outcome.GATED, (), verdicts.gated_reason(exact.gate))
        match what:
            case Picture():
                return self._picture(what, exact)
            case Video():
                return self._video(what, exact)
            case Other():
                return _without_values(exact, Outcome.NOT_MEDIA, "It is neither a picture nor a video.")
            case Problem():
                outcome = Outcome.UNREADABLE if what.examined else Outcome.NOT_EXAMINED
                return _without_values(exact, outcome, what.message, problem=what)

    def _picture(self, picture: Picture, exact: ExactVerdict) -> Verdict:
        sides = views.of_picture(picture, negatives=self._negatives)
        looks = [self._look(pictures.near_pictures, sides), self._look(pictures.near_frames, sides)]
        every = [sides]
        if picture.frames:
            frames = self._frames(picture)
            looks[1:1] = self._frame_looks(picture, frames)
            every.append(frames)
        return self._answer(exact, looks, every, shortened=picture.shortened)

    def _video(self, video: Video, exact: ExactVerdict) -> Verdict:
        if not video.frames:
            return _without_values(exact, Outcome.NOT_EXAMINED, "No frame of the video was seen.")
        frames = self._frames(video)
        return self._answer(exact, self._frame_looks(video, frames), [frames], shortened=video.shortened)

    def _frames(self, what: Picture | Video) -> Views:
        return views.of_frames(what.frames, width_px=what.width_px, height_px=what.height_px, negatives=self._negatives)

    def _look(self, search: Callable[..., Found], *given: object) -> _Look:
        return lambda one: search(one, *given, negatives=self._negatives, threads=self._threads)

    def _frame_looks(self, what: Picture | Video, frames: Views) -> list[_Look]:
        searches = (videos.near_videos, videos.near_pictures)
        return [self._look(search, frames, what.frames) for search in searches]

    def _answer(
        self, exact: ExactVerdict, looks: Sequence[_Look], every: Sequence[Views], *, shortened: str | None
    ) -> Verdict:
        found: dict[tuple[int, int], Ranked] = {(one.place, one.entry): one for one in exact.ranked}
        notes = {verdicts.CONTRADICTED} if exact.contradicted else set()
        for place, one in enumerate(self._lists):
            for look in looks:
                answer = look(one)
                notes |= answer.notes
                fresh = {entry: why for entry, why in answer.grounds.items() if (place, entry) not in found}
                found |= {(place, ranked.entry): ranked for ranked in state(one, place, fresh)}
        matches = verdicts.in_order(list(found.values()))
        if exact.ranked:
            return Verdict(Outcome.KNOWN, matches, verdicts.known_reason(matches))
        if matches:
            return Verdict(Outcome.NEAR, matches, verdicts.near_reason(matches[0]))
        gate = self._gate(every)
        if gate is not None:
            return Verdict(Outcome.GATED, (), verdicts.gated_reason(gate))
        return Verdict(Outcome.UNKNOWN, (), verdicts.unknown_reason(notes, shortened=shortened))

    def _gate(self, every: Sequence[Views]) -> Gate | None:
        """Return why no value of the content may match on any list, or None where one may."""
        perceptual = (Algorithm.PDQ, Algorithm.PDQ_FRAMES)
        policies = [one.info.policy for one in self._lists if any(map(one.info.policy.uses, perceptual))]
        min_quality = min((policy.min_quality for policy in policies), default=gates.MIN_QUALITY)
        codes = [int(code) for sides in every for code in sides.codes(min_quality)]
        return gates.gate_of(codes[0]) if all(codes) else None


def _without_values(exact: ExactVerdict, outcome: Outcome, reason: str, *, problem: Problem | None = None) -> Verdict:
    matches = verdicts.in_order(exact.ranked)
    if matches:
        return Verdict(Outcome.KNOWN, matches, verdicts.known_reason(matches), problem)
    notes = f" {verdicts.CONTRADICTED}" if exact.contradicted else ""
    return Verdict(outcome, (), reason + notes, problem)
