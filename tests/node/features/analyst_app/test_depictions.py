# SPDX-License-Identifier: Apache-2.0
"""The page of a depiction: what it shows to whom, and what can be done there."""

import re
from datetime import timedelta

import pytest

from vigie_node.accounts.roles import Role
from vigie_node.catalogue import dossier
from vigie_node.catalogue.states import DisputeOutcome, Standing
from vigie_node.sightings import inbox
from vigie_node.sightings.inbox import Wanted
from vigie_node.sightings.rules import EVERYWHERE
from vigie_node.sightings.states import TaskKind


@pytest.fixture
def senior(enter):
    return enter(Role.SENIOR_ANALYST)


def page_of(client, world):
    return client.get(f"/depictions/{world.depiction}").content.decode()


class TestPage:
    def test_says_who_says_what_and_why_a_list_claims_it(self, senior, world):
        page = page_of(senior, world)
        assert "Hotline Example" in page
        assert "1 list covers it." in page
        assert "1 assertion is disputed and does not count meanwhile." in page
        assert "The list is off." in page

    def test_derives_labels_from_facts(self, senior, world):
        assert "<b>tech-coalition</b> A2" in page_of(senior, world)

    def test_shows_where_it_was_seen(self, senior, world):
        page = page_of(senior, world)
        assert "4 times" in page
        assert "Seen in 2 countries" in page

    def test_gives_the_figures_behind_its_charts_as_files(self, senior, world):
        months = senior.get(f"/depictions/{world.depiction}/sightings/months").content.decode().splitlines()
        countries = senior.get(f"/depictions/{world.depiction}/sightings/countries").content.decode().splitlines()
        assert sum(int(row.partition(",")[2]) for row in months[1:]) == 4
        assert countries[:2] == ["countries,sightings", "BE,2"]

    def test_hides_the_fingerprints_until_asked(self, senior, world):
        assert world.sha256 not in page_of(senior, world)
        shown = senior.post(f"/depictions/{world.depiction}/fingerprints").content.decode()
        assert world.sha256 in shown
        assert "<h1>" in shown
        part = senior.post(f"/depictions/{world.depiction}/fingerprints", headers={"HX-Request": "true"})
        assert "<h1>" not in part.content.decode()

    def test_without_assertions_says_so(self, senior, world):
        page = senior.get(f"/depictions/{world.bare}").content.decode()
        assert "Nobody has said anything about it yet" in page
        assert "No list covers it" in page

    def test_offers_only_what_the_person_may_do(self, enter, world):
        page = page_of(enter(Role.AUDITOR), world)
        assert "Hotline Example" in page
        assert "Revoke" not in page
        assert "Where and when it was seen" not in page

    def test_refuses_what_the_person_may_not_do(self, enter, world):
        analyst, said = enter(Role.ANALYST), world.said()[0]
        refused = analyst.post(f"/depictions/{world.depiction}/assertions/{said.id}/revoke", {"reason": "x"})
        assert refused.status_code == 403
        assert world.said()[0].standing is Standing.DISPUTED

    def test_of_a_depiction_that_is_not_there_says_so(self, senior, world):
        assert senior.get(f"/depictions/{world.source}").status_code == 404


class TestActions:
    def post(self, client, world, address, **form):
        return client.post(f"/depictions/{world.depiction}/{address}", form, follow=True)

    def test_record_supersedes_the_sources_earlier_word(self, senior, world):
        page = self.post(
            senior, world, "record", source=str(world.source), label="inhope:national", ground="VERIFIED",
            ages=["pubescent"], acts=["exhibition"], origin="real", asserted_on=world.now.date().isoformat(),
        )  # fmt: skip
        assert "The assertion is recorded" in page.content.decode()
        assert [one.label for one in world.said() if one.counts] == ["national", "baseline"]

    def test_nothing_of_weight_is_chosen_before_somebody_chose_it(self, senior, world):
        page = page_of(senior, world)
        for name in ("source", "label", "ground", "outcome"):
            assert re.search(rf'<select name="{name}"[^>]* required[^>]*>\s*<option value="" selected>', page), name

    def test_record_refuses_a_day_that_has_not_come_and_keeps_what_was_typed(self, senior, world):
        page = self.post(
            senior, world, "record", source=str(world.source), label="uk:B", ground="SEEN",
            asserted_on=(world.now + timedelta(days=3)).date().isoformat(),
        )  # fmt: skip
        assert page.status_code == 422
        assert "This day has not come yet." in page.content.decode()
        assert 'value="uk:B" selected' in page.content.decode()
        assert "data-open" in page.content.decode()

    def test_revoke_stops_it_at_once(self, senior, world):
        for said in world.said():
            self.post(senior, world, f"assertions/{said.id}/revoke", reason="Taken from another file.")
        assert {one.standing for one in world.said()} == {Standing.REVOKED}
        assert "No list covers it" in page_of(senior, world)

    def test_revoke_undoes_at_once_and_lists_what_was_done_on_the_word(self, senior, world):
        alone = next(one for one in world.said() if one.standing is Standing.CURRENT)
        disputed = next(one for one in world.said() if one.open_dispute)
        carried = self.post(senior, world, f"assertions/{disputed.id}/revoke", reason="Another one.").content.decode()
        assert "Nothing that is kept was matched on it." in carried
        page = self.post(senior, world, f"assertions/{alone.id}/revoke", reason="Another picture.").content.decode()
        assert f"What was done on the assertion of {alone.source}" in page
        assert page.count("<td>undone ") == 4
        assert inbox.task_count(Wanted(kind=TaskKind.NO_LONGER_KNOWN), reach=EVERYWHERE) == 4
        again = senior.get(f"/depictions/{world.depiction}", {"relied": str(alone.id)}).content.decode()
        assert again.count("<td>undone ") == 4

    def test_a_dispute_that_is_upheld_lists_what_was_done_on_the_word(self, senior, world):
        disputed = next(one for one in world.said() if one.open_dispute)
        address = f"disputes/{disputed.open_dispute.id}/settle"
        page = self.post(
            senior, world, address, outcome="UPHELD", settlement="It was another picture."
        ).content.decode()
        assert f"What was done on the assertion of {disputed.source}" in page
        assert "undone " not in page

    def test_what_was_done_on_a_word_is_for_whoever_may_see_sightings(self, enter, world):
        shown = {"relied": str(world.said()[0].id)}
        page = enter(Role.AUDITOR).get(f"/depictions/{world.depiction}", shown).content.decode()
        assert "What was done on the assertion" not in page
        other = enter(Role.SENIOR_ANALYST).get(f"/depictions/{world.depiction}", {"relied": "nobody"}).content.decode()
        assert "What was done on the assertion" not in other

    @pytest.mark.parametrize("after", ["9" * 18, "9" * 30, "9" * 5000, "-1", "a", ""])
    def test_where_that_list_goes_on_may_be_any_text(self, senior, world, after):
        shown = {"relied": str(world.said()[0].id), "after": after}
        assert senior.get(f"/depictions/{world.depiction}", shown).status_code == 200

    def test_revoke_without_a_reason_is_refused_with_the_dialog_open(self, senior, world):
        page = self.post(senior, world, f"assertions/{world.said()[0].id}/revoke", reason=" ")
        assert page.status_code == 422
        assert "data-open" in page.content.decode()

    def test_revoke_twice_says_that_it_was_done(self, senior, world):
        address = f"assertions/{world.said()[0].id}/revoke"
        self.post(senior, world, address, reason="Once.")
        assert "revoked before" in self.post(senior, world, address, reason="Twice.").content.decode()

    def test_dispute_and_settlement(self, senior, world):
        current = next(one for one in world.said() if one.standing is Standing.CURRENT)
        self.post(senior, world, f"assertions/{current.id}/dispute", reason="The age is doubtful.")
        dispute = next(one.open_dispute for one in world.said() if one.id == current.id)
        self.post(senior, world, f"disputes/{dispute.id}/settle", outcome="REJECTED", settlement="Looked at again.")
        settled = next(one for one in world.said() if one.id == current.id)
        assert (settled.standing, settled.disputes[0].outcome) == (Standing.CURRENT, DisputeOutcome.REJECTED)

    def test_override_of_a_value_and_its_end(self, senior, world):
        value = dossier.values(world.depiction)[0]
        address = f"fingerprints/{value.row}/override"
        page = self.post(senior, world, address, reason="Matches a logo.", review_on=_in_days(world, 30))
        assert "4 matches are undone." in page.content.decode()
        assert dossier.values(world.depiction)[0].override.reason == "Matches a logo."
        assert "1 held back by our own decision" in page_of(senior, world)
        self.post(senior, world, address, reason="Looked at again.")
        assert dossier.values(world.depiction)[0].override is None

    def test_override_refuses_a_date_too_far_away(self, senior, world):
        value = dossier.values(world.depiction)[0]
        page = self.post(
            senior, world, f"fingerprints/{value.row}/override", reason="x", review_on=_in_days(world, 900)
        )
        assert page.status_code == 422
        assert "within a year" in page.content.decode()

    def test_link_to_a_series_and_out_of_it(self, senior, world):
        series = dossier.of(world.depiction).series[0]
        self.post(senior, world, f"series/{series.series_id}/unlink", reason="Another room.")
        assert dossier.of(world.depiction).series == ()
        self.post(senior, world, "series", reference="be-2024-0117", reason="It is that room.")
        assert dossier.of(world.depiction).series[0].reason == "It is that room."

    def test_link_to_a_series_that_is_not_there_says_so(self, senior, world):
        page = self.post(senior, world, "series", reference="NL-1", reason="x")
        assert "There is no series of this reference" in page.content.decode()


def _in_days(world, days):
    return (world.now + timedelta(days=days)).date().isoformat()
