# SPDX-License-Identifier: Apache-2.0
"""A case has its name within its organisation: two organisations may both have a case 12, and they are two."""

import uuid
from dataclasses import dataclass

_KEY_DIGITS = 32  # of an organisation's id
MAX_NAME = 64
MAX_KEY = _KEY_DIGITS + 1 + MAX_NAME


@dataclass(frozen=True, slots=True)
class Case:
    """A case: its name, and whose it is; None for the node's own."""

    name: str
    organisation_id: uuid.UUID | None


def key_of(name: str, organisation_id: uuid.UUID | None) -> str:
    """Return what a case is counted by; empty where there is no case."""
    return f"{'' if organisation_id is None else organisation_id.hex}/{name}" if name else ""


def of_key(key: str) -> Case:
    """Return the case of a key that is not empty."""
    organisation, _slash, name = key.partition("/")
    return Case(name, uuid.UUID(organisation) if organisation else None)
