# SPDX-License-Identifier: Apache-2.0
"""The four processes of a node: what each serves, and as which role it meets the database.

- One code base; `VIGIE_FACE` says which face a process is. A face loads only its own URLs.
- On PostgreSQL each face has its own role; what a role may do with which table is this file's table GRANTS.
"""

from dataclasses import dataclass
from enum import StrEnum


class Face(StrEnum):
    """What a process is; `command` is the operator's command line and the migrations."""

    PUBLIC = "public"
    ANALYST = "analyst"
    PARTNER = "partner"
    WORKER = "worker"
    COMMAND = "command"


@dataclass(frozen=True, slots=True)
class Serving:
    """How a face that answers HTTP is served."""

    urls: str
    port: int
    application: str


SERVING = {
    Face.PUBLIC: Serving("vigie_node.public_site.urls", 8000, "vigie_node.project.wsgi:application"),
    Face.ANALYST: Serving("vigie_node.analyst_app.urls", 8001, "vigie_node.project.wsgi:application"),
    Face.PARTNER: Serving("vigie_node.partner_api.urls", 8002, "vigie_node.partner_api.wsgi:application"),
}
