# SPDX-License-Identifier: Apache-2.0
"""The addresses of the partners' face, with what answers where they end."""

from vigie_node.partner_api.urls import urlpatterns
from vigie_node.project.urls import handler400, handler403, handler404, handler500

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]
