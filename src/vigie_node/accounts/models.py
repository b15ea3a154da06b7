# SPDX-License-Identifier: Apache-2.0
"""People, the organisations that they belong to, their roles, and the keys of organisations.

- A person or a key is not deleted when access ends: the row stays ten years longer, to say who did what.
- Of a key and of an enrolment link only the SHA-256 is kept. Both are 256 random bits, so no slow hash is needed.
- `session_epoch` is part of what every session of a person is checked against: raising it ends them all at once.
"""

from collections.abc import Iterator
from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils.crypto import salted_hmac

from vigie_node.accounts.roles import Role
from vigie_node.accounts.states import OrganisationKind


def _one_of(field: str, enum: type, *, name: str) -> models.CheckConstraint:
    return models.CheckConstraint(condition=Q(**{f"{field}__in": [one.value for one in enum]}), name=name)  # type: ignore[attr-defined]


class Organisation(models.Model):
    """An organisation that has people or keys here."""

    class Retention:
        purpose: ClassVar[str] = "Says whose people and keys they are"
        keep_for: ClassVar[str] = "for good: records refer to it"
        scrub: ClassVar[str] = "kept: names an organisation, never a person"

    id = models.UUIDField(primary_key=True)
    name = models.CharField(max_length=200, unique=True)
    country = models.CharField(max_length=2)
    kind = models.CharField(max_length=16)
    created_at = models.DateTimeField()

    class Meta:
        app_label = "accounts"
        constraints: ClassVar = [_one_of("kind", OrganisationKind, name="organisation_kind")]

    def __repr__(self) -> str:
        return f"<Organisation {self.pk}>"


class People(BaseUserManager["Person"]):
    """Finds people by the address that they sign in with, in any case of letters."""

    def get_by_natural_key(self, username: str | None) -> "Person":
        """Return the person who signs in with an address."""
        return self.get(email=(username or "").lower())


class Person(AbstractBaseUser):
    """Somebody who may sign in; an inactive person has no sessions and cannot start one."""

    class Retention:
        purpose: ClassVar[str] = "Lets a person sign in and says who did what"
        keep_for: ClassVar[str] = "10 years after access ended"
        scrub: ClassVar[str] = "deleted with address, name, password and second factors; the audit keeps the id"
        ended_by: ClassVar[str] = "accounts.tidy_actions.tidy"

    id = models.UUIDField(primary_key=True)
    email = models.EmailField(unique=True)
    display_name = models.CharField(max_length=100)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="people")
    language = models.CharField(max_length=5, default="en")
    is_active = models.BooleanField(default=True)
    ended_at = models.DateTimeField(null=True)
    session_epoch = models.IntegerField(default=0)
    created_at = models.DateTimeField()

    objects: ClassVar[People] = People()
    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        app_label = "accounts"
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(email=Lower(F("email"))), name="person_email_lower"),
            models.CheckConstraint(
                condition=Q(is_active=True, ended_at=None) | Q(is_active=False, ended_at__isnull=False),
                name="person_active_or_ended",
            ),
        ]

    def __repr__(self) -> str:
        return f"<Person {self.pk}>"

    def __str__(self) -> str:
        return self.display_name

    def get_session_auth_hash(self) -> str:
        """Return what every session of this person is checked against."""
        return self._session_hash()

    def get_session_auth_fallback_hash(self) -> Iterator[str]:
        """Return what it was under earlier secret keys of the node: a changed key ends the sessions."""
        return iter(())

    def _session_hash(self) -> str:
        text = f"{self.password}:{self.session_epoch}"
        return salted_hmac("vigie_node.accounts.session", text, algorithm="sha256").hexdigest()


class RoleGrant(models.Model):
    """That a person has a role, by whom and from when to when."""

    class Retention:
        purpose: ClassVar[str] = "Says what a person may do, and who let them"
        keep_for: ClassVar[str] = "as long as the person"
        scrub: ClassVar[str] = "deleted with the person"
        ended_by: ClassVar[str] = "accounts.Person"

    id = models.UUIDField(primary_key=True)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="grants")
    role = models.CharField(max_length=16)
    granted_at = models.DateTimeField()
    granted_by = models.CharField(max_length=64)
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.CharField(max_length=64, default="")

    class Meta:
        app_label = "accounts"
        constraints: ClassVar = [
            _one_of("role", Role, name="grant_role"),
            models.UniqueConstraint(fields=["person", "role"], condition=Q(revoked_at=None), name="grant_once"),
            models.CheckConstraint(
                condition=Q(revoked_at=None, revoked_by="") | (Q(revoked_at__isnull=False) & ~Q(revoked_by="")),
                name="grant_revoked_by",
            ),
        ]


class EnrolmentLink(models.Model):
    """A link that lets one person start anew, once, for a short time."""

    class Retention:
        purpose: ClassVar[str] = "Lets a person set up how they sign in"
        keep_for: ClassVar[str] = "1 year"
        scrub: ClassVar[str] = "the row is deleted; it never held the token"
        ended_by: ClassVar[str] = "accounts.tidy_actions.tidy"

    id = models.UUIDField(primary_key=True)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="links")
    token_sha256 = models.BinaryField(max_length=32, unique=True)
    issued_at = models.DateTimeField()
    issued_by = models.CharField(max_length=64)
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)  # used, replaced by a newer one, or the person's access ended
    was_used = models.BooleanField(default=False)

    class Meta:
        app_label = "accounts"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["person"], condition=Q(ended_at=None), name="link_one_open"),
            models.CheckConstraint(condition=Q(was_used=False) | Q(ended_at__isnull=False), name="link_used_is_ended"),
        ]

    def __repr__(self) -> str:
        return f"<EnrolmentLink {self.pk}>"


class Key(models.Model):
    """What another organisation's programs show; the prefix finds it, the hash proves it."""

    class Retention:
        purpose: ClassVar[str] = "Lets an organisation's programs ask, within what was agreed"
        keep_for: ClassVar[str] = "10 years after it was revoked or expired"
        scrub: ClassVar[str] = "the row is deleted; it never held the token"
        ended_by: ClassVar[str] = "accounts.tidy_actions.tidy"

    id = models.UUIDField(primary_key=True)
    prefix = models.CharField(max_length=8, unique=True)
    secret_sha256 = models.BinaryField(max_length=32)  # of the whole token
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="keys")
    name = models.CharField(max_length=100)
    scopes = models.JSONField()
    expires_at = models.DateTimeField(null=True)
    per_minute = models.IntegerField()
    values_per_day = models.BigIntegerField()
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=64)
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.CharField(max_length=64, default="")
    revoked_reason = models.TextField(default="")
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "accounts"
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(per_minute__gt=0, values_per_day__gt=0), name="key_quotas"),
            models.CheckConstraint(
                condition=Q(revoked_at=None, revoked_by="") | (Q(revoked_at__isnull=False) & ~Q(revoked_by="")),
                name="key_revoked_by",
            ),
        ]

    def __repr__(self) -> str:
        return f"<Key {self.pk}>"


class KeyDay(models.Model):
    """How much a key asked on one day: counts, never what was asked."""

    class Retention:
        purpose: ClassVar[str] = "Holds a key to its daily quota and shows its use"
        keep_for: ClassVar[str] = "400 days"
        scrub: ClassVar[str] = "the row is deleted"
        ended_by: ClassVar[str] = "accounts.tidy_actions.tidy"

    id = models.BigAutoField(primary_key=True)
    key = models.ForeignKey(Key, on_delete=models.CASCADE, related_name="days")
    day = models.DateField()
    requests = models.BigIntegerField(default=0)
    values = models.BigIntegerField(default=0)

    class Meta:
        app_label = "accounts"
        constraints: ClassVar = [models.UniqueConstraint(fields=["key", "day"], name="key_day_once")]
