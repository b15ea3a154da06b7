# SPDX-License-Identifier: Apache-2.0
"""Read people, organisations and keys.

- A secret, its hash or a password is in no answer but `KeyRecord`, which only the process that checks keys asks for.
"""

import uuid
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime

from django.apps import apps
from django.db.models import Count, Prefetch, Q, QuerySet

from vigie_node.accounts import models
from vigie_node.accounts.roles import Permission, Role, Scope, permissions_of_roles
from vigie_node.accounts.states import Access, KeyState, OrganisationKind

if apps.is_installed("allauth.mfa"):  # the partners' face reads keys only and does without the factors of people
    from allauth.mfa.models import Authenticator


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """What a process needs to know of a key to let it ask; the hash is of the whole token."""

    id: uuid.UUID
    prefix: str
    secret_sha256: bytes = field(repr=False)
    organisation_id: uuid.UUID
    organisation_name: str
    scopes: frozenset[Scope]
    expires_at: datetime | None
    revoked: bool
    per_minute: int
    values_per_day: int


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key as a page shows it."""

    id: uuid.UUID
    prefix: str
    name: str
    organisation_id: uuid.UUID
    organisation_name: str
    scopes: tuple[Scope, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    revoked_reason: str
    last_used_at: datetime | None
    per_minute: int
    values_per_day: int
    values_today: int
    state: KeyState


@dataclass(frozen=True, slots=True)
class KeyUse:
    """How much a key asked on one day (UTC)."""

    day: date
    requests: int
    values: int


@dataclass(frozen=True, slots=True)
class OrganisationRow:
    """An organisation and how many people and keys it has here now."""

    id: uuid.UUID
    name: str
    country: str
    kind: OrganisationKind
    created_at: datetime
    people: int
    keys: int


@dataclass(frozen=True, slots=True)
class Grant:
    """A role that somebody has or had."""

    role: Role
    granted_at: datetime
    granted_by: str
    revoked_at: datetime | None
    revoked_by: str


@dataclass(frozen=True, slots=True)
class PersonRow:
    """A person as a page shows them."""

    id: uuid.UUID
    email: str = field(repr=False)
    display_name: str = field(repr=False)
    organisation_id: uuid.UUID
    organisation_name: str
    country: str
    language: str
    access: Access
    roles: tuple[Role, ...]
    passkeys: int
    has_code_app: bool
    link_open_until: datetime | None
    created_at: datetime
    last_sign_in_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Passkey:
    """One passkey of a person, under the name that they gave it."""

    id: int
    name: str
    created_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class SignIn:
    """How a person signs in."""

    passkeys: tuple[Passkey, ...]
    code_app_since: datetime | None
    recovery_codes_left: int
    has_password: bool


def roles_of(person_id: uuid.UUID) -> frozenset[Role]:
    """Return the roles that a person has now; none once their access ended."""
    grants = models.RoleGrant.objects.filter(person_id=person_id, revoked_at=None, person__is_active=True)
    return frozenset(Role(role) for role in grants.values_list("role", flat=True))


def permissions_of(person_id: uuid.UUID) -> frozenset[Permission]:
    """Return what a person may do now; nothing once their access ended."""
    return permissions_of_roles(roles_of(person_id))


def key_records() -> list[KeyRecord]:
    """Return every key, revoked ones too, in the order they were made."""
    return [_key_record(one) for one in models.Key.objects.select_related("organisation").order_by("id")]


def key_record(key_id: uuid.UUID) -> KeyRecord | None:
    """Return one key, or None."""
    one = models.Key.objects.select_related("organisation").filter(id=key_id).first()
    return _key_record(one) if one else None


def values_today(*, now: datetime) -> dict[uuid.UUID, int]:
    """Return how many values each key asked today (UTC), as far as it was noted."""
    return dict(models.KeyDay.objects.filter(day=now.date()).values_list("key_id", "values"))


def keys(*, now: datetime, organisation_id: uuid.UUID | None = None) -> list[KeyRow]:
    """Return keys as pages show them, those that stand first, then the newest."""
    chosen = models.Key.objects.select_related("organisation").order_by("revoked_at", "-id")
    if organisation_id is not None:
        chosen = chosen.filter(organisation_id=organisation_id)
    today = {day.key_id: day for day in models.KeyDay.objects.filter(day=now.date())}
    rows = [_key_row(one, today.get(one.id), now=now) for one in chosen]
    return sorted(rows, key=lambda row: row.revoked_at is not None)


def key(key_id: uuid.UUID, *, now: datetime) -> KeyRow | None:
    """Return one key as its page shows it, or None."""
    one = models.Key.objects.select_related("organisation").filter(id=key_id).first()
    today = models.KeyDay.objects.filter(key_id=key_id, day=now.date()).first()
    return _key_row(one, today, now=now) if one else None


def uses_of(key_id: uuid.UUID, *, limit: int = 31) -> list[KeyUse]:
    """Return how much a key asked by day, the newest first; days without use are left out."""
    days = models.KeyDay.objects.filter(key_id=key_id).order_by("-day")[:limit]
    return [KeyUse(one.day, one.requests, one.values) for one in days]


def organisations() -> list[OrganisationRow]:
    """Return the organisations by name."""
    return [_organisation_row(one) for one in _organisations().order_by("name")]


def organisation(organisation_id: uuid.UUID) -> OrganisationRow | None:
    """Return one organisation, or None."""
    one = _organisations().filter(id=organisation_id).first()
    return _organisation_row(one) if one else None


def people(*, organisation_id: uuid.UUID | None = None) -> list[PersonRow]:
    """Return people by name, those whose access ended last."""
    chosen = _people()
    if organisation_id is not None:
        chosen = chosen.filter(organisation_id=organisation_id)
    return _person_rows(list(chosen.order_by("-is_active", "display_name", "id")))


def person(person_id: uuid.UUID) -> PersonRow | None:
    """Return one person, or None."""
    rows = _person_rows(list(_people().filter(id=person_id)))
    return rows[0] if rows else None


def display_names(person_ids: set[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Return how people are called, for the pages that say who did what."""
    return dict(models.Person.objects.filter(id__in=person_ids).values_list("id", "display_name"))


def organisation_names(organisation_ids: set[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Return how organisations are called, for the pages that say whose something is."""
    return dict(models.Organisation.objects.filter(id__in=organisation_ids).values_list("id", "name"))


def grants_of(person_id: uuid.UUID) -> list[Grant]:
    """Return the roles that a person has or had, the newest first."""
    return [
        Grant(Role(one.role), one.granted_at, one.granted_by, one.revoked_at, one.revoked_by)
        for one in models.RoleGrant.objects.filter(person_id=person_id).order_by("-granted_at", "-id")
    ]


def sign_in_of(person_id: uuid.UUID) -> SignIn:
    """Return how a person signs in."""
    factors = list(Authenticator.objects.filter(user_id=person_id).order_by("id"))
    code_app = next((one for one in factors if one.type == Authenticator.Type.TOTP), None)
    recovery = next((one for one in factors if one.type == Authenticator.Type.RECOVERY_CODES), None)
    return SignIn(
        tuple(
            Passkey(one.pk, one.wrap().name, one.created_at, one.last_used_at)
            for one in factors
            if one.type == Authenticator.Type.WEBAUTHN
        ),
        code_app.created_at if code_app else None,
        len(recovery.wrap().get_unused_codes()) if recovery else 0,
        models.Person.objects.get(id=person_id).has_usable_password(),
    )


def country_of(organisation_id: uuid.UUID) -> str:
    """Return an organisation's country, two letters; empty where there is no such organisation."""
    return models.Organisation.objects.filter(id=organisation_id).values_list("country", flat=True).first() or ""


def person_id_of(email: str) -> uuid.UUID | None:
    """Return the person who signs in with an address, or None."""
    return models.Person.objects.filter(email=email.strip().lower()).values_list("id", flat=True).first()


def _key_record(one: models.Key) -> KeyRecord:
    return KeyRecord(
        one.id, one.prefix, bytes(one.secret_sha256), one.organisation_id, one.organisation.name,
        frozenset(Scope(scope) for scope in one.scopes), one.expires_at, one.revoked_at is not None, one.per_minute,
        one.values_per_day,
    )  # fmt: skip


def _key_row(one: models.Key, today: models.KeyDay | None, *, now: datetime) -> KeyRow:
    is_over = one.expires_at is not None and one.expires_at <= now
    state = KeyState.REVOKED if one.revoked_at else KeyState.EXPIRED if is_over else KeyState.ACTIVE
    return KeyRow(
        one.id, one.prefix, one.name, one.organisation_id, one.organisation.name,
        tuple(Scope(scope) for scope in one.scopes), one.created_at, one.expires_at, one.revoked_at,
        one.revoked_reason, one.last_used_at, one.per_minute, one.values_per_day, today.values if today else 0, state,
    )  # fmt: skip


def _organisations() -> QuerySet[models.Organisation]:
    return models.Organisation.objects.annotate(
        people_count=Count("people", filter=Q(people__is_active=True), distinct=True),
        key_count=Count("keys", filter=Q(keys__revoked_at=None), distinct=True),
    )


def _organisation_row(one: models.Organisation) -> OrganisationRow:
    counts: tuple[int, int] = one.people_count, one.key_count  # type: ignore[attr-defined]
    return OrganisationRow(one.id, one.name, one.country, OrganisationKind(one.kind), one.created_at, *counts)


def _people() -> QuerySet[models.Person]:
    return models.Person.objects.select_related("organisation").prefetch_related(
        Prefetch("grants", models.RoleGrant.objects.filter(revoked_at=None), to_attr="standing"),
        Prefetch("links", models.EnrolmentLink.objects.filter(ended_at=None), to_attr="open_links"),
    )


def _person_rows(found: list[models.Person]) -> list[PersonRow]:
    factors = Counter(
        Authenticator.objects.filter(user__in=found)
        .exclude(type=Authenticator.Type.RECOVERY_CODES)
        .values_list("user_id", "type")
    )
    return [
        _person_row(
            one, passkeys=factors[one.id, Authenticator.Type.WEBAUTHN],
            has_code_app=factors[one.id, Authenticator.Type.TOTP] > 0,
        )
        for one in found
    ]  # fmt: skip


def _person_row(one: models.Person, *, passkeys: int, has_code_app: bool) -> PersonRow:
    held = {Role(grant.role) for grant in one.standing}  # type: ignore[attr-defined]
    links = list(one.open_links)  # type: ignore[attr-defined]
    access = Access.ACTIVE if passkeys or has_code_app else Access.INVITED
    return PersonRow(
        one.id, one.email, one.display_name, one.organisation_id, one.organisation.name, one.organisation.country,
        one.language, access if one.is_active else Access.ENDED, tuple(role for role in Role if role in held),
        passkeys, has_code_app, links[0].expires_at if links else None, one.created_at, one.last_login, one.ended_at,
    )  # fmt: skip
