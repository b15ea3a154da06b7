# SPDX-License-Identifier: Apache-2.0
"""The four processes of a node: what each serves, and by which login it meets the database.

- One code base; `VIGIE_FACE` says which face a process is. A face loads only its own URLs.
- On PostgreSQL each face has a login of its own; what it may do with which table is this file's table GRANTS.
- A login carries the name of its database, so that several nodes live in one cluster.
- The public face may leave an event in the audit and nothing else: it reads no record of the node.
- Nobody but the operator changes or deletes what the audit holds; the sequencer moves events from waiting to ordered.
"""

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase


class Face(StrEnum):
    """What a process is; `command` is the operator's command line and the migrations."""

    PUBLIC = "public"
    ANALYST = "analyst"
    PARTNER = "partner"
    WORKER = "worker"
    COMMAND = "command"


@dataclass(frozen=True, slots=True)
class Serving:
    """How a face that answers HTTP is served; `threads` is how many requests one process works on at once."""

    urls: str
    port: int
    application: str
    threads: int


SERVING = {
    Face.PUBLIC: Serving("vigie_node.public_site.urls", 8000, "vigie_node.project.wsgi:application", 4),
    Face.ANALYST: Serving("vigie_node.analyst_app.urls", 8001, "vigie_node.project.wsgi:application", 6),
    Face.PARTNER: Serving("vigie_node.partner_api.urls", 8002, "vigie_node.project.wsgi:application", 8),
}

LOGINS = (Face.PUBLIC, Face.ANALYST, Face.PARTNER, Face.WORKER)
_NAME_BYTES = 63  # PostgreSQL cuts a longer name without a word


@dataclass(frozen=True, slots=True)
class Grant:
    """What each face may do with the tables of this name (`*` ends a prefix).

    S selects, I inserts, U updates, D deletes; empty: the face cannot even read it.
    """

    tables: str
    analyst: str = ""
    partner: str = ""
    worker: str = ""
    public: str = ""

    def of(self, face: Face) -> str:
        """Return what a face may do."""
        found: str = getattr(self, face.value)
        return found


# The first that fits counts; a table that none fits is open to nobody, and a test names it.
GRANTS = (
    Grant("django_migrations", analyst="S", partner="S", worker="S", public="S"),
    Grant("audit_pendingevent", analyst="SI", partner="I", worker="SID", public="I"),
    Grant("audit_verification", analyst="SI", worker="SID"),
    Grant("audit_frontier", analyst="S", worker="SIU"),
    Grant("audit_*", analyst="S", worker="SI"),
    Grant("changes_change", analyst="SI", partner="SI", worker="SID"),
    Grant("alarms_alarm", analyst="SIU", partner="SIU", worker="SIUD"),
    Grant("accounts_organisation", analyst="SIU", partner="S", worker="S"),
    Grant("accounts_keyday", analyst="S", partner="SIU", worker="SD"),
    Grant("accounts_key*", analyst="SIU", partner="SU", worker="SUD"),
    Grant("accounts_*", analyst="SIUD", worker="SD"),
    # An organisation's tools keep its banks through the partners' face: what they add, say and take back.
    Grant("banks_*", analyst="S", partner="SIUD", worker="SIUD"),
    Grant("catalogue_matchlist", analyst="SIU", partner="SIU", worker="SIU"),
    Grant("catalogue_listversion", analyst="SI", partner="SI", worker="SI"),
    Grant("catalogue_source", analyst="SIUD", partner="SI", worker="SIUD"),
    Grant("catalogue_depiction", analyst="SIUD", partner="SIU", worker="SIUD"),
    Grant("catalogue_fingerprint", analyst="SIUD", partner="SIU", worker="SIUD"),
    Grant("catalogue_assertion", analyst="SIUD", partner="SIU", worker="SIUD"),
    Grant("catalogue_revocation", analyst="SIUD", partner="SIU", worker="SIUD"),
    Grant("catalogue_dispute", analyst="SIUD", partner="SU", worker="SIUD"),
    Grant("catalogue_override", analyst="SIU", partner="S", worker="SIUD"),
    Grant("catalogue_*", analyst="SIUD", partner="S", worker="SIUD"),
    Grant("matching_snapshot", analyst="S", partner="S", worker="SID"),
    Grant("matching_*", analyst="S", partner="S", worker="SIUD"),
    Grant("sightings_sighting", analyst="SIUD", partner="SI", worker="SIUD"),
    Grant("sightings_seenvalue", analyst="SIUD", partner="SI", worker="SIUD"),
    Grant("sightings_match", analyst="SIUD", partner="SIU", worker="SIUD"),
    Grant("sightings_task", analyst="SIUD", partner="SIU", worker="SIUD"),
    Grant("sightings_tally", analyst="SIUD", partner="SIUD", worker="SIUD"),
    Grant("sightings_*", analyst="SIUD", worker="SIUD"),
    Grant("django_session", analyst="SIUD", worker="SD"),
    Grant("cache", analyst="SIUD", partner="SIUD", worker="SIUD"),
    Grant("django_content_type", analyst="S", worker="S"),
    Grant("auth_*", analyst="S", worker="S"),
    Grant("account_*", analyst="SIUD", worker="SD"),
    Grant("mfa_*", analyst="SIUD", worker="SD"),
    Grant("socialaccount_*", analyst="SIUD", worker="SD"),
    Grant("axes_*", analyst="SIUD", worker="SD"),
)


def grant_of(table: str) -> Grant | None:
    """Return the grant of a table, None where nobody gave one."""
    return next((one for one in GRANTS if fnmatchcase(table, one.tables)), None)


def login_of(face: Face, *, database: str) -> str:
    """Return the name of the login by which a face meets a database of PostgreSQL."""
    name = f"vigie_{database}_{face}"
    if len(name.encode()) <= _NAME_BYTES:
        return name
    return f"vigie_{hashlib.sha256(database.encode()).hexdigest()[:32]}_{face}"


def password_setting(face: Face) -> str:
    """Return the setting that holds the password of a face's login."""
    return f"VIGIE_DATABASE_{face.upper()}_PASSWORD"
