# SPDX-License-Identifier: Apache-2.0
"""How much each key asked this minute and this day, counted once for all processes of a machine.

- The counts live in a small file that every process maps into memory; whoever counts locks it for a microsecond.
- They are numbers of requests and of values, by key: nothing of what was asked.
- A restart keeps them; a minute is that of the clock, so a clock set back lets a key ask again at most once over.
"""

import fcntl
import mmap
import os
import struct
import threading
import uuid
from datetime import datetime
from pathlib import Path

from vigie.errors import UnavailableError

KEYS = 4096  # keys that a machine counts for
_SLOT = struct.Struct("<16sqqqq")  # key, minute, requests in it, day, values in it


class OverQuotaError(UnavailableError):
    """The key asked for more than it may: wait, then ask again."""

    code = "partners.over-quota"
    http_status = 429


class Quotas:
    """The counts of every key; shared by threads and processes."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        size = KEYS * _SLOT.size
        os.posix_fallocate(self._file, 0, size)  # or a full disk would end the process when it counts
        self._counts = mmap.mmap(self._file, size)
        self._places: dict[bytes, int] = {}
        self._one_thread = threading.Lock()

    def count(
        self, key: uuid.UUID, *, requests: int = 0, values: int = 0, per_minute: int, values_per_day: int, now: datetime
    ) -> None:
        """Count so many requests and values, or refuse them; what is refused is not counted.

        Raises:  OverQuotaError.
        """
        seconds = int(now.timestamp())
        minute, day = seconds // 60, seconds // 86_400
        with self._one_thread:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            try:
                at = self._place(key.bytes)
                _, held_minute, came, held_day, asked = _SLOT.unpack_from(self._counts, at)
                came = came + requests if held_minute == minute else requests
                asked = asked + values if held_day == day else values
                if came > per_minute:
                    raise OverQuotaError(f"this key may ask {per_minute} times a minute; wait for the next one")
                if asked > values_per_day:
                    raise OverQuotaError(f"this key may ask for {values_per_day} values a day; wait for the next one")
                _SLOT.pack_into(self._counts, at, key.bytes, minute, came, day, asked)
            finally:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of the file."""
        self._counts.close()
        os.close(self._file)

    def _place(self, key: bytes) -> int:
        known = self._places.get(key)
        if known is not None:
            return known
        for at in range(0, KEYS * _SLOT.size, _SLOT.size):
            held = self._counts[at : at + 16]
            if held == key or held == bytes(16):
                self._counts[at : at + 16] = key  # its own from now on, also where this request is refused
                self._places[key] = at
                return at
        raise OverQuotaError("this node counts for no more keys; ask its operator")
