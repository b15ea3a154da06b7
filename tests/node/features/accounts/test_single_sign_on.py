# SPDX-License-Identifier: Apache-2.0
"""Single sign-on against a provider on this machine: who is let in, and who is not."""

import http.server
import json
import os
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from allauth.socialaccount.models import SocialAccount, SocialToken
from django.core.cache import cache
from django.test import Client

from node import entrance, people
from node.audited import events
from vigie_node.accounts import actions, models
from vigie_node.accounts.roles import Role
from vigie_node.base.actor import COMMAND

pytestmark = pytest.mark.django_db
ADDRESS = "b.dubois@example.org"


class Provider(http.server.BaseHTTPRequestHandler):
    """An OpenID provider that says whatever `claims` holds."""

    claims: ClassVar[dict] = {}

    def do_GET(self):
        issuer = f"http://127.0.0.1:{self.server.server_port}"
        if self.path == "/.well-known/openid-configuration":
            self.answer({
                "issuer": issuer, "authorization_endpoint": f"{issuer}/authorise", "token_endpoint": f"{issuer}/token",
                "userinfo_endpoint": f"{issuer}/userinfo", "jwks_uri": f"{issuer}/keys",
                "token_endpoint_auth_methods_supported": ["client_secret_post"],
            })  # fmt: skip
        elif self.path == "/userinfo":
            self.answer(self.claims)
        else:
            self.send_error(404)

    def do_POST(self):
        issuer = f"http://127.0.0.1:{self.server.server_port}"
        sent = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        assert sent["client_id"] == ["node"]
        assert sent["code_verifier"]
        now = int(time.time())
        claims = {"iss": issuer, "aud": "node", "iat": now, "exp": now + 60, **self.claims}
        token = jwt.encode(claims, "k" * 32, algorithm="HS256")
        self.answer({"access_token": "at", "token_type": "Bearer", "id_token": token, "expires_in": 60})

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, format, *arguments):
        pass


@pytest.fixture
def provider(settings):
    cache.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Provider) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        settings.SOCIALACCOUNT_PROVIDERS = {
            "openid_connect": {
                "OAUTH_PKCE_ENABLED": True,
                "APPS": [
                    {
                        "provider_id": "sso", "name": "Example", "client_id": "node", "secret": "s",
                        "settings": {
                            "server_url": f"http://127.0.0.1:{server.server_port}", "email_authentication": True,
                        },
                    }
                ],
            }
        }  # fmt: skip
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def somebody():
    return people.recruit(Role.ADMINISTRATOR, email=ADDRESS)


def come_back(client, *, process="", **claims):
    Provider.claims = {"sub": "7", "email": ADDRESS, "email_verified": True, "name": "B. Dubois"} | claims
    start = client.post("/sign-in/with/sso" + (f"?process={process}" if process else ""))
    query = parse_qs(urlsplit(start.headers["Location"]).query)
    assert query["code_challenge_method"] == ["S256"]
    return client.get("/sign-in/with/sso/back", {"code": "c", "state": query["state"][0]})


class TestSomebodyInvited:
    def test_comes_in_and_sets_up_a_second_factor(self, client, provider, somebody):
        with events() as found:
            come_back(client)
        assert client.get("/people").headers["Location"] == "/enrol/choose"
        assert client.get("/account/code-app/add").status_code == 200  # a code is a second factor here
        assert [(one.event, one.details["methods"]) for one in found] == [("SIGNED_IN", ["socialaccount"])]

    def test_is_asked_for_the_second_factor_they_have(self, client, provider, somebody):
        TOTP.activate(models.Person.objects.get(id=somebody), generate_totp_secret())
        assert come_back(client).headers["Location"] == "/sign-in/second-factor"

    def test_keeps_their_password_and_nothing_is_connected_or_kept(self, client, provider, somebody):
        person = models.Person.objects.get(id=somebody)
        person.set_password("four pale lanterns drift")
        person.save()
        come_back(client)
        assert models.Person.objects.get(id=somebody).has_usable_password()
        assert not SocialAccount.objects.exists()
        assert not SocialToken.objects.exists()

    def test_is_found_in_any_case_of_letters(self, client, provider, somebody):
        come_back(client, email="B.Dubois@Example.org")
        assert client.get("/people").headers["Location"] == "/enrol/choose"


class TestAnybodyElse:
    @pytest.mark.parametrize(
        "claims",
        [{"email_verified": False}, {"email_verified": None}, {"email_verified": "true"}, {"email_verified": "false"},
         {"email_verified": 1}, {"email": "stranger@example.org"}, {"email": None}, {"email": ""},
         {"email": "b.dubois@example.org\n"}, {"email": "b.dubois@example.org.evil.example"}],
    )  # fmt: skip
    def test_is_not_let_in_and_not_recorded(self, client, provider, somebody, claims):
        before = models.Person.objects.count()
        answer = come_back(client, **claims)
        assert answer.status_code == 200
        assert "You have no access here" in answer.content.decode()
        assert client.get("/people").headers["Location"].startswith("/sign-in")
        assert models.Person.objects.count() == before
        assert not SocialAccount.objects.exists()

    def test_whose_access_ended_is_told_so(self, client, provider, somebody):
        actions.end_access(somebody, by=COMMAND, now=datetime.now(UTC))
        assert come_back(client).headers["Location"] == "/sign-in/ended"
        assert client.get("/people").headers["Location"].startswith("/sign-in")


class TestSomebodySignedIn:
    @pytest.mark.parametrize("process", ["connect", "redirect", "anything"])
    def test_cannot_tie_an_identity_of_the_provider_to_their_account(self, client, provider, process):
        person = people.recruit(Role.ADMINISTRATOR, email="somebody.else@example.org")
        entrance.again(people.sign_in(client, person))
        come_back(client, process=process)
        assert not SocialAccount.objects.exists()


class TestTheRoadBack:
    @pytest.mark.parametrize(
        "query", [{}, {"code": "c"}, {"code": "c", "state": "made-up"}, {"error": "access_denied"}]
    )
    def test_without_our_own_state_leads_nowhere(self, client, provider, somebody, query):
        client.post("/sign-in/with/sso")
        client.get("/sign-in/with/sso/back", query)
        assert client.get("/people").headers["Location"].startswith("/sign-in")

    def test_is_walked_by_the_browser_that_started(self, client, provider, somebody):
        start = client.post("/sign-in/with/sso")
        state = parse_qs(urlsplit(start.headers["Location"]).query)["state"][0]
        Provider.claims = {"sub": "7", "email": ADDRESS, "email_verified": True}
        other = Client()
        other.get("/sign-in/with/sso/back", {"code": "c", "state": state})
        assert other.get("/people").headers["Location"].startswith("/sign-in")

    def test_starts_with_a_form_only(self, client, provider):
        assert client.get("/sign-in/with/sso").status_code == 200

    def test_of_another_provider_is_not_there(self, client, provider):
        assert client.post("/sign-in/with/other").status_code == 404

    def test_to_a_provider_that_is_silent_says_so(self, client, provider):
        provider.shutdown()
        provider.server_close()
        answer = client.post("/sign-in/with/sso")
        assert answer.status_code == 503
        assert "accounts.sign-on-silent" in answer.content.decode()

    def test_to_a_provider_that_answers_nonsense_says_so(self, client, provider, monkeypatch):
        monkeypatch.setattr(Provider, "answer", lambda self, body: self.send_error(500))
        assert client.post("/sign-in/with/sso").status_code == 503


class TestSettings:
    def test_need_no_network_at_start(self):
        environment = os.environ | {
            "VIGIE_OIDC_ISSUER": "https://login.example.invalid/tenant", "VIGIE_OIDC_CLIENT_ID": "node",
            "VIGIE_OIDC_CLIENT_SECRET": "s", "VIGIE_OIDC_NAME": "Example", "VIGIE_FACE": "analyst",
        }  # fmt: skip
        program = (
            "import socket, django; socket.socket.connect = None; django.setup()\n"
            "from django.conf import settings\n"
            "from django.test import Client\n"
            "from vigie_node.analyst_app import sign_in\n"
            "print(settings.CONTENT_SECURITY_POLICY['DIRECTIVES']['form-action'], len(sign_in._APPS))"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.stdout == "[\"'self'\", 'https://login.example.invalid'] 1\n", done.stderr
