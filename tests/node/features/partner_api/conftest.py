# SPDX-License-Identifier: Apache-2.0
"""The partners' face in this process: its own addresses and middleware, an index of its own, no thread that follows.

What needs the face as partners meet it, over HTTP, uses `serve(Face.PARTNER)`.
"""

import importlib

import pytest
from django.test import Client

from vigie_node.project.faces import Face

NOT_OF_PARTNERS = (
    "django.contrib",
    "django.middleware.csrf",
    "allauth",
    "django_htmx",
    "vigie_node.analyst_app",
    "axes",
    "vigie_node.project.middleware.limited_forms",
)


@pytest.fixture
def face(db, settings, tmp_path):
    """A client of the partners' face in this process."""
    importlib.import_module("vigie_node.project.urls")  # it takes the face of its first import: not this one's
    settings.FACE, settings.ROOT_URLCONF = Face.PARTNER, "node.partner_urls"
    settings.INDEXES, settings.HOME = tmp_path / "indexes", tmp_path
    settings.MIDDLEWARE = [one for one in settings.MIDDLEWARE if not one.startswith(NOT_OF_PARTNERS)]
    _forget()
    yield Client(raise_request_exception=False)
    _forget()


def _forget():
    # Imported here: Django is set up after the conftest of a folder that is named on the command line.
    importlib.import_module("vigie_node.matching.lookup").forget()
    importlib.import_module("vigie_node.partner_api.hot")._of_process.clear()
