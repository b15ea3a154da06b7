# SPDX-License-Identifier: Apache-2.0
"""The chain: each event's hash over the one before it.

- It is beside the tree for one reason: a tree says that something was altered, the chain says where.
- A link is hashed behind a 0x02, so that it is never a leaf nor a node of the tree.
"""

import hashlib

GENESIS = bytes(32)


def link(previous: bytes, leaf: bytes) -> bytes:
    """Hash a leaf onto the chain."""
    return hashlib.sha256(b"\x02" + previous + leaf).digest()
