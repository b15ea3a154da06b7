# SPDX-License-Identifier: Apache-2.0
"""Signing in and out, and how a person set that up: the addresses, and who may open each.

- Nobody signs up here and nobody resets a password by mail: django-allauth's addresses for that are not served.
- An enrolment link is spent by a deliberate press of a button, never by opening it.
- Everything that changes how somebody signs in asks again for what they sign in with.
"""

import functools
from collections.abc import Callable

from allauth.account import views as account
from allauth.account.decorators import reauthentication_required
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base import views as factors
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes import views as recovery
from allauth.mfa.totp import views as codes
from allauth.mfa.webauthn import views as passkeys
from allauth.socialaccount import views as single_sign_on
from allauth.socialaccount.providers.openid_connect import views as oidc
from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.generic import RedirectView

from vigie.errors import UnavailableError
from vigie_node.accounts import actions as accounts
from vigie_node.accounts import queries, roles, sessions, tokens
from vigie_node.analyst_app import access
from vigie_node.base.actor import NODE

_again = reauthentication_required(app="allauth.mfa")


class LinkForm(forms.Form):
    """The enrolment link, as the page's script or its person puts it in."""

    link = forms.CharField(
        label=_("Your enrolment link"),
        max_length=500,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "data-link": ""}),
        help_text=_("It was filled in from the address you opened. If it is empty, paste the whole link."),
    )

    def clean_link(self) -> str:
        """Return the token in what was pasted."""
        token = tokens.link_token(self.cleaned_data["link"])
        if token is None:
            raise forms.ValidationError(_("This is no enrolment link: copy it whole, from vl_ to its end."))
        return token


@access.open_to_all
@require_http_methods(["GET", "POST"])
def enrol(request: HttpRequest) -> HttpResponse:
    """Show what an enrolment link starts; spend it when its person presses the button."""
    form = LinkForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        now = timezone.now()
        try:
            person_id = accounts.use_enrolment(form.cleaned_data["link"], by=NODE, now=now)
        except accounts.EnrolmentSpentError:
            form.add_error("link", gettext("This link was used or is too old: ask whoever invited you for a new one."))
        else:
            sessions.begin_enrolled(request, person_id=person_id)
            return HttpResponseRedirect(reverse("enrol_choose"))
    return render(request, "account/enrol.html", {"form": form}, status=422 if form.errors else 200)


@access.enrolling
@require_safe
def enrol_choose(request: HttpRequest) -> HttpResponse:
    """Let a person choose how they will sign in."""
    if sessions.has_shown_second_factor(request):
        return HttpResponseRedirect(reverse("mfa_index"))
    return render(request, "account/enrol_choose.html", {"can_use_codes": sessions.can_use_codes(request)})


@access.signed_in
@require_safe
def my_account(request: HttpRequest) -> HttpResponse:
    """Show a person who they are here, what they may do and how they sign in."""
    person_id = access.actor_of(request).id
    if person_id is None or (person := queries.person(person_id)) is None:
        raise PermissionDenied
    held = [roles.DESCRIPTIONS[role] for role in person.roles]
    return render(request, "mfa/index.html", {"person": person, "sign_in": queries.sign_in_of(person_id), "held": held})


@access.enrolling
@require_http_methods(["GET", "HEAD", "POST"])
def add_code_app(request: HttpRequest) -> HttpResponseBase:
    """Set up a code app, after a password: a code alone would be one factor."""
    if not sessions.can_use_codes(request):
        return HttpResponseRedirect(reverse("account_set_password"))
    answer: HttpResponseBase = codes.activate_totp(request)
    return answer


@access.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def remove_code_app(request: HttpRequest) -> HttpResponseBase:
    """Remove the code app, unless it is the last way in."""
    with sessions.one_at_a_time(request):
        answer: HttpResponseBase = codes.deactivate_totp(request)
        return answer


@access.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
@_again  # type: ignore[untyped-decorator]
def remove_passkey(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Remove a passkey, unless it is the last way in."""
    mine = Authenticator.objects.filter(user_id=access.actor_of(request).id, type=Authenticator.Type.WEBAUTHN)
    with sessions.one_at_a_time(request):
        if not get_adapter().can_delete_authenticator(get_object_or_404(mine, pk=pk)):
            messages.error(request, gettext("This is your last way to sign in: set up another one first."))
            return HttpResponseRedirect(reverse("mfa_index"))
        answer: HttpResponseBase = passkeys.remove_webauthn(request, pk=pk)
        return answer


@access.signed_in
@require_POST
def sign_out_everywhere(request: HttpRequest) -> HttpResponse:
    """End every session of this person, this one too."""
    actor = access.actor_of(request)
    if actor.id is None:
        raise PermissionDenied
    accounts.end_sessions(actor.id, by=actor, now=timezone.now())
    request.session.flush()
    return HttpResponseRedirect(reverse("account_login"))


class SingleSignOnSilentError(UnavailableError):
    """The organisation's own sign-in does not answer, or answers with something else."""

    code = "accounts.sign-on-silent"


def _at_provider(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    @functools.wraps(view)
    def asked(request: HttpRequest, provider_id: str) -> HttpResponseBase:
        try:
            return view(request, provider_id)
        except (OSError, LookupError, ValueError) as error:
            raise SingleSignOnSilentError(
                "Your organisation's sign-in did not answer as it should: try again, or another way."
            ) from error

    return asked


_as_pages = require_http_methods(["GET", "HEAD", "POST"])  # allauth's views take PUT for POST


def _open(address: str, view: Callable[..., HttpResponseBase], name: str) -> URLPattern:
    return path(address, access.open_to_all(_as_pages(view)), name=name)


def _enrolling(address: str, view: Callable[..., HttpResponseBase], name: str) -> URLPattern:
    return path(address, access.enrolling(_as_pages(view)), name=name)


def _mine(address: str, view: Callable[..., HttpResponseBase], name: str) -> URLPattern:
    return path(address, access.signed_in(_as_pages(view)), name=name)


_APPS = settings.SOCIALACCOUNT_PROVIDERS.get("openid_connect", {}).get("APPS", [])
_sign_in = account.LoginView.as_view(
    extra_context={"single_sign_on": [{"provider_id": one["provider_id"], "name": one["name"]} for one in _APPS]}
)
urlpatterns = [
    path("enrol", enrol, name="enrol"),
    path("enrol/choose", enrol_choose, name="enrol_choose"),
    _open("sign-in", _sign_in, "account_login"),
    _open("sign-in/second-factor", factors.authenticate, "mfa_authenticate"),
    _open("sign-in/passkey", passkeys.login_webauthn, "mfa_login_webauthn"),
    _open("sign-in/ended", account.account_inactive, "account_inactive"),
    _enrolling("sign-in/again", account.reauthenticate, "account_reauthenticate"),
    _enrolling("sign-in/again/code", factors.reauthenticate, "mfa_reauthenticate"),
    _enrolling("sign-in/again/passkey", passkeys.reauthenticate_webauthn, "mfa_reauthenticate_webauthn"),
    _open("sign-in/with/<slug:provider_id>", _at_provider(oidc.login), "openid_connect_login"),
    _open("sign-in/with/<slug:provider_id>/back", _at_provider(oidc.callback), "openid_connect_callback"),
    _open("sign-in/cancelled", single_sign_on.login_cancelled, "socialaccount_login_cancelled"),
    _open("sign-out", account.logout, "account_logout"),
    path("account", my_account, name="mfa_index"),
    path("account/code-app/add", add_code_app, name="mfa_activate_totp"),
    path("account/code-app/remove", remove_code_app, name="mfa_deactivate_totp"),
    _mine("account/passkeys", RedirectView.as_view(pattern_name="mfa_index"), "mfa_list_webauthn"),
    _enrolling("account/passkeys/add", passkeys.add_webauthn, "mfa_add_webauthn"),
    path("account/passkeys/<int:pk>/remove", remove_passkey, name="mfa_remove_webauthn"),
    _mine("account/passkeys/<int:pk>/rename", passkeys.edit_webauthn, "mfa_edit_webauthn"),
    _mine("account/recovery-codes", recovery.view_recovery_codes, "mfa_view_recovery_codes"),
    _mine("account/recovery-codes/new", recovery.generate_recovery_codes, "mfa_generate_recovery_codes"),
    _mine("account/password/change", _again(account.password_change), "account_change_password"),
    _enrolling("account/password", _again(account.password_set), "account_set_password"),
    path("account/sign-out-everywhere", sign_out_everywhere, name="sign_out_everywhere"),
]
