# SPDX-License-Identifier: Apache-2.0
"""Who may open a page: every view declares it, and one that does not is refused to everybody.

- `requires(Permission.X)`: a person with a role that has it, whose session showed a second factor.
- `signed_in`: any person whose session showed a second factor: their own account, and home.
- `enrolling`: any signed-in person, also before a second factor is set up: setting it up, and signing out.
- `open_to_all`: everybody: signing in, the choice of language.
- Permissions are read anew on every request: a role that was taken counts at once.
- Who is not signed in is sent to the sign-in page and back; a request by a script gets 401 and the way there.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Concatenate, ParamSpec, TypeAlias
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse

from vigie.errors import NotAllowedError
from vigie_node.accounts import queries, sessions
from vigie_node.accounts.roles import Permission
from vigie_node.base.actor import Actor

_P = ParamSpec("_P")
View: TypeAlias = Callable[Concatenate[HttpRequest, _P], HttpResponseBase]


class MissingPermissionError(NotAllowedError):
    """None of the person's roles allows this."""

    code = "accounts.missing-permission"


class UndeclaredViewError(RuntimeError):
    """A view does not say who may open it: a defect, never a way in."""


class Openness(StrEnum):
    """To whom a view is open."""

    ALL = "ALL"
    ENROLLING = "ENROLLING"
    SIGNED_IN = "SIGNED_IN"
    PERMITTED = "PERMITTED"


@dataclass(frozen=True, slots=True)
class Access:
    """What a view declares; `permission` only where it is PERMITTED."""

    openness: Openness
    permission: Permission | None = None


def requires(permission: Permission | None) -> Callable[[View[_P]], View[_P]]:
    """Open a view to people with a permission (None: any); it finds `request.actor` and `request.permissions`."""
    return _declare(Access(Openness.PERMITTED if permission else Openness.SIGNED_IN, permission))


def signed_in(view: View[_P]) -> View[_P]:
    """Open a view to everybody who is signed in with a second factor."""
    return _declare(Access(Openness.SIGNED_IN))(view)


def enrolling(view: View[_P]) -> View[_P]:
    """Open a view to everybody who is signed in, also before a second factor is set up."""
    return _declare(Access(Openness.ENROLLING))(view)


def open_to_all(view: View[_P]) -> View[_P]:
    """Open a view to everybody."""
    return _declare(Access(Openness.ALL))(view)


def declared_by(view: Callable[..., Any]) -> Access:
    """Return what a view declares.

    Raises:  UndeclaredViewError.
    """
    access = getattr(view, "access", None)
    if not isinstance(access, Access):
        raise UndeclaredViewError(f"{getattr(view, '__qualname__', view)} does not say who may open it")
    return access


def identify(request: HttpRequest) -> None:
    """Put the signed-in person's actor and permissions on the request, once."""
    if not hasattr(request, "actor") and request.user.is_authenticated:
        actor = sessions.actor_of(request)
        assert actor.id is not None
        request.actor = actor  # type: ignore[attr-defined]
        request.permissions = queries.permissions_of(actor.id)  # type: ignore[attr-defined]


def actor_of(request: HttpRequest) -> Actor:
    """Return who acts, as `requires` found out."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return actor


def may(request: HttpRequest, permission: Permission) -> bool:
    """Tell whether the person of this request has a permission, for a button."""
    return permission in getattr(request, "permissions", frozenset())


def to_sign_in(request: HttpRequest, *, why: str = "") -> HttpResponse:
    """Send somebody to the sign-in page; back to this page afterwards where it can be shown again."""
    is_script = "HX-Request" in request.headers
    query = {"why": why} if why else {}
    if request.method in {"GET", "HEAD"} and not is_script and request.path != "/":
        query["next"] = request.get_full_path()
    address = reverse("account_login") + (f"?{urlencode(query)}" if query else "")
    if is_script:
        return HttpResponse(status=401, headers={"HX-Redirect": address})
    return HttpResponseRedirect(address)


def check_session(request: HttpRequest, access: Access) -> HttpResponse | None:
    """Return None where this session may open a view as far as signing in goes, else where it is sent."""
    if access.openness is Openness.ALL:
        return None
    if not request.user.is_authenticated:
        return to_sign_in(request)
    identify(request)
    if access.openness is not Openness.ENROLLING and not sessions.has_shown_second_factor(request):
        return HttpResponseRedirect(reverse("enrol_choose"))
    return None


def check_permission(request: HttpRequest, access: Access) -> None:
    """Refuse a person none of whose roles has the permission.

    Raises:  MissingPermissionError.
    """
    if access.permission is not None and not may(request, access.permission):
        raise MissingPermissionError("None of your roles allows this. An administrator can give you one.")


def _declare(access: Access) -> Callable[[View[_P]], View[_P]]:
    def declare(view: View[_P]) -> View[_P]:
        @functools.wraps(view)
        def checked(request: HttpRequest, *args: _P.args, **kwargs: _P.kwargs) -> HttpResponseBase:
            refused = check_session(request, access)
            if refused is not None:
                return refused
            check_permission(request, access)
            return view(request, *args, **kwargs)

        checked.access = access  # type: ignore[attr-defined]
        return checked  # type: ignore[return-value]

    return declare
