# SPDX-License-Identifier: Apache-2.0
"""How often, where and since when something was seen."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest

from node.features.sightings.scans import line, results_of
from node.features.sightings.seeing import NOW, ask, depict, make_list, organisation, picture, retrace_all, say
from vigie_node.base.actor import COMMAND, NODE, Actor, ActorKind
from vigie_node.base.ids import new_id
from vigie_node.catalogue import actions as catalogue
from vigie_node.catalogue.states import DisputeOutcome
from vigie_node.flows import load, revoke
from vigie_node.sightings import actions, queries
from vigie_node.sightings.cases import Case, key_of
from vigie_node.sightings.models import Match, Tally
from vigie_node.sightings.rules import EVERYWHERE, Reach
from vigie_node.sightings.states import Place

pytestmark = pytest.mark.django_db


def at(year, month, day=3):
    return datetime(year, month, day, 7, 30, tzinfo=UTC)


@pytest.fixture
def known():
    """Two depictions of one series, with their words."""
    made = [depict(*picture(seed)) for seed in (1, 2)]
    words = [say(one) for one in made]
    make_list("one")
    make_list("two")
    return made, words


def scanned(tmp_path, case, *, by, seeds=(1,)):
    folder = results_of(tmp_path / case, [line(f"{case} {seed}", seed=seed) for seed in seeds])
    load_id = actions.start_load(
        folder, case=case, basis="criminal-investigation", expires_at=NOW + timedelta(days=30), country="NL", by=by,
        now=NOW,
    )  # fmt: skip
    while load.step(load_id=load_id, by=NODE, now=NOW):
        pass


class TestFigures:
    def test_nothing_was_seen(self, known):
        found = queries.figures(known[0], reach=EVERYWHERE)
        assert (found.sightings, found.first_at, found.last_at, found.by_month, found.cases) == (0, None, None, (), 0)
        assert queries.last_seen(known[0], reach=EVERYWHERE) == []

    def test_counts_by_place_country_and_month_and_says_first_and_last(self, known, tmp_path):
        (first, second), _ = known
        ask(picture(1), now=at(2025, 1), country="BE")
        ask(picture(1), picture(1), now=at(2025, 2), country="FR")
        ask(picture(1), now=at(2026, 6), country="BE")
        ask(picture(2), now=at(2024, 12), country="")
        scanned(tmp_path, "case-7", by=COMMAND)
        one = queries.figures([first], reach=EVERYWHERE)
        assert one.sightings == 5
        assert one.by_place == {Place.UPLOAD: 4, Place.EXHIBIT: 1}
        assert one.by_country == {"BE": 2, "FR": 2, "NL": 1}
        assert one.by_month == (
            (date(2025, 1, 1), 1), (date(2025, 2, 1), 2), (date(2026, 6, 1), 1), (date(2026, 11, 1), 1)
        )  # fmt: skip
        assert (one.first_at, one.last_at) == (at(2025, 1), datetime(2026, 11, 20, 8, tzinfo=UTC))
        assert (one.returns, one.cases, [case.name for case in one.seen_in]) == (2, 1, ["case-7"])
        both = queries.figures([first, second], reach=EVERYWHERE)
        assert (both.sightings, both.first_at) == (6, at(2024, 12))
        assert queries.counts([first, second]) == {first: 5, second: 1}

    def test_names_only_the_cases_that_one_may_see_and_counts_all(self, known, tmp_path):
        ours, theirs = organisation("Ours"), organisation("Theirs")
        for case, whose in (("ours-1", ours), ("theirs-1", theirs)):
            scanned(tmp_path, case, by=Actor(ActorKind.PERSON, new_id(NOW), whose))
        reach = Reach(across_cases=False, organisation_id=ours)
        found = queries.figures(known[0], reach=reach)
        assert (found.cases, found.seen_in) == (2, (Case("ours-1", ours),))
        rows = queries.last_seen(known[0], reach=reach)
        assert {(row.case, row.is_hidden) for row in rows} == {("ours-1", False), ("", True)}
        assert len(queries.loads(reach=reach)) == 1
        assert len(queries.loads(reach=EVERYWHERE)) == 2

    def test_cases_of_one_name_of_two_organisations_are_two(self, known, tmp_path):
        ours, theirs = organisation("Ours"), organisation("Theirs")
        for other, whose in ((5, ours), (6, theirs)):
            by = Actor(ActorKind.PERSON, new_id(NOW), whose)
            scanned(tmp_path / str(other), "case-12", by=by, seeds=(1, other))
        found = queries.figures(known[0], reach=Reach(across_cases=False, organisation_id=ours))
        assert (found.cases, found.seen_in) == (2, (Case("case-12", ours),))
        everywhere = queries.figures(known[0], reach=EVERYWHERE)
        assert {(one.name, one.organisation_id) for one in everywhere.seen_in} == {
            ("case-12", ours),
            ("case-12", theirs),
        }
        nowhere = queries.figures(known[0], reach=Reach(across_cases=False, organisation_id=organisation("Other")))
        assert (nowhere.cases, nowhere.seen_in) == (2, ())

    def test_the_last_sightings_of_a_series_come_in_order_whatever_their_depiction(self, known):
        for number in range(12):
            ask(picture(1 + number % 2), now=at(2026, 1 + number % 6, 1 + number))
        rows = queries.last_seen(known[0], reach=EVERYWHERE, limit=5)
        every = sorted(Match.objects.values_list("seen_at", flat=True).distinct(), reverse=True)
        assert [row.seen_at for row in rows] == every[:5]
        assert len(queries.last_seen(known[0], reach=EVERYWHERE, limit=100)) == 12

    def test_what_was_undone_or_expired_counts_no_more(self, known, settings):
        (first, second), (word, _) = known
        ask(picture(1), picture(2))
        revoke.revoke(word, reason="a mistake", by=COMMAND, now=NOW)
        assert queries.counts([first, second]) == {second: 1}
        assert queries.figures([first], reach=EVERYWHERE).last_at is None
        while actions.expire(by=NODE, now=NOW + timedelta(days=settings.MATCHED_SIGHTING_DAYS)):
            pass
        assert not Tally.objects.exists()

    def test_the_tallies_are_what_counting_the_rows_gives(self, known, tmp_path):
        (first, second), (word, _) = known
        ask(picture(1), picture(2), picture(1, bits=6), now=at(2025, 3))
        scanned(tmp_path, "case-7", by=COMMAND, seeds=(1, 2, 3))
        third = depict(*picture(3))
        say(third)
        retrace_all()
        revoke.revoke(word, reason="a mistake", by=COMMAND, now=NOW)
        held = {
            (row.depiction_id, row.month, row.place_kind, row.country, row.case): row.sightings
            for row in Tally.objects.all()
        }
        counted = Counter(
            (depiction, seen.date().replace(day=1), place, country, key_of(case, organisation))
            for _, depiction, seen, place, country, case, organisation in set(
                Match.objects.filter(undone_at=None, is_shadow=False).values_list(
                    "sighting",
                    "depiction",
                    "seen_at",
                    "sighting__place_kind",
                    "sighting__country",
                    "sighting__case",
                    "sighting__organisation",
                )
            )
        )
        assert held == dict(counted)
        assert set(queries.counts([first, second, third])) == {second, third}


class TestRevoke:
    def test_undoes_at_once_and_lists_everything_done_on_its_strength(self, known):
        (first, _), (word, _) = known
        ask(*[picture(1)] * 5)
        assert revoke.revoke(word, reason="a mistake", by=COMMAND, now=NOW) == 10
        rows = queries.done_on_the_strength_of(word, reach=EVERYWHERE, limit=4)
        more = queries.done_on_the_strength_of(word, reach=EVERYWHERE, after=rows[-1].match)
        assert len(rows) + len(more) == 10
        assert all(row.undone_at == NOW and row.seen.depiction == first for row in rows + more)
        assert queries.task_count(queries.Wanted(), reach=EVERYWHERE) == 5
        retrace_all()
        assert queries.task_count(queries.Wanted(), reach=EVERYWHERE) == 5

    def test_lists_what_relied_on_a_word_that_others_carry_too(self, known):
        (first, _), (word, _) = known
        say(first, by="Second hotline")
        ask(picture(1))
        assert revoke.revoke(word, reason="a mistake", by=COMMAND, now=NOW) == 0
        assert {row.undone_at for row in queries.done_on_the_strength_of(word, reach=EVERYWHERE)} == {None}

    def test_a_dispute_undoes_only_where_it_is_upheld(self, known):
        _, (word, other) = known
        ask(picture(1), picture(2))
        for assertion, outcome, undone in ((word, DisputeOutcome.UPHELD, 2), (other, DisputeOutcome.REJECTED, 0)):
            dispute = catalogue.open_dispute(assertion, grounds="doubt", by=COMMAND, now=NOW)
            settled = {"outcome": outcome, "settlement": "looked at", "by": COMMAND, "now": NOW}
            assert revoke.settle_dispute(dispute, **settled) == undone
