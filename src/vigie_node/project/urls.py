# SPDX-License-Identifier: Apache-2.0
"""The URLs of the face that this process is, and what answers where they end.

- A process loads the URLs of its own face and no others.
"""

from django.conf import settings
from django.urls import include, path

from vigie_node.project.faces import SERVING, Face

urlpatterns = [path("", include(SERVING.get(settings.FACE, SERVING[Face.ANALYST]).urls))]
handler400 = "vigie_node.project.errors.malformed"
handler403 = "vigie_node.project.errors.not_allowed"
handler404 = "vigie_node.project.errors.not_found"
handler500 = "vigie_node.project.errors.server_error"
