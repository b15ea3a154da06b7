# SPDX-License-Identifier: Apache-2.0
"""What was done on the strength of a word: every match that relied on it, undone or carried by others."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest

from vigie_node.accounts.roles import Permission
from vigie_node.analyst_app import given
from vigie_node.analyst_app.access import may
from vigie_node.analyst_app.seen import reach_of
from vigie_node.catalogue import standing
from vigie_node.catalogue.dossier import Dossier, Said
from vigie_node.sightings import queries
from vigie_node.sightings.inbox import Relied

PAGE = 50
ASKED_BY = "relied"  # the word, in the address of the depiction's page


@dataclass(frozen=True, slots=True)
class Row:
    """One match that relied on the word, and the list that made it."""

    relied: Relied
    list_name: str


@dataclass(frozen=True, slots=True)
class OnIt:
    """What was done on a word; the next rows start after `next_after`, 0 where there are none."""

    said: Said
    rows: Sequence[Row]
    next_after: int


def of(request: HttpRequest, held: Dossier) -> OnIt | None:
    """Return what was done on the word that the address names; None where it names none, or nothing may be seen."""
    said = next((one for one in held.said if str(one.id) == request.GET.get(ASKED_BY)), None)
    if said is None or not may(request, Permission.SIGHTINGS_READ):
        return None
    found = _relied(said.id, request, after=given.number_of(request.GET.get("after", "")) or 0)
    names = {one.id: one.name for one in standing.list_rules()}
    rows = [Row(one, names.get(one.seen.list_id, "")) for one in found[:PAGE]]
    return OnIt(said, rows, found[PAGE - 1].match if len(found) > PAGE else 0)


def _relied(assertion_id: uuid.UUID, request: HttpRequest, *, after: int) -> list[Relied]:
    reach = reach_of(request)
    return queries.done_on_the_strength_of(assertion_id, reach=reach, after=after, limit=PAGE + 1)
