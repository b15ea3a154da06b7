# SPDX-License-Identifier: Apache-2.0
"""The advisory locks of PostgreSQL, by number: all in one place, so that no two mean the same by chance.

- Where several are held, they are taken in this order.
"""

MIGRATION = 0x5649_4749_4501  # "VIGIE", and a number
JOBS = 0x5649_4749_4502
IDENTITY = 0x5649_4749_4503
AUDIT = 0x5649_4749_4504
CHANGES = 0x5649_4749_4505  # last in every transaction
