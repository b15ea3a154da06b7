# SPDX-License-Identifier: Apache-2.0
"""What an organisation can be, and what becomes of a person's access."""

from enum import StrEnum


class OrganisationKind(StrEnum):
    """What an organisation is."""

    HOTLINE = "HOTLINE"
    POLICE = "POLICE"
    AUTHORITY = "AUTHORITY"
    PROVIDER = "PROVIDER"
    CHARITY = "CHARITY"
    OTHER = "OTHER"


class Access(StrEnum):
    """How far a person's access has come."""

    INVITED = "INVITED"  # no second factor yet; a link may be out
    ACTIVE = "ACTIVE"
    ENDED = "ENDED"


class KeyState(StrEnum):
    """Whether a key may still ask."""

    ACTIVE = "ACTIVE"
    EXPIRED = "EXPIRED"
    REVOKED = "REVOKED"
