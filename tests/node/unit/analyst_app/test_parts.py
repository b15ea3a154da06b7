# SPDX-License-Identifier: Apache-2.0
"""The parts of pages: every state is worded, every part escapes, files hold no formulas."""

from datetime import UTC, datetime, timedelta

import pytest
from django.template import engines
from django.utils import translation

from vendor import ICONS
from vigie_node.alarms.codes import Alarm
from vigie_node.analyst_app import shell, words
from vigie_node.analyst_app.alarms import MEANINGS
from vigie_node.analyst_app.parts import Chart, Drawing
from vigie_node.analyst_app.tables import csv_answer
from vigie_node.catalogue import derivation, rules, states
from vigie_node.catalogue.states import ImportState
from vigie_node.sightings import states as seen
from vigie_node.sightings.states import LoadState


@pytest.fixture
def rendered():
    def render(text, **context):
        return engines["django"].from_string(text).render({"now": NOW, **context})

    return render


NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


class TestWords:
    def test_there_is_one_for_every_state(self):
        kinds = [
            rules.Mode, states.Kind, states.Grade, states.Standing, states.DisputeOutcome, states.OverrideKind,
            states.SeriesStatus, states.ImportState, seen.Place, seen.FoundBy, seen.TaskKind, seen.TaskState,
            seen.LoadState, seen.SweepCause, seen.SimulationState, derivation.Age, derivation.Act, derivation.Origin,
        ]  # fmt: skip
        assert all(str(words.look_of(one).word) for kind in kinds for one in kind)

    def test_two_kinds_with_equal_values_keep_their_own(self):
        assert words.look_of(ImportState.STAGING) is not words.look_of(LoadState.STAGING)

    def test_every_alarm_says_what_to_do(self):
        assert set(MEANINGS) == set(Alarm)

    def test_every_shape_is_in_the_sprite(self):
        assert {look.shape for look in words._BY_KIND.values()} | {way.icon for way in shell.WAYS} <= set(ICONS)


class TestParts:
    def test_a_time_is_shown_with_its_zone_and_age(self, rendered):
        page = rendered("{% moment at %} {% age at %}", at=NOW - timedelta(days=3))
        assert "19 Nov 2026, 12:00 UTC" in page
        assert "3\xa0days ago" in page

    def test_a_deadline_lies_ahead(self, rendered):
        assert "in 4\xa0days" in rendered("{% age at %}", at=NOW + timedelta(days=4))

    @pytest.mark.parametrize(
        ("away", "said"),
        [
            (timedelta(days=14, seconds=-1), "in 14\xa0days"),
            (timedelta(days=59), "in 59\xa0days"),
            (timedelta(days=-8), "8\xa0days ago"),
            (timedelta(days=-70), "2\xa0months ago"),
            (timedelta(hours=5, minutes=40), "in 5\xa0hours"),
        ],
    )
    def test_an_age_of_weeks_is_said_in_days(self, rendered, away, said):
        assert said in rendered("{% age at %}", at=NOW + away)

    def test_a_colon_is_set_as_the_language_does(self, rendered):
        assert rendered("a{% colon %} b") == "a: b"
        with translation.override("fr"):
            assert rendered("a{% colon %} b") == "a\xa0: b"

    @pytest.mark.parametrize("part", ["{% moment x %}", "{% day x %}", "{% age x %}", "{{ x|number }}"])
    def test_what_is_not_recorded_is_said_so(self, rendered, part):
        assert "not recorded" in rendered(part, x=None)

    def test_numbers_are_written_as_the_language_does(self, rendered):
        with translation.override("de"):
            assert rendered("{{ n|number }}", n=1234567) == "1.234.567"

    @pytest.mark.parametrize(
        "part",
        [
            "{% copyable x %}",
            "{% fact x source=x %}{{ x }}{% endfact %}",
            "{% opens x %}{{ x }}{% endopens %}",
            "{% empty 'x' x %}{{ x }}{% endempty %}",
            "{% label x x %}",
            "{% icon x x %}",
        ],
    )
    def test_escape_what_they_are_given(self, rendered, part):
        assert "<script>" not in rendered(part, x='<script>"')

    def test_a_chart_shows_at_most_five_series(self):
        with pytest.raises(ValueError, match="at most 5"):
            Chart("x", Drawing.BARS, "x", "x", tuple("abcdefg"), [])

    @pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "\t=1"])
    def test_a_file_holds_no_formula(self, cell):
        assert csv_answer("x", header=["a"], rows=[[cell]]).content.decode().splitlines()[1].lstrip('"')[0] == "'"
