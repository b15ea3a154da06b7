# SPDX-License-Identifier: Apache-2.0
"""Read people, organisations and keys."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime

from vigie_node.accounts import models
from vigie_node.accounts.roles import Permission, Role, Scope, permissions_of_roles


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """What a process needs to know of a key to let it ask."""

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


def _key_record(one: models.Key) -> KeyRecord:
    return KeyRecord(
        one.id, one.prefix, bytes(one.secret_sha256), one.organisation_id, one.organisation.name,
        frozenset(Scope(scope) for scope in one.scopes), one.expires_at, one.revoked_at is not None, one.per_minute,
        one.values_per_day,
    )  # fmt: skip
