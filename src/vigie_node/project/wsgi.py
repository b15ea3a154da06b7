# SPDX-License-Identifier: Apache-2.0
"""The site as a WSGI application; which face it is comes from the environment."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vigie_node.project.settings")
application = get_wsgi_application()
