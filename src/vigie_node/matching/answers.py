# SPDX-License-Identifier: Apache-2.0
"""The answer about one content: which list claims it, on whose word, how near; or why nothing does.

- Candidates come from the index; whether a list claims one is decided from what stands in the database now.
- What may never match is gated before it is looked up: empty and trivial content, values of low quality, out of balance
  or of a common pattern; and so is a listed value that may never match.
- A negative list gates a content by its SHA-256. By a near value it gates one side of a picture or one frame of a
  video, and the rest is judged as ever. By MD5 or SHA-1 it gates nothing: a forged one would hide known material.
- An equal MD5 or SHA-1 is refuted by a differing stronger digest of the same depiction; alone it is collision-prone.
  That it was refuted is said only where a list would have told the match: or a made-up digest would show what is here.
- Claims of lists in shadow are returned too, marked: they are recorded and told to nobody outside.
- One claim a list and depiction: by its strongest ground, a digest before a near value, the nearest first.
- Too many candidates for one question is an error, never a shortened answer.

Source: the rules of vigie.matching, over a catalogue instead of list files (ADR-0021, ADR-0022).
"""

import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from vigie.errors import UnavailableError
from vigie.fingerprints.gates import Gate
from vigie.fingerprints.values import Algorithm
from vigie.matching import verdicts
from vigie.matching.verdicts import Outcome
from vigie_node.catalogue import derivation, rules, standing
from vigie_node.catalogue.rules import ListRule, Word
from vigie_node.catalogue.standing import Print
from vigie_node.matching import gating
from vigie_node.matching import grounds as grounds_of
from vigie_node.matching.gating import DIGESTS, OF_CONTENT
from vigie_node.matching.grounds import Ground, Grounds, Hit, Passage
from vigie_node.matching.lookup import Candidates, Lookup
from vigie_node.matching.questions import Question, Subject

_WEAK = frozenset({Algorithm.MD5, Algorithm.SHA1})  # collisions of these can be made on purpose
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


Gated: TypeAlias = Sequence[tuple[Question, Gate | None]]  # the questions of one subject, and why one may not match
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
    if named := case.negatives(subjects, standing_lists):
        gated = [
            gate or (Gate.NEGATIVE_LIST if one in named.get(number, ()) else None)
            for (number, one), gate in zip(asked, gated, strict=True)
        ]
        case.leave_out(named)
    in_force = [one for one in standing_lists if not one.policy.negative and (only is None or one.name in only)]
    of_subject = _by_subject(asked, gated)
    answers = []
    for number, subject in enumerate(subjects):
        gates_of = of_subject.get(number, ())
        if number in case.hits and not any(gate in OF_CONTENT for _, gate in gates_of):
            claims, refuted = (
                claims_for(grounds, case.words, lists=in_force) for grounds in case.grounds(number, subject, gates_of)
            )
            was_refuted = any(not one.is_shadow for one in refuted)
            answers.append(_answer(claims, gates_of, was_refuted=was_refuted))
        else:
            answers.append(_answer((), gates_of, was_refuted=False) if gates_of else _UNKNOWN)
    return answers


def claims_for(
    grounds: Mapping[uuid.UUID, Sequence[Ground | Passage]],
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
            ground = grounds_of.best(one.policy, candidates)
            counted = rules.words_that_count(one.policy, words.get(depiction, ())) if ground else ()
            if ground is not None and counted and rules.is_in_share(one, depiction):
                of_list.append((ground.rank, _claim(one, depiction, ground, counted)))
        claims += [claim for _, claim in sorted(of_list, key=lambda pair: (pair[0], str(pair[1].depiction_id)))]
    return tuple(claims)


def _claim(one: ListRule, depiction: uuid.UUID, ground: Ground, counted: Sequence[Word]) -> Claim:
    told = counted[0]
    return Claim(
        one.id, one.name, one.version, depiction, ground.fingerprint, ground.algorithm, ground.distance_bits,
        ground.transform, told.scheme, told.label, told.source_name, told.asserted_at,
        tuple(word.assertion for word in counted), one.policy.mode is rules.Mode.SHADOW,
        ground.algorithm in _WEAK, _labels(counted),
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

    hits: dict[int, list[Hit]]  # by subject
    words: dict[uuid.UUID, tuple[Word, ...]]
    digests: dict[uuid.UUID, dict[Algorithm, set[bytes]]]
    frames: dict[uuid.UUID, list[Print]]

    @classmethod
    def read(cls, found: Candidates, asked: Sequence[tuple[int, Question]]) -> "_Case":
        prints = standing.fingerprints(found.row.tolist())
        overridden = standing.overridden((one.algorithm, one.value) for one in prints.values())
        never = gating.never(prints.values())
        hits: dict[int, list[Hit]] = defaultdict(list)
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
            if question.algorithm in _WEAK
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

    def negatives(self, subjects: Sequence[Subject], lists: Sequence[ListRule]) -> dict[int, frozenset[Question]]:
        """Return the questions of each subject that a negative list gates; one in shadow gates none."""
        negative = [one for one in lists if one.policy.negative and one.policy.mode is not rules.Mode.SHADOW]
        named: dict[int, frozenset[Question]] = {}
        for number, hits in self.hits.items() if negative else ():
            sides = grounds_of.sides_of(subjects[number])
            by_side: dict[object, Grounds] = defaultdict(lambda: defaultdict(list))
            for hit in hits:
                if hit[0].algorithm not in _WEAK:
                    by_side[sides.get(hit[0])][hit[1].depiction].append(grounds_of.of_hit(hit))
            gated = {side for side, grounds in by_side.items() if claims_for(grounds, self.words, lists=negative)}
            if gated:  # a digest is of no side: it is the whole content
                named[number] = frozenset(one for one in subjects[number] if None in gated or sides.get(one) in gated)
        return named

    def leave_out(self, named: Mapping[int, frozenset[Question]]) -> None:
        """Forget what was found for questions that a negative list gates."""
        for number, questions in named.items():
            self.hits[number] = [hit for hit in self.hits[number] if hit[0] not in questions]

    def grounds(self, number: int, subject: Subject, gates_of: Gated) -> tuple[Grounds, Grounds]:
        """Return on what grounds each depiction is this subject, and on what it would be, were they not refuted."""
        grounds: Grounds = defaultdict(list)
        moving: dict[tuple[uuid.UUID, str], list[Hit]] = defaultdict(list)
        own = {one.algorithm: one.value for one in subject if one.algorithm in DIGESTS}
        refuted: Grounds = defaultdict(list)
        for hit in self.hits[number]:
            question, known, _ = hit
            if question.algorithm in DIGESTS and self._is_refuted(known.depiction, question.algorithm, own):
                refuted[known.depiction].append(grounds_of.of_hit(hit))
            elif question.frame is not None and known.algorithm is Algorithm.PDQ_FRAMES:
                moving[known.depiction, question.transform].append(hit)
            else:
                grounds[known.depiction].append(grounds_of.of_hit(hit))
        frames = grounds_of.frames_of(subject, {one for one, gate in gates_of if gate}) if moving else {}
        for (depiction, transform), hits in moving.items():
            grounds[depiction].append(Passage(tuple(hits), transform, frames, self.frames.get(depiction, ())))
        return grounds, refuted

    def _is_refuted(self, depiction: uuid.UUID, algorithm: Algorithm, own: Mapping[Algorithm, bytes]) -> bool:
        if algorithm is Algorithm.SHA256:
            return False
        listed = self.digests.get(depiction, {})
        return any(
            beside is not algorithm and beside in own and listed.get(beside) and own[beside] not in listed[beside]
            for beside in DIGESTS
        )


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


def _by_subject(asked: Sequence[tuple[int, Question]], gated: Sequence[Gate | None]) -> Mapping[int, Gated]:
    """Group what gates there are by subject; where there is none at all, every subject is left out."""
    if not any(gated):
        return {}
    of_subject: dict[int, list[tuple[Question, Gate | None]]] = defaultdict(list)
    for (number, one), gate in zip(asked, gated, strict=True):
        of_subject[number].append((one, gate))
    return of_subject


def _answer(claims: tuple[Claim, ...], gates_of: Gated, *, was_refuted: bool) -> Answer:
    told = [claim for claim in claims if not claim.is_shadow]
    exact = [claim for claim in told if claim.algorithm in DIGESTS]
    if exact:
        found = {claim.algorithm for claim in exact}
        return Answer(Outcome.KNOWN, claims, verdicts.reason_of_digests(found))
    if told:
        return Answer(Outcome.NEAR, claims, NEAR)
    # A digest says nothing of whether a value could match: of a blank picture none can, whatever its digest.
    judged = [gate for one, gate in gates_of if one.algorithm not in DIGESTS] or [gate for _, gate in gates_of]
    of_content = next((gate for _, gate in gates_of if gate in OF_CONTENT), None)
    gate = of_content or (judged[0] if all(judged) and judged else None)
    if gate is not None:
        return Answer(Outcome.GATED, claims, verdicts.gated_reason(gate))
    if was_refuted:
        return Answer(Outcome.UNKNOWN, claims, f"{_UNKNOWN.reason} {verdicts.CONTRADICTED}")
    return Answer(Outcome.UNKNOWN, claims, _UNKNOWN.reason)


NEAR = "A value of it is within a list's threshold of a listed one; a person has to look."
_UNKNOWN = Answer(Outcome.UNKNOWN, (), verdicts.unknown_reason(set(), shortened=None))
