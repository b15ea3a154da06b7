# SPDX-License-Identifier: Apache-2.0
"""Keep the promises about retention: what each part deletes of its own, a few records at a time.

- Each step says whether there was anything to do: then it is called again at once.
"""

import uuid
from datetime import datetime
from importlib import import_module

from django.conf import settings

from vigie_node.accounts import tidy_actions as accounts
from vigie_node.alarms import actions as alarms
from vigie_node.base.actor import NODE
from vigie_node.catalogue import expiring as catalogue
from vigie_node.sightings import actions as sightings
from vigie_node.sightings import expiring as notes


def sightings_due(now: datetime) -> bool:
    """Erase what was seen and is kept no longer."""
    return sightings.expire(by=NODE, now=now) > 0


def accounts_due(now: datetime) -> bool:
    """Delete what accounts need no longer."""
    return accounts.tidy(by=NODE, now=now)


def notes_due(now: datetime) -> bool:
    """Delete what was noted about things that ended: alarms, look-backs, simulations, overrides, refusals, imports."""
    return (
        alarms.expire(by=NODE, now=now)
        or notes.expire_notes(by=NODE, now=now)
        or catalogue.expire_notes(by=NODE, now=now)
    )


def sessions_over(now: datetime) -> bool:
    """Delete the sessions that are over, which nobody can use any more."""
    del now
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
    return False


class Depictions:
    """Goes over the depictions of the catalogue, and begins anew when it is through."""

    def __init__(self) -> None:
        self._after: uuid.UUID | None = None

    def __call__(self, now: datetime) -> bool:
        """Delete those of the next depictions that nobody has stood by for so long."""
        self._after = catalogue.expire_depictions(after=self._after or catalogue.FIRST, by=NODE, now=now)
        return self._after is not None
