# SPDX-License-Identifier: Apache-2.0
"""What django-axes counts failed sign-ins by.

- An address is counted under a keyed hash: neither its table nor its log names anybody.
- The caller's network address is taken as allauth takes it: from the proxies that the settings name, and no others.
"""

from collections.abc import Mapping
from typing import Any

from allauth.core.internal.httpkit import get_client_ip
from django.http import HttpRequest
from django.utils.crypto import salted_hmac


def name_for_counting(request: HttpRequest, credentials: Mapping[str, Any] | None) -> str:
    """Return what stands for the address that was typed."""
    typed = (credentials or {}).get("email") or (credentials or {}).get("username") or request.POST.get("login", "")
    return salted_hmac("vigie_node.accounts.lockout", str(typed).strip().lower(), algorithm="sha256").hexdigest()


def client_address(request: HttpRequest) -> str | None:
    """Return the caller's network address."""
    address: str | None = get_client_ip(request)
    return address
