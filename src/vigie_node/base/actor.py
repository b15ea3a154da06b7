# SPDX-License-Identifier: Apache-2.0
"""Who acts: a person, a partner's key, the operator at the command line, or the node itself.

- Every write is given its actor; nothing finds out by itself who is signed in.
- An actor is named in the audit by its kind and id, never by a name or an address.
"""

import uuid
from dataclasses import dataclass
from enum import StrEnum


class ActorKind(StrEnum):
    """What an actor is."""

    PERSON = "PERSON"
    KEY = "KEY"
    COMMAND = "COMMAND"
    NODE = "NODE"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and for which organisation; `organisation_id` is None for the node's own work and its operator."""

    kind: ActorKind
    id: uuid.UUID | None = None
    organisation_id: uuid.UUID | None = None

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}" if self.id else self.kind.value


NODE = Actor(ActorKind.NODE)
COMMAND = Actor(ActorKind.COMMAND)
