# SPDX-License-Identifier: Apache-2.0
import subprocess
import sys

import pytest
from django.apps import apps

from vigie_node.project.faces import GRANTS, LOGINS, Face, grant_of, login_of

TABLES = sorted(model._meta.db_table for model in apps.get_models(include_auto_created=True))
FORBIDDEN = ("vigie_node.catalogue", "vigie_node.matching", "vigie_node.sightings", "vigie_node.accounts",
             "vigie_node.flows", "vigie_node.analyst_app", "vigie_node.partner_api")  # fmt: skip


class TestGrants:
    @pytest.mark.parametrize("table", [*TABLES, "cache", "django_migrations"])
    def test_decide_on_every_table(self, table):
        assert grant_of(table) is not None

    def test_let_the_public_face_leave_an_event_and_nothing_else(self):
        may = {table: grant_of(table).public for table in TABLES if grant_of(table).public}
        assert may == {"audit_pendingevent": "I"}

    @pytest.mark.parametrize("table", [one for one in TABLES if one.startswith("audit_")])
    def test_let_no_face_change_what_the_audit_holds(self, table):
        for face in LOGINS:
            assert "U" not in grant_of(table).of(face) or table == "audit_frontier"
            is_mover = face is Face.WORKER and table in {"audit_pendingevent", "audit_verification"}
            assert "D" not in grant_of(table).of(face) or is_mover

    def test_keep_people_and_sessions_from_partners(self):
        kept = (
            "accounts_person",
            "accounts_rolegrant",
            "accounts_enrolmentlink",
            "django_session",
            "mfa_authenticator",
        )
        assert [grant_of(table).partner for table in kept] == [""] * len(kept)

    def test_name_only_what_there_is_to_do(self):
        for grant in GRANTS:
            for face in LOGINS:
                assert set(grant.of(face)) <= set("SIUD")


class TestLogins:
    @pytest.mark.parametrize("database", ["vigie", "é" * 31, "x" * 63])
    def test_have_names_that_postgresql_does_not_cut(self, database):
        names = {login_of(face, database=database) for face in LOGINS}
        assert len(names) == len(LOGINS)
        assert all(len(one.encode()) <= 63 for one in names)

    def test_of_long_databases_do_not_meet(self):
        assert login_of(Face.PUBLIC, database="x" * 62 + "1") != login_of(Face.PUBLIC, database="x" * 62 + "2")


class TestThePublicFace:
    def test_loads_nothing_of_the_catalogue(self):
        program = (
            "import os, sys; os.environ |= {'VIGIE_FACE': 'public', 'VIGIE_SECRET_KEY': 'x' * 50}\n"
            "from vigie_node.project.wsgi import application\n"
            "from django.test import Client\n"
            "from django.urls import get_resolver; get_resolver().url_patterns\n"
            "assert Client(headers={'host': 'localhost'}).get('/').status_code == 200\n"
            "print(*sorted(one for one in sys.modules if one.startswith('vigie')))"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        loaded = done.stdout.split()
        assert "vigie_node.public_site.pages" in loaded
        assert [one for one in loaded if one.startswith(FORBIDDEN)] == []
