# SPDX-License-Identifier: Apache-2.0
import csv
import io
import re
from datetime import timedelta

import pytest
from django.test import Client

from node import people
from node.append_only import lifted
from node.audited import events
from node.features.audit.audit_building import NOW, record, sequence, verify
from vigie_node.accounts.roles import PERMISSIONS, Permission, Role
from vigie_node.analyst_app import audit_words
from vigie_node.audit import heads, models, queries, records
from vigie_node.audit.events import Event

pytestmark = pytest.mark.django_db


@pytest.fixture
def auditor():
    return people.recruit(Role.AUDITOR, name="C. Auditor")


@pytest.fixture
def client(auditor):
    return people.sign_in(Client(), auditor)


def numbers(response):
    body = response.content.decode()
    found = re.findall(r'<td class="figure">([\d,]+)</td>', body)
    return [int(one.replace(",", "")) for one in found]


class TestPage:
    def test_shows_who_did_what_to_what(self, client, auditor):
        record(1, by=people.actor(auditor), event=Event.LIST_CHANGED)
        sequence()
        body = client.get("/audit").content.decode()
        for part in ("a list was changed", "C. Auditor", "how many: 1", "1 Mar 2026, 12:00", "not verified yet"):
            assert part in body

    def test_is_empty_in_words(self, client):
        models.PendingEvent.objects.all().delete()
        assert "No event yet" in client.get("/audit").content.decode()

    def test_records_each_reading_once(self, client):
        record(3)
        sequence()
        with events() as found:
            client.get("/audit?subject=2&since=2026-01-01")
        assert [(one.event, one.details) for one in found] == [
            ("AUDIT_READ", {"rows": 1, "filters": ["subject", "since"]})
        ]

    def test_goes_through_all_pages_without_loss_while_events_arrive(self, client):
        record(120)
        sequence()
        seen, address = [], "/audit?event=DEPICTION_READ"
        while address:
            response = client.get(address)
            seen += numbers(response)
            sequence()  # the reading itself
            following = re.search(r'rel="next" href="([^"]*)"', response.content.decode())
            address = "/audit" + following[1].replace("&amp;", "&") if following else ""
        places = models.Event.objects.filter(event="DEPICTION_READ").values_list("sequence", flat=True)
        assert seen == sorted(places, reverse=True)

    @pytest.mark.parametrize(
        ("query", "count"),
        [
            ("event=LIST_CREATED", 1),
            ("event=DEPICTION_READ&subject=2", 1),
            ("actor=PERSON:00000000-0000-0000-0000-000000000007", 4),
            ("actor=00000000-0000-0000-0000-000000000007&event=DEPICTION_READ", 3),
            ("since=2026-03-01&until=2026-03-01", 3),
            ("since=2026-03-02&until=2026-03-02", 1),
            ("subject=nothing", 0),
            ("after=1", 0),
            ("after=nonsense&since=2026-03-02&until=2026-03-02", 1),
            ("after=99999999999999999999999999999&subject=2", 1),
        ],
    )
    def test_filters(self, client, query, count):
        models.PendingEvent.objects.all().delete()
        record(3)
        record(1, event=Event.LIST_CREATED, at=NOW + timedelta(days=1))
        sequence()
        assert len(numbers(client.get(f"/audit?{query}"))) == count

    @pytest.mark.parametrize("query", ["event=NO_SUCH", "since=yesterday", f"subject={'x' * 65}"])
    def test_says_what_is_wrong_with_a_filter(self, client, query):
        response = client.get(f"/audit?{query}")
        assert response.status_code == 422
        assert "wrong" in response.content.decode()

    def test_shows_events_that_it_has_no_words_for(self, client):
        record(1)
        pending = models.PendingEvent.objects.order_by("number").last()
        pending.record = (
            bytes(pending.record)
            .replace(b"DEPICTION_READ", b"OF_LATER_TIMES")
            .replace(b"PERSON:00000000-0000-0000-0000-000000000007", b"PERSON:nobody")
        )
        pending.save()
        models.PendingEvent.objects.create(record=b"<script>")
        sequence()
        body = client.get("/audit").content.decode()
        assert "OF_LATER_TIMES" in body
        assert "something that is no record was inserted" in body

    def test_says_when_it_does_not_verify(self, client):
        record(3)
        sequence()
        verify()
        assert "does not verify" not in client.get("/audit").content.decode()
        with lifted():
            models.Event.objects.filter(sequence=2).update(subject="x")
        verify()
        assert "does not verify" in client.get("/audit").content.decode()

    @pytest.mark.parametrize("role", [one for one in Role if one != Role.AUDITOR])
    def test_is_not_for_who_may_not_read_it(self, role):

        expected = 200 if Permission.AUDIT_READ in PERMISSIONS[role] else 403
        client = people.sign_in(Client(), people.recruit(role))
        assert client.get("/audit").status_code == expected
        assert (client.post("/audit/head").status_code == 403) == (expected == 403)

    def test_costs_few_queries(self, client, django_assert_max_num_queries):
        record(60)
        sequence()
        client.get("/audit")
        with django_assert_max_num_queries(20):
            client.get("/audit")


class TestFile:
    def test_holds_what_is_shown_and_is_recorded(self, client):
        models.PendingEvent.objects.all().delete()
        record(60)
        sequence()
        record(5)  # after the head: not in it
        with events() as found:
            response = client.get("/audit?event=DEPICTION_READ&format=csv")
            text = b"".join(response.streaming_content).decode()
        rows = list(csv.reader(io.StringIO(text)))
        assert rows[0] == ["sequence", "id", "event", "subject", "actor", "organisation", "at", "details"]
        assert [row[0] for row in rows[1:]] == [str(one) for one in range(1, 61)]
        assert rows[1][6:] == ["2026-03-01T12:00:00+00:00", "count=1"]
        assert [(one.event, one.details) for one in found] == [("AUDIT_EXPORTED", {"up_to": 60, "filters": ["event"]})]


class TestHead:
    def test_is_a_file_that_verifies(self, client, settings):
        record(3)
        sequence()
        response = client.post("/audit/head")
        assert re.fullmatch(r'attachment; filename="audit-head-\d{8}T\d{6}Z\.json"', response["Content-Disposition"])
        assert heads.load(response.content) == queries.latest_head()

    def test_is_not_to_be_had_by_a_link(self, client):
        assert client.get("/audit/head").status_code == 405

    def test_says_when_there_is_none(self, client):
        response = client.post("/audit/head", follow=True)
        assert "nothing was put in order and signed yet" in response.content.decode()


class TestWords:
    def test_there_are_some_for_every_event(self):
        assert set(audit_words.WORDS) == {*Event, records.UNREADABLE}
