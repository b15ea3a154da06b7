# SPDX-License-Identifier: Apache-2.0
"""What a negative list names matches nothing: whatever brings it there undoes what it matched before."""

import json

import pytest

from node.features.catalogue.catalogue_building import taken_in
from node.features.sightings.seeing import (
    KEY,
    LATER,
    NOW,
    ask,
    depict,
    hold_back,
    make_list,
    moved,
    picture,
    retrace_all,
    say,
    source,
    standing_tasks,
    value,
)
from vigie.fingerprints.values import Algorithm
from vigie_node.base.actor import COMMAND
from vigie_node.catalogue import actions as catalogue
from vigie_node.catalogue import importing
from vigie_node.catalogue.rules import Mode, Policy
from vigie_node.catalogue.states import DisputeOutcome
from vigie_node.matching.questions import Question
from vigie_node.sightings import told, undoing
from vigie_node.sightings.models import Match, Sweep, Tally

pytestmark = pytest.mark.django_db
NEGATIVE = {"negative": True, "classes": {"inhope": ("not-illegal",)}}
IN_EARNEST = pytest.mark.django_db(transaction=True)  # an import closes its own transactions
LOGO = moved(value(1), 10)
WRITER = {"by": COMMAND, "now": NOW}


def harmless(**more):
    """A logo that is near the known picture."""
    return depict(Question(Algorithm.PDQ, LOGO), **more)


def negative_list(mode=Mode.ON):
    return make_list("harmless", mode=mode, **NEGATIVE)


def set_policy(made, *, version, mode=Mode.ON, negative=True):
    policy = Policy(mode=mode, **(NEGATIVE | {"negative": negative}))
    catalogue.change_list(made, policy=policy, expected_version=version, reason="for the test", **WRITER)


def by_a_word(_):
    negative_list()
    yield
    word = say(harmless(), label="not-illegal")
    yield
    catalogue.revoke(word, reason="no logo", **WRITER)


def by_a_later_word(_):
    negative_list()
    depiction = harmless()
    say(depiction, label="national")
    yield
    say(depiction, label="not-illegal")
    yield
    say(depiction, label="national")


def by_an_import(folder):
    negative_list()
    yield
    line = {"pdq": LOGO.hex(), "scheme": "inhope", "label": "not-illegal", "asserted_at": NOW.isoformat()}
    path = folder / "logos.jsonl"
    path.write_text(json.dumps(line) + "\n")
    made = taken_in(path, source("Hotline"))
    yield
    importing.cancel_import(made, reason="the wrong file", **WRITER)


def by_a_list_that_is_made(_):
    say(harmless(), label="not-illegal")
    yield
    made = negative_list()
    yield
    set_policy(made, version=1, mode=Mode.OFF)


def by_the_mode_of_a_list(_):
    say(harmless(), label="not-illegal")
    made = negative_list(Mode.SHADOW)
    yield
    set_policy(made, version=1)
    yield
    set_policy(made, version=2, mode=Mode.SHADOW)


def by_the_policy_of_a_list(_):
    say(harmless(), label="not-illegal")
    made = make_list("harmless", classes={"inhope": ("not-illegal",)})
    yield
    set_policy(made, version=1)
    yield
    set_policy(made, version=2, negative=False)


def by_a_dispute_that_is_rejected(_):
    negative_list()
    word = say(harmless(), label="not-illegal")
    dispute = catalogue.open_dispute(word, grounds="doubt", **WRITER)
    yield
    catalogue.settle_dispute(dispute, outcome=DisputeOutcome.REJECTED, settlement="a logo", **WRITER)
    yield
    catalogue.open_dispute(word, grounds="doubt again", **WRITER)


def by_a_value_that_is_let_go(_):
    negative_list()
    say(harmless(), label="not-illegal")
    held = hold_back(Algorithm.PDQ, LOGO)
    yield
    catalogue.end_override(held, reason="looked at", **WRITER)
    yield
    hold_back(Algorithm.PDQ, LOGO)


def by_a_value_that_is_added(_):
    negative_list()
    digest = Question(Algorithm.SHA256, bytes(range(32)))
    depiction = depict(digest)
    word = say(depiction, label="not-illegal")
    yield
    assert depict(digest, Question(Algorithm.PDQ, LOGO)) == depiction
    yield
    catalogue.revoke(word, reason="no logo", **WRITER)


WAYS = [
    by_a_word, by_a_later_word, pytest.param(by_an_import, marks=IN_EARNEST), by_a_list_that_is_made,
    by_the_mode_of_a_list, by_the_policy_of_a_list, by_a_dispute_that_is_rejected, by_a_value_that_is_let_go,
    by_a_value_that_is_added,
]  # fmt: skip


class TestNegative:
    @pytest.mark.parametrize("way", WAYS)
    def test_comes_on_and_undoes_and_goes_off_and_is_known_again(self, way, tmp_path):
        steps = way(tmp_path)
        next(steps)
        known = depict(*picture(1))
        say(known)
        make_list(classes={"inhope": ("baseline",)})
        ask(picture(1, bits=4)[3:])
        retrace_all()
        next(steps)
        retrace_all()
        assert ask(picture(1, bits=4)[3:])[0].verdict == "gated"
        assert Match.objects.get().undone_at == LATER
        assert [depiction for _, depiction in standing_tasks("NO_LONGER_KNOWN")] == [known]
        assert not Tally.objects.exists()
        assert sum(Sweep.objects.values_list("undone", flat=True)) == 1
        assert [one.reference for one in told.no_longer_known(KEY, since=0, limit=9)] == ["user 7"]
        list(steps)
        retrace_all()
        assert Match.objects.get(undone_at=None).depiction_id == known
        assert [depiction for _, depiction in standing_tasks("KNOWN_SINCE")] == [known]
        assert not standing_tasks("NO_LONGER_KNOWN")
        assert Tally.objects.get().sightings == 1

    def test_a_match_in_shadow_is_undone_without_a_task(self):
        negative_list()
        say(depict(*picture(1)))
        make_list(mode=Mode.SHADOW)
        ask(picture(1)[3:])
        say(harmless(), label="not-illegal")
        retrace_all()
        assert Match.objects.get().undone_at is not None
        assert not standing_tasks("NO_LONGER_KNOWN")

    def test_whatever_digests_were_asked_with_the_value(self):
        negative_list()
        say(depict(picture(1)[3]))
        make_list()
        ask(picture(1, bits=4))
        say(harmless(), label="not-illegal")
        retrace_all()
        assert not Match.objects.filter(undone_at=None).exists()
        assert len(standing_tasks("NO_LONGER_KNOWN")) == 1

    def test_what_lies_further_than_the_list_s_threshold_stands(self):
        make_list("harmless", threshold_bits=8, **NEGATIVE)
        say(depict(*picture(1)))
        make_list()
        ask(picture(1)[3:])
        say(harmless(), label="not-illegal")
        retrace_all()
        assert Match.objects.get().undone_at is None

    def test_all_lists_lose_it_and_of_more_than_fit_one_transaction_none_is_left(self, monkeypatch):
        monkeypatch.setattr(undoing, "SLICE", 4)
        negative_list()
        say(depict(*picture(1)))
        make_list("first")
        make_list("second")
        ask(*[picture(1)[3:]] * 5)
        say(harmless(), label="not-illegal")
        retrace_all()
        assert not Match.objects.filter(undone_at=None).exists()
        assert len(standing_tasks("NO_LONGER_KNOWN")) == 5
