# SPDX-License-Identifier: Apache-2.0
"""The addresses of the partners' face; `/v1/match` and `/v1/match/file` are answered before they are looked at."""

from django.urls import include, path, re_path

from vigie_node.partner_api import api, arachnid, documentation
from vigie_node.partner_api.hma import routes

urlpatterns = [
    path("", documentation.page, name="documentation"),
    re_path(r"^compat/hma/(?P<token>[^/]*)/(?P<rest>.*)$", routes.answer, name="hma"),
    re_path(r"^compat/arachnid/(?P<rest>.*)$", arachnid.answer, name="arachnid"),
    path("v1/openapi.json", documentation.description, name="openapi"),
    path("v1/", include((api.patterns(), "ninja"), namespace="partners")),
]
