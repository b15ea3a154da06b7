# SPDX-License-Identifier: Apache-2.0
import itertools
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie_node.catalogue import merging
from vigie_node.catalogue.merging import COUNTED, Effect, Held

MONDAY = datetime(2026, 11, 16, tzinfo=UTC)
TUESDAY, WEDNESDAY = MONDAY + timedelta(days=1), MONDAY + timedelta(days=2)
ONE, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)


def held(label="A", at=TUESDAY, assertion=ONE, **more):
    return Held(assertion, label, at, **more)


CASES = {
    "nothing is held": ([], "A", TUESDAY, Effect.NEW),
    "the same word": ([held()], "A", TUESDAY, Effect.UNCHANGED),
    "the same word, confirmed later": ([held()], "A", WEDNESDAY, Effect.SUPERSEDING),
    "another class, later": ([held()], "B", WEDNESDAY, Effect.SUPERSEDING),
    "an earlier word": ([held()], "B", MONDAY, Effect.OUTDATED),
    "the same word, earlier": ([held()], "A", MONDAY, Effect.OUTDATED),
    "another class at the same time": ([held()], "B", TUESDAY, Effect.CONTRADICTORY),
    "the same class, no time": ([held()], "A", None, Effect.UNCHANGED),
    "another class, no time": ([held()], "B", None, Effect.SUPERSEDING),
    "revoked here": ([held(revoked_here=True)], "A", TUESDAY, Effect.STAYS_REVOKED),
    "revoked here, said later": ([held(revoked_here=True)], "A", WEDNESDAY, Effect.STAYS_REVOKED),
    "revoked here, said without a time": ([held(revoked_here=True)], "A", None, Effect.STAYS_REVOKED),
    "revoked here, another class later": ([held(revoked_here=True)], "B", WEDNESDAY, Effect.SUPERSEDING),
    "revoked here, another class of that time": ([held(revoked_here=True)], "B", TUESDAY, Effect.SUPERSEDING),
    "revoked there": ([held(revoked_there=True)], "A", TUESDAY, Effect.SUPERSEDING),
    "revoked there, said later": ([held(revoked_there=True)], "A", WEDNESDAY, Effect.SUPERSEDING),
    "disputed": ([held(is_disputed=True)], "A", TUESDAY, Effect.STAYS_DISPUTED),
    "disputed, said later": ([held(is_disputed=True)], "A", WEDNESDAY, Effect.STAYS_DISPUTED),
    "disputed, another class later": ([held(is_disputed=True)], "B", WEDNESDAY, Effect.SUPERSEDING),
    "brought by another source's import": ([held(is_lasting=False)], "A", TUESDAY, Effect.SUPERSEDING),
    "the later of two is revoked here": (
        [held("B", MONDAY, OTHER), held(revoked_here=True)], "A", WEDNESDAY, Effect.STAYS_REVOKED,
    ),
    "revoked here, and another class since": (
        [held(revoked_here=True), held("B", WEDNESDAY, OTHER)], "A", WEDNESDAY + timedelta(1), Effect.STAYS_REVOKED,
    ),
    "revoked here, then recorded anew": (
        [held(at=MONDAY, assertion=OTHER, revoked_here=True), held()], "A", WEDNESDAY, Effect.SUPERSEDING,
    ),
    "revoked here and undone": ([held(revoked_here=True, is_undone=True)], "A", WEDNESDAY, Effect.STAYS_REVOKED),
    "revoked here and undone, said earlier": (
        [held(revoked_here=True, is_undone=True)], "A", MONDAY, Effect.STAYS_REVOKED,
    ),
    "the earlier of two again": ([held("B", MONDAY, OTHER), held()], "B", MONDAY, Effect.OUTDATED),
}  # fmt: skip


class TestEffectOf:
    @pytest.mark.parametrize("case", CASES)
    def test_decides(self, case):
        words, label, at, effect = CASES[case]
        assert merging.effect_of(label, at, words).effect is effect

    @pytest.mark.parametrize("case", [case for case in CASES if CASES[case][0]])
    def test_names_the_latest_word_held(self, case):
        words, label, at, _ = CASES[case]
        assert merging.effect_of(label, at, words).held == ONE

    @given(st.permutations([(MONDAY, "A"), (TUESDAY, "B"), (WEDNESDAY, "A"), (WEDNESDAY + timedelta(1), "C")]))
    def test_leaves_the_same_word_in_force_whatever_the_order(self, order):
        assert replayed(order) == "C"

    @given(st.lists(st.tuples(st.sampled_from([MONDAY, TUESDAY, WEDNESDAY]), st.sampled_from("ABC")), max_size=6))
    def test_repeating_everything_changes_nothing(self, said):
        once = state_after(said)
        effects = [merging.effect_of(label, at, once).effect for at, label in said]
        assert not set(effects) & set(COUNTED)


def state_after(said):
    """The words held after some were said in this order."""
    words, ids = [], itertools.count(1)
    for at, label in said:
        outcome = merging.effect_of(label, at, words)
        if outcome.effect in COUNTED:
            words.append(Held(uuid.UUID(int=next(ids)), label, at))
    return words


def replayed(said):
    return max(state_after(said), key=lambda one: one.asserted_at).label
