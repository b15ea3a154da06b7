# SPDX-License-Identifier: Apache-2.0
"""Every URL that the public face serves, and no other."""

from django.urls import path

from vigie_node.public_site import pages

urlpatterns = [
    path("", pages.home, name="home"),
    path("<str:language>/", pages.home_in, name="home-in"),
]
