# SPDX-License-Identifier: Apache-2.0
import pytest

from vigie import labels

EVERY_LABEL = [(id, code) for id, scheme in labels.schemes().items() for code in scheme.codes]

# The order each scheme states, the gravest first; a set holds codes that it does not order.
ORDERS = {
    "inhope": [{"baseline"}, {"national"}, {"not-illegal"}],
    "tech-coalition": [{"A1"}, {"A2", "B1"}, {"B2"}],
    "uk": [{"A"}, {"B"}, {"C"}],
    "vics-us": [{"1"}, {"2"}, {"3"}, {"4"}, {"0", "5"}],
    "demonstration": [{"sample"}],
}


class TestCheckLabel:
    @pytest.mark.parametrize(("scheme", "code"), EVERY_LABEL)
    def test_accepts_every_label_of_the_file(self, scheme, code):
        assert labels.check_label(scheme, code) is None

    def test_refuses_a_scheme_it_does_not_know_and_names_those_it_knows(self):
        with pytest.raises(labels.UnknownSchemeError, match="inhope, tech-coalition, uk"):
            labels.check_label("vics", "1")

    @pytest.mark.parametrize(("scheme", "code"), [("uk", "D"), ("uk", "a"), ("uk", ""), ("uk", "A "), ("vics-us", "6")])
    def test_refuses_a_code_that_is_not_exactly_one_of_the_scheme(self, scheme, code):
        with pytest.raises(labels.UnknownLabelError, match=f"scheme {scheme} has no such label"):
            labels.check_label(scheme, code)

    def test_does_not_repeat_what_it_was_given(self):
        with pytest.raises(labels.UnknownLabelError) as refused:
            labels.check_label("uk", "a name from outside")
        assert "a name from outside" not in str(refused.value)


class TestSeverity:
    @pytest.mark.parametrize("scheme", ORDERS)
    def test_orders_the_codes_as_the_scheme_does(self, scheme):
        found = {code: labels.severity(scheme, code) for code in labels.schemes()[scheme].codes}
        ranks = sorted(set(found.values()), reverse=True)
        assert [{code for code in found if found[code] == rank} for rank in ranks] == ORDERS[scheme]

    def test_is_nought_only_where_the_code_asserts_nothing_to_act_on(self):
        nothing = [("inhope", "not-illegal"), ("vics-us", "0"), ("vics-us", "5")]
        assert [label for label in EVERY_LABEL if labels.severity(*label) == 0] == nothing


class TestSchemes:
    def test_every_scheme_has_its_order_tested(self):
        assert set(labels.schemes()) == set(ORDERS)

    def test_every_scheme_says_where_it_comes_from(self):
        for scheme in labels.schemes().values():
            assert scheme.title
            assert scheme.source
            assert scheme.checked_on.year >= 2026

    @pytest.mark.parametrize("scheme", ORDERS)
    def test_lists_the_gravest_label_first(self, scheme):
        weights = [label.severity for label in labels.schemes()[scheme].codes.values()]
        assert weights == sorted(weights, reverse=True)
