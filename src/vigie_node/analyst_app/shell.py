# SPDX-License-Identifier: Apache-2.0
"""What every page shows around its own matter: the ways in, the alarms, the name of the node.

- A person sees only the ways that their permissions open; a page that is not linked is refused all the same.
- The clock is read once for a page: every age on it counts from the same moment.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from vigie_node.accounts.roles import Permission
from vigie_node.alarms import queries as alarms


@dataclass(frozen=True, slots=True)
class Way:
    """One entry of the navigation; `urls` names every page that it stands for, the first is the one it opens."""

    word: str
    icon: str
    permission: Permission | None
    urls: tuple[str, ...]


WAYS = (
    Way(gettext_noop("Home"), "home", None, ("home",)),
    Way(gettext_noop("Search"), "search", Permission.CATALOGUE_SEARCH, ("search", "search_by_file")),
    Way(gettext_noop("Retrace"), "history", Permission.TASKS_WORK, ("tasks", "finish_task")),
    Way(gettext_noop("Scans"), "upload", Permission.SIGHTINGS_LOAD, ("loads", "start_load", "cancel_load")),
    Way(gettext_noop("Catalogue"), "database", Permission.CATALOGUE_SEARCH, ("said", "depiction", "override_value")),
    Way(
        gettext_noop("Lists"),
        "list",
        Permission.LISTS_READ,
        ("lists", "list", "create_list", "change_list", "simulation"),
    ),
    Way(
        gettext_noop("Series"),
        "tag",
        Permission.CATALOGUE_READ,
        ("series_list", "series", "create_series", "change_series"),
    ),
    Way(
        gettext_noop("Imports"),
        "file-import",
        Permission.IMPORT,
        ("imports", "import", "start_import", "cancel_import"),
    ),
    Way(gettext_noop("Reviews"), "scale", Permission.CATALOGUE_READ, ("reviews", "keep_override", "end_override")),
    Way(
        gettext_noop("Partners"),
        "building",
        Permission.PARTNERS_MANAGE,
        ("partners", "partner", "add_partner", "add_key", "key"),
    ),
    Way(
        gettext_noop("People"),
        "users",
        Permission.ACCOUNTS_MANAGE,
        ("people", "person", "invite", "enrolment_link"),
    ),
    Way(gettext_noop("Alarms"), "bell", Permission.ALARMS_READ, ("alarms", "settle_alarm")),
    Way(gettext_noop("Audit"), "list-check", Permission.AUDIT_READ, ("audit",)),
    Way(gettext_noop("This node"), "info-circle", None, ("about",)),
)


@dataclass(frozen=True, slots=True)
class NavEntry:
    """One entry as the page shows it."""

    word: str
    icon: str
    url: str
    is_current: bool


def context(request: HttpRequest) -> Mapping[str, Any]:
    """Return what `base.html` needs; on pages without a signed-in person only the node's name and the time."""
    permissions = getattr(request, "permissions", None)
    always = {"node_name": settings.NODE_NAME, "now": timezone.now(), "languages": settings.LANGUAGES}
    if permissions is None:
        return {**always, "is_inside": False, "can": {}}
    may_see_alarms = Permission.ALARMS_READ in permissions
    return {
        **always,
        "is_inside": True,
        "can": {one.name: True for one in permissions},
        "ways": _ways(request, permissions),
        "alarm_count": SimpleLazyObject(alarms.standing_count) if may_see_alarms else None,
    }


def _ways(request: HttpRequest, permissions: frozenset[Permission]) -> list[NavEntry]:
    here = request.resolver_match.url_name if request.resolver_match else ""
    return [
        NavEntry(str(_(way.word)), way.icon, reverse(way.urls[0]), here in way.urls)
        for way in WAYS
        if way.permission is None or way.permission in permissions
    ]
