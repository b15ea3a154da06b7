# SPDX-License-Identifier: Apache-2.0
"""Every change of people, organisations, roles and how people sign in; those of keys are in key_actions.py.

- An address belongs to one person, in any case of letters; names and addresses are in no event and no error.
- An enrolment link starts its person anew: on use, the old password, the old second factors and all sessions end.
- Whatever takes something from a person (a role, a factor, access) counts at their next request: permissions are read
  on every request, and sessions end by their epoch.
- The last administrator stays, unless the operator at the command line says otherwise.
"""

import unicodedata
import uuid
from datetime import datetime, timedelta

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import F, QuerySet

from vigie.errors import InvalidInputError, NotAllowedError, NotFoundError, WrongStateError
from vigie_node.accounts import models, roles, tokens
from vigie_node.accounts.key_actions import (
    NewKey,
    change_key_quota,
    create_key,
    note_key_used,
    revoke_key,
)
from vigie_node.accounts.states import OrganisationKind
from vigie_node.audit import actions as audit
from vigie_node.audit.events import Event
from vigie_node.base.actor import Actor, ActorKind
from vigie_node.base.ids import new_id

__all__ = ["NewKey", "change_key_quota", "create_key", "note_key_used", "revoke_key"]

ENROLMENT_LASTS = timedelta(hours=48)
LANGUAGES = ("en", "fr", "nl", "de")


class NoSuchPersonError(NotFoundError):
    """No person has this id."""

    code = "accounts.no-such-person"


class NoSuchOrganisationError(NotFoundError):
    """No organisation has this id."""

    code = "accounts.no-such-organisation"


class AddressTakenError(WrongStateError):
    """Somebody signs in with this address already."""

    code = "accounts.address-taken"


class OrganisationExistsError(WrongStateError):
    """An organisation of this name is here already."""

    code = "accounts.organisation-exists"


class MalformedPersonError(InvalidInputError):
    """An address, a name, a country or a language that cannot be one."""

    code = "accounts.malformed"


class RoleHeldError(WrongStateError):
    """The person has this role already, or does not have it."""

    code = "accounts.role-held"


class LastAdministratorError(NotAllowedError):
    """Nobody would be left who can give access."""

    code = "accounts.last-administrator"


class AccessEndedError(WrongStateError):
    """The person's access has ended, or has not."""

    code = "accounts.access-ended"


class EnrolmentSpentError(NotAllowedError):
    """The link was used, replaced or is too old, or never was one."""

    code = "accounts.enrolment-spent"


@transaction.atomic
def create_organisation(name: str, *, country: str, kind: str, by: Actor, now: datetime) -> uuid.UUID:
    """Record an organisation.

    Audit:   ORGANISATION_CREATED.
    Raises:  MalformedPersonError; OrganisationExistsError.
    """
    name, country = _one_line(name, at_most=200), country.strip().upper()
    if len(country) != 2 or not (country.isascii() and country.isalpha()):
        raise MalformedPersonError("a country is given by its two letters, such as FR")
    if kind not in set(OrganisationKind):
        raise MalformedPersonError(f"the kind is one of {', '.join(OrganisationKind)}")
    if models.Organisation.objects.filter(name=name).exists():
        raise OrganisationExistsError("an organisation of this name is here already")
    made = models.Organisation.objects.create(id=new_id(now), name=name, country=country, kind=kind, created_at=now)
    audit.record(Event.ORGANISATION_CREATED, subject=made.id, by=by, at=now, country=country, kind=kind)
    return made.id


@transaction.atomic
def create_person(
    email: str, *, display_name: str, organisation_id: uuid.UUID, language: str = "en", by: Actor, now: datetime
) -> uuid.UUID:
    """Record a person; they can do nothing until an enrolment link was used and a role granted.

    Audit:   PERSON_CREATED, with the organisation.
    Raises:  MalformedPersonError; AddressTakenError; NoSuchOrganisationError.
    """
    email, display_name = _address(email), _one_line(display_name, at_most=100)
    _check_language(language)
    if not models.Organisation.objects.filter(id=organisation_id).exists():
        raise NoSuchOrganisationError("there is no such organisation")
    if models.Person.objects.filter(email=email).exists():
        raise AddressTakenError("somebody signs in with this address already")
    person = models.Person(
        id=new_id(now), email=email, display_name=display_name, organisation_id=organisation_id, language=language,
        created_at=now,
    )  # fmt: skip
    person.set_unusable_password()
    person.save(force_insert=True)
    # Whoever invites vouches for the address: without this row single sign-on would take the password away.
    EmailAddress.objects.create(user=person, email=email, verified=True, primary=True)
    audit.record(Event.PERSON_CREATED, subject=person.id, by=by, at=now, organisation=organisation_id)
    return person.id


@transaction.atomic
def change_person(person_id: uuid.UUID, *, display_name: str, language: str, by: Actor, now: datetime) -> None:
    """Change how a person is called and in which language the pages speak to them.

    Audit:   PERSON_CHANGED.
    Raises:  NoSuchPersonError; MalformedPersonError.
    """
    person = _locked(person_id)
    _check_language(language)
    person.display_name, person.language = _one_line(display_name, at_most=100), language
    person.save(update_fields=["display_name", "language"])
    audit.record(Event.PERSON_CHANGED, subject=person_id, by=by, at=now)


@transaction.atomic
def grant_role(person_id: uuid.UUID, *, role: roles.Role, by: Actor, now: datetime) -> None:
    """Give a person a role; it counts at their next request.

    Audit:   ROLE_GRANTED, with the role and how many pairs of roles in this hand conflict now.
    Raises:  NoSuchPersonError; OwnRoleError; RoleHeldError; AccessEndedError.
    """
    person = _locked(person_id)
    roles.check_may_change_roles(of=person_id, by=by.id)
    if not person.is_active:
        raise AccessEndedError("this person's access has ended: restore it first")
    held = {roles.Role(one) for one in _grants(person_id).values_list("role", flat=True)}
    if role in held:
        raise RoleHeldError("this person has this role already")
    models.RoleGrant.objects.create(id=new_id(now), person=person, role=role.value, granted_at=now, granted_by=str(by))
    conflicts = len(roles.conflicts(held | {role}))
    audit.record(Event.ROLE_GRANTED, subject=person_id, by=by, at=now, role=role.value, conflicts=conflicts)


@transaction.atomic
def revoke_role(person_id: uuid.UUID, *, role: roles.Role, by: Actor, now: datetime) -> None:
    """Take a role from a person; it counts at their next request.

    Audit:   ROLE_REVOKED, with the role.
    Raises:  NoSuchPersonError; OwnRoleError; RoleHeldError; LastAdministratorError.
    """
    _locked(person_id)
    roles.check_may_change_roles(of=person_id, by=by.id)
    if role is roles.Role.ADMINISTRATOR:
        _check_not_last(person_id, by=by)
    if not _grants(person_id).filter(role=role.value).update(revoked_at=now, revoked_by=str(by)):
        raise RoleHeldError("this person does not have this role")
    audit.record(Event.ROLE_REVOKED, subject=person_id, by=by, at=now, role=role.value)


@transaction.atomic
def issue_enrolment(person_id: uuid.UUID, *, by: Actor, now: datetime) -> str:
    """Make a link's token that lets a person set up, or set up anew, how they sign in; return it, once.

    An earlier link that was not used ends. It lasts ENROLMENT_LASTS.
    Audit:   ENROLMENT_ISSUED.
    Raises:  NoSuchPersonError; AccessEndedError.
    """
    person = _locked(person_id)
    if not person.is_active:
        raise AccessEndedError("this person's access has ended: restore it first")
    person.links.filter(ended_at=None).update(ended_at=now)
    token = tokens.new_link()
    link = person.links.create(
        id=new_id(now), token_sha256=token.sha256, issued_at=now, issued_by=str(by), expires_at=now + ENROLMENT_LASTS
    )
    audit.record(Event.ENROLMENT_ISSUED, subject=person_id, by=by, at=now, link=link.id)
    return token.text


@transaction.atomic
def use_enrolment(token: str, *, by: Actor, now: datetime) -> uuid.UUID:
    """Spend a link and return whose it was; the password, the second factors and the sessions of before end.

    Whoever holds the link is taken for its person: that is what it is for.
    Audit:   ENROLMENT_USED, with how many second factors ended.
    Raises:  EnrolmentSpentError, the same for every reason.
    """
    open_links = models.EnrolmentLink.objects.filter(
        token_sha256=tokens.digest(token), ended_at=None, expires_at__gt=now, person__is_active=True
    )
    person_id = open_links.values_list("person_id", flat=True).first()
    person = None if person_id is None else _locked(person_id)  # first, as whatever ends a link does
    link = open_links.first()
    if person is None or link is None:
        raise EnrolmentSpentError("this link was used or is too old: ask whoever invited you for a new one")
    link.ended_at, link.was_used = now, True
    link.save(update_fields=["ended_at", "was_used"])
    removed, _ = Authenticator.objects.filter(user=person).delete()
    person.set_unusable_password()
    person.session_epoch += 1
    person.save(update_fields=["password", "session_epoch"])
    audit.record(Event.ENROLMENT_USED, subject=person.id, by=by, at=now, link=link.id, factors_removed=removed)
    return person.id


@transaction.atomic
def end_access(person_id: uuid.UUID, *, by: Actor, now: datetime) -> None:
    """End a person's access: sessions and links end at once, roles are taken, second factors are forgotten.

    Audit:   PERSON_DISABLED, with how many roles were taken.
    Raises:  NoSuchPersonError; AccessEndedError; OwnRoleError; LastAdministratorError.
    """
    person = _locked(person_id)
    roles.check_may_change_roles(of=person_id, by=by.id)
    if not person.is_active:
        raise AccessEndedError("this person's access has ended already")
    if _grants(person_id).filter(role=roles.Role.ADMINISTRATOR.value).exists():
        _check_not_last(person_id, by=by)
    person.is_active, person.ended_at = False, now
    person.session_epoch += 1
    person.set_unusable_password()
    person.save(update_fields=["is_active", "ended_at", "session_epoch", "password"])
    person.links.filter(ended_at=None).update(ended_at=now)
    taken = _grants(person_id).update(revoked_at=now, revoked_by=str(by))
    Authenticator.objects.filter(user=person).delete()
    audit.record(Event.PERSON_DISABLED, subject=person_id, by=by, at=now, roles=taken)


@transaction.atomic
def restore_access(person_id: uuid.UUID, *, by: Actor, now: datetime) -> None:
    """Let a person in again; they need a new enrolment link and new roles.

    Audit:   PERSON_ENABLED.
    Raises:  NoSuchPersonError; AccessEndedError; OwnRoleError.
    """
    person = _locked(person_id)
    roles.check_may_change_roles(of=person_id, by=by.id)
    if person.is_active:
        raise AccessEndedError("this person's access has not ended")
    person.is_active, person.ended_at = True, None
    person.save(update_fields=["is_active", "ended_at"])
    audit.record(Event.PERSON_ENABLED, subject=person_id, by=by, at=now)


@transaction.atomic
def end_sessions(person_id: uuid.UUID, *, by: Actor, now: datetime) -> None:
    """Sign a person out everywhere, at once.

    Audit:   SESSIONS_ENDED.
    Raises:  NoSuchPersonError.
    """
    if not models.Person.objects.filter(id=person_id).update(session_epoch=F("session_epoch") + 1):
        raise NoSuchPersonError("there is no such person")
    audit.record(Event.SESSIONS_ENDED, subject=person_id, by=by, at=now)


def _locked(person_id: uuid.UUID) -> models.Person:
    person = models.Person.objects.select_for_update().filter(id=person_id).first()
    if person is None:
        raise NoSuchPersonError("there is no such person")
    return person


def _grants(person_id: uuid.UUID) -> QuerySet[models.RoleGrant]:
    return models.RoleGrant.objects.filter(person_id=person_id, revoked_at=None)


def _check_not_last(person_id: uuid.UUID, *, by: Actor) -> None:
    """Refuse to take the last administrator away; two at once are put in a row by the lock."""
    standing = models.RoleGrant.objects.filter(role=roles.Role.ADMINISTRATOR.value, revoked_at=None)
    held_by = set(standing.select_for_update(of=("self",)).values_list("person_id", flat=True))
    if by.kind is not ActorKind.COMMAND and held_by == {person_id}:
        raise LastAdministratorError("this is the last administrator: make somebody else one first")


def _one_line(text: str, *, at_most: int) -> str:
    text = unicodedata.normalize("NFC", text.strip())
    if not text or len(text) > at_most or any(unicodedata.category(one)[0] == "C" for one in text):
        raise MalformedPersonError(f"a name has 1 to {at_most} characters, on one line")
    return text


def _address(text: str) -> str:
    address = text.strip().lower()
    try:
        validate_email(address)
    except ValidationError as error:
        raise MalformedPersonError("this is no e-mail address") from error
    if len(address) > 254 or not address.isascii():
        raise MalformedPersonError("an address is at most 254 letters, digits and signs, without accents")
    return address


def _check_language(language: str) -> None:
    if language not in LANGUAGES:
        raise MalformedPersonError(f"the language is one of {', '.join(LANGUAGES)}")
