# SPDX-License-Identifier: Apache-2.0
"""A person is invited: recorded, given roles, and given the link that lets them in; all of it or nothing."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from vigie_node.accounts import actions as accounts
from vigie_node.accounts.roles import Role
from vigie_node.base.actor import Actor


@dataclass(frozen=True, slots=True)
class Invitation:
    """Who was invited; `token` is shown once and never again."""

    person_id: uuid.UUID
    token: str = field(repr=False)


@transaction.atomic
def invite(
    email: str,
    *,
    display_name: str,
    organisation_id: uuid.UUID,
    language: str,
    roles: Sequence[Role],
    by: Actor,
    now: datetime,
) -> Invitation:
    """Record a person, give them their roles and make their link.

    Audit:   PERSON_CREATED, ROLE_GRANTED for each role, ENROLMENT_ISSUED.
    Raises:  AddressTakenError; MalformedPersonError; NoSuchOrganisationError.
    """
    person_id = accounts.create_person(
        email, display_name=display_name, organisation_id=organisation_id, language=language, by=by, now=now
    )
    for role in roles:
        accounts.grant_role(person_id, role=role, by=by, now=now)
    return Invitation(person_id, accounts.issue_enrolment(person_id, by=by, now=now))
