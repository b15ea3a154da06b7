# SPDX-License-Identifier: Apache-2.0
"""What django and django-allauth announce about sign-in, noted in the audit and in the session.

- These are notes after the fact; nothing is decided here.
"""

from allauth.account import signals as account_signals
from allauth.mfa import signals as factor_signals
from allauth.mfa.models import Authenticator
from django.contrib.auth import signals as auth_signals
from django.http import HttpRequest
from django.utils import timezone

from vigie_node.accounts import models, sessions, sign_in_actions
from vigie_node.base.actor import NODE

_QUIET = {Authenticator.Type.RECOVERY_CODES}  # made and removed together with a real factor


def connect() -> None:
    """Listen; once, however often it is called."""
    auth_signals.user_logged_in.connect(_signed_in, dispatch_uid="vigie.signed_in")
    account_signals.password_changed.connect(_password_set, dispatch_uid="vigie.password_changed")
    account_signals.password_set.connect(_password_set, dispatch_uid="vigie.password_set")
    factor_signals.authenticator_added.connect(_factor_added, dispatch_uid="vigie.factor_added")
    factor_signals.authenticator_removed.connect(_factor_removed, dispatch_uid="vigie.factor_removed")
    factor_signals.authentication_failed.connect(_factor_failed, dispatch_uid="vigie.factor_failed")


def _signed_in(request: HttpRequest, user: models.Person, **_: object) -> None:
    request.user = user
    now = timezone.now()
    sessions.begin(request, now=now)
    sign_in_actions.note_signed_in(
        user.id, methods=sessions.methods_of(request), by=sessions.actor_of(request), now=now
    )


def _password_set(request: HttpRequest, user: models.Person, **_: object) -> None:
    sessions.password_set(request)
    sign_in_actions.note_password_set(user.id, by=sessions.actor_of(request), now=timezone.now())


def _factor_added(request: HttpRequest, user: models.Person, authenticator: Authenticator, **_: object) -> None:
    if authenticator.type not in _QUIET:
        _factor_changed(request, user, authenticator, is_added=True)
        sessions.factor_enrolled(request)


def _factor_removed(request: HttpRequest, user: models.Person, authenticator: Authenticator, **_: object) -> None:
    if authenticator.type not in _QUIET:
        _factor_changed(request, user, authenticator, is_added=False)


def _factor_changed(request: HttpRequest, user: models.Person, authenticator: Authenticator, *, is_added: bool) -> None:
    sign_in_actions.note_factor_changed(
        user.id, kind=str(authenticator.type), is_added=is_added, by=sessions.actor_of(request), now=timezone.now()
    )
    sessions.renew(request)


def _factor_failed(user: models.Person, **_: object) -> None:
    sign_in_actions.note_sign_in_failed(user.id, is_locked_out=False, by=NODE, now=timezone.now())
