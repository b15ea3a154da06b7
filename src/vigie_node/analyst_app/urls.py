# SPDX-License-Identifier: Apache-2.0
"""Every URL that the analysts' process serves, and no other."""

from django.urls import include, path

from vigie_node.analyst_app import alarms, home

PAGES = (home, alarms)

urlpatterns = [
    *(pattern for page in PAGES for pattern in page.urlpatterns),
    path("i18n/", include("django.conf.urls.i18n")),
]
