# SPDX-License-Identifier: Apache-2.0
"""Who did something, in words: a person by their name, a key, the command line and the node by what they are."""

import uuid
from collections.abc import Iterable

from django.utils.translation import gettext_lazy

from vigie_node.accounts import queries as accounts
from vigie_node.base.actor import ActorKind

SORTS = {
    ActorKind.PERSON: gettext_lazy("a person"),
    ActorKind.KEY: gettext_lazy("a partner's key"),
    ActorKind.COMMAND: gettext_lazy("the operator's command line"),
    ActorKind.NODE: gettext_lazy("the node itself"),
}


def person_of(actor: str) -> uuid.UUID | None:
    """Return the person that an actor is; records are of many versions, and one was not made by this node at all."""
    sort, _, key = actor.partition(":")
    try:
        return uuid.UUID(key) if sort == ActorKind.PERSON else None
    except ValueError:
        return None


def sort_of(actor: str) -> str:
    """Say what sort of actor it is."""
    sort = actor.partition(":")[0]
    return str(SORTS[ActorKind(sort)]) if sort in set(ActorKind) else sort


def names(actors: Iterable[str]) -> dict[str, str]:
    """Return what to call each of these actors."""
    people = {actor: person_of(actor) for actor in actors}
    known = accounts.display_names({person for person in people.values() if person})
    return {actor: (known.get(person, "") if person else "") or sort_of(actor) for actor, person in people.items()}
