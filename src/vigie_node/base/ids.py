# SPDX-License-Identifier: Apache-2.0
"""Ids that sort by the time they were made, as UUID version 7 (RFC 9562, section 5.7)."""

import os
import uuid
from datetime import datetime


def new_id(now: datetime) -> uuid.UUID:
    """Make an id whose first 48 bits are the time in milliseconds, the rest random."""
    milliseconds = int(now.timestamp() * 1000) & (1 << 48) - 1
    random = int.from_bytes(os.urandom(10), "big")
    high = milliseconds << 16 | 0x7000 | random >> 68
    low = 0b10 << 62 | random & (1 << 62) - 1
    return uuid.UUID(int=high << 64 | low)


def first_id(moment: datetime) -> uuid.UUID:
    """Return the least id that can be made at a moment: ids from then on are not below it."""
    milliseconds = int(moment.timestamp() * 1000) & (1 << 48) - 1
    return uuid.UUID(int=(milliseconds << 16 | 0x7000) << 64 | 0b10 << 62)
