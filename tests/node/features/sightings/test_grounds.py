# SPDX-License-Identifier: Apache-2.0
"""A match whose ground fell away goes on by another that the two have in common, or is undone; never both."""

import json
from datetime import timedelta

import pytest

from node.features.catalogue.catalogue_building import taken_in
from node.features.sightings.seeing import (
    KEY,
    LATER,
    NOW,
    SOMEBODY,
    ask,
    depict,
    make_list,
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
from vigie_node.flows import report_sightings
from vigie_node.matching.questions import Question
from vigie_node.sightings import told
from vigie_node.sightings.models import Match, Tally, Task
from vigie_node.sightings.report_actions import Seen
from vigie_node.sightings.states import Place

pytestmark = pytest.mark.django_db
BY_VALUE = {"algorithms": (Algorithm.PDQ,)}


def change(made, *, version=1, **policy):
    catalogue.change_list(
        made, policy=Policy(**{"mode": Mode.ON, **policy}), expected_version=version, reason="x", by=COMMAND, now=NOW
    )
    retrace_all()


def heard():
    return [one.reference for one in told.no_longer_known(KEY, since=0, limit=9)]


def known(seed=1):
    depiction = depict(*picture(seed))
    return depiction, say(depiction)


class TestAListThatAsksForMore:
    def test_what_it_matches_by_another_value_too_stands_and_nobody_is_told_otherwise(self):
        known()
        made = make_list()
        ask(picture(1))
        change(made, **BY_VALUE)
        assert Match.objects.get().undone_at is None
        assert not Task.objects.exists()
        assert Tally.objects.get().sightings == 1
        assert heard() == []

    def test_an_open_dispute_undoes_nothing_here_either(self):
        _, word = known()
        made = make_list()
        ask(picture(1))
        catalogue.open_dispute(word, grounds="doubt", by=COMMAND, now=NOW)
        change(made, **BY_VALUE)
        assert Match.objects.get(undone_at=None)
        assert not Task.objects.exists()

    def test_a_match_of_less_quality_than_it_takes_now_is_undone_and_one_of_enough_stands(self):
        known()
        made = make_list()
        poor, good = (Question(Algorithm.PDQ, value(1), quality) for quality in (55, 90))
        ask([poor], [good], [*picture(1)[:3], poor])
        change(made, min_quality=80)
        stands = Match.objects.filter(undone_at=None).order_by("id")
        assert [one.algorithm for one in stands] == ["pdq", "sha256"]
        assert len(standing_tasks("NO_LONGER_KNOWN")) == len(heard()) == 1


class TestAListThatGoesIntoShadow:
    def test_what_it_told_is_no_longer_known_unless_another_list_says_so(self):
        known()
        made = make_list()
        ask(picture(1))
        change(made, mode=Mode.SHADOW)
        assert [one.is_shadow for one in Match.objects.filter(undone_at=None)] == [True]
        assert not Tally.objects.exists()
        assert heard() == ["user 7"]

    def test_back_in_force_it_is_known_again_and_its_match_in_shadow_is_none_any_more(self):
        known()
        made = make_list(mode=Mode.SHADOW)
        ask(picture(1))
        change(made)
        assert [one.is_shadow for one in Match.objects.filter(undone_at=None)] == [False]
        assert Tally.objects.get().sightings == 1
        assert not standing_tasks("NO_LONGER_KNOWN")


@pytest.mark.django_db(transaction=True)
class TestAnImportThatIsUndone:
    def test_what_matched_by_a_value_that_went_with_it_is_undone_though_the_word_of_another_stands(self, tmp_path):
        depiction = depict(*picture(1)[:3])
        say(depiction)
        make_list()
        line = {
            "sha256": picture(1)[0].value.hex(), "pdq": value(2).hex(), "scheme": "inhope", "label": "national",
            "asserted_at": NOW.isoformat(),
        }  # fmt: skip
        (tmp_path / "wrong.jsonl").write_text(json.dumps(line) + "\n")
        made = taken_in(tmp_path / "wrong.jsonl", source("Second hotline"))
        retrace_all()
        ask(picture(2)[3:], picture(1))
        assert set(Match.objects.values_list("depiction", flat=True)) == {depiction}
        importing.cancel_import(made, reason="the wrong value", by=COMMAND, now=NOW)
        retrace_all()
        assert [one.algorithm for one in Match.objects.filter(undone_at=None)] == ["sha256"]
        assert Match.objects.get(algorithm="pdq").undone_at == LATER
        assert len(standing_tasks("NO_LONGER_KNOWN")) == len(heard()) == 1

    def test_what_it_had_taken_back_is_known_again_though_nothing_matched_it_before(self, tmp_path):
        lines = [
            {"pdq": value(seed).hex(), "scheme": "inhope", "label": "national", "asserted_at": NOW.isoformat()}
            for seed in (2, 3)
        ]
        for name, kept in (("both.jsonl", lines), ("one.jsonl", lines[:1])):
            (tmp_path / name).write_text("\n".join(map(json.dumps, kept)) + "\n")
        taken_in(tmp_path / "both.jsonl", source("Hotline"))
        made = taken_in(tmp_path / "one.jsonl", source("Hotline"), full=True, revoking=1)
        make_list(classes={"inhope": ("national",)})
        seen = Seen(picture(3)[3:], Place.REPORT, "", NOW, "BE", "hotline-assessment", NOW + timedelta(days=9))
        assert report_sightings.report([seen], by=SOMEBODY, now=NOW) == 0
        retrace_all()
        assert not Task.objects.exists()
        importing.cancel_import(made, reason="the wrong file", by=COMMAND, now=NOW)
        retrace_all()
        assert len(standing_tasks("KNOWN_SINCE")) == 1
