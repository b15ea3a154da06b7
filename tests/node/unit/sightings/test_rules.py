# SPDX-License-Identifier: Apache-2.0
"""When tasks, loads and simulations may move; when a match holds; what a policy can change."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie.fingerprints.values import Algorithm
from vigie_node.catalogue.rules import ListRule, Mode, Policy, Word, is_in_share, words_that_count
from vigie_node.sightings import legal_bases, rules
from vigie_node.sightings.legal_bases import BasisNotInForceError, ExpiryOutOfBoundsError, UnknownBasisError
from vigie_node.sightings.rules import Reach
from vigie_node.sightings.states import (
    LOAD_MOVES,
    SIMULATION_MOVES,
    TASK_MOVES,
    LoadState,
    SimulationState,
    TaskState,
)

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SOURCES = [uuid.UUID(int=number) for number in (1, 2, 3)]
LABELS = {"baseline": 1, "national": 2, "nothing": 0}
LIST, DEPICTION = uuid.UUID(int=7), uuid.UUID(int=8)

policies = st.builds(
    Policy,
    classes=st.sampled_from([{}, {"s": ("baseline",)}, {"s": ("national",)}, {"s": ("baseline", "national")}]),
    sources=st.sampled_from([(), tuple(map(str, SOURCES[:1])), tuple(map(str, SOURCES[:2]))]),
    quorum=st.just(1),
    algorithms=st.sampled_from([tuple(Algorithm), (Algorithm.PDQ,)]),
    threshold_bits=st.sampled_from([0, 10, 31]),
    min_quality=st.sampled_from([0, 50]),
    negative=st.just(False),
    dispute_suspends=st.booleans(),
    veto=st.booleans(),
    mode=st.sampled_from(list(Mode)),
    share=st.sampled_from([0.0, 0.3, 1.0]),
) | st.builds(Policy, quorum=st.sampled_from([1, 2, 3]), veto=st.booleans(), mode=st.just(Mode.ON))
words = st.lists(
    st.builds(
        lambda source, label, disputed, number: Word(
            uuid.UUID(int=100 + number), SOURCES[source], "", "s", label, LABELS[label], NOW, disputed
        ),
        st.integers(0, 2), st.sampled_from(list(LABELS)), st.booleans(), st.integers(0, 50),
    ),
    max_size=5,
)  # fmt: skip


def matches(policy, held, *, algorithm, distance, quality):
    rule = ListRule(LIST, "list", 1, policy)
    near = distance <= policy.threshold_bits and quality >= policy.min_quality
    return (
        algorithm in policy.algorithms
        and near
        and is_in_share(rule, DEPICTION)
        and bool(words_that_count(policy, held))
    )


class TestMayMatchMore:
    @given(policies, policies, words, st.sampled_from(list(Algorithm)), st.integers(0, 31), st.sampled_from([20, 80]))
    def test_what_it_calls_narrower_never_matches_more(self, before, after, held, algorithm, distance, quality):
        asked = {"algorithm": algorithm, "distance": distance, "quality": quality}
        if not rules.may_match_more(before, after) and matches(after, held, **asked):
            assert matches(before, held, **asked)

    @pytest.mark.parametrize(
        ("before", "after", "more"),
        [
            (None, Policy(mode=Mode.ON), True),
            (None, Policy(mode=Mode.OFF), False),
            (Policy(mode=Mode.ON), Policy(mode=Mode.OFF), False),
            (Policy(mode=Mode.ON), Policy(mode=Mode.ON), False),
            (Policy(mode=Mode.SHADOW), Policy(mode=Mode.ON), True),
            (Policy(mode=Mode.SHARE, share=0.1), Policy(mode=Mode.SHARE, share=0.2), True),
            (Policy(mode=Mode.SHARE, share=0.2), Policy(mode=Mode.SHARE, share=0.1), False),
            (Policy(mode=Mode.ON, threshold_bits=31), Policy(mode=Mode.ON, threshold_bits=10), False),
            (Policy(mode=Mode.ON, threshold_bits=10), Policy(mode=Mode.ON, threshold_bits=31), True),
            (Policy(mode=Mode.ON, quorum=2), Policy(mode=Mode.ON, quorum=1), True),
            (Policy(mode=Mode.ON), Policy(mode=Mode.ON, sources=("a",)), False),
            (Policy(mode=Mode.ON, sources=("a",)), Policy(mode=Mode.ON), True),
            (Policy(mode=Mode.ON, veto=True), Policy(mode=Mode.ON, veto=True, sources=("a",)), True),
            (Policy(mode=Mode.ON, negative=True), Policy(mode=Mode.OFF, negative=True), True),
            (None, Policy(mode=Mode.ON, negative=True), False),
        ],
    )
    def test_a_table(self, before, after, more):
        assert rules.may_match_more(before, after) is more


class TestStillStands:
    WORD = Word(uuid.UUID(int=1), SOURCES[0], "", "s", "baseline", 1, NOW)

    @pytest.mark.parametrize(
        ("policy", "held", "stands"),
        [
            ({}, [WORD], True),
            ({}, [], False),
            ({"mode": Mode.OFF}, [WORD], False),
            ({"mode": Mode.SHADOW}, [WORD], True),
            ({"quorum": 2}, [WORD], False),
            ({"negative": True}, [WORD], False),
            ({"dispute_suspends": True}, [replace(WORD, disputed=True)], True),
        ],
    )
    def test_a_table(self, policy, held, stands):
        rule = ListRule(LIST, "list", 1, Policy(**{"mode": Mode.ON, **policy}))
        assert rules.still_stands(rule, held, depiction=DEPICTION) is stands


class TestReach:
    @pytest.mark.parametrize(
        ("across", "own", "case", "organisation", "covered"),
        [
            (True, None, "12", SOURCES[1], True),
            (False, None, "", None, True),
            (False, None, "12", None, False),
            (False, SOURCES[0], "12", SOURCES[0], True),
            (False, SOURCES[0], "12", SOURCES[1], False),
            (False, SOURCES[0], "12", None, False),
            (False, SOURCES[0], "", SOURCES[1], True),
        ],
    )
    def test_a_table(self, across, own, case, organisation, covered):
        assert (
            Reach(across_cases=across, organisation_id=own).covers(case=case, organisation_id=organisation) is covered
        )


class TestMoves:
    @pytest.mark.parametrize(
        ("states", "moves", "check", "error"),
        [
            (TaskState, TASK_MOVES, rules.check_task_may_move, rules.ImpossibleTaskMoveError),
            (LoadState, LOAD_MOVES, rules.check_load_may_move, rules.ImpossibleLoadMoveError),
            (SimulationState, SIMULATION_MOVES, rules.check_simulation_may_move, rules.ImpossibleSimulationMoveError),
        ],
    )
    def test_go_along_the_table_and_nowhere_else(self, states, moves, check, error):
        assert set(moves) == set(states)
        for current in states:
            for wanted in states:
                if wanted in moves[current]:
                    check(current, wanted)
                else:
                    with pytest.raises(error):
                        check(current, wanted)


class TestLegalBases:
    def test_every_basis_says_where_it_comes_from_and_binds(self):
        for name, basis in legal_bases.bases().items():
            assert basis.title, name
            assert basis.source, name
            assert basis.max_days >= 1, name
            assert basis.note or basis.confidence == "read", name

    @pytest.mark.parametrize(
        ("name", "days", "now", "error"),
        [
            ("hotline-assessment", 365, NOW, None),
            ("hotline-assessment", 366, NOW, ExpiryOutOfBoundsError),
            ("hotline-assessment", 0, NOW, ExpiryOutOfBoundsError),
            ("provider-detection-2021-1232", 10, NOW, BasisNotInForceError),
            ("provider-detection-2021-1232", 10, datetime(2026, 4, 3, 23, tzinfo=UTC), None),
            ("provider-detection-2026", 10, datetime(2026, 7, 30, tzinfo=UTC), BasisNotInForceError),
            ("provider-detection-2026", 10, NOW, None),
            ("none", 10, NOW, UnknownBasisError),
        ],
    )
    def test_a_table(self, name, days, now, error):
        if error is None:
            assert legal_bases.check(name, expires_at=now + timedelta(days=days), now=now).max_days
        else:
            with pytest.raises(error):
                legal_bases.check(name, expires_at=now + timedelta(days=days), now=now)
