# SPDX-License-Identifier: Apache-2.0
"""The reasons that a page gives are those that decided."""

import uuid
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from vigie.fingerprints.values import Algorithm
from vigie_node.catalogue import explaining, rules
from vigie_node.catalogue.explaining import Part
from vigie_node.catalogue.rules import ListRule, Mode, Policy, Word

SOURCES = [uuid.UUID(int=number) for number in range(3)]
NOW = datetime(2026, 11, 22, tzinfo=UTC)

words = st.builds(
    Word,
    assertion=st.uuids(),
    source=st.sampled_from(SOURCES),
    source_name=st.just("x"),
    scheme=st.sampled_from(["inhope", "uk"]),
    label=st.sampled_from(["baseline", "A"]),
    weight=st.integers(0, 3),
    asserted_at=st.just(NOW),
    disputed=st.booleans(),
)


@st.composite
def policies(draw):
    heard = tuple(draw(st.lists(st.sampled_from([str(one) for one in SOURCES]), unique=True)))
    return Policy(
        classes=draw(st.sampled_from([{}, {"inhope": ("baseline",)}, {"uk": ("A",)}])),
        sources=heard,
        quorum=draw(st.integers(1, len(heard) or 3)),
        algorithms=tuple(draw(st.lists(st.sampled_from(list(Algorithm)), min_size=1, unique=True))),
        negative=draw(st.booleans()),
        dispute_suspends=draw(st.booleans()),
        veto=draw(st.booleans()),
        mode=draw(st.sampled_from(Mode)),
        share=draw(st.sampled_from([0.0, 0.5, 1.0])),
    )


usable = st.dictionaries(
    st.sampled_from(list(Algorithm)), st.lists(st.none() | st.integers(0, 100), min_size=1, max_size=2), max_size=3
)


class TestWhy:
    @given(policies(), st.lists(words, max_size=5), usable, st.uuids())
    def test_a_list_claims_exactly_where_every_part_holds(self, policy, said, values, depiction):
        rule = ListRule(uuid.UUID(int=9), "x", 1, policy)
        because = explaining.why(rule, said, depiction=depiction, usable=values)
        assert because.claims == all(one.holds for one in because.findings)
        assert (because.decided is None) == because.claims

    @given(policies(), st.lists(words, max_size=5), st.uuids())
    def test_it_agrees_with_the_rules_where_a_value_may_match(self, policy, said, depiction):
        rule = ListRule(uuid.UUID(int=9), "x", 1, policy)
        values = {algorithm: [100] for algorithm in Algorithm}
        decided = bool(rules.words_that_count(policy, said)) and rules.is_in_share(rule, depiction)
        assert explaining.why(rule, said, depiction=depiction, usable=values).claims == decided

    def test_an_override_of_the_last_value_decides(self):
        rule = ListRule(uuid.UUID(int=9), "x", 1, Policy(mode=Mode.ON))
        word = Word(uuid.UUID(int=1), SOURCES[0], "x", "uk", "A", 3, NOW)
        because = explaining.why(rule, [word], depiction=uuid.UUID(int=2), usable={})
        assert because.decided.part is Part.VALUES
