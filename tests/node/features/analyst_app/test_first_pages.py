# SPDX-License-Identifier: Apache-2.0
"""Home, reviews, alarms and the page about the node."""

import re
from datetime import timedelta

import pytest

from vigie_node.accounts.roles import Role
from vigie_node.alarms import queries as alarms
from vigie_node.catalogue import reviews


class TestHome:
    def test_shows_what_needs_a_senior_analyst_and_the_day(self, enter, world):
        page = enter(Role.SENIOR_ANALYST).get("/").content.decode()
        assert "Settle the dispute about what" in page
        assert "A key asks as if to reconstruct a list" in page
        assert "Disputes open" in page

    def test_shows_an_administrator_nothing_of_the_catalogue(self, enter, world):
        page = enter(Role.ADMINISTRATOR).get("/").content.decode()
        assert "dispute" not in page.lower()
        assert 'href="/catalogue"' not in page

    def test_teaches_where_nothing_waits(self, enter):
        page = enter(Role.ANALYST).get("/").content.decode()
        assert "Nothing waits for you" in page
        assert "tasks from looking back" in page

    def test_promises_nobody_work_that_their_roles_never_get(self, enter):
        assert "imports to decide on" not in enter(Role.ANALYST).get("/").content.decode()
        page = enter(Role.AUDITOR).get("/").content.decode()
        assert "shows here" not in page
        assert "None of your roles has work that waits" in page

    @pytest.mark.parametrize("role", list(Role))
    def test_opens_for_every_role(self, enter, world, role):
        page = enter(role).get("/")
        assert page.status_code == 200
        for address in set(_addresses(page.content.decode())):
            assert enter(role).get(address).status_code == 200, address


def _addresses(page):
    """Every way that the first page offers: the navigation, the inbox, the figures."""
    links = [part.partition('"')[0] for part in re.split(r'<a [^>]*?href="', page)[1:]]
    return [link.partition("#")[0] for link in links if link.startswith("/")]


class TestReviews:
    def test_shows_disputes_and_values_held_back_but_no_value(self, enter, world):
        page = enter(Role.SENIOR_ANALYST).get("/reviews").content.decode()
        assert "One frame was looked at only." in page
        assert "Matched too often." in page
        assert "in quarantine" in page

    def test_keeps_a_value_until_another_date(self, enter, world):
        one = reviews.standing_overrides()[0]
        until = (world.now + timedelta(days=60)).date()
        form = {"reason": "Still a logo.", "review_on": until.isoformat()}
        enter(Role.SENIOR_ANALYST).post(f"/reviews/overrides/{one.id}/keep", form)
        kept = reviews.standing_overrides()[0]
        assert (kept.reason, kept.review_on) == ("Still a logo.", until)

    def test_lets_a_value_match_again(self, enter, world):
        one = reviews.standing_overrides()[0]
        enter(Role.SENIOR_ANALYST).post(f"/reviews/overrides/{one.id}/end", {"reason": "No flood any more."})
        assert reviews.standing_overrides() == []

    def test_comes_back_open_without_a_reason(self, enter, world):
        one = reviews.standing_overrides()[0]
        page = enter(Role.SENIOR_ANALYST).post(f"/reviews/overrides/{one.id}/end", {"reason": ""})
        assert page.status_code == 422
        assert "data-open" in page.content.decode()

    def test_finds_what_a_value_is(self, enter, world):
        one = reviews.standing_overrides()[0]
        page = enter(Role.SENIOR_ANALYST).post(f"/reviews/overrides/{one.id}/find").content.decode()
        assert "Nothing in the catalogue is the same or resembles it" in page


class TestAlarms:
    def test_are_settled_with_a_note(self, enter, world):
        client, alarm = enter(Role.SENIOR_ANALYST), alarms.standing()[0]
        assert "41 times" in client.get("/alarms").content.decode()
        page = client.post(f"/alarms/{alarm.id}/settle", {"note": "Spoke with the partner."}, follow=True)
        assert "Spoke with the partner." in page.content.decode()
        assert alarms.standing() == []

    def test_ask_for_the_note(self, enter, world):
        alarm = alarms.standing()[0]
        assert enter(Role.SENIOR_ANALYST).post(f"/alarms/{alarm.id}/settle", {"note": ""}).status_code == 422
        assert alarms.standing() == [alarm]

    def test_settled_by_somebody_else_meanwhile_are_said_so(self, enter, world):
        client, alarm = enter(Role.SENIOR_ANALYST), alarms.standing()[0]
        for _ in range(2):
            page = client.post(f"/alarms/{alarm.id}/settle", {"note": "Done."}, follow=True)
        assert "settled by somebody else" in page.content.decode()


class TestAbout:
    def test_says_how_the_node_is(self, enter, world):
        page = enter(Role.ANALYST).get("/about").content.decode()
        assert "answers" in page
        assert "Position of the change log" in page
