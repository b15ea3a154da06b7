# SPDX-License-Identifier: Apache-2.0
"""Keep the audit: put it in order, verify it once a day, tell when it does not get on.

- What does not verify, or cannot be built upon, raises an alarm; nothing is mended and nothing is skipped.
- How long an event waits is measured by a clock that never jumps, not by the times recorded.
"""

import time
from datetime import datetime, timedelta

from vigie_node.alarms import actions as alarms
from vigie_node.alarms.codes import Alarm
from vigie_node.audit import actions as audit
from vigie_node.audit import queries
from vigie_node.audit.sequencer import BrokenAuditError
from vigie_node.base.actor import NODE

VERIFY_EVERY = timedelta(hours=20)
WAITS_TOO_LONG_SECONDS = 30.0


def sequence(now: datetime) -> bool:
    """Put what waits in order; say whether there was something."""
    try:
        return audit.sequence(by=NODE, now=now) > 0
    except BrokenAuditError:
        alarms.raise_alarm(Alarm.AUDIT_BROKEN, by=NODE, now=now)
        raise


def verify(now: datetime) -> bool:
    """Verify the whole audit, unless that was done less than a day ago."""
    last = queries.state().verified
    if last is not None and timedelta(0) <= now - last.at < VERIFY_EVERY:
        return False
    if not audit.verify(by=NODE, now=now).is_whole:
        alarms.raise_alarm(Alarm.AUDIT_BROKEN, by=NODE, now=now)
    return False


class Waiting:
    """Watches that the event at the head of the queue does not stay there."""

    def __init__(self) -> None:
        self._number: int | None = None
        self._since = time.monotonic()

    def __call__(self, now: datetime) -> bool:
        """Raise an alarm where one event has waited too long."""
        number = queries.oldest_pending()
        if number != self._number:
            self._number, self._since = number, time.monotonic()
        elif number is not None and time.monotonic() - self._since > WAITS_TOO_LONG_SECONDS:
            self._since = time.monotonic()
            alarms.raise_alarm(Alarm.UNSEQUENCED, by=NODE, now=now)
        return False
