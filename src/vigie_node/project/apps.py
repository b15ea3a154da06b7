# SPDX-License-Identifier: Apache-2.0
"""The site itself as an application: it brings the checks."""

import importlib

from django.apps import AppConfig


class ProjectConfig(AppConfig):
    """Registers the checks once the site is set up."""

    name = "vigie_node.project"
    label = "project"

    def ready(self) -> None:
        """Load the checks, which need the applications."""
        importlib.import_module("vigie_node.project.checks")
