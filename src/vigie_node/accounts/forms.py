# SPDX-License-Identifier: Apache-2.0
"""What people type to prove a second factor, read more strictly than django-allauth does.

- A code counts once, also the one typed at enrolment: it is remembered as used in the cache that all processes share,
  for as long as it could be valid, clock tolerance included.
- A passkey must be kept on its device and unlocked by its person, so that it is enough alone.
"""

import contextlib
import hashlib
from collections.abc import Iterator
from typing import Any

from allauth.core.internal.cryptokit import normalize_user_code
from allauth.mfa import app_settings
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from django import forms
from django.core.cache import cache
from django.utils.translation import gettext_lazy as _

MAX_CREDENTIAL = 16_384  # characters


def _spend(person_id: object, code: str) -> None:
    """Refuse a code that was used before."""
    digest = hashlib.sha256(f"{person_id}:{normalize_user_code(code)}".encode()).hexdigest()
    valid_for = app_settings.TOTP_PERIOD * (2 * app_settings.TOTP_TOLERANCE + 2)
    if not cache.add(f"vigie.code.{digest}", 1, timeout=valid_for):
        raise get_adapter().validation_error("incorrect_code")


class CodeForm(AuthenticateForm):  # type: ignore[misc]
    """A code at sign-in."""

    def clean_code(self) -> str:
        """Accept a code once."""
        code: str = super().clean_code()
        _spend_of_app(self.authenticator, code)
        return code


class CodeAgainForm(ReauthenticateForm):  # type: ignore[misc]
    """A code before something sensitive."""

    def clean_code(self) -> str:
        """Accept a code once."""
        code: str = super().clean_code()
        _spend_of_app(self.authenticator, code)
        return code


class EnrolCodeForm(ActivateTOTPForm):  # type: ignore[misc]
    """The first code of a new app."""

    def clean_code(self) -> str:
        """Accept a code once: it opens no sign-in afterwards."""
        code: str = super().clean_code()
        _spend(self.user.pk, code)
        return code


class CredentialField(forms.JSONField):
    """What a browser answers for a passkey: small, and never nested without end."""

    def __init__(self) -> None:
        super().__init__(required=True, widget=forms.HiddenInput)

    def to_python(self, value: Any) -> Any:  # noqa: ANN401 - Django's own signature
        """Read the answer, or refuse it."""
        if isinstance(value, str) and len(value) > MAX_CREDENTIAL:
            raise get_adapter().validation_error("incorrect_code")
        try:
            return super().to_python(value)
        except (RecursionError, ValueError) as error:  # nested without end, or a number of thousands of digits
            raise get_adapter().validation_error("incorrect_code") from error


@contextlib.contextmanager
def _malformed_is_wrong() -> Iterator[None]:
    """Refuse what is no passkey's answer as a wrong one: whoever sends it is told nothing more."""
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise get_adapter().validation_error("incorrect_code") from error


class AddPasskeyForm(AddWebAuthnForm):  # type: ignore[misc]
    """A new passkey."""

    credential = CredentialField()

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields.pop("passwordless", None)
        self.fields["name"].label = _("Name")

    def clean(self) -> dict[str, Any]:
        """Refuse a key that does not stay on its device: it could not be used alone."""
        with _malformed_is_wrong():
            cleaned: dict[str, Any] = super().clean() or {}
            results = (cleaned.get("credential") or {}).get("clientExtensionResults") or {}
            stays = (results.get("credProps") or {}).get("rk") is not False
        if not stays:
            raise get_adapter().validation_error("incorrect_code")
        return cleaned


class PasskeyForm(LoginWebAuthnForm):  # type: ignore[misc]
    """A passkey at sign-in, alone."""

    credential = CredentialField()

    def clean_credential(self) -> Authenticator:
        """Accept the answer of a passkey."""
        with _malformed_is_wrong():
            return super().clean_credential()


class PasskeyAfterPasswordForm(AuthenticateWebAuthnForm):  # type: ignore[misc]
    """A passkey at sign-in, after a password."""

    credential = CredentialField()

    def clean_credential(self) -> Authenticator:
        """Accept the answer of a passkey."""
        with _malformed_is_wrong():
            return super().clean_credential()


class PasskeyAgainForm(ReauthenticateWebAuthnForm):  # type: ignore[misc]
    """A passkey before something sensitive."""

    credential = CredentialField()

    def clean_credential(self) -> Authenticator:
        """Accept the answer of a passkey."""
        with _malformed_is_wrong():
            return super().clean_credential()


def _spend_of_app(authenticator: Authenticator, code: str) -> None:
    if authenticator.type == Authenticator.Type.TOTP:
        _spend(authenticator.user_id, code)
