# SPDX-License-Identifier: Apache-2.0
"""Answer clients of Arachnid Shield: `v1/media/`, `v1/pdq/` and `v1/url/` below `/compat/arachnid/`.

- The user name is the key's prefix and is not looked at; the password is the key.
- A class of Arachnid's is told only where a published meaning says so: CLASSES. Whatever else a list claims is told as
  `harmful-abusive-material`, never as `no-known-match`: a match must not be lost in translation (ADR 0097).
- Of several claims the gravest class is told, as Arachnid does with the frames of a video.
- The digests of what was matched are told to trusted keys only (MATCH_TRUSTED), and only where both are known.
- A file that cannot be read is an error, never `no-known-match`.

Source: the published clients (arachnid-shield-sdk 0.2.2 for Python; those for Rust and PHP).
"""

import base64
import binascii
import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from vigie.errors import InvalidInputError, NotAllowedError, UnreadableError
from vigie.fingerprints.messages import Picture, Video
from vigie.fingerprints.values import SIZE_BYTES, Algorithm
from vigie_node.accounts.roles import Scope
from vigie_node.catalogue import standing
from vigie_node.flows.look_up import Asked
from vigie_node.matching import uploads
from vigie_node.matching.answers import Answer, Claim
from vigie_node.matching.questions import Question
from vigie_node.partner_api import borrowed, callers
from vigie_node.partner_api.borrowed import Call, NoFetchingError, NoSuchOperationError

WORD = "detail"
MAX_HASHES = 1000


class UnfitHashesError(InvalidInputError):
    """Each hash is the base64 of a PDQ value, 32 bytes."""

    code = "arachnid.unfit-hashes"


class UnreadableMediaError(UnreadableError):
    """The file cannot be fingerprinted, so nothing can be said of it."""

    code = "arachnid.unreadable-media"
    http_status = 415


class WrongMethodError(NotAllowedError):
    """Everything here is asked by POST."""

    code = "arachnid.wrong-method"
    http_status = 405


class Class(StrEnum):
    """Arachnid's classes, the gravest first."""

    CSAM = "csam"
    HARMFUL = "harmful-abusive-material"
    NONE = "no-known-match"


# Scheme -> labels that their own definition calls child sexual abuse material; sources: vigie/labels.toml, by scheme.
CLASSES: dict[str, frozenset[str]] = {
    "inhope": frozenset({"baseline", "national"}),
    "tech-coalition": frozenset({"A1", "A2", "B1", "B2"}),
    "uk": frozenset({"A", "B", "C"}),
    "vics-us": frozenset({"1"}),
}


@csrf_exempt
def answer(request: HttpRequest, rest: str) -> HttpResponse:
    """Answer one request of an Arachnid Shield client."""

    def token() -> str:
        return callers.token_of(request.headers.get("Authorization", ""))

    return borrowed.answered(
        request, token, scope=Scope.COMPAT_ARACHNID, word=WORD, answer=lambda call: _routed(call, rest)
    )


def _routed(call: Call, rest: str) -> HttpResponse:
    found = OPERATIONS.get(re.sub("/+", "/", rest).strip("/"))
    if found is None:
        raise NoSuchOperationError("there is no such path in this interface")
    if call.request.method != "POST":
        raise WrongMethodError("this path is asked by POST")
    return found(call)


def scan_media(call: Call) -> HttpResponse:
    """Answer what a file is."""
    call.count(1)  # before the file is read: who asked for too much has none examined
    found = uploads.examine_arriving(call.body_as_it_comes(limit=uploads.MAX_FILE_BYTES))
    told = call.look_up([Asked(found.questions)], is_counted=True)[0]
    if not told.told and not isinstance(found.content, Picture | Video):
        why = found.problem.message if found.problem else "it is neither a picture nor a video"
        raise UnreadableMediaError(f"nothing can be said of this file: {why}")
    classification, match_type = class_of(told.told), _match_type(told)
    return JsonResponse(
        {
            "size_bytes": found.size_bytes,
            "sha1_base32": base64.b32encode(found.digests.sha1).decode(),
            "sha256_hex": found.digests.sha256.hex(),
            "classification": classification.value,
            "match_type": match_type,
            "near_match_details": _details(call, told) if match_type == "near" else [],
        }
    )


def scan_hashes(call: Call) -> HttpResponse:
    """Answer what PDQ values are near, by each value as it was sent."""
    sent = call.json_object().get("hashes")
    if not isinstance(sent, list) or not 1 <= len(sent) <= MAX_HASHES:
        raise UnfitHashesError(f"hashes is a list of 1 to {MAX_HASHES} texts")
    values = {text: _value(text) for text in sent}
    answers = call.look_up([Asked((Question(Algorithm.PDQ, value),)) for value in values.values()])
    return JsonResponse(
        {"scanned_hashes": {text: _of_hash(call, one) for text, one in zip(values, answers, strict=True)}}
    )


def scan_address(call: Call) -> HttpResponse:
    """Refuse to fetch; the file can be sent instead."""
    del call
    raise NoFetchingError("this node fetches no address; send the file itself to v1/media/")


OPERATIONS = {"v1/media": scan_media, "v1/pdq": scan_hashes, "v1/url": scan_address}


def class_of(claims: Iterable[Claim]) -> Class:
    """Return the gravest class that the claims amount to."""
    held = {Class.CSAM if _is_csam(claim) else Class.HARMFUL for claim in claims}
    return next((one for one in Class if one in held), Class.NONE)


def _is_csam(claim: Claim) -> bool:
    told = {claim.scheme: claim.label, **claim.labels}
    return any(label in CLASSES.get(scheme, ()) for scheme, label in told.items())


def _match_type(told: Answer) -> str | None:
    if not told.told:
        return None
    return "near" if all(claim.distance_bits is not None for claim in told.told) else "exact"


def _of_hash(call: Call, told: Answer) -> dict[str, Any]:
    details = _details(call, told)
    return {
        "classification": class_of(told.told).value,
        "match_type": _match_type(told),
        "near_match_details": details[0] if details else None,
    }


def _details(call: Call, told: Answer) -> list[dict[str, Any]]:
    """Return the digests of what was matched, for keys that may know them."""
    if not call.caller.has(Scope.MATCH_TRUSTED):
        return []
    depictions = list(dict.fromkeys(claim.depiction_id for claim in told.told))
    held = standing.fingerprints_of(depictions, [Algorithm.SHA1, Algorithm.SHA256])
    details = []
    for depiction in depictions:
        exact = {one.algorithm: one.value for one in held.get(depiction, [])}
        if len(exact) == 2:
            claims = [claim for claim in told.told if claim.depiction_id == depiction]
            details.append(_detail(exact, class_of(claims)))
    return details


def _detail(exact: dict[Algorithm, bytes], classification: Class) -> dict[str, Any]:
    return {
        "timestamp": 0.0,
        "sha1_base32": base64.b32encode(exact[Algorithm.SHA1]).decode(),
        "sha256_hex": exact[Algorithm.SHA256].hex(),
        "classification": classification.value,
    }


def _value(text: object) -> bytes:
    try:
        value = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except (binascii.Error, ValueError):
        value = b""
    if len(value) != SIZE_BYTES[Algorithm.PDQ]:
        raise UnfitHashesError("each hash is the base64 of a PDQ value, 32 bytes")
    return value
