# SPDX-License-Identifier: Apache-2.0
"""Who may do what: the permissions, the roles that carry them, and who may hold each role.

- Everything that a page or an operation does asks for one permission; a person has the permissions of their roles and
  no other. There is no role that has them all, and no permission beside the roles.
- Running the node (administrator) gives no sight of the catalogue; watching it (auditor) gives no way to change it.
- Two roles in CONFLICTS in one hand weaken the check that one has on the other: a small office may have no choice, so
  this is shown and recorded, not refused.
- Nobody grants a role to themselves; nobody takes away the last administrator.
- A key of another organisation has scopes, never permissions: it cannot open a page.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from vigie.errors import InvalidInputError, NotAllowedError


class UnknownRoleError(InvalidInputError):
    """No role has this name."""

    code = "accounts.unknown-role"


class UnknownScopeError(InvalidInputError):
    """No scope has this name, or none was given."""

    code = "accounts.unknown-scope"


class OwnRoleError(NotAllowedError):
    """Somebody tried to change their own roles."""

    code = "accounts.own-role"


class Permission(StrEnum):
    """What a page or an operation asks for."""

    CATALOGUE_READ = "CATALOGUE_READ"
    CATALOGUE_SEARCH = "CATALOGUE_SEARCH"
    ASSERTION_RECORD = "ASSERTION_RECORD"
    DISPUTE_OPEN = "DISPUTE_OPEN"
    DISPUTE_SETTLE = "DISPUTE_SETTLE"
    REVOKE = "REVOKE"
    LISTS_READ = "LISTS_READ"
    LISTS_CHANGE = "LISTS_CHANGE"
    OVERRIDE = "OVERRIDE"
    SERIES_EDIT = "SERIES_EDIT"
    IMPORT = "IMPORT"
    EXPORT = "EXPORT"
    SIGHTINGS_READ = "SIGHTINGS_READ"
    SIGHTINGS_LOAD = "SIGHTINGS_LOAD"
    TASKS_WORK = "TASKS_WORK"
    CASES_ACROSS = "CASES_ACROSS"  # look across cases at sightings that matched nothing
    FIGURES_READ = "FIGURES_READ"
    PARTNERS_MANAGE = "PARTNERS_MANAGE"
    AUDIT_READ = "AUDIT_READ"
    ALARMS_READ = "ALARMS_READ"
    ALARMS_SETTLE = "ALARMS_SETTLE"
    ACCOUNTS_MANAGE = "ACCOUNTS_MANAGE"


class Role(StrEnum):
    """What a person is here for."""

    ANALYST = "ANALYST"
    SENIOR_ANALYST = "SENIOR_ANALYST"
    INVESTIGATOR = "INVESTIGATOR"
    LIST_MANAGER = "LIST_MANAGER"
    PARTNER_MANAGER = "PARTNER_MANAGER"
    AUDITOR = "AUDITOR"
    ADMINISTRATOR = "ADMINISTRATOR"
    VICTIM_OFFICER = "VICTIM_OFFICER"


class Scope(StrEnum):
    """What a key may ask for."""

    MATCH = "MATCH"  # verdict, label and reason
    MATCH_TRUSTED = "MATCH_TRUSTED"  # every reason, with distances and ids
    MATCH_FILE = "MATCH_FILE"  # a file is fingerprinted here and dropped
    COMPAT_HMA = "COMPAT_HMA"  # an organisation's own tools that speak HMA
    COMPAT_ARACHNID = "COMPAT_ARACHNID"  # clients that speak Arachnid Shield
    SIGHTINGS_WRITE = "SIGHTINGS_WRITE"
    STATUS = "STATUS"


_P = Permission
_ANALYST = frozenset({
    _P.CATALOGUE_READ, _P.CATALOGUE_SEARCH, _P.ASSERTION_RECORD, _P.DISPUTE_OPEN, _P.LISTS_READ, _P.SIGHTINGS_READ,
    _P.TASKS_WORK, _P.FIGURES_READ,
})  # fmt: skip

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.ANALYST: _ANALYST,
    Role.SENIOR_ANALYST: _ANALYST
    | {_P.DISPUTE_SETTLE, _P.REVOKE, _P.OVERRIDE, _P.SERIES_EDIT, _P.ALARMS_READ, _P.ALARMS_SETTLE},
    Role.INVESTIGATOR: _ANALYST | {_P.SERIES_EDIT, _P.SIGHTINGS_LOAD, _P.CASES_ACROSS},
    Role.LIST_MANAGER: frozenset({
        _P.CATALOGUE_READ, _P.CATALOGUE_SEARCH, _P.LISTS_READ, _P.LISTS_CHANGE, _P.OVERRIDE, _P.IMPORT, _P.EXPORT,
        _P.SIGHTINGS_READ, _P.FIGURES_READ, _P.ALARMS_READ, _P.ALARMS_SETTLE,
    }),
    Role.PARTNER_MANAGER: frozenset({
        _P.PARTNERS_MANAGE, _P.LISTS_READ, _P.FIGURES_READ, _P.ALARMS_READ, _P.ALARMS_SETTLE,
    }),
    Role.AUDITOR: frozenset({
        _P.AUDIT_READ, _P.CATALOGUE_READ, _P.LISTS_READ, _P.FIGURES_READ, _P.ALARMS_READ,
    }),
    Role.ADMINISTRATOR: frozenset({_P.ACCOUNTS_MANAGE, _P.ALARMS_READ, _P.ALARMS_SETTLE}),
    Role.VICTIM_OFFICER: frozenset({_P.CATALOGUE_READ, _P.CATALOGUE_SEARCH, _P.DISPUTE_OPEN, _P.FIGURES_READ}),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Description:
    """A role in words: its title, who may hold it, and what it is for."""

    title: str
    holder: str
    purpose: str


def gettext_noop(text: str) -> str:
    """Mark a text for translators; the page that shows it translates it."""
    return text


DESCRIPTIONS: dict[Role, Description] = {
    Role.ANALYST: Description(
        gettext_noop("Analyst"),
        gettext_noop(
            "Somebody trained and supported to assess such material, in the employ of a hotline or an authority."
        ),
        gettext_noop("Searches the catalogue, records assertions, opens disputes, works on what comes up."),
    ),
    Role.SENIOR_ANALYST: Description(
        gettext_noop("Senior analyst"),
        gettext_noop("An analyst of experience, whom the organisation has put in charge of others' assessments."),
        gettext_noop("Does what an analyst does; settles disputes, revokes, holds back single values, keeps series."),
    ),
    Role.INVESTIGATOR: Description(
        gettext_noop("Investigator"),
        gettext_noop(
            "An officer of an authority that may by law investigate these offences, or somebody working at its order."
        ),
        gettext_noop("Loads the results of scans, keeps series, looks across cases."),
    ),
    Role.LIST_MANAGER: Description(
        gettext_noop("List manager"),
        gettext_noop("Somebody who answers for what services are told to act on; not alone in doing so."),
        gettext_noop("Decides what each list makes matchable; imports and exports."),
    ),
    Role.PARTNER_MANAGER: Description(
        gettext_noop("Partner manager"),
        gettext_noop("Somebody who keeps the agreements with other organisations."),
        gettext_noop("Makes and ends the keys of other organisations and sets what they may ask."),
    ),
    Role.AUDITOR: Description(
        gettext_noop("Auditor"),
        gettext_noop("Somebody who does no casework and runs nothing here: from inside, or a supervisory authority."),
        gettext_noop("Reads the audit, the lists and the figures; changes nothing."),
    ),
    Role.ADMINISTRATOR: Description(
        gettext_noop("Administrator"),
        gettext_noop("Somebody who runs the node; at least two, none of whom needs to see the catalogue."),
        gettext_noop("Invites people, gives and takes roles, ends access."),
    ),
    Role.VICTIM_OFFICER: Description(
        gettext_noop("Victim officer"),
        gettext_noop("Somebody trained to speak with people depicted and their representatives."),
        gettext_noop("Answers what a person depicted is entitled to know; challenges assertions for them."),
    ),
}

CONFLICTS: frozenset[frozenset[Role]] = frozenset(
    frozenset({Role.AUDITOR, other}) for other in Role if other is not Role.AUDITOR
) | {frozenset({Role.ADMINISTRATOR, Role.LIST_MANAGER}), frozenset({Role.ADMINISTRATOR, Role.PARTNER_MANAGER})}


def permissions_of_roles(roles: Iterable[Role]) -> frozenset[Permission]:
    """Return everything that the roles together permit."""
    return frozenset().union(*(PERMISSIONS[role] for role in roles))


def conflicts(roles: Iterable[Role]) -> list[tuple[Role, Role]]:
    """Return the pairs of these roles that should not be in one hand, in the order of the roles."""
    held = sorted(set(roles), key=list(Role).index)
    pairs = [(one, other) for index, one in enumerate(held) for other in held[index + 1 :]]
    return [pair for pair in pairs if frozenset(pair) in CONFLICTS]


def check_may_change_roles(*, of: object, by: object) -> None:
    """Refuse a change of one's own roles.

    Raises:  OwnRoleError.
    """
    if of == by:
        raise OwnRoleError("nobody changes their own roles: ask another administrator")


def role_named(name: str) -> Role:
    """Return the role of this name, in any case of letters, with - or _.

    Raises:  UnknownRoleError.
    """
    try:
        return Role(name.strip().upper().replace("-", "_"))
    except ValueError:
        names = ", ".join(role.value.lower().replace("_", "-") for role in Role)
        raise UnknownRoleError(f"there is no such role; the roles are {names}") from None


def scopes_named(names: Iterable[str]) -> frozenset[Scope]:
    """Return the scopes of these names.

    Raises:  UnknownScopeError, also where there is none.
    """
    try:
        scopes = frozenset(Scope(name.strip().upper().replace("-", "_")) for name in names)
    except ValueError:
        known = ", ".join(scope.value.lower().replace("_", "-") for scope in Scope)
        raise UnknownScopeError(f"there is no such scope; the scopes are {known}") from None
    if not scopes:
        raise UnknownScopeError("a key needs at least one scope")
    return scopes
