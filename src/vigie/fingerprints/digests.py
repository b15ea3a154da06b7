# SPDX-License-Identifier: Apache-2.0
"""MD5, SHA-1 and SHA-256 in one read of the content.

- Memory stays bounded whatever the size: one block is in memory at a time.
- Hashing bytes is not decoding: it is done wherever the bytes are.
- The descriptor's own position is neither used nor moved, so that a worker may read the same descriptor meanwhile.
"""

import hashlib
import os

from vigie.fingerprints.values import Digests

BLOCK_BYTES = 256 * 1024  # stays in the second-level cache while the three algorithms pass over it


class Hasher:
    """The three digests of content that arrives in blocks."""

    def __init__(self) -> None:
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha1 = hashlib.sha1(usedforsecurity=False)
        self._sha256 = hashlib.sha256()

    def update(self, block: bytes | bytearray | memoryview) -> None:
        """Take in the next block."""
        self._md5.update(block)
        self._sha1.update(block)
        self._sha256.update(block)

    def digests(self) -> Digests:
        """Return the digests of what came so far."""
        return Digests(md5=self._md5.digest(), sha1=self._sha1.digest(), sha256=self._sha256.digest())


def of_bytes(content: bytes | bytearray | memoryview) -> Digests:
    """Return the digests of content that is in memory."""
    hasher = Hasher()
    hasher.update(content)
    return hasher.digests()


def of_descriptor(descriptor: int) -> tuple[Digests, int]:
    """Return the digests of an open file, from its first byte to its last, and how many bytes were read.

    Raises:  OSError where the medium cannot be read.
    """
    hasher, read_bytes = Hasher(), 0
    block = memoryview(bytearray(BLOCK_BYTES))
    while count := os.preadv(descriptor, [block], read_bytes):
        hasher.update(block[:count])
        read_bytes += count
    return hasher.digests(), read_bytes
