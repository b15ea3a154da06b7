# SPDX-License-Identifier: Apache-2.0
"""Connects what sign-in announces to what must be noted of it."""

from django.apps import AppConfig, apps


class AccountsConfig(AppConfig):
    """The people and keys of this node."""

    name = "vigie_node.accounts"
    label = "accounts"

    def ready(self) -> None:
        """Listen to sign-ins and to changes of second factors."""
        if self.apps is None or not self.apps.is_installed("allauth.mfa"):
            return  # a face without pages: nobody signs in there
        if apps.is_installed("allauth.mfa"):  # a face where nobody signs in does without
            from vigie_node.accounts import announcements  # noqa: PLC0415 - needs the tables, which exist from here on

            announcements.connect()
