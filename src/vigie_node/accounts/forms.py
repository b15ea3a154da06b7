# SPDX-License-Identifier: Apache-2.0
"""What people type to prove a second factor, read more strictly than django-allauth does.

- A code counts once, also the one typed at enrolment: it is remembered as used in the cache that all processes share,
  for as long as it could be valid, clock tolerance included.
- A passkey must be kept on its device and unlocked by its person, so that it is enough alone.
"""

import hashlib
from typing import Any

from allauth.core.internal.cryptokit import normalize_user_code
from allauth.mfa import app_settings
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn.forms import AddWebAuthnForm
from django.core.cache import cache


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


class AddPasskeyForm(AddWebAuthnForm):  # type: ignore[misc]
    """A new passkey."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields.pop("passwordless", None)

    def clean(self) -> dict[str, Any]:
        """Refuse a key that does not stay on its device: it could not be used alone."""
        cleaned: dict[str, Any] = super().clean() or {}
        results = (cleaned.get("credential") or {}).get("clientExtensionResults") or {}
        if (results.get("credProps") or {}).get("rk") is False:
            raise get_adapter().validation_error("incorrect_code")
        return cleaned


def _spend_of_app(authenticator: Authenticator, code: str) -> None:
    if authenticator.type == Authenticator.Type.TOTP:
        _spend(authenticator.user_id, code)
