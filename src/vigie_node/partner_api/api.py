# SPDX-License-Identifier: Apache-2.0
"""The operations beside the look-ups: status, lists, sightings, what is no longer known, the errors.

- Every operation names the scope that it needs; the key is checked before anything else is read.
- Errors have one shape, `{"error": {"code", "message", "request_id"}}`; what a request holds is never repeated in one.
- Nothing here is on the way of a look-up: those are answered before Django (hot.py).
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Annotated, NoReturn

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern
from ninja import NinjaAPI, Query
from ninja.errors import HttpError, ValidationError
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from vigie.errors import UnavailableError
from vigie.fingerprints.gates import UNKNOWN_QUALITY
from vigie.fingerprints.values import Algorithm, parse_hex
from vigie_node.accounts.roles import Scope
from vigie_node.catalogue.rules import ListRule, Mode
from vigie_node.flows import report_sightings
from vigie_node.matching import lookup
from vigie_node.matching.lookup import StaleIndexError
from vigie_node.matching.questions import Question
from vigie_node.partner_api import codes, hot
from vigie_node.partner_api.callers import Caller, token_of
from vigie_node.partner_api.hot import MalformedRequestError, WrongMethodError
from vigie_node.sightings import told
from vigie_node.sightings.report_actions import Seen
from vigie_node.sightings.states import Place

MAX_SIGHTINGS = 1000
MAX_UNDONE = 1000
Line = Annotated[str, StringConstraints(pattern=hot.ONE_LINE)]
Hex = Annotated[str, StringConstraints(pattern=r"^[0-9A-Fa-f]+$", max_length=64)]


class _Exact(BaseModel):
    """What has no other fields than these; else one error for them all, without their names: they could be values."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _check_names(cls, sent: object) -> object:
        if isinstance(sent, dict) and not sent.keys() <= cls.model_fields.keys():
            raise MalformedRequestError("the request is malformed: an unknown field")
        return sent


class ListTold(BaseModel):
    """A list that look-ups of this key ask; `share` is the part of it in force."""

    name: str
    version: int
    share: Annotated[float, Field(ge=0, le=1)]


class StatusTold(BaseModel):
    """The node as this key sees it; `position` is that of the change log up to which look-ups hold."""

    node: str
    at: datetime
    position: int
    is_fresh: bool
    lists: list[str]


class ListsTold(BaseModel):
    """The lists that look-ups of this key ask."""

    lists: list[ListTold]


class SightingTold(_Exact):
    """One content that was seen: its fingerprints, the pseudonym of its place, and why it may be kept until when."""

    place: Place
    ref: Annotated[Line, Field(max_length=2000)] = ""
    seen_at: AwareDatetime
    country: Annotated[str, StringConstraints(pattern="^([A-Z]{2})?$")] = ""
    legal_basis: Annotated[Line, Field(min_length=1, max_length=64)]
    expires_at: AwareDatetime
    sha256: Hex | None = None
    sha1: Hex | None = None
    md5: Hex | None = None
    pdq: Hex | None = None
    pdq_quality: Annotated[int, Field(ge=0, le=100)] | None = None


class SightingsTold(_Exact):
    """Up to a thousand sightings; all of them are kept, or none."""

    sightings: Annotated[list[SightingTold], Field(min_length=1, max_length=MAX_SIGHTINGS)]


class Recorded(BaseModel):
    """How many sightings were kept."""

    recorded: int


class NoLongerKnownTold(BaseModel):
    """A sighting of this key that was told as a match and is none any more: undo what was done on it."""

    position: int
    ref: str
    list: str
    list_version: int
    scheme: str
    label: str
    seen_at: datetime
    told_at: datetime
    undone_at: datetime


class RevocationsTold(BaseModel):
    """What is no longer known; go on from `position`, at once where there is `more`."""

    position: int
    more: bool
    revocations: list[NoLongerKnownTold]


class ErrorTold(BaseModel):
    """One error that this face can answer: its code, its status and what it means."""

    code: str
    status: int
    meaning: str


class ErrorsTold(BaseModel):
    """Every error that this face can answer."""

    errors: list[ErrorTold]


class Needs:
    """Refuse a request whose key lacks a scope; count it otherwise."""

    def __init__(self, scope: Scope, *, even_if_stale: bool = False) -> None:
        self.scope = scope
        self._even_if_stale = even_if_stale

    def __call__(self, request: HttpRequest) -> Caller:
        """Return who calls.

        Raises:  UnknownCallerError, MissingScopeError, OverQuotaError; StaleIndexError where this process may not
                 have heard which keys were revoked.
        """
        if not is_fresh() and not self._even_if_stale:
            raise StaleIndexError("the node has lost touch with its change log; ask again in a moment")
        ring, now = hot.service().ring, datetime.now(UTC)
        caller = ring.caller(token_of(request.headers.get("Authorization", "")), scope=self.scope, now=now)
        ring.count_request(caller, now=now)
        if request.method == "POST":
            # Where Django keeps a body that it has read: it would wait for one that stalls for ever.
            request._body = hot.service().bodies.read(
                request.META, limit=settings.DATA_UPLOAD_MAX_MEMORY_SIZE, key=caller.key.id
            )
        return caller


def is_fresh() -> bool:
    """Say whether this process follows the change log, and so can answer look-ups and knows the keys."""
    try:
        lookup.of_catalogue().check_fresh()
    except UnavailableError:
        return False
    return True


api = NinjaAPI(
    title="Vigie for partners",
    version="1",
    description="Look up fingerprints and files, tell what was seen, hear what is no longer known.",
    openapi_url=None,
    docs_url=None,
    urls_namespace="partners",
)


def _by(request: HttpRequest) -> Caller:
    caller: Caller = request.auth  # type: ignore[attr-defined]
    return caller


@api.get("status", response=StatusTold, auth=Needs(Scope.STATUS, even_if_stale=True), summary="How the node is")
def show_status(request: HttpRequest) -> StatusTold:
    """Say at which position look-ups are answered, whether they are, and which lists they ask."""
    fresh, position = is_fresh(), lookup.of_catalogue().position
    names = [one.name for one in hot.lists_of(_by(request))]
    return StatusTold(node=settings.NODE_NAME, at=datetime.now(UTC), position=position, is_fresh=fresh, lists=names)


@api.get("lists", response=ListsTold, auth=Needs(Scope.MATCH), summary="The lists that look-ups ask")
def show_lists(request: HttpRequest) -> ListsTold:
    """Say which lists are in force for this key, each with its version."""
    return ListsTold(lists=[_list(one) for one in hot.lists_of(_by(request))])


@api.post("sightings", response=Recorded, auth=Needs(Scope.SIGHTINGS_WRITE), summary="Tell what was seen")
def report(request: HttpRequest, body: SightingsTold) -> Recorded:
    """Keep what was seen, known or not, until it expires; what becomes known later is found by looking back."""
    caller, now = _by(request), datetime.now(UTC)
    seen = [_seen(one) for one in body.sightings]
    hot.service().ring.count_values(caller, sum(len(one.subject) for one in seen), now=now)
    report_sightings.report(seen, by=caller.actor, now=now)
    return Recorded(recorded=len(seen))


@api.get("revocations", response=RevocationsTold, auth=Needs(Scope.MATCH), summary="What is no longer known")
def show_revocations(request: HttpRequest, since: Annotated[int, Query(ge=0, lt=1 << 63)] = 0) -> RevocationsTold:
    """List what this key was told as a match that stands no longer, after a position; its own sightings alone."""
    found = told.no_longer_known(_by(request).actor, since=since, limit=MAX_UNDONE + 1)
    shown = found[:MAX_UNDONE]
    rows = [_no_longer_known(one) for one in shown]
    return RevocationsTold(
        position=shown[-1].position if shown else since, more=len(found) > len(shown), revocations=rows
    )


@api.get("errors", response=ErrorsTold, auth=None, summary="Every error that this face can answer")
def show_errors(request: HttpRequest) -> ErrorsTold:
    """List every code with its status and its meaning; no key is needed."""
    del request
    rows = [ErrorTold(code=one.code, status=one.status, meaning=one.meaning) for one in codes.all_of_them()]
    return ErrorsTold(errors=rows)


def _list(one: ListRule) -> ListTold:
    return ListTold(
        name=one.name, version=one.version, share=one.policy.share if one.policy.mode is Mode.SHARE else 1.0
    )


def _no_longer_known(one: told.NoLongerKnown) -> NoLongerKnownTold:
    return NoLongerKnownTold(
        position=one.position, ref=one.reference, list=one.list_name, list_version=one.list_version,
        scheme=one.scheme, label=one.label, seen_at=one.seen_at, told_at=one.told_at, undone_at=one.undone_at,
    )  # fmt: skip


def _seen(one: SightingTold) -> Seen:
    texts = ((Algorithm.SHA256, one.sha256), (Algorithm.SHA1, one.sha1), (Algorithm.MD5, one.md5))
    subject = [Question(algorithm, parse_hex(text, algorithm=algorithm)) for algorithm, text in texts if text]
    if one.pdq:
        value = parse_hex(one.pdq, algorithm=Algorithm.PDQ)
        quality = UNKNOWN_QUALITY if one.pdq_quality is None else one.pdq_quality
        subject.append(Question(Algorithm.PDQ, value, quality))
    if not subject:
        raise MalformedRequestError("a sighting names at least one fingerprint")
    return Seen(subject, one.place, one.ref, one.seen_at, one.country, one.legal_basis, one.expires_at)


def _malformed(_: HttpRequest, error: object) -> NoReturn:
    """Say where a request is malformed, and never what stood there."""
    places = error.errors if isinstance(error, ValidationError) else []
    named = {".".join(str(part) for part in one["loc"] if str(part) != "body")[:80] for one in places}
    where = ", ".join(sorted(one for one in named if one.isascii() and one.isprintable())[:5])
    raise MalformedRequestError(f"the request is malformed: {where or 'the body cannot be parsed'}")


api.add_exception_handler(ValidationError, _malformed)
api.add_exception_handler(HttpError, _malformed)


def patterns() -> list[URLPattern]:
    """Return the addresses of the operations; a wrong method is told like every other error."""
    found = api.urls[0]
    for one in found:
        if isinstance(one, URLPattern):
            one.callback = _with_methods_told(one.callback)
    return [one for one in found if isinstance(one, URLPattern)]


def _with_methods_told(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    @wraps(view)
    def answer(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        if isinstance(response, HttpResponse) and response.status_code == 405:
            raise WrongMethodError("this address is asked otherwise; see the description")
        return response

    return answer
