# SPDX-License-Identifier: Apache-2.0
"""Searching: what the box understands, what it finds, and what it leaves behind."""

import io
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from PIL import Image

from node import people
from node.features.analyst_app import world as building
from vigie_node.accounts.roles import Role
from vigie_node.base.actor import COMMAND
from vigie_node.catalogue import actions, searching
from vigie_node.catalogue.models import Depiction, Fingerprint, Import


@pytest.fixture
def analyst(enter):
    return enter(Role.ANALYST)


def last_record():
    with connection.cursor() as cursor:
        cursor.execute("SELECT record FROM audit_pendingevent ORDER BY number DESC LIMIT 1")
        return bytes(cursor.fetchone()[0]).decode()


class TestBox:
    def test_finds_by_an_equal_digest_whatever_its_case(self, analyst, world):
        page = analyst.post("/search", {"text": f" {world.sha256.upper()} "})
        assert str(world.depiction) in page.content.decode()
        assert "equal SHA-256" in page.content.decode()

    def test_finds_a_near_value_and_says_how_near(self, analyst, world):
        page = analyst.post("/search", {"text": f"pdq:{world.near_pdq}"}).content.decode()
        assert "2 of 256 bits differ" in page
        assert str(world.depiction) in page

    def test_says_what_a_partner_would_be_told(self, analyst, world):
        page = analyst.post("/search", {"text": f"sha256:{world.sha256}"}).content.decode()
        assert "What a partner who asks now is told" in page
        assert "national" in page

    def test_asks_both_kinds_of_64_digits(self, analyst, world):
        as_digest = analyst.post("/search", {"text": world.sha256}).content.decode()
        as_value = analyst.post("/search", {"text": world.pdq}).content.decode()
        assert "equal SHA-256" in as_digest
        assert "0 of 256 bits differ" in as_value

    def test_says_why_a_value_may_match_nothing(self, analyst, world):
        assert "may not match" in analyst.post("/search", {"text": "00" * 32}).content.decode()

    def test_leads_from_a_label_to_its_list(self, analyst, world):
        found = analyst.post("/search", {"text": "inhope:baseline"}, follow=True)
        assert found.redirect_chain == [("/catalogue?label=inhope%3Abaseline", 302)]
        assert found.content.decode().count("<code>…") == 3

    def test_leads_from_an_id_to_the_depiction(self, analyst, world):
        assert analyst.post("/search", {"text": str(world.depiction)}).url == f"/depictions/{world.depiction}"

    @pytest.mark.parametrize(("text", "found"), [("be-2024", "BE-2024-0117"), ("voorbeeld", "Meldpunt Voorbeeld")])
    def test_finds_series_and_sources_by_their_words(self, analyst, world, text, found):
        assert found in analyst.post("/search", {"text": text}).content.decode()

    @pytest.mark.parametrize(
        ("text", "status", "said"),
        [
            ("a" * 63, 422, "this has 63"),
            ("0197f3a2-0000-7000-8000-000000000000", 404, "Nothing in the catalogue has this id"),
            ("<script>", 200, "&lt;script&gt;"),
            ("", 200, "By a file"),
        ],
    )
    def test_says_what_is_wrong_or_not_there(self, analyst, world, text, status, said):
        page = analyst.post("/search", {"text": text})
        assert page.status_code == status
        assert said in page.content.decode()

    def test_leaves_a_mark_without_what_was_searched_for(self, analyst, world):
        analyst.post("/search", {"text": world.sha256})
        record = last_record()
        assert '"event":"CATALOGUE_SEARCHED"' in record
        assert world.sha256 not in record

    def test_finds_nothing_that_an_import_only_staged(self, analyst, world):
        staged = Import.objects.create(
            id=world.bare,
            source_id=world.source,
            file_name="x",
            file_sha256="0" * 64,
            format="csv",
            created_at=world.now,
        )
        Depiction.objects.filter(id=world.depiction).update(via=staged)
        Fingerprint.objects.filter(depiction=world.depiction).update(via=staged)
        page = analyst.post("/search", {"text": f"sha256:{world.sha256}"}).content.decode()
        assert "Nothing in the catalogue is the same or resembles it" in page
        assert analyst.get(f"/depictions/{world.depiction}").status_code == 404


class TestFile:
    def picture(self):
        content = io.BytesIO()
        Image.radial_gradient("L").resize((300, 200)).save(content, "PNG")
        return content.getvalue()

    def send(self, client, content):
        return client.post("/search/file", {"file": SimpleUploadedFile("holiday.png", content)})

    def test_is_fingerprinted_searched_and_dropped(self, analyst, world):
        page = self.send(analyst, self.picture())
        assert page.status_code == 200
        assert "Nothing in the catalogue is the same or resembles it" in page.content.decode()
        assert '"event":"FILE_SEARCHED"' in last_record()
        assert "holiday" not in page.content.decode() + last_record()

    def test_never_touches_the_file_system(self, analyst, world, settings):
        settings.FILE_UPLOAD_TEMP_DIR = "/proc/no-such-folder"
        settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 1
        assert self.send(analyst, self.picture()).status_code == 200

    def test_that_is_empty_is_refused_in_words(self, analyst, world):
        page = self.send(analyst, b"")
        assert page.status_code == 422
        assert "empty" in page.content.decode()

    def test_that_lies_about_its_type_is_searched_by_its_digests_and_said_so(self, analyst, world):
        page = self.send(analyst, b"\x89PNG\r\n\x1a\n" + bytes(100)).content.decode()
        assert "could not be read as a picture or video" in page

    def test_needs_the_token_of_our_own_form(self, world, enter):
        strict = people.sign_in(Client(enforce_csrf_checks=True), people.recruit(Role.ANALYST))
        assert self.send(strict, self.picture()).status_code == 403


class TestCatalogue:
    def test_is_filtered_by_label_and_source(self, analyst, world):
        page = analyst.get("/catalogue", {"label": "inhope:baseline", "source": str(world.source)}).content.decode()
        assert page.count("<code>…") == 2
        assert analyst.get("/catalogue", {"label": "uk:A"}).content.decode().count("<code>…") == 0

    def test_goes_on_to_the_next_page_without_gap_or_repetition(self, analyst, world, monkeypatch):
        monkeypatch.setattr(searching, "PAGE", 2)
        first = analyst.get("/catalogue").content.decode()
        following = re.search(r'rel="next" href="([^"]+)"', first)[1].replace("&amp;", "&")
        second = analyst.get(f"/catalogue{following}").content.decode()
        assert (first.count("<code>…"), second.count("<code>…")) == (2, 1)
        assert "First page" in second

    def test_is_to_be_had_as_a_file_without_formulas(self, analyst, world):
        odd = actions.record_source("=cmd", by=COMMAND, now=world.now)
        building.say(world.bare, odd, now=world.now)
        file = analyst.get("/catalogue?format=csv")
        assert file["Content-Disposition"] == 'attachment; filename="assertions.csv"'
        assert ",'=cmd," in file.content.decode()

    def test_survives_a_malformed_place_to_go_on_from(self, analyst, world):
        assert analyst.get("/catalogue?after=%00&source=x").status_code == 200
