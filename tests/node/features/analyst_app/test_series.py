# SPDX-License-Identifier: Apache-2.0
"""Series: made with a working reference, filled on the pages of depictions, changed with a reason."""

import pytest

from node import audited
from vigie_node.accounts.roles import Role
from vigie_node.catalogue import series_queries
from vigie_node.catalogue.states import SeriesStatus

pytestmark = pytest.mark.django_db


@pytest.fixture
def inside(enter, client):
    enter(Role.INVESTIGATOR)
    return client


def the_series(reference):
    return next(one for one in series_queries.page().rows if one.reference == reference)


class TestSeries:
    def test_the_empty_page_says_how_they_come_about(self, inside):
        assert "No series yet" in inside.get("/series").text

    def test_one_is_made_with_a_reference_and_a_reason(self, inside):
        inside.post("/series/create", {"reference": "BE-2026-0001", "reason": "found in one exhibit"})
        page = inside.get(f"/series/{the_series('BE-2026-0001').id}").text
        assert "No depiction is linked" in page

    def test_a_name_is_refused_as_a_reference_and_what_was_typed_is_kept(self, inside):
        answer = inside.post("/series/create", {"reference": "a girl", "reason": "found in one exhibit"})
        assert answer.status_code == 422
        assert "never a name" in answer.text
        assert "found in one exhibit" in answer.text

    def test_the_address_of_a_form_says_that_nothing_opens_there(self, inside):
        answer = inside.get("/series/create")
        assert (answer.status_code, answer["Allow"]) == (405, "POST")
        assert "Go back to the page of the form." in answer.text

    def test_another_language_leads_from_a_form_with_errors_back_to_its_page(self, inside):
        answer = inside.post("/series/create", {"reference": "a girl"}, headers={"referer": "/series"})
        assert 'name="next" value="/series"' in answer.text

    def test_it_shows_its_depictions_and_where_they_were_seen(self, inside, world):
        page = inside.get(f"/series/{the_series('BE-2024-0117').id}").text
        assert "The same room." in page
        assert "Where and when it was seen" in page

    def test_who_looks_at_one_leaves_a_mark(self, inside, world):
        series = the_series("BE-2024-0117")
        with audited.events() as found:
            inside.get(f"/series/{series.id}")
        (seen,) = (one for one in found if one.event == "SERIES_READ")
        assert (seen.subject, dict(seen.details)) == (str(series.id), {"with_figures": True})

    def test_its_status_is_changed_with_a_reason_only(self, inside, world):
        series = the_series("BE-2024-0117")
        assert inside.post(f"/series/{series.id}/status", {"status": "IDENTIFIED", "reason": ""}).status_code == 422
        inside.post(f"/series/{series.id}/status", {"status": "IDENTIFIED", "reason": "told by the unit"})
        assert the_series("BE-2024-0117").status is SeriesStatus.IDENTIFIED
        assert "told by the unit" in inside.get(f"/series/{series.id}").text

    def test_an_unknown_one_is_not_found(self, inside):
        assert inside.get("/series/0192f0c1-2b3c-7abc-8def-0123456789ab").status_code == 404
