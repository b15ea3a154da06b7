# SPDX-License-Identifier: Apache-2.0
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie import labels
from vigie_node.catalogue import derivation
from vigie_node.catalogue.derivation import Act, Age, MalformedFactsError, Origin

# ages, acts, origin -> inhope, tech-coalition, uk
TABLE = [
    (["prepubescent"], ["penetration"], "real", "baseline", "A1", "A"),
    (["infant"], ["sadism"], "real", "baseline", "A1", "A"),
    (["prepubescent"], ["animal"], "real", "baseline", "A1", "A"),
    (["prepubescent"], ["sexual-activity"], "real", "baseline", "A1", "B"),
    (["prepubescent"], ["touching"], "real", "baseline", None, "B"),
    (["prepubescent"], ["exhibition"], "real", "baseline", "A2", "C"),
    (["prepubescent"], ["indecent"], "real", None, None, "C"),
    (["prepubescent"], ["none"], "real", None, None, None),
    (["pubescent"], ["penetration"], "real", None, "B1", "A"),
    (["pubescent"], ["sexual-activity"], "real", None, "B1", "B"),
    (["pubescent"], ["exhibition"], "real", None, "B2", "C"),
    (["adult"], ["penetration"], "real", None, None, None),
    # Of several persons the youngest counts, in whatever order they are named.
    (["adult", "prepubescent"], ["penetration"], "real", "baseline", "A1", "A"),
    (["prepubescent", "pubescent"], ["exhibition"], "real", "baseline", "A2", "C"),
    (["pubescent", "adult"], ["exhibition"], "real", None, "B2", "C"),
    # Of several acts the gravest that the scheme names counts.
    (["pubescent"], ["exhibition", "penetration"], "real", None, "B1", "A"),
    # Generated and drawn.
    (["prepubescent"], ["penetration"], "generated", None, None, "A"),
    (["prepubescent"], ["penetration"], "virtual", None, None, None),
    # What is unknown derives nothing, unless it cannot change the label.
    (["undetermined"], ["penetration"], "real", None, None, None),
    ([], ["penetration"], "real", None, None, None),
    (["pubescent", "undetermined"], ["penetration"], "real", None, None, "A"),
    (["prepubescent", "undetermined"], ["penetration"], "real", "baseline", "A1", "A"),
    (["adult", "undetermined"], ["penetration"], "real", None, None, None),
    (["prepubescent"], ["undetermined"], "real", None, None, None),
    (["prepubescent"], [], "real", None, None, None),
    (["prepubescent"], ["penetration", "undetermined"], "real", "baseline", "A1", "A"),
    (["prepubescent"], ["exhibition", "undetermined"], "real", "baseline", None, None),
    (["prepubescent"], ["penetration"], "undetermined", None, None, None),
    (["prepubescent"], ["penetration"], None, None, None, None),
]


def criteria(acts, people, origin):
    """The labels by the criteria as their owners publish them."""
    young, adolescent = bool({"infant", "prepubescent"} & set(people)), "pubescent" in people
    sexual = bool(acts & {"penetration", "animal", "sadism", "sexual-activity"})
    found = {}
    if origin == "real" and young and acts != {"indecent"}:
        found["inhope"] = "baseline"
    letter = "A" if young else "B" if adolescent else ""
    if origin == "real" and letter and (sexual or "exhibition" in acts):
        found["tech-coalition"] = letter + ("1" if sexual else "2")
    if origin != "virtual" and letter:
        grave = acts & {"penetration", "animal", "sadism"}
        found["uk"] = "A" if grave else "B" if acts & {"sexual-activity", "touching"} else "C"
    return found


class TestDerivedLabels:
    @pytest.mark.parametrize(("ages", "acts", "origin", "inhope", "tech", "uk"), TABLE)
    def test_follow_from_the_facts(self, ages, acts, origin, inhope, tech, uk):
        facts = {"ages": ages, "acts": acts} | ({"origin": origin} if origin else {})
        wanted = {"inhope": inhope, "tech-coalition": tech, "uk": uk}
        assert dict(derivation.derived_labels(facts)) == {scheme: label for scheme, label in wanted.items() if label}

    def test_are_those_of_the_published_criteria_for_all_that_can_be_depicted(self):
        """Every set of acts, each youngest person and origin, against the criteria in words."""
        named = [one for one in Act if one not in {Act.NONE, Act.UNDETERMINED}]
        sets = itertools.chain.from_iterable(itertools.combinations(named, size) for size in range(1, len(named) + 1))
        ages = [[age] for age in Age if age is not Age.UNDETERMINED] + [["pubescent", "infant"], ["adult", "pubescent"]]
        for acts, people, origin in itertools.product(list(sets), ages, ["real", "generated", "virtual"]):
            found = dict(derivation.derived_labels({"ages": people, "acts": list(acts), "origin": origin}))
            assert found == criteria(set(acts), people, origin), (acts, people, origin)

    def test_no_facts_derive_nothing(self):
        assert derivation.derived_labels({}) == ()

    @given(
        st.lists(st.sampled_from(Age), max_size=3),
        st.lists(st.sampled_from([one for one in Act if one is not Act.NONE]), max_size=3),
        st.sampled_from(Origin),
    )
    def test_knowing_more_never_changes_a_label(self, ages, acts, origin):
        facts = {"ages": list(ages), "acts": list(acts), "origin": origin}
        before = dict(derivation.derived_labels(facts))
        for age in Age:
            if Age.UNDETERMINED in ages and age is not Age.UNDETERMINED:
                known = [age if one is Age.UNDETERMINED else one for one in ages]
                after = dict(derivation.derived_labels(facts | {"ages": known}))
                assert before.items() <= after.items()

    def test_a_national_class_is_never_derived(self):
        every = {rule.label for one in derivation.derivations() for rule in one.rule}
        assert "national" not in every

    def test_every_rule_has_a_source_and_a_label_of_its_scheme(self):
        for one in derivation.derivations():
            assert one.source
            assert {rule.label for rule in one.rule} <= set(labels.schemes()[one.id].codes)


class TestChecked:
    def test_puts_facts_in_their_one_form(self):
        facts = {"acts": ["exhibition", "penetration", "exhibition"], "ages": ["adult", "infant"]}
        assert derivation.checked(facts) == {"ages": ["infant", "adult"], "acts": ["penetration", "exhibition"]}

    @pytest.mark.parametrize(
        "facts", [{"ages": ["old"]}, {"acts": "none"}, {"name": "x"}, {"acts": ["none", "touching"]}, {"origin": 1}]
    )
    def test_refuses_what_is_no_fact(self, facts):
        with pytest.raises(MalformedFactsError):
            derivation.checked(facts)
