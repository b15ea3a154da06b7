# SPDX-License-Identifier: Apache-2.0
"""What the audit was told during a test, and whether what it was told is harmless."""

import contextlib

from vigie_node.audit import records
from vigie_node.audit.models import PendingEvent


def recorded():
    """Return every event that waits to be sequenced, in the order of recording."""
    return [records.decode(bytes(one.record)) for one in PendingEvent.objects.order_by("number")]


@contextlib.contextmanager
def events():
    """Collect the events that a block records."""
    found = []
    before = len(recorded())
    yield found
    found.extend(recorded()[before:])
