# SPDX-License-Identifier: Apache-2.0
"""The addresses of the partners' face, with what answers where they end."""

from vigie_node.partner_api.urls import urlpatterns as urlpatterns
from vigie_node.project.urls import handler400 as handler400
from vigie_node.project.urls import handler403 as handler403
from vigie_node.project.urls import handler404 as handler404
from vigie_node.project.urls import handler500 as handler500
