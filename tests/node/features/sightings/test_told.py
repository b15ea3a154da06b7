# SPDX-License-Identifier: Apache-2.0
"""What a key is told as no longer known: what an answer told it, each once, and none left out."""

import threading
import time
from datetime import timedelta

import pytest
from django.db import connection, transaction

from node.features.sightings.seeing import (
    KEY,
    LATER,
    NOW,
    ask,
    depict,
    make_list,
    matched,
    picture,
    retrace_all,
    say,
    value,
)
from vigie.fingerprints.values import Algorithm
from vigie_node.base.actor import COMMAND, NODE
from vigie_node.catalogue import actions as catalogue
from vigie_node.catalogue.rules import Mode, Policy
from vigie_node.catalogue.states import OverrideKind
from vigie_node.flows import retrace, revoke
from vigie_node.sightings import told
from vigie_node.sightings.models import Task
from vigie_node.sightings.retracing import Portion
from vigie_node.sightings.states import SweepCause


def heard(since=0):
    return told.no_longer_known(KEY, since=since, limit=100)


def switch_off(made):
    catalogue.change_list(made, policy=Policy(), expected_version=1, reason="x", by=COMMAND, now=NOW)
    retrace_all()


@pytest.mark.django_db
class TestNoLongerKnown:
    def test_what_the_look_back_found_since_is_no_news_to_a_key_that_never_heard_of_it(self):
        words = [say(depict(*picture(1))), None]
        make_list()
        ask([*picture(1)[:3], picture(2)[3]])
        words[1] = say(depict(*picture(2)))
        retrace_all()
        revoke.revoke(words[1], reason="a mistake", by=COMMAND, now=LATER)
        assert heard() == []
        revoke.revoke(words[0], reason="a mistake", by=COMMAND, now=LATER)
        assert [one.reference for one in heard()] == ["user 7"]

    def test_names_the_list_that_was_told_and_not_one_by_which_the_look_back_found_it(self):
        say(depict(*picture(1)))
        first = make_list("told")
        ask(picture(1))
        later = make_list("later")
        retrace_all()
        switch_off(first)
        assert heard() == []
        switch_off(later)
        (one,) = heard()
        assert (one.list_name, one.told_at, one.undone_at) == ("told", NOW, LATER)

    def test_a_match_in_shadow_was_told_to_nobody(self):
        say(depict(*picture(1)))
        made = make_list(mode=Mode.SHADOW)
        ask(picture(1))
        policy = Policy(mode=Mode.ON)
        catalogue.change_list(made, policy=policy, expected_version=1, reason="x", by=COMMAND, now=NOW)
        retrace_all()
        policy = Policy(mode=Mode.OFF)
        catalogue.change_list(made, policy=policy, expected_version=2, reason="x", by=COMMAND, now=NOW)
        retrace_all()
        assert heard() == []

    def test_an_answer_is_taken_back_once_however_often_it_is_known_again(self):
        depiction, word = matched()
        revoke.revoke(word, reason="a mistake", by=COMMAND, now=LATER)
        (first,) = heard()
        again = say(depiction)
        retrace_all()
        revoke.revoke(again, reason="a mistake again", by=COMMAND, now=LATER)
        assert Task.objects.filter(kind="NO_LONGER_KNOWN").count() == 2
        assert heard() == [first]
        assert heard(since=first.position) == []

    def test_one_that_was_asked_about_again_meanwhile_is_another_answer(self):
        depiction, word = matched()
        revoke.revoke(word, reason="a mistake", by=COMMAND, now=LATER)
        (first,) = heard()
        again = say(depiction)
        ask(picture(1), now=LATER)
        revoke.revoke(again, reason="a mistake again", by=COMMAND, now=LATER)
        assert [one.told_at for one in heard(since=first.position)] == [LATER]

    def test_what_matched_by_a_value_that_is_held_back_is_told_at_once(self):
        say(depict(*picture(1)))
        make_list()
        ask(picture(1, bits=6))
        undone = revoke.hold_back(
            Algorithm.PDQ, value(1), kind=OverrideKind.SUPPRESSED, reason="a logo",
            review_on=(NOW + timedelta(days=9)).date(), by=COMMAND, now=LATER,
        )  # fmt: skip
        assert undone == 1
        assert [(one.reference, one.undone_at) for one in heard()] == [("user 7", LATER)]
        retrace_all()
        assert len(heard()) == 1


@pytest.mark.django_db(transaction=True)
class TestPositions:
    def test_of_two_who_undo_at_once_neither_is_passed_over(self):
        portions = []
        for seed in (1, 2):
            depiction = depict(*picture(seed))
            portions.append((depiction, say(depiction)))
        make_list()
        ask(picture(1), picture(2))
        for _, word in portions:
            catalogue.revoke(word, reason="a mistake", by=COMMAND, now=NOW)
        written, may_commit = threading.Event(), threading.Event()

        def undo(depiction, word, *, wait):
            with transaction.atomic():
                assert retrace.undo(Portion(0, SweepCause.STANDING, str(word), None, (depiction,)), by=NODE, now=LATER)
                if wait:
                    written.set()
                    may_commit.wait(10)
            connection.close()

        writers = [
            threading.Thread(target=undo, args=portion, kwargs={"wait": wait})
            for portion, wait in zip(portions, (True, False), strict=True)
        ]
        writers[0].start()
        assert written.wait(10)
        writers[1].start()
        time.sleep(0.3)  # the second would be done by now if it did not wait for the first
        first = heard()
        may_commit.set()
        for one in writers:
            one.join()
        assert len(first) + len(heard(since=first[-1].position if first else 0)) == 2
