# SPDX-License-Identifier: Apache-2.0
"""A small catalogue and the questions to it; every value is made up."""

import hashlib
from datetime import UTC, datetime

from node.partners import moved, value  # noqa: F401 - asked for beside what is built here
from vigie.fingerprints.values import Algorithm
from vigie.fingerprints.video import FrameSpan
from vigie_node.base.actor import COMMAND
from vigie_node.catalogue import actions as catalogue
from vigie_node.catalogue.identity import NewFingerprint
from vigie_node.catalogue.rules import Mode, Policy
from vigie_node.catalogue.states import Grade, Kind
from vigie_node.matching import answers, lookup
from vigie_node.matching.questions import Question

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
WRITER = {"by": COMMAND, "now": NOW}


def digest(algorithm, seed):
    return hashlib.new(algorithm.value, f"benign {seed}".encode()).digest()


def of_digest(algorithm, seed):
    return Question(algorithm, digest(algorithm, seed))


def source(name="hotline one"):
    return catalogue.record_source(name, **WRITER)


def depict(*fingerprints, kind=Kind.PICTURE):
    made = [one if isinstance(one, NewFingerprint) else NewFingerprint(*one) for one in fingerprints]
    return catalogue.record_depiction(made, kind=kind, **WRITER)


def frames(values, *, quality=None):
    """The frames of a listed video, a second each."""
    return [
        NewFingerprint(Algorithm.PDQ_FRAMES, one, quality, start_ms=1000 * at, end_ms=1000 * at + 900)
        for at, one in enumerate(values)
    ]


def video(values, *, quality=255):
    """The questions about a video, a second a frame."""
    return [
        Question(Algorithm.PDQ_FRAMES, one, quality, frame=FrameSpan(at, at + 0.9, one))
        for at, one in enumerate(values)
    ]


def say(depiction, *, by="hotline one", scheme="inhope", label="baseline", at=NOW, facts=None, supersedes=None):
    return catalogue.record_assertion(
        depiction, source_id=source(by), scheme=scheme, label=label, facts=facts or {}, ground=Grade.SEEN,
        asserted_at=at, supersedes=supersedes, by=COMMAND, now=at,
    )  # fmt: skip


def make_list(name="known", **policy):
    return catalogue.create_list(name, title=name, policy=Policy(**{"mode": Mode.ON} | policy), reason="test", **WRITER)


def ask(*questions, **options):
    return answers.answer(lookup.of_catalogue(), [questions], **options)[0]
