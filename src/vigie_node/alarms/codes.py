# SPDX-License-Identifier: Apache-2.0
"""What can raise an alarm."""

from enum import StrEnum


class Alarm(StrEnum):
    """Its subject is an id, a list's name or a process; never a value."""

    INDEX_STALE = "INDEX_STALE"  # a process could not follow the change log
    INDEX_DRIFT = "INDEX_DRIFT"  # an index and the database disagree
    PROBING = "PROBING"  # a key asks as if to reconstruct a list
    FLOOD = "FLOOD"  # a value matched so often that it was quarantined
    OVER_QUOTA = "OVER_QUOTA"  # a key asked for more than it may
    UNSEQUENCED = "UNSEQUENCED"  # audit events wait longer than they should
    AUDIT_BROKEN = "AUDIT_BROKEN"  # the audit does not verify
    DISK_SHORT = "DISK_SHORT"  # little room is left
    CLOCK = "CLOCK"  # the clock jumped
    IMPORT_FAILED = "IMPORT_FAILED"
    DISPUTE_OVERDUE = "DISPUTE_OVERDUE"
    OVERRIDE_DUE = "OVERRIDE_DUE"  # an override is due for review
    JOB_FAILING = "JOB_FAILING"  # a job of the worker keeps failing, or hangs
    PROCESS_DIED = "PROCESS_DIED"  # the supervisor had to start a process again
