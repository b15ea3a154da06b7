# SPDX-License-Identifier: Apache-2.0
"""Where django-allauth asks what this node's rules are.

- Nobody signs up: people are invited. A single sign-on identity is let in only where its provider says that it verified
  the address and a person here signs in with that address; nothing is connected, nothing is created.
- Secrets are encrypted; the last way to sign in cannot be removed.
- Failed sign-ins are noted by the person's id, or as unknown; the answer is the same for both.
"""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.providers.base import AuthProcess
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from vigie_node.accounts import factor_secrets, models, session_rules, sign_in_actions
from vigie_node.base.actor import NODE, Actor, ActorKind

PASSKEY_AGAIN = "mfa_reauthenticate:webauthn"  # allauth's own name


def _actor(person: models.Person) -> Actor:
    return Actor(ActorKind.PERSON, person.id, person.organisation_id)


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """How people sign in and out."""

    error_messages = {  # noqa: RUF012 - allauth's own form
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": _("Address and password do not belong together, or there is no such person."),
        "too_many_login_attempts": _("Too many attempts. Wait five minutes, or use a passkey."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002
        """Nobody signs up."""
        return False

    def logout(self, request: HttpRequest) -> None:
        """Sign out, and note it."""
        if isinstance(request.user, models.Person):
            actor = _actor(request.user)
            sign_in_actions.note_signed_out(request.user.id, why="", by=actor, now=timezone.now())
        super().logout(request)

    def authentication_failed(self, request: HttpRequest, **credentials: object) -> None:
        """Note a failed sign-in."""
        address = str(credentials.get("email", "")).lower()
        person_id = models.Person.objects.filter(email=address).values_list("id", flat=True).first()
        locked = bool(getattr(request, "axes_locked_out", False))
        sign_in_actions.note_sign_in_failed(person_id, is_locked_out=locked, by=NODE, now=timezone.now())

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        """Go on to the code app where there is no second factor yet, else back to the account."""
        person = request.user
        has_factor = isinstance(person, models.Person) and MFAAdapter().is_mfa_enabled(person)
        return reverse("mfa_index" if has_factor else "mfa_activate_totp")

    def get_reauthentication_methods(self, user: AbstractBaseUser) -> list[dict[str, Any]]:
        """Ask who has a passkey for it first, by the name that it has on our pages."""
        ways: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        for way in ways:
            if way["id"] == PASSKEY_AGAIN:
                way["description"] = _("Use your passkey")
        return sorted(ways, key=lambda way: way["id"] != PASSKEY_AGAIN)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send nothing: a node has no mail server, and nothing that it does needs one."""


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """How second factors are kept."""

    error_messages = {  # noqa: RUF012 - allauth's own form
        **DefaultMFAAdapter.error_messages,
        "cannot_delete_authenticator": _("This is your last way to sign in: set up another one first."),
        "incorrect_code": _("This code is wrong, too old or was used before. Wait for the next one."),
    }

    def encrypt(self, text: str) -> str:
        """Encrypt a secret with the node's key."""
        return factor_secrets.encrypt(text, keys=settings.FIELD_KEY)

    def decrypt(self, encrypted_text: str) -> str:
        """Decrypt a secret with the node's key."""
        return factor_secrets.decrypt(encrypted_text, keys=settings.FIELD_KEY)

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """Keep the last way in."""
        left = Authenticator.objects.filter(user_id=authenticator.user_id).exclude(pk=authenticator.pk)
        person = models.Person.objects.get(id=authenticator.user_id)
        return session_rules.may_remove_factor(
            passkeys_left=left.filter(type=Authenticator.Type.WEBAUTHN).count(),
            has_code_app=left.filter(type=Authenticator.Type.TOTP).exists(),
            has_first_factor=person.has_usable_password() or bool(settings.SOCIALACCOUNT_PROVIDERS),
        )

    def get_totp_issuer(self) -> str:
        """Name the node in the code app."""
        return str(settings.NODE_NAME)

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Name the node to the browser."""
        return {**super().get_public_key_credential_rp_entity(), "name": str(settings.NODE_NAME)}

    def generate_authenticator_name(self, user: AbstractBaseUser, type: Authenticator.Type) -> str:
        """Propose a name for a passkey, by its number."""
        number = Authenticator.objects.filter(user_id=user.pk, type=type).count() + 1
        return str(_("Passkey %(number)s")) % {"number": number}


class SocialAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """How an identity of a single sign-on becomes a person here."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: object) -> bool:  # noqa: ARG002
        """Nobody signs up."""
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:  # noqa: ARG002
        """Sign in, whatever was asked for: an identity that were connected would open the account for good."""
        sociallogin.state["process"] = AuthProcess.LOGIN

    def authenticate_by_email(self, sociallogin: SocialLogin) -> tuple[models.Person, str] | None:
        """Find the person by an address that the provider says it verified: true, not some text that looks like it."""
        sociallogin.email_addresses = [one for one in sociallogin.email_addresses if one.verified is True]
        found: tuple[models.Person, str] | None = super().authenticate_by_email(sociallogin)
        return found
