# SPDX-License-Identifier: Apache-2.0
"""What the pages call the events of the audit, in alphabetical order of the events.

- An event without a line here fails a test; one of a later or earlier version is shown by its name.
"""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from vigie_node.audit.events import Event
from vigie_node.audit.records import UNREADABLE

WORDS: dict[str, str | Promise] = {
    Event.ACCOUNTS_TIDIED: _("what accounts need no longer was deleted"),
    Event.ALARM_RAISED: _("an alarm was raised"),
    Event.ALARM_SETTLED: _("an alarm was settled"),
    Event.ASSERTION_RECORDED: _("an assertion was recorded"),
    Event.ASSERTION_REVOKED: _("an assertion was revoked"),
    Event.AUDIT_EXPORTED: _("the audit was taken away as a file"),
    Event.AUDIT_HEAD_EXPORTED: _("the signed head of the audit was given away"),
    Event.AUDIT_READ: _("the audit was read"),
    Event.AUDIT_VERIFIED: _("the audit was verified"),
    Event.BACKUPS_PRUNED: _("old backups were deleted"),
    Event.BACKUP_MADE: _("a backup was made"),
    Event.BACKUP_RESTORED: _("the node was restored from a backup"),
    Event.BANK_CONTENT_ADDED: _("content was added to a bank"),
    Event.BANK_CONTENT_CHANGED: _("content of a bank was changed"),
    Event.BANK_CONTENT_REMOVED: _("content was removed from a bank"),
    Event.BANK_CREATED: _("a bank was made"),
    Event.BANK_REMOVED: _("a bank was removed"),
    Event.BANK_RENAMED: _("a bank was renamed"),
    Event.BANK_SIGNAL_SWITCHED: _("an algorithm of the banks was switched on or off"),
    Event.CATALOGUE_SEARCHED: _("the catalogue was searched"),
    Event.CHANGES_PRUNED: _("the old end of the change log was deleted"),
    Event.DEPICTIONS_EXPIRED: _("depictions whose time was over were deleted"),
    Event.DEPICTION_READ: _("a depiction was read"),
    Event.DEPICTION_RECORDED: _("a depiction was recorded"),
    Event.DISPUTE_OPENED: _("a dispute was opened"),
    Event.DISPUTE_SETTLED: _("a dispute was settled"),
    Event.ENROLMENT_ISSUED: _("an enrolment link was issued"),
    Event.ENROLMENT_USED: _("an enrolment link was used"),
    Event.EXPORT_MADE: _("an export was made"),
    Event.FILE_SEARCHED: _("a file was searched for"),
    Event.FLOOD_NOTED: _("a value matched suddenly often"),
    Event.IMPORT_CANCELLED: _("an import was cancelled"),
    Event.IMPORT_FAILED: _("an import failed"),
    Event.IMPORT_MADE_VISIBLE: _("an import was taken in"),
    Event.IMPORT_STAGED: _("an import was read"),
    Event.IMPORT_STARTED: _("an import was started"),
    Event.INDEXES_DROPPED: _("the published indexes were dropped"),
    Event.INDEX_PUBLISHED: _("an index was published"),
    Event.KEY_CREATED: _("a key was made"),
    Event.KEY_QUOTA_CHANGED: _("the quota of a key was changed"),
    Event.KEY_REVOKED: _("a key was revoked"),
    Event.KEY_USED: _("a key was used"),
    Event.LIST_CHANGED: _("a list was changed"),
    Event.LIST_CREATED: _("a list was made"),
    Event.LOAD_CANCELLED: _("a load of results was cancelled"),
    Event.LOAD_FAILED: _("a load of results failed"),
    Event.LOAD_STARTED: _("a load of results was started"),
    Event.LOOK_UPS_RECORDED: _("look-ups that matched were recorded"),
    Event.NODE_MIGRATED: _("the database was migrated"),
    Event.NODE_STARTED: _("the node was started"),
    Event.NODE_STOPPED: _("the node was stopped"),
    Event.ORGANISATION_CREATED: _("an organisation was recorded"),
    Event.OVERRIDE_ENDED: _("a suppressed value was let go"),
    Event.OVERRIDE_MADE: _("a value was suppressed"),
    Event.OVERRIDE_REVIEWED: _("a suppressed value was reviewed"),
    Event.PASSWORD_SET: _("a password was set"),
    Event.PERSON_CHANGED: _("an account was changed"),
    Event.PERSON_CREATED: _("an account was made"),
    Event.PERSON_DISABLED: _("an account was closed"),
    Event.PERSON_ENABLED: _("an account was opened again"),
    Event.PERSON_LOCKED_OUT: _("somebody was locked out after failed attempts"),
    Event.RECORDS_EXPIRED: _("records whose time was over were deleted"),
    Event.RETRACE_ADVANCED: _("the look-back went on"),
    Event.ROLE_GRANTED: _("a role was granted"),
    Event.ROLE_REVOKED: _("a role was taken away"),
    Event.SECOND_FACTOR_ADDED: _("a second factor was added"),
    Event.SECOND_FACTOR_REMOVED: _("a second factor was removed"),
    Event.SERIES_CHANGED: _("a series was changed"),
    Event.SERIES_CREATED: _("a series was made"),
    Event.SERIES_LINKED: _("a depiction was linked to a series"),
    Event.SERIES_READ: _("a series was read"),
    Event.SERIES_UNLINKED: _("a depiction was unlinked from a series"),
    Event.SESSIONS_ENDED: _("sessions were ended"),
    Event.SESSION_ENDED: _("a session was ended"),
    Event.SIGHTINGS_EXPIRED: _("sightings were deleted when their time came"),
    Event.SIGHTINGS_LOADED: _("sightings were loaded"),
    Event.SIGHTINGS_READ: _("sightings were read"),
    Event.SIGHTINGS_REPORTED: _("sightings were reported"),
    Event.SIGHTINGS_UNDONE: _("matches of sightings were undone"),
    Event.SIGNED_IN: _("somebody signed in"),
    Event.SIGNED_OUT: _("somebody signed out"),
    Event.SIGN_IN_FAILED: _("an attempt to sign in failed"),
    Event.SIMULATION_CANCELLED: _("a simulation was cancelled"),
    Event.SIMULATION_MADE: _("a simulation was made"),
    Event.SIMULATION_STARTED: _("a simulation was started"),
    Event.SOURCE_RECORDED: _("a source was recorded"),
    Event.TASKS_OPENED: _("tasks were opened"),
    Event.TASK_FINISHED: _("a task was finished"),
    Event.TASK_REOPENED: _("a task was opened again"),
    Event.TASK_TAKEN: _("a task was taken"),
    UNREADABLE: _("something that is no record was inserted"),
}


def word(event: str) -> str:
    """Say an event in words."""
    return str(WORDS.get(event, event))


def choices() -> list[tuple[str, str]]:
    """Return every event with its words, in the order of the words."""
    return sorted(((event, word(event)) for event in WORDS), key=lambda pair: pair[1].casefold())
