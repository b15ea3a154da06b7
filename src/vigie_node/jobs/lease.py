# SPDX-License-Identifier: Apache-2.0
"""One worker a node: whoever holds the lock works, a second one waits.

- The lock ends with its holder, however that one ends: on PostgreSQL it belongs to a connection kept for it, on SQLite
  to an open file. No lease has to run out before another may go on.
- A holder whose connection broke no longer holds it, and must stop working before it asks again.
"""

import contextlib
import fcntl
import os
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.backends.base.base import BaseDatabaseWrapper

from vigie_node.base import locks


class Lease:
    """The right to be the worker of this node."""

    def __init__(self, home: Path | None = None) -> None:
        self._file: int | None = None
        self._connection: BaseDatabaseWrapper | None = None
        self._home = home or settings.HOME

    def take(self) -> bool:
        """Try to become the worker; say whether it was had. Asking again while holding it is allowed."""
        if self.is_held():
            return True
        self.let_go()
        return self._take_in_database() if connection.vendor == "postgresql" else self._take_file()

    def is_held(self) -> bool:
        """Say whether this is still the worker."""
        if self._file is not None:
            return True
        if self._connection is None:
            return False
        try:
            with self._connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        except DatabaseError:
            return False
        return True

    def let_go(self) -> None:
        """Let another be the worker."""
        if self._file is not None:
            os.close(self._file)
        if self._connection is not None:
            with contextlib.suppress(DatabaseError):
                self._connection.close()
        self._file = self._connection = None

    def _take_file(self) -> bool:
        folder = self._home / "run"
        folder.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(folder / "worker.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._file = descriptor
        return True

    def _take_in_database(self) -> bool:
        own = connection.copy()
        try:
            with own.cursor() as cursor:
                cursor.execute("SELECT pg_try_advisory_lock(%s)", [locks.JOBS])
                if cursor.fetchone()[0]:
                    self._connection = own
                    return True
        except DatabaseError:
            own.close()
            return False
        own.close()
        return False
