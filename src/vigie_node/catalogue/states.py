# SPDX-License-Identifier: Apache-2.0
"""The states and kinds of the catalogue's records, and the moves between them."""

from enum import StrEnum


class Kind(StrEnum):
    """What a depiction is."""

    PICTURE = "PICTURE"
    VIDEO = "VIDEO"
    OTHER = "OTHER"


class Grade(StrEnum):
    """On what ground a word is given."""

    SEEN = "SEEN"  # an analyst of the source assessed the material
    VERIFIED = "VERIFIED"  # several analysts of the source did, independently
    RECEIVED = "RECEIVED"  # taken over from the source's list
    INHERITED = "INHERITED"  # the same content (equal SHA-256) was assessed before


class Standing(StrEnum):
    """Where an assertion stands."""

    CURRENT = "CURRENT"
    DISPUTED = "DISPUTED"  # current, with a dispute open
    SUPERSEDED = "SUPERSEDED"
    REVOKED = "REVOKED"


class DisputeOutcome(StrEnum):
    """How a dispute ended; an open one has none."""

    UPHELD = "UPHELD"  # the challenge was right: the assertion is revoked
    REJECTED = "REJECTED"  # the assertion stands
    WITHDRAWN = "WITHDRAWN"  # by who opened it


class OverrideKind(StrEnum):
    """Why a value matches nothing."""

    SUPPRESSED = "SUPPRESSED"  # a person decided so
    QUARANTINED = "QUARANTINED"  # it flooded; a person has to look


class SeriesStatus(StrEnum):
    """How far identification is."""

    UNIDENTIFIED = "UNIDENTIFIED"
    UNDER_WAY = "UNDER_WAY"
    IDENTIFIED = "IDENTIFIED"
    SAFEGUARDED = "SAFEGUARDED"


class ImportState(StrEnum):
    """Where an import stands."""

    WAITING = "WAITING"  # for the worker
    STAGING = "STAGING"  # rows go in, nobody sees them
    STAGED = "STAGED"  # a person looks at the preview and decides
    VISIBLE = "VISIBLE"
    CANCELLED = "CANCELLED"  # its rows are being taken out, or are
    FAILED = "FAILED"  # the file could not be read to its end: nothing of it counts


IMPORT_MOVES = {
    ImportState.WAITING: {ImportState.STAGING, ImportState.CANCELLED, ImportState.FAILED},
    ImportState.STAGING: {ImportState.STAGED, ImportState.CANCELLED, ImportState.FAILED},
    ImportState.STAGED: {ImportState.VISIBLE, ImportState.CANCELLED},
    ImportState.VISIBLE: {ImportState.CANCELLED},  # an import may be undone as a whole
    ImportState.FAILED: {ImportState.CANCELLED},
    ImportState.CANCELLED: set(),
}
