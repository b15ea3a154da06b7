# SPDX-License-Identifier: Apache-2.0
"""What the two borrowed interfaces (HMA, Arachnid Shield) have in common: who asks, and what an error looks like.

- The key is checked before anything else is looked at, the body least of all; what it asks counts whatever it is.
- An error is told in the borrowed interface's own shape and with a status that its clients expect; our code stands
  beside it. What could not be answered is an error, never an empty answer.
- Whatever these interfaces let a client ask is asked as every look-up is: same lists, same sighting, same watch.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse

from vigie import errors as kinds
from vigie_node.accounts.roles import Scope
from vigie_node.base import room, statuses
from vigie_node.base.actor import Actor
from vigie_node.flows import look_up as flow
from vigie_node.flows.look_up import Asked
from vigie_node.matching import lookup
from vigie_node.matching.answers import Answer, Choose
from vigie_node.partner_api import hot
from vigie_node.partner_api.callers import Caller
from vigie_node.partner_api.hot import MalformedRequestError

MAX_JSON_BYTES = 1024 * 1024
RETRY_SECONDS = 2
# HMA's and Arachnid's clients know 400, 401, 403, 404, 413, 429 and 503.
STATUS: dict[type[kinds.VigieError], int] = {
    kinds.InvalidInputError: 400,
    kinds.NotFoundError: 404,
    kinds.NotAllowedError: 403,
    kinds.WrongStateError: 403,
    kinds.UntrustedError: 503,
    kinds.UnreadableError: 400,
    kinds.UnavailableError: 503,
}


class NoFetchingError(kinds.NotAllowedError):
    """Nothing is fetched from an address: send the file."""

    code = "partners.no-fetching"


class NoSuchOperationError(kinds.NotFoundError):
    """The interface has no such path."""

    code = "partners.no-such-operation"


class DatabaseAwayError(kinds.UnavailableError):
    """The database does not answer just now."""

    code = "partners.database-away"


class DiskFullError(kinds.UnavailableError):
    """The node has no room left; its operator has to make some."""

    code = "partners.disk-full"


@dataclass(frozen=True, slots=True)
class Call:
    """One request through a borrowed interface, by a caller whose key was checked."""

    request: HttpRequest
    caller: Caller
    now: datetime

    @property
    def by(self) -> Actor:
        """Who acts."""
        return self.caller.actor

    def parameter(self, name: str) -> str | None:
        """Return a parameter of the address; an empty one is none."""
        return self.request.GET.get(name) or None

    def says(self, name: str) -> bool:
        """Say whether a parameter of the address is switched on."""
        return (self.parameter(name) or "false").lower() in {"true", "1", "yes", "on"}

    def count(self, values: int) -> None:
        """Count what is asked for against the key's quota.

        Raises:  OverQuotaError.
        """
        hot.service().ring.count_values(self.caller, values, now=self.now)

    def body(self, *, limit: int) -> bytes:
        """Read the body.

        Raises:  TooLargeError, UnfinishedBodyError, SlowBodyError.
        """
        return b"".join(self.body_as_it_comes(limit=limit))

    def body_as_it_comes(self, *, limit: int) -> Iterator[bytes]:
        """Yield the body in parts, for what need not be in memory as a whole.

        Raises:  TooLargeError, UnfinishedBodyError, SlowBodyError.
        """
        return hot.service().bodies.chunks(self.request.META, limit=limit, key=self.caller.key.id)

    def json_object(self) -> dict[str, Any]:
        """Read a JSON object from the body.

        Raises:  TooLargeError, MalformedRequestError.
        """
        try:
            return msgspec.json.decode(self.body(limit=MAX_JSON_BYTES), type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise MalformedRequestError("the body is not a JSON object") from error

    def look_up(self, asked: Sequence[Asked], *, choose: Choose = list, is_counted: bool = False) -> list[Answer]:
        """Ask, count what was asked (unless that was done before a file was examined), and notice who probes.

        Raises:  OverQuotaError; StaleIndexError, TooManyCandidatesError.
        """
        if not is_counted:
            self.count(sum(len(one.subject) for one in asked))
        answers = flow.look_up(asked, choose=choose, by=self.by, now=self.now)
        hot.service().watch.note(self.caller.key.id, [one.subject for one in asked], answers, now=self.now)
        return answers


def answered(
    request: HttpRequest, token: Callable[[], str], *, scope: Scope, word: str, answer: Callable[[Call], HttpResponse]
) -> HttpResponse:
    """Check the key, answer, and tell any foreseen error under the interface's own word for it."""
    now = datetime.now(UTC)
    try:
        lookup.of_catalogue().check_fresh()  # else this process would not know which keys were revoked
        ring = hot.service().ring
        caller = ring.caller(token(), scope=scope, now=now)
        ring.count_request(caller, now=now)
        return answer(Call(request, caller, now))
    except kinds.VigieError as error:
        return refusal(error, word=word)
    except (OperationalError, InterfaceError) as error:
        if room.is_out(error):
            return refusal(DiskFullError("the node has no room left; its operator has to make some"), word=word)
        return refusal(DatabaseAwayError("the database does not answer just now; try again"), word=word)


def refusal(error: kinds.VigieError, *, word: str) -> HttpResponse:
    """Write an error under the interface's own word for it, with our code beside it."""
    status = statuses.status_of(type(error), by_kind=STATUS)
    response = JsonResponse({word: str(error), "code": error.code}, status=status)
    if status in {429, 503}:
        response["Retry-After"] = str(RETRY_SECONDS)
    if status == 401:
        response["WWW-Authenticate"] = 'Basic realm="partners"'
    return response
