# SPDX-License-Identifier: Apache-2.0
"""Build a small world for the tests of sightings: what is known, what was seen, and time that passes."""

import hashlib
from datetime import UTC, datetime, timedelta

from node.partners import moved, value
from vigie.fingerprints.values import Algorithm
from vigie_node.accounts import actions as accounts
from vigie_node.base.actor import COMMAND, NODE, Actor, ActorKind
from vigie_node.base.ids import new_id
from vigie_node.catalogue import actions as catalogue
from vigie_node.catalogue.rules import Mode, Policy
from vigie_node.catalogue.states import Grade, Kind, OverrideKind
from vigie_node.flows import look_up as flow
from vigie_node.flows import retrace
from vigie_node.matching.questions import Question
from vigie_node.sightings.models import Task

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
KEY = Actor(ActorKind.KEY, new_id(NOW))
SOMEBODY = Actor(ActorKind.PERSON, new_id(NOW))


def digests(text):
    """The three digests of a content, as questions."""
    return [
        Question(algorithm, hashlib.new(algorithm.value, text.encode()).digest())
        for algorithm in (Algorithm.SHA256, Algorithm.SHA1, Algorithm.MD5)
    ]


def picture(seed, *, bits=0):
    """What is known of a picture that nobody listed: its digests and a value."""
    return [*digests(f"picture {seed} {bits}"), Question(Algorithm.PDQ, moved(value(seed), bits), 100)]


def organisation(name):
    """An organisation, by its id."""
    return accounts.create_organisation(name, country="BE", kind="HOTLINE", by=COMMAND, now=NOW)


def source(name):
    return catalogue.record_source(name, country="BE", organisation_id=None, by=COMMAND, now=NOW)


def depict(*questions, now=NOW):
    """A depiction with these values."""
    return catalogue.record_depiction(
        [catalogue.NewFingerprint(one.algorithm, one.value) for one in questions],
        kind=Kind.PICTURE,
        by=COMMAND,
        now=now,
    )


def say(depiction, *, by="Hotline", label="baseline", now=NOW, supersedes=None):
    """A source's word on a depiction."""
    return catalogue.record_assertion(
        depiction, source_id=source(by), scheme="inhope", label=label, facts={}, ground=Grade.SEEN, asserted_at=now,
        supersedes=supersedes, by=COMMAND, now=now,
    )  # fmt: skip


def make_list(name="known", *, now=NOW, organisation_id=None, **policy):
    """A list that is in force."""
    return catalogue.create_list(
        name, title=name, policy=Policy(**{"mode": Mode.ON, **policy}), reason="for the test", by=COMMAND, now=now,
        organisation_id=organisation_id,
    )  # fmt: skip


def hold_back(algorithm, content):
    """Our own word that a value matches nothing; return the override."""
    return catalogue.override(
        algorithm, content, kind=OverrideKind.SUPPRESSED, reason="a logo", review_on=(NOW + timedelta(days=9)).date(),
        by=COMMAND, now=NOW,
    )  # fmt: skip


def ask(*subjects, by=KEY, now=NOW, country="BE"):
    """Look contents up, as a partner does."""
    return flow.look_up([flow.Asked(one, "user 7", country) for one in subjects], by=by, now=now)


def matched(seed=1):
    """A picture that is known and was asked about: its depiction, and the word on it."""
    depiction = depict(*picture(seed))
    word = say(depiction)
    make_list()
    ask(picture(seed))
    return depiction, word


def standing_tasks(kind="KNOWN_SINCE"):
    """The tasks of a kind that are not done, by sighting and depiction."""
    return set(Task.objects.filter(kind=kind).exclude(state="DONE").values_list("sighting_id", "depiction_id"))


def retrace_all(now=LATER):
    """Let the look-back work until nothing is left."""
    while retrace.step(by=NODE, now=now):
        pass


def seen(*pictures, by=None):
    """Have contents seen that match something already, so that they are sightings."""
    depiction = depict(*picture(1000))
    say(depiction)
    make_list("seen", classes={"inhope": ("baseline",)})
    ask(*[[*picture(1000)[:3], *one] for one in pictures], **({} if by is None else {"by": by}))
    retrace_all()
    return depiction
