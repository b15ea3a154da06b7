# SPDX-License-Identifier: Apache-2.0
"""Scans that are loaded: from the node's own folder only, on a ground and for a time."""

import pytest

from vigie_node.accounts.roles import Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def inside(enter, client, settings, tmp_path):
    settings.HOME = tmp_path
    (tmp_path / "results" / "exhibit-1").mkdir(parents=True)
    enter(Role.INVESTIGATOR)
    return client


def asked(**more):
    given = {"results": "exhibit-1", "case": "2026-0147", "basis": "criminal-investigation"}
    return given | {"expires_on": "2027-01-31", **more}


class TestLoads:
    def test_the_empty_page_says_what_they_are_for(self, inside):
        assert "No scan was loaded yet" in inside.get("/loads").text

    def test_where_no_results_lie_says_who_puts_them_there(self, inside, tmp_path):
        assert "the operator puts the folder" not in inside.get("/loads").text
        (tmp_path / "results" / "exhibit-1").rmdir()
        assert "There are none yet: the operator puts the folder" in inside.get("/loads").text

    def test_only_folders_of_the_node_can_be_chosen(self, inside):
        answer = inside.post("/loads/start", asked(results="../../etc"))
        assert answer.status_code == 422
        assert "2026-0147" in answer.text

    def test_a_folder_without_results_is_refused_in_words(self, inside):
        answer = inside.post("/loads/start", asked())
        assert answer.status_code == 422
        assert 'class="wrong"' in answer.text

    def test_an_expiry_beyond_the_ground_is_refused(self, inside):
        answer = inside.post("/loads/start", asked(expires_on="2099-01-01"))
        assert answer.status_code == 422
