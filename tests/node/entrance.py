# SPDX-License-Identifier: Apache-2.0
"""Standing before the sign-in page: what somebody types, and whether it let them in."""

import re
import time

from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.core.cache import cache

from node import people
from vigie_node.accounts import models
from vigie_node.accounts.roles import Role

ADDRESS, PASSWORD = "b.dubois@example.org", "four pale lanterns drift"


def forget_attempts():
    """Let nobody have tried anything."""
    cache.clear()


def recruit():
    """Record the administrator who will sign in."""
    return people.recruit(Role.ADMINISTRATOR, email=ADDRESS, name="B. Dubois")


def give_password(person_id):
    """Give a person the password of these tests."""
    person = models.Person.objects.get(id=person_id)
    person.set_password(PASSWORD)
    person.save()


def give_code_app(person_id):
    """Give a person a code app and return the key that it keeps."""
    made = generate_totp_secret()
    TOTP.activate(models.Person.objects.get(id=person_id), made)
    return made


def code(secret, later=0):
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + later))


def give(client, address=ADDRESS, password=PASSWORD, **more):
    return client.post("/sign-in", {"login": address, "password": password, **more})


def sign_in(client, secret, later=0):
    give(client)
    return client.post("/sign-in/second-factor", {"code": code(secret, later)})


def is_in(client):
    return client.get("/people").status_code == 200


def scrubbed(response):
    text = re.sub(r'value="[A-Za-z0-9]{64}"', "", response.content.decode())
    return re.sub(r'value="[^"]*@example.org"', "", text)


def move(client, **back):
    session = client.session
    for name, by in back.items():
        session[name] = time.time() - by.total_seconds()
    session.save()


def again(client):
    """Let the session have just been asked again."""
    session = client.session
    records = session.get("account_authentication_methods", [])
    session["account_authentication_methods"] = [
        *records, {"method": "mfa", "type": "totp", "at": time.time(), "reauthenticated": True},
    ]  # fmt: skip
    session["account_authentication_methods_user"] = session["_auth_user_id"]
    session.save()
