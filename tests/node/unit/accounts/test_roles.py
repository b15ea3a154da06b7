# SPDX-License-Identifier: Apache-2.0
"""Every permission against every role, and the rules about who holds what."""

import itertools

import pytest

from vigie_node.accounts import roles
from vigie_node.accounts.roles import Permission, Role, Scope

COLUMNS = (
    Role.ANALYST, Role.SENIOR_ANALYST, Role.INVESTIGATOR, Role.LIST_MANAGER, Role.PARTNER_MANAGER, Role.AUDITOR,
    Role.ADMINISTRATOR, Role.VICTIM_OFFICER,
)  # fmt: skip
TABLE = """
                   analyst senior investigator lists partners auditor admin victims
CATALOGUE_READ     yes     yes    yes          yes   -        yes     -     yes
CATALOGUE_SEARCH   yes     yes    yes          yes   -        -       -     yes
ASSERTION_RECORD   yes     yes    yes          -     -        -       -     -
DISPUTE_OPEN       yes     yes    yes          -     -        -       -     yes
DISPUTE_SETTLE     -       yes    -            -     -        -       -     -
REVOKE             -       yes    -            -     -        -       -     -
LISTS_READ         yes     yes    yes          yes   yes      yes     -     -
LISTS_CHANGE       -       -      -            yes   -        -       -     -
OVERRIDE           -       yes    -            yes   -        -       -     -
SERIES_EDIT        -       yes    yes          -     -        -       -     -
IMPORT             -       -      -            yes   -        -       -     -
EXPORT             -       -      -            yes   -        -       -     -
SIGHTINGS_READ     yes     yes    yes          yes   -        -       -     -
SIGHTINGS_LOAD     -       -      yes          -     -        -       -     -
TASKS_WORK         yes     yes    yes          -     -        -       -     -
CASES_ACROSS       -       -      yes          -     -        -       -     -
FIGURES_READ       yes     yes    yes          yes   yes      yes     -     yes
PARTNERS_MANAGE    -       -      -            -     yes      -       -     -
AUDIT_READ         -       -      -            -     -        yes     -     -
ALARMS_READ        -       yes    -            yes   yes      yes     yes   -
ALARMS_SETTLE      -       yes    -            yes   yes      -       yes   -
ACCOUNTS_MANAGE    -       -      -            -     -        -       yes   -
"""
ROWS = {line.split()[0]: line.split()[1:] for line in TABLE.strip().splitlines()[1:]}
CELLS = [(role, name, cell == "yes") for name, cells in ROWS.items() for role, cell in zip(COLUMNS, cells, strict=True)]


class TestPermissions:
    def test_are_all_in_the_table(self):
        assert list(ROWS) == list(Permission)
        assert set(COLUMNS) == set(Role)

    @pytest.mark.parametrize(("role", "permission", "is_allowed"), CELLS)
    def test_of_each_role(self, role, permission, is_allowed):
        assert (Permission(permission) in roles.permissions_of_roles([role])) is is_allowed

    def test_of_several_roles_add_up(self):
        for one, other in itertools.combinations(Role, 2):
            both = roles.permissions_of_roles([one, other])
            assert both == roles.permissions_of_roles([one]) | roles.permissions_of_roles([other])

    def test_are_none_without_a_role(self):
        assert roles.permissions_of_roles([]) == frozenset()

    def test_no_role_has_them_all(self):
        assert all(permissions < set(Permission) for permissions in roles.PERMISSIONS.values())


class TestRoles:
    @pytest.mark.parametrize("role", Role)
    def test_say_in_words_who_may_hold_them(self, role):
        described = roles.DESCRIPTIONS[role]
        assert described.title
        assert described.holder.endswith(".")
        assert described.purpose.endswith(".")

    @pytest.mark.parametrize("name", ["list-manager", "LIST_MANAGER", " List_manager "])
    def test_are_found_by_name(self, name):
        assert roles.role_named(name) is Role.LIST_MANAGER

    def test_of_another_name_are_refused_with_the_names(self):
        with pytest.raises(roles.UnknownRoleError, match="victim-officer"):
            roles.role_named("root")

    def test_nobody_changes_their_own(self):
        roles.check_may_change_roles(of="one", by="other")
        with pytest.raises(roles.OwnRoleError):
            roles.check_may_change_roles(of="one", by="one")


class TestConflicts:
    def test_are_told_in_the_order_of_the_roles(self):
        held = [Role.ADMINISTRATOR, Role.AUDITOR, Role.ANALYST]
        assert roles.conflicts(held) == [(Role.ANALYST, Role.AUDITOR), (Role.AUDITOR, Role.ADMINISTRATOR)]

    def test_an_auditor_holds_nothing_else(self):
        assert all(roles.conflicts([Role.AUDITOR, other]) for other in Role if other is not Role.AUDITOR)

    @pytest.mark.parametrize("role", Role)
    def test_need_two_roles(self, role):
        assert roles.conflicts([role, role]) == []


class TestScopes:
    def test_are_found_by_name(self):
        assert roles.scopes_named(["match", "compat-hma"]) == {Scope.MATCH, Scope.COMPAT_HMA}

    @pytest.mark.parametrize("names", [[], ["everything"], ["match", ""]])
    def test_none_or_another_are_refused(self, names):
        with pytest.raises(roles.UnknownScopeError):
            roles.scopes_named(names)
