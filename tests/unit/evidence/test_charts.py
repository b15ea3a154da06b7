# SPDX-License-Identifier: Apache-2.0
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie.evidence.charts import Bar, axis_end, bars

SVG = "{http://www.w3.org/2000/svg}"


def drawn(rows, top):
    text = bars(rows, ident="x", title="What <was> found", unit="files", top=top, top_written=str(top))
    return ET.fromstring(str(text).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))


class TestBars:
    def test_says_each_bar_in_words_for_those_who_do_not_see_it(self):
        chart = drawn([Bar("Known", 3, "3", "known"), Bar("A & B", 10, "10", "plain")], top=10)
        assert chart.find(f"{SVG}title").text == "What <was> found"
        assert chart.find(f"{SVG}desc").text == "Known: 3; A & B: 10"
        assert chart.get("role") == "img"

    def test_draws_lengths_as_shares_of_the_axis(self):
        chart = drawn([Bar("a", 5, "5", "plain"), Bar("b", 0, "0", "plain"), Bar("c", 20, "20", "plain")], top=20)
        widths = [r.get("width") for r in chart.iter(f"{SVG}rect") if r.get("class") == "plain"]
        assert widths == ["3", "25.000%", "3", "100.000%"]

    def test_a_value_above_nothing_is_always_visible(self):
        chart = drawn([Bar("rare", 1, "1", "plain")], top=10_000_000)
        assert [r.get("width") for r in chart.iter(f"{SVG}rect") if r.get("class") == "plain"] == ["3", "0.000%"]

    def test_names_its_unit_and_starts_at_nothing(self):
        ticks = [t.text for t in drawn([], top=1).iter(f"{SVG}text")]
        assert ticks == ["0", "files", "1"]


class TestAxisEnd:
    @pytest.mark.parametrize(
        ("values", "end"), [([], 1), ([0], 1), ([1], 1), ([3], 5), ([6, 2], 10), ([5_001], 10_000)]
    )
    def test_is_a_round_number(self, values, end):
        assert axis_end(values) == end

    @given(st.integers(0, 10**15))
    def test_holds_every_value_and_wastes_little(self, value):
        assert value <= axis_end([value]) <= max(1, 2.5 * value)
