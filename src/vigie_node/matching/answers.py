# SPDX-License-Identifier: Apache-2.0
"""The answer about one content: which list claims it, on whose word, how near; or why nothing does.

- Candidates come from the index; whether a list claims one is decided from what stands in the database now.
- What may never match is gated before it is looked up: empty and trivial content, values of low quality, out of balance
  or of a common pattern, what a negative list names; and so is a listed value that may never match.
- An equal MD5 or SHA-1 is refuted by a differing stronger digest of the same depiction; alone it is collision-prone.
- Claims of lists in shadow are returned too, marked: they are recorded and told to nobody outside.
- One claim a list and depiction: by its strongest ground, a digest before a near value, the nearest first.
- Too many candidates for one question is an error, never a shortened answer.

Source: the rules of vigie.matching, over a catalogue instead of list files.
"""

import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from vigie.errors import UnavailableError
from vigie.fingerprints import gates, video
from vigie.fingerprints.gates import Gate
from vigie.fingerprints.values import Algorithm
from vigie.fingerprints.video import FrameSpan, OverlapRule
from vigie.matching import verdicts
from vigie.matching.verdicts import Outcome
from vigie_node.catalogue import derivation, rules, standing
from vigie_node.catalogue.rules import ListRule, Word
from vigie_node.catalogue.standing import Print
from vigie_node.matching import gating
from vigie_node.matching.gating import DIGESTS, OF_CONTENT
from vigie_node.matching.lookup import Candidates, Lookup
from vigie_node.matching.questions import PLAIN, Question, Subject

MAX_CANDIDATES = 50_000  # rows for one request; a value that many depictions share has to be quarantined


class TooManyCandidatesError(UnavailableError):
    """So many listed values are near that the answer would never end: one of them has to be quarantined."""

    code = "matching.too-many-candidates"


@dataclass(frozen=True, slots=True)
class Claim:
    """That a list claims a content, with its reasons; `assertions` are the words relied on, the one told first."""

    list_id: uuid.UUID
    list_name: str
    list_version: int
    depiction_id: uuid.UUID
    fingerprint: int
    algorithm: Algorithm
    distance_bits: int | None
    transform: str
    scheme: str
    label: str
    asserted_by: str
    asserted_at: datetime
    assertions: tuple[uuid.UUID, ...]
    is_shadow: bool = False
    collision_prone: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)  # scheme -> label: what was said, then what follows from it


@dataclass(frozen=True, slots=True)
class Answer:
    """The word about one subject, the claims behind it, and the rule that decided."""

    verdict: Outcome
    claims: tuple[Claim, ...]
    reason: str

    @property
    def told(self) -> tuple[Claim, ...]:
        """Return the claims that callers may be told of."""
        return tuple(claim for claim in self.claims if not claim.is_shadow)


@dataclass(frozen=True, slots=True)
class Ground:
    """Why a depiction is a candidate for a subject: by which fingerprint, how far."""

    fingerprint: int
    algorithm: Algorithm
    distance_bits: int | None = None
    transform: str = PLAIN
    quality: int = gates.UNKNOWN_QUALITY

    @property
    def rank(self) -> tuple[int, int, str, int]:
        """Order grounds: the strongest digest, then the nearest value."""
        place = DIGESTS.index(self.algorithm) if self.algorithm in DIGESTS else len(DIGESTS)
        return place, self.distance_bits or 0, self.transform, self.fingerprint


Grounds = dict[uuid.UUID, list[Ground]]
Choose: TypeAlias = Callable[[Sequence[ListRule]], Sequence[ListRule]]


def answer(
    lookup: Lookup,
    subjects: Sequence[Subject],
    *,
    lists: Sequence[ListRule] | None = None,
    only: frozenset[str] | None = None,
    choose: Choose | None = None,
    max_candidates: int = MAX_CANDIDATES,
) -> list[Answer]:
    """Answer each subject.

    `lists` replaces the lists as they stand (a simulation does); `only` names those that are asked; `choose` leaves
    out those that the asker may not hear of, or lets more of one count. It is called where there are candidates only.
    Order:   one answer a subject, as given; claims by list, then ground, then depiction.
    Raises:  StaleIndexError, TooManyCandidatesError.
    """
    lookup.check_fresh()
    asked = [(number, one) for number, subject in enumerate(subjects) for one in subject]
    gated = gating.of_questions([one for _, one in asked])
    kept = [place for place, gate in enumerate(gated) if gate is None]
    found = lookup.candidates([asked[place][1] for place in kept])
    if len(found) == 0:
        return _without_claims(subjects, asked, gated)
    if len(found) > max_candidates:
        found = found.without(standing.overridden_rows())  # a flood that was put in quarantine holds nobody up
    if len(found) > max_candidates:
        raise TooManyCandidatesError("a value that was asked is near too many listed ones; ask fewer at once")
    standing_lists = standing.list_rules() if lists is None else lists
    if choose is not None:
        standing_lists = choose(standing_lists)
    case = _Case.read(found, [asked[place] for place in kept])
    marked = case.negatives(standing_lists)
    in_force = [one for one in standing_lists if not one.policy.negative and (only is None or one.name in only)]
    of_subject = _by_subject(asked, gated)
    answers = []
    for number, subject in enumerate(subjects):
        gates_of = of_subject.get(number, ())
        if number in marked and not any(gate in OF_CONTENT for gate in gates_of):
            answers.append(Answer(Outcome.GATED, (), verdicts.gated_reason(Gate.NEGATIVE_LIST)))
        elif number in case.hits and not any(gate in OF_CONTENT for gate in gates_of):
            grounds, was_refuted = case.grounds(number, subject)
            answers.append(_answer(claims_for(grounds, case.words, lists=in_force), gates_of, was_refuted=was_refuted))
        else:
            answers.append(_answer((), gates_of, was_refuted=False) if gates_of else _UNKNOWN)
    return answers


def claims_for(
    grounds: Mapping[uuid.UUID, Sequence[Ground]],
    words: Mapping[uuid.UUID, Sequence[Word]],
    *,
    lists: Sequence[ListRule],
) -> tuple[Claim, ...]:
    """Decide which lists claim which of the depictions for which there are grounds.

    Order:   by list as given, then ground, then depiction.
    """
    claims: list[Claim] = []
    for one in lists:
        of_list: list[tuple[tuple[int, int, str, int], Claim]] = []
        for depiction, candidates in grounds.items():
            ground = _best(one.policy, candidates)
            counted = rules.words_that_count(one.policy, words.get(depiction, ())) if ground else ()
            if ground is not None and counted and rules.is_in_share(one, depiction):
                of_list.append((ground.rank, _claim(one, depiction, ground, counted)))
        claims += [claim for _, claim in sorted(of_list, key=lambda pair: (pair[0], str(pair[1].depiction_id)))]
    return tuple(claims)


def _best(policy: rules.Policy, candidates: Sequence[Ground]) -> Ground | None:
    fitting = [
        ground
        for ground in candidates
        if ground.algorithm in policy.algorithms
        and (ground.distance_bits is None or ground.distance_bits <= policy.threshold_bits)
        and (ground.algorithm in DIGESTS or ground.quality >= policy.min_quality)
    ]
    return min(fitting, key=lambda ground: ground.rank, default=None)


def _claim(one: ListRule, depiction: uuid.UUID, ground: Ground, counted: Sequence[Word]) -> Claim:
    told = counted[0]
    return Claim(
        one.id, one.name, one.version, depiction, ground.fingerprint, ground.algorithm, ground.distance_bits,
        ground.transform, told.scheme, told.label, told.source_name, told.asserted_at,
        tuple(word.assertion for word in counted), one.policy.mode is rules.Mode.SHADOW,
        ground.algorithm in {Algorithm.MD5, Algorithm.SHA1}, _labels(counted),
    )  # fmt: skip


def _labels(counted: Sequence[Word]) -> dict[str, str]:
    """Return the gravest label of each scheme that was said, and in other schemes those that follow from the facts."""
    found: dict[str, str] = {}
    for word in counted:
        found.setdefault(word.scheme, word.label)
    for word in counted:
        for scheme, label in derivation.derived_labels(word.facts):
            found.setdefault(scheme, label)
    return found


@dataclass(frozen=True, slots=True)
class _Case:
    """What was read about the candidates of one request."""

    hits: dict[int, list[tuple[Question, Print, int]]]  # subject -> question, listed fingerprint, distance
    words: dict[uuid.UUID, tuple[Word, ...]]
    digests: dict[uuid.UUID, dict[Algorithm, set[bytes]]]
    frames: dict[uuid.UUID, list[Print]]

    @classmethod
    def read(cls, found: Candidates, asked: Sequence[tuple[int, Question]]) -> "_Case":
        prints = standing.fingerprints(found.row.tolist())
        overridden = standing.overridden((one.algorithm, one.value) for one in prints.values())
        never = gating.never(prints.values())
        hits: dict[int, list[tuple[Question, Print, int]]] = defaultdict(list)
        for place, row, distance in zip(
            found.question.tolist(), found.row.tolist(), found.distance.tolist(), strict=True
        ):
            known = prints.get(row)
            if known is None or row in never or (known.algorithm, known.value) in overridden:
                continue
            number, question = asked[place]
            hits[number].append((question, known, distance))
        depictions = {known.depiction for of_subject in hits.values() for _, known, _ in of_subject}
        weak = {
            known.depiction
            for of_subject in hits.values()
            for question, known, _ in of_subject
            if question.algorithm in {Algorithm.MD5, Algorithm.SHA1}
        }
        videos = {
            known.depiction
            for of_subject in hits.values()
            for _, known, _ in of_subject
            if known.algorithm is Algorithm.PDQ_FRAMES
        }
        digests = {
            depiction: _by_algorithm(held) for depiction, held in standing.fingerprints_of(weak, DIGESTS).items()
        }
        frames = standing.fingerprints_of(videos, [Algorithm.PDQ_FRAMES])
        return cls(dict(hits), standing.words(depictions), digests, frames)

    def negatives(self, lists: Sequence[ListRule]) -> set[int]:
        """Return the subjects that a negative list names; one in shadow keeps nothing from matching."""
        negative = [one for one in lists if one.policy.negative and one.policy.mode is not rules.Mode.SHADOW]
        marked = set()
        for number in self.hits if negative else ():
            grounds: Grounds = defaultdict(list)
            for question, known, distance in self.hits[number]:
                grounds[known.depiction].append(_ground(question, known, distance))
            if claims_for(grounds, self.words, lists=negative):
                marked.add(number)
        return marked

    def grounds(self, number: int, subject: Subject) -> tuple[Grounds, bool]:
        """Return on what grounds each depiction is this subject, and whether a digest was refuted."""
        grounds: Grounds = defaultdict(list)
        moving: dict[uuid.UUID, dict[str, list[tuple[Question, Print, int]]]] = defaultdict(lambda: defaultdict(list))
        own = {one.algorithm: one.value for one in subject if one.algorithm in DIGESTS}
        was_refuted = False
        for question, known, distance in self.hits.get(number, ()):
            if question.algorithm in DIGESTS:
                if self._is_refuted(known.depiction, question.algorithm, own):
                    was_refuted = True
                    continue
                grounds[known.depiction].append(_ground(question, known, distance))
            elif question.frame is None and known.algorithm is Algorithm.PDQ:
                grounds[known.depiction].append(_ground(question, known, distance))
            else:
                moving[known.depiction][question.transform].append((question, known, distance))
        spans = _spans(subject)
        for depiction, by_transform in moving.items():
            for transform, pairs in by_transform.items():
                ground = _of_frames(pairs, transform, spans, self.frames.get(depiction, ()))
                if ground is not None:
                    grounds[depiction].append(ground)
        return grounds, was_refuted

    def _is_refuted(self, depiction: uuid.UUID, algorithm: Algorithm, own: Mapping[Algorithm, bytes]) -> bool:
        if algorithm is Algorithm.SHA256:
            return False
        listed = self.digests.get(depiction, {})
        return any(
            beside is not algorithm and beside in own and listed.get(beside) and own[beside] not in listed[beside]
            for beside in DIGESTS
        )


def _ground(question: Question, known: Print, distance: int) -> Ground:
    if question.algorithm in DIGESTS:
        return Ground(known.row, question.algorithm)
    border = known.role == "borderless" and not question.transform.startswith(verdicts.BORDER_REMOVED)
    transform = question.transform
    if border:
        transform = verdicts.BORDER_REMOVED if transform == PLAIN else f"{verdicts.BORDER_REMOVED}-{transform}"
    algorithm = Algorithm.PDQ if question.frame is None and known.algorithm is Algorithm.PDQ else Algorithm.PDQ_FRAMES
    return Ground(known.row, algorithm, distance, transform, _quality(question, known))


def _of_frames(
    pairs: Sequence[tuple[Question, Print, int]],
    transform: str,
    spans: Mapping[FrameSpan, int],
    listed: Sequence[Print],
) -> Ground | None:
    """Judge frames: a still of a listed video, a listed picture in a video, or enough of a video in another."""
    question, known, distance = min(pairs, key=lambda pair: (pair[2], pair[1].row))
    nearest = Ground(known.row, Algorithm.PDQ_FRAMES, distance, transform, _quality(question, known))
    if question.frame is None or known.algorithm is Algorithm.PDQ:
        return nearest
    places = {one.row: place for place, one in enumerate(listed)}
    of_known = tuple(
        FrameSpan((one.start_ms or 0) / 1000, (one.end_ms or 0) / 1000, one.value, counts=not gating.never([one]))
        for one in listed
    )
    placed = [(spans[asked.frame], places[one.row]) for asked, one, _ in pairs if asked.frame is not None]
    overlap = video.compare(placed, query=tuple(spans), known=of_known)
    if not video.suffices(overlap, rule=OverlapRule()):
        return None
    distances = sorted(distance for _, _, distance in pairs)
    return Ground(known.row, Algorithm.PDQ_FRAMES, distances[(len(distances) - 1) // 2], transform, nearest.quality)


def _quality(question: Question, known: Print) -> int:
    return min(question.quality, gates.UNKNOWN_QUALITY if known.quality is None else known.quality)


def _spans(subject: Subject) -> dict[FrameSpan, int]:
    """Number the frames of a subject in the order of time."""
    frames = {one.frame for one in subject if one.frame is not None}
    return {frame: place for place, frame in enumerate(sorted(frames, key=lambda one: (one.at_seconds, one.pdq)))}


def _by_algorithm(held: Sequence[Print]) -> dict[Algorithm, set[bytes]]:
    found: dict[Algorithm, set[bytes]] = defaultdict(set)
    for one in held:
        found[one.algorithm].add(one.value)
    return dict(found)


def _without_claims(
    subjects: Sequence[Subject], asked: Sequence[tuple[int, Question]], gated: Sequence[Gate | None]
) -> list[Answer]:
    """Answer where no candidate was found at all, as nearly every look-up is."""
    if not any(gated):
        return [_UNKNOWN] * len(subjects)
    of_subject = _by_subject(asked, gated)
    return [_answer((), of_subject.get(number, ()), was_refuted=False) for number in range(len(subjects))]


def _by_subject(
    asked: Sequence[tuple[int, Question]], gated: Sequence[Gate | None]
) -> Mapping[int, Sequence[Gate | None]]:
    """Group what gates there are by subject; a subject without one is left out."""
    if not any(gated):
        return {}
    of_subject: dict[int, list[Gate | None]] = defaultdict(list)
    for (number, _), gate in zip(asked, gated, strict=True):
        of_subject[number].append(gate)
    return of_subject


def _answer(claims: tuple[Claim, ...], gates_of: Sequence[Gate | None], *, was_refuted: bool) -> Answer:
    told = [claim for claim in claims if not claim.is_shadow]
    exact = [claim for claim in told if claim.algorithm in DIGESTS]
    if exact:
        found = {claim.algorithm for claim in exact}
        return Answer(Outcome.KNOWN, claims, verdicts.reason_of_digests(found))
    if told:
        return Answer(Outcome.NEAR, claims, NEAR)
    digest_gate = next((gate for gate in gates_of if gate in OF_CONTENT), None)
    if digest_gate is not None or (gates_of and all(gates_of)):
        return Answer(Outcome.GATED, claims, verdicts.gated_reason(digest_gate or _first(gates_of)))
    if was_refuted:
        return Answer(Outcome.UNKNOWN, claims, f"{_UNKNOWN.reason} {verdicts.CONTRADICTED}")
    return Answer(Outcome.UNKNOWN, claims, _UNKNOWN.reason)


def _first(gates_of: Sequence[Gate | None]) -> Gate:
    return next(gate for gate in gates_of if gate is not None)


NEAR = "A value of it is within a list's threshold of a listed one; a person has to look."
_UNKNOWN = Answer(Outcome.UNKNOWN, (), verdicts.unknown_reason(set(), shortened=None))
