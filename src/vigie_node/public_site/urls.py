# SPDX-License-Identifier: Apache-2.0
"""Every URL that the public face serves, and no other."""

from django.conf import settings
from django.urls import path, re_path

from vigie_node.public_site import pages

urlpatterns = [
    path("", pages.home, name="home"),
    re_path(rf"^(?P<language>{'|'.join(dict(settings.LANGUAGES))})/$", pages.home_in, name="home-in"),
]
