# SPDX-License-Identifier: Apache-2.0
"""The advisory locks of PostgreSQL, by number: all in one place, so that no two mean the same by chance.

- Where several are held, they are taken in this order.
"""

from django.db import connection

MIGRATION = 0x5649_4749_4501  # "VIGIE", and a number
JOBS = 0x5649_4749_4502
IDENTITY = 0x5649_4749_4503
WORDS = 0x5649_4749_4507  # what is said of depictions, and by which imports
LISTS = 0x5649_4749_4508  # the policies of lists, and the banks that are made of them
AUDIT = 0x5649_4749_4504
STANDING = 0x5649_4749_4506  # which matches stand, and the tasks that follow from it
CHANGES = 0x5649_4749_4505  # last in every transaction


def hold(lock: int) -> None:
    """Hold a lock until the transaction ends; on SQLite a transaction that writes is alone as it is."""
    if not connection.in_atomic_block:
        raise RuntimeError("a lock is held in a transaction")
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [lock])
