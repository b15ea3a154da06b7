# SPDX-License-Identifier: Apache-2.0
"""What a change can be about, and what its subject and items are."""

from enum import StrEnum


class Topic(StrEnum):
    """Subject, then items (row numbers), of each sort of change."""

    FINGERPRINTS_ADDED = "FINGERPRINTS_ADDED"  # items: rows of the catalogue's fingerprints
    FINGERPRINTS_REMOVED = "FINGERPRINTS_REMOVED"  # items: rows that are no more
    SEEN_ADDED = "SEEN_ADDED"  # items: rows of the values seen
    SEEN_REMOVED = "SEEN_REMOVED"  # items: rows that are no more
    STANDING = "STANDING"  # subject: the depiction whose assertions, disputes or revocations changed
    IMPORT = "IMPORT"  # subject: the import that became visible, or was undone
    LISTS = "LISTS"  # subject: the list whose policy or mode changed; items: the row of its new version
    OVERRIDES = "OVERRIDES"  # a value was suppressed, quarantined or let go
    KEYS = "KEYS"  # subject: the key that was made, changed or revoked; none: some were deleted
    SNAPSHOT = "SNAPSHOT"  # subject: the index of which a new snapshot was published
