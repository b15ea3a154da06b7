# SPDX-License-Identifier: Apache-2.0
"""Whether a disk is full, in whatever words a disk, SQLite or PostgreSQL says so."""

import errno

_SQLSTATE = "53100"  # PostgreSQL: disk full
_SQLITE = "database or disk is full"


def is_out(error: BaseException) -> bool:
    """Say whether an error of the system or of the database means that there is no room left."""
    if isinstance(error, OSError):
        return error.errno in {errno.ENOSPC, errno.EDQUOT}
    return getattr(error.__cause__, "sqlstate", None) == _SQLSTATE or _SQLITE in str(error)
