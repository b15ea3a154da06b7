# SPDX-License-Identifier: Apache-2.0
import secrets

import pytest
from django.conf import settings as django_settings
from django.core.checks import run_checks

from vigie_node.cli import homes
from vigie_node.project import checks
from vigie_node.project.faces import Face


@pytest.fixture
def safe(settings, tmp_path, monkeypatch):
    """A configuration on which the node starts; each test takes one thing away."""
    homes.make(tmp_path / "home")
    settings.HOME = tmp_path / "home"
    settings.SECRETS = settings.HOME / "secrets"
    for name in checks.SECRETS:
        setattr(settings, name, secrets.token_urlsafe(32))
    database = settings.HOME / "node.sqlite3"
    database.touch(0o600)
    stand_on(database, monkeypatch)
    settings.ADDRESSES = {
        Face.PUBLIC: "127.0.0.1:8000",
        Face.ANALYST: "localhost:8001",
        Face.PARTNER: "[::1]:8002",
    }
    settings.HTTPS = False
    settings.ALLOWED_HOSTS = ["localhost"]
    settings.DEBUG = False
    return settings


def stand_on(database, monkeypatch):
    of_node = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(database)}
    monkeypatch.setitem(django_settings.DATABASES, "default", of_node)


def found():
    return sorted({one.id for one in run_checks(tags=[checks.TAG])})


class TestCheck:
    def test_is_content_with_a_safe_configuration(self, safe):
        assert found() == []

    @pytest.mark.parametrize("name", checks.SECRETS)
    @pytest.mark.parametrize("value", ["", "too-short"])
    def test_refuses_a_secret_that_is_missing_or_short(self, safe, name, value):
        setattr(safe, name, value)
        assert found() == ["vigie.E001"]

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
    def test_refuses_a_secret_that_others_can_read(self, safe, mode):
        (safe.SECRETS / "field_key").chmod(mode)
        assert found() == ["vigie.E002"]

    def test_refuses_an_open_folder_of_secrets(self, safe):
        safe.SECRETS.chmod(0o755)
        assert found() == ["vigie.E002"]

    @pytest.mark.parametrize("address", ["0.0.0.0:8001", "192.0.2.1:8001", "[::]:8001", "node.example.org:8001"])
    def test_refuses_a_public_address_without_https(self, safe, address):
        safe.ADDRESSES = {Face.ANALYST: address}
        assert found() == ["vigie.E003"]
        safe.HTTPS = True
        assert found() == []

    def test_refuses_debug(self, safe):
        safe.DEBUG = True
        assert found() == ["vigie.E004"]

    @pytest.mark.parametrize("hosts", [[], ["*"], ["node.example.org", "*"]])
    def test_refuses_any_name_and_none(self, safe, hosts):
        safe.ALLOWED_HOSTS = hosts
        assert found() == ["vigie.E005"]

    @pytest.mark.parametrize("suffix", ["", "-wal", "-shm"])
    def test_refuses_a_database_that_others_can_read(self, safe, tmp_path, monkeypatch, suffix):
        tmp_path.chmod(0o755)
        file = tmp_path / f"elsewhere.sqlite3{suffix}"
        file.touch()
        file.chmod(0o644)
        stand_on(tmp_path / "elsewhere.sqlite3", monkeypatch)
        assert found() == ["vigie.E006"]

    def test_refuses_an_open_home(self, safe):
        safe.HOME.chmod(0o755)
        assert found() == ["vigie.E008"]

    @pytest.mark.parametrize("address", ["", "8001", "localhost", "localhost:http", "localhost:0", "localhost:70000"])
    def test_refuses_an_address_that_is_none(self, safe, address):
        safe.ADDRESSES = {Face.ANALYST: address}
        assert found() == ["vigie.E009"]

    def test_says_what_to_do_each_time(self, safe):
        safe.DEBUG, safe.ALLOWED_HOSTS, safe.ADDRESSES = True, [], {Face.ANALYST: ""}
        assert all(one.hint for one in run_checks(tags=[checks.TAG]))
