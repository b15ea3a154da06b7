# SPDX-License-Identifier: Apache-2.0
"""The matching service, before Django: `POST /v1/match` and `POST /v1/match/file`.

- Nothing here waits for Django's middleware: the key, its quota and the limits are checked in memory, a look-up without
  a match touches no database.
- An answer tells as much as the key's scope allows: verdict, label and reason; with MATCH_TRUSTED also the claims with
  their distances and ids, from which a list could be reconstructed or evasion tuned.
- Many values at once go through a lane of their own, one request at a time, so that single look-ups keep their latency
  and a thread.
- A process that cannot follow the change log answers 503, never "no match".

Requests and answers are JSON, or MessagePack where Content-Type and Accept say so. docs/reference/partner-api.md.
"""

import contextlib
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
import structlog
from django.conf import settings
from django.db import DatabaseError, connection

from vigie.errors import InvalidInputError, UnavailableError, VigieError
from vigie.fingerprints.gates import UNKNOWN_QUALITY
from vigie.fingerprints.messages import Other, Problem
from vigie.fingerprints.values import Algorithm, parse_hex
from vigie.fingerprints.video import FrameSpan
from vigie.matching.verdicts import Outcome
from vigie_node.accounts.roles import Scope
from vigie_node.base.lanes import Lane
from vigie_node.catalogue import standing
from vigie_node.catalogue.rules import ListRule, Mode
from vigie_node.changes.topics import Topic
from vigie_node.flows import look_up as flow
from vigie_node.flows.look_up import Asked
from vigie_node.matching import lookup, uploads
from vigie_node.matching.answers import Answer, Claim
from vigie_node.matching.questions import Question
from vigie_node.partner_api.bodies import Bodies, TooLargeError
from vigie_node.partner_api.callers import Caller, KeyRing, token_of
from vigie_node.partner_api.probing import Watch
from vigie_node.partner_api.quotas import Quotas

MAX_VALUES = 10_000
MAX_BODY_BYTES = 8 * 1024 * 1024
NOTE_SECONDS = 30.0
FEW = 64  # values that a request may ask for outside the lane of the many
LANE_WAITING = 1
LANE_WAIT_SECONDS = 20.0
_log = structlog.get_logger("vigie_node.look_up")
MSGPACK = "application/msgpack"


class MalformedRequestError(InvalidInputError):
    """The body is not what the description says."""

    code = "partners.malformed-request"


class WrongMethodError(InvalidInputError):
    """Look-ups are POST requests: their values must not stand in an address."""

    code = "partners.wrong-method"
    http_status = 405


class BusyLaneError(UnavailableError):
    """Other large requests are being answered: ask again."""

    code = "partners.busy-lane"


class UnknownListError(InvalidInputError):
    """A list was named that this key is not told of, or that is not in force: see which are."""

    code = "partners.unknown-list"


# No control characters: no database keeps a zero in text, and no log or page any of them.
ONE_LINE = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$"
Hex = Annotated[str, msgspec.Meta(max_length=64)]
Quality = Annotated[int, msgspec.Meta(ge=0, le=100)]
Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=2**31)]

# What is asked and told refers to nothing that refers back: with gc=False ten thousand items cost no search for cycles.


class FrameAsked(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One distinct frame of a video."""

    pdq: Hex
    quality: Quality | None = None
    from_ms: Milliseconds = 0
    to_ms: Milliseconds = 0


class ItemAsked(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One content: all its fingerprints that are known, and the asker's own pseudonym for where it is."""

    ref: Annotated[str, msgspec.Meta(max_length=200, pattern=ONE_LINE)] = ""
    md5: Hex | None = None
    sha1: Hex | None = None
    sha256: Hex | None = None
    pdq: Hex | None = None
    pdq_quality: Quality | None = None
    frames: Annotated[list[FrameAsked], msgspec.Meta(max_length=MAX_VALUES)] = []
    country: Annotated[str, msgspec.Meta(pattern="^([A-Z]{2})?$")] = ""


class MatchAsked(msgspec.Struct, forbid_unknown_fields=True):
    """A request: contents, the scheme in which labels are wanted, the lists that are asked (all if none is named)."""

    items: Annotated[list[ItemAsked], msgspec.Meta(min_length=1, max_length=MAX_VALUES)]
    scheme: Annotated[str, msgspec.Meta(max_length=32)] | None = None
    lists: Annotated[list[str], msgspec.Meta(min_length=1, max_length=100)] | None = None


class ClaimTold(msgspec.Struct, omit_defaults=True, gc=False):
    """Why it matches, for trusted keys."""

    list: str
    list_version: int
    depiction: str
    algorithm: str
    transform: str
    scheme: str
    label: str
    asserted_by: str
    asserted_at: datetime
    distance_bits: int | None = None
    collision_prone: bool = False


class AnswerTold(msgspec.Struct, omit_defaults=True, gc=False):
    """The answer about one content."""

    verdict: str
    reason: str
    ref: str = ""
    scheme: str | None = None
    label: str | None = None
    problem: dict[str, str] | None = None
    matches: list[ClaimTold] | None = None


class MatchTold(msgspec.Struct):
    """The answers, in the order asked, and the position of the change log at which they hold."""

    position: int
    answers: list[AnswerTold]


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back over HTTP."""

    content: bytes
    content_type: str
    status: Literal["200 OK"] = "200 OK"


class Service:
    """The matching service of this process."""

    def __init__(self) -> None:
        self.ring = KeyRing(Quotas(settings.HOME / "run" / "quotas"))
        self.watch = Watch()
        self.bodies = Bodies(self.ring.check_stands)
        self._lane = Lane(
            at_once=1,
            waiting=LANE_WAITING,
            wait_seconds=LANE_WAIT_SECONDS,
            full=lambda: BusyLaneError("other large requests are being answered; ask again in a moment"),
        )
        self._index = lookup.of_catalogue()
        self._index.heed(Topic.KEYS, self.ring.reload)

    def start(self) -> None:
        """Follow the change log from now on, and record now and then which keys asked."""
        self._index.start()
        threading.Thread(target=self._note_used, name="note-used", daemon=True).start()

    def _note_used(self) -> None:
        while True:
            time.sleep(NOTE_SECONDS)
            try:
                self.ring.note_used(now=datetime.now(UTC))
            except (DatabaseError, VigieError):
                _log.warning("which keys asked was not recorded this time")
                connection.close()

    def respond(self, environ: Mapping[str, Any]) -> Reply | None:
        """Answer a look-up, or return None where the request is not one.

        Raises:  any VigieError; `project/wsgi.py` turns it into an answer.
        """
        match environ["PATH_INFO"]:
            case "/v1/match":
                return self._match(environ)
            case "/v1/match/file":
                return self._match_file(environ)
        return None

    def _match(self, environ: Mapping[str, Any]) -> Reply:
        now = datetime.now(UTC)
        caller = self._caller(environ, Scope.MATCH, now=now)
        self.ring.count_request(caller, now=now)
        content = self.bodies.read(environ, limit=MAX_BODY_BYTES, key=caller.key.id)
        asked = _decoded(content, is_msgpack=environ.get("CONTENT_TYPE", "").startswith(MSGPACK))
        contents = [Asked(_questions(one), one.ref, one.country) for one in asked.items]
        count = sum(len(one.subject) for one in contents)
        if count > MAX_VALUES:
            raise TooLargeError(f"a request asks for at most {MAX_VALUES} values; send several")
        self.ring.count_values(caller, count, now=now)
        with self._lane.held() if count > FEW else contextlib.nullcontext():
            answers = self._ask(contents, caller, only=asked.lists, now=now)
        told = [
            tell(answer, caller, ref=one.reference, scheme=asked.scheme)
            for one, answer in zip(contents, answers, strict=True)
        ]
        return self._reply(told, environ)

    def _match_file(self, environ: Mapping[str, Any]) -> Reply:
        now = datetime.now(UTC)
        caller = self._caller(environ, Scope.MATCH_FILE, now=now)
        self.ring.count_request(caller, now=now)
        self.ring.count_values(caller, 1, now=now)
        content = self.bodies.chunks(environ, limit=uploads.MAX_FILE_BYTES, key=caller.key.id)
        found = uploads.examine_arriving(content)
        answer = self._ask([Asked(found.questions)], caller, only=None, now=now)[0]
        if answer.verdict is Outcome.UNKNOWN and isinstance(found.content, Other):
            answer = replace(answer, verdict=Outcome.NOT_MEDIA, reason="It is neither a picture nor a video.")
        return self._reply([tell(answer, caller, problem=found.problem)], environ)

    def _ask(self, asked: list[Asked], caller: Caller, *, only: list[str] | None, now: datetime) -> list[Answer]:
        names = None if only is None else frozenset(only)
        if names is not None and not names <= {one.name for one in lists_of(caller)}:
            # Else a slip in a name would answer "unknown" to everything.
            raise UnknownListError(
                "a list was named that is not in force for this key; see /v1/lists for those that are"
            )
        answers = flow.look_up(asked, only=names, by=caller.actor, now=now)
        self.watch.note(caller.key.id, [one.subject for one in asked], answers, now=now)
        return answers

    def _caller(self, environ: Mapping[str, Any], scope: Scope, *, now: datetime) -> Caller:
        if environ["REQUEST_METHOD"] != "POST":
            raise WrongMethodError("a look-up is a POST request")
        self._index.check_fresh()
        return self.ring.caller(token_of(environ.get("HTTP_AUTHORIZATION", "")), scope=scope, now=now)

    def _reply(self, answers: list[AnswerTold], environ: Mapping[str, Any]) -> Reply:
        told = MatchTold(self._index.position, answers)
        if MSGPACK in environ.get("HTTP_ACCEPT", ""):
            return Reply(msgspec.msgpack.encode(told), MSGPACK)
        return Reply(msgspec.json.encode(told), "application/json")


_of_process: list[Service] = []
_making = threading.Lock()


def service() -> Service:
    """Return the service of this process, for all of its face; it follows the change log once it was started."""
    with _making:
        if not _of_process:
            _of_process.append(Service())
        return _of_process[0]


def lists_of(caller: Caller) -> list[ListRule]:
    """Return the lists that a key is told of: in force, and the node's own or its organisation's."""
    return [
        one
        for one in standing.list_rules()
        if one.policy.mode in {Mode.ON, Mode.SHARE}
        and not one.policy.negative
        and one.is_told_to(caller.key.organisation_id)
    ]


def tell(
    answer: Answer, caller: Caller, *, ref: str = "", scheme: str | None = None, problem: Problem | None = None
) -> AnswerTold:
    """Say of an answer what the caller's scopes allow."""
    verdict, reason = answer.verdict, answer.reason
    if problem is not None and verdict is Outcome.UNKNOWN:
        # Its digests are unknown, and more could not be looked up: that is no "no match".
        verdict = Outcome.UNREADABLE if problem.examined else Outcome.NOT_EXAMINED
        reason = problem.message
    told = AnswerTold(verdict.value, reason, ref)
    if problem is not None:
        told.problem = {"code": problem.code, "message": problem.message}
    claims = answer.told
    if claims:
        told.scheme = scheme or claims[0].scheme
        told.label = next((one.labels[told.scheme] for one in claims if told.scheme in one.labels), None)
    if caller.has(Scope.MATCH_TRUSTED):
        told.matches = [_claim(one) for one in claims]
    return told


def _claim(one: Claim) -> ClaimTold:
    return ClaimTold(
        one.list_name, one.list_version, str(one.depiction_id), one.algorithm.value, one.transform, one.scheme,
        one.label, one.asserted_by, one.asserted_at, one.distance_bits, one.collision_prone,
    )  # fmt: skip


_json = msgspec.json.Decoder(MatchAsked)
_msgpack = msgspec.msgpack.Decoder(MatchAsked)


def _decoded(content: bytes, *, is_msgpack: bool) -> MatchAsked:
    try:
        return (_msgpack if is_msgpack else _json).decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        place = str(error) if isinstance(error, msgspec.ValidationError) else "the body cannot be parsed"
        if "unknown field" in place:
            place = "an unknown field"  # its name could be a value
        raise MalformedRequestError(f"the request is malformed: {place}") from error


def _questions(item: ItemAsked) -> tuple[Question, ...]:
    digests = ((Algorithm.SHA256, item.sha256), (Algorithm.SHA1, item.sha1), (Algorithm.MD5, item.md5))
    asked = [Question(one, parse_hex(text, algorithm=one)) for one, text in digests if text is not None]
    if item.pdq is not None:
        asked.append(Question(Algorithm.PDQ, parse_hex(item.pdq, algorithm=Algorithm.PDQ), _quality(item.pdq_quality)))
    for frame in item.frames:
        value = parse_hex(frame.pdq, algorithm=Algorithm.PDQ)
        span = FrameSpan(frame.from_ms / 1000, max(frame.from_ms, frame.to_ms) / 1000, value)
        asked.append(Question(Algorithm.PDQ_FRAMES, value, _quality(frame.quality), frame=span))
    if not asked:
        raise MalformedRequestError("an item names at least one fingerprint")
    return tuple(asked)


def _quality(quality: int | None) -> int:
    return UNKNOWN_QUALITY if quality is None else quality
