# SPDX-License-Identifier: Apache-2.0
"""Small worlds of every sort, written into the database as they are: the answers are those of the rules read plainly.

The second reading below shares nothing with the node but the names: it goes over all rows, one after another.
"""

import random
import uuid
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from django.db import transaction

from node.features.matching.asking import NOW, digest, moved, value
from vigie.fingerprints.values import Algorithm
from vigie_node.catalogue import rules
from vigie_node.catalogue.models import (
    Assertion,
    Depiction,
    Dispute,
    Fingerprint,
    Import,
    MatchList,
    Override,
    Revocation,
    Source,
)
from vigie_node.catalogue.rules import Mode, Policy
from vigie_node.matching import answers, lookup
from vigie_node.matching.questions import Question

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_index")]
MD5, SHA256, PDQ = Algorithm.MD5, Algorithm.SHA256, Algorithm.PDQ
VIAS = [None, "VISIBLE", "STAGED", "CANCELLED"]
VALUES = {
    (name, algorithm): digest(algorithm, name) if algorithm is not PDQ else value(ord(name))
    for name in "ab"
    for algorithm in (MD5, SHA256, PDQ)
} | {("near a", PDQ): moved(value(ord("a")), 14)}
WEIGHTS = {("inhope", "baseline"): 3, ("inhope", "not-illegal"): 0, ("uk", "C"): 1, ("bank", "ours"): 1}


@dataclass
class Said:
    """One word of a world; `supersedes` is the place of any other, even of itself; ended and shown by imports."""

    depiction: int
    source: int
    what: tuple
    at: int
    via: str | None
    supersedes: int | None
    ended_via: str | None
    disputed: bool
    id: uuid.UUID = field(default_factory=uuid.uuid4)


def drawn(seed):
    """A world and what is asked of it: dense, so that rules meet; the same for a seed on every machine."""
    draw = random.Random(seed)

    def via():
        return draw.choice([None, None, "VISIBLE", *VIAS])

    names = sorted(VALUES)
    prints = {(draw.randrange(2), draw.choice(names)): (draw.choice([None, 40, 60, 90]), via()) for _ in range(7)}
    words = [
        Said(
            draw.randrange(2), draw.randrange(2), draw.choice(sorted(WEIGHTS)), draw.randrange(3), via(),
            draw.choice([None, None, draw.randrange(6)]), draw.choice(["never", "never", *VIAS]),
            draw.random() < 0.2, uuid.UUID(int=draw.getrandbits(128)),
        )
        for _ in range(6)
    ]  # fmt: skip
    overridden = draw.sample(names, draw.choice([0, 0, 1]))
    subjects = []
    for _ in range(4):
        asked = {draw.choice([MD5, SHA256, PDQ]): None for _ in range(3)}
        of_sort = {algorithm: [name for name in names if name[1] is algorithm] for algorithm in asked}
        subjects.append([(draw.choice(of_sort[one]), draw.choice([30, 60, 255, 255])) for one in asked])
    policies = [_policy(draw) for _ in range(3)]
    return [(*place, *more) for place, more in prints.items()], words, policies, overridden, subjects


def _policy(draw):
    sources = draw.choice([[], [], [0], [0, 1]])
    more = {
        "classes": draw.choice([{}, {}, {"inhope": ("baseline",)}, {"uk": ("C",), "bank": ("ours",)}]),
        "algorithms": draw.choice([tuple(Algorithm), tuple(Algorithm), (MD5,), (SHA256, PDQ)]),
        "threshold_bits": draw.choice([13, 14, 31]),
        "min_quality": draw.choice([0, 50, 80]),
        "dispute_suspends": draw.random() < 0.5,
        "veto": draw.random() < 0.3,
        "share": draw.choice([0.0, 0.5, 1.0]),
    }
    mode = draw.choice([Mode.OFF, Mode.SHADOW, Mode.SHARE, Mode.ON, Mode.ON, Mode.ON])
    return sources, draw.choice([1, 1, 2]), draw.random() < 0.2, mode, more


class World:
    """One world in the database."""

    def __init__(self, prints, words, policies, overridden):
        self.prints, self.words, self.overridden = prints, words, overridden
        self.sources = [Source(id=uuid.uuid4(), name=f"Source {number}", created_at=NOW) for number in range(3)]
        Source.objects.bulk_create(self.sources)
        self.imports = {
            state: Import(id=uuid.uuid4(), source=self.sources[0], state=state, created_at=NOW) for state in VIAS[1:]
        }
        Import.objects.bulk_create(self.imports.values())
        self.depictions = [Depiction(id=uuid.uuid4(), created_at=NOW) for _ in range(3)]
        Depiction.objects.bulk_create(self.depictions)
        Fingerprint.objects.bulk_create(
            Fingerprint(
                depiction=self.depictions[at], algorithm=name[1].value, value=VALUES[name], quality=quality,
                via=self.via(via), created_at=NOW,
            )
            for at, name, quality, via in prints
        )  # fmt: skip
        self._say(words)
        Override.objects.bulk_create(
            Override(id=uuid.uuid4(), algorithm=name[1].value, value=VALUES[name], kind="SUPPRESSED",
                     review_on=NOW.date(), made_at=NOW)
            for name in overridden
        )  # fmt: skip
        self.lists = [self._list(number, *one) for number, one in enumerate(policies)]

    def via(self, state):
        return self.imports.get(state)

    def _say(self, words):
        Assertion.objects.bulk_create(
            Assertion(
                id=one.id, depiction=self.depictions[one.depiction], source=self.sources[one.source],
                scheme=one.what[0], label=one.what[1], ground="SEEN", asserted_at=NOW + timedelta(hours=one.at),
                recorded_at=NOW, via=self.via(one.via),
            )
            for one in words
        )  # fmt: skip
        for one in words:
            if one.supersedes is not None:
                other = words[one.supersedes % len(words)].id
                Assertion.objects.filter(id=one.id).update(supersedes=other)
            if one.ended_via != "never":
                via = self.via(one.ended_via)
                Revocation.objects.create(id=uuid.uuid4(), assertion_id=one.id, revoked_at=NOW, via=via)
            if one.disputed:
                Dispute.objects.create(id=uuid.uuid4(), assertion_id=one.id, opened_at=NOW, deadline=NOW)

    def _list(self, number, sources, quorum, negative, mode, more):
        named = tuple(str(self.sources[one].id) for one in sources)
        policy = Policy(sources=named, quorum=min(quorum, len(named) or 2), negative=negative, mode=mode, **more)
        made = MatchList.objects.create(
            id=uuid.uuid4(), name=f"list {number}", version=1, policy=rules.to_json(policy), created_at=NOW
        )
        return made, policy

    def counts(self, policy, depiction):
        """Whether a list of this policy hears enough of a depiction."""
        shown = [one for one in self.words if one.via in {None, "VISIBLE"}]
        given_up = {self.words[one.supersedes % len(self.words)].id for one in shown if one.supersedes is not None}
        standing = [one for one in shown if one.depiction == depiction and one.id not in given_up]
        latest = {}
        for one in standing:
            matter = one.source, one.what[0]
            rank = one.at, WEIGHTS[one.what], str(one.id)
            if matter not in latest or rank > latest[matter][0]:
                latest[matter] = rank, one
        current = [one for _, one in latest.values() if one.ended_via in {"never", "STAGED", "CANCELLED"}]
        heard = [one for one in current if not policy.sources or str(self.sources[one.source].id) in policy.sources]
        if policy.veto and any(WEIGHTS[one.what] == 0 for one in heard):
            return False
        voices = set()
        for one in heard:
            scheme, label = one.what
            named = label in policy.classes.get(scheme, ()) if policy.classes else scheme != "bank"
            if named and (WEIGHTS[one.what] or policy.negative) and not (one.disputed and policy.dispute_suspends):
                voices.add(one.source)
        return len(voices) >= policy.quorum

    def grounds(self, policy, subject):
        """The depictions that a subject is by a list's values, ranked: a digest, then the nearest value."""
        found = {}
        own = {name[1]: VALUES[name] for name, _ in subject}
        for at, name, quality, via in self.prints:
            if via not in {None, "VISIBLE"} or name in self.overridden:
                continue
            for mine, asked_quality in subject:
                if mine[1] is not name[1] or name[1] not in policy.algorithms:
                    continue
                if name[1] is PDQ:
                    bits = (int.from_bytes(VALUES[mine]) ^ int.from_bytes(VALUES[name])).bit_count()
                    lowest = min(asked_quality, 255 if quality is None else quality)
                    if bits <= policy.threshold_bits and lowest >= max(50, policy.min_quality):
                        found[at] = min(found.get(at, (1, bits)), (1, bits))
                elif mine == name and not (name[1] is MD5 and self._is_other(at, own)):
                    found[at] = (0, 0)
        return found

    def _is_other(self, at, own):
        listed = {
            VALUES[name] for of, name, _, via in self.prints if of == at and name[1] is SHA256 and via in VIAS[:2]
        }
        return bool(listed) and SHA256 in own and own[SHA256] not in listed

    def claims(self, subject):
        """What each list claims of a subject, without what a negative list names."""
        for _, policy in self.lists:
            if policy.negative and policy.mode is not Mode.SHADOW:
                for one in list(subject):
                    named = [] if one[0][1] is MD5 else self.claimed_by(policy, _, [one])
                    if named:
                        subject = [] if one[0][1] is SHA256 else [other for other in subject if other != one]
        return {
            (made.name, self.depictions[at].id, None if rank == 0 else bits)
            for made, policy in self.lists
            if not policy.negative
            for at, (rank, bits) in self.claimed_by(policy, made, subject).items()
        }

    def claimed_by(self, policy, made, subject):
        """What one list claims of a subject."""
        rule = rules.ListRule(made.id, made.name, 1, policy)
        return {
            at: ground
            for at, ground in self.grounds(policy, subject).items()
            if self.counts(policy, at) and rules.is_in_share(rule, self.depictions[at].id)
        }


class TestSmallWorlds:
    def test_are_answered_as_the_rules_say(self):
        claimed = asked = 0
        for seed in range(150):
            *rows, subjects = drawn(seed)
            with transaction.atomic():
                lookup.forget()
                made = World(*rows)
                for subject, answer in zip(subjects, _answers(subjects), strict=True):
                    told = {(one.list_name, one.depiction_id, one.distance_bits) for one in answer.claims}
                    assert told == made.claims(subject), seed
                    shadows = {one.name for one, policy in made.lists if policy.mode is Mode.SHADOW}
                    assert {one.list_name for one in answer.claims if one.is_shadow} <= shadows
                    assert not shadows & {one.list_name for one in answer.told}
                    asked, claimed = asked + 1, claimed + bool(told)
                transaction.set_rollback(True)
        assert 0.15 < claimed / asked < 0.85, "the worlds are too poor to tell the rules apart"


def _answers(subjects):
    questions = [
        [Question(name[1], VALUES[name], quality if name[1] is PDQ else 255) for name, quality in subject]
        for subject in subjects
    ]
    return answers.answer(lookup.of_catalogue(), questions)
