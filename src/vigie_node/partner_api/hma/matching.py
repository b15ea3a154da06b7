# SPDX-License-Identifier: Apache-2.0
"""Hash and match as HMA does: `/h/hash`, `/m/lookup`, `/m/raw_lookup`, `/m/compare`, `/m/index/status`.

- What is asked are the organisation's own banks. A key that is also trusted with matches (MATCH_TRUSTED) hears of the
  node's lists too, under their names; what it is told of those has negative numbers: they are no contents of a bank.
- A content disabled in a bank matches nothing, in `raw_lookup` neither.
- The part of a bank in force is a stable share of its contents, so `seed` changes nothing. `bypass_coinflip` asks the
  whole of each bank, by GET as by POST.
- A bank that is named in `banks` and is not there is an error: HMA leaves it out, and a slip in a name, or a bank
  that was renamed, then answers "no match" for ever.
- A distance is told in bits, as text; equal digests are "0".
"""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from django.http import HttpResponse, JsonResponse

from vigie.errors import UnavailableError
from vigie.fingerprints.values import distance_bits
from vigie.index.hamming import MAX_DISTANCE_BITS
from vigie_node.accounts.roles import Scope
from vigie_node.banks import queries as banks
from vigie_node.banks.actions import NoSuchBankError
from vigie_node.banks.queries import BankRow
from vigie_node.catalogue.rules import ListRule, Mode
from vigie_node.flows.look_up import Asked
from vigie_node.matching import lookup
from vigie_node.matching.answers import Answer, Claim
from vigie_node.matching.questions import Question
from vigie_node.partner_api import hot
from vigie_node.partner_api.borrowed import Call
from vigie_node.partner_api.hma import signals
from vigie_node.partner_api.hma.signals import ALGORITHM, Signal, UnknownSignalError
from vigie_node.partner_api.hot import MalformedRequestError

Matched = dict[str, list[dict[str, Any]]]


def hash_file(call: Call) -> HttpResponse:
    """Answer with the fingerprint of a file."""
    call.count(1)
    found = signals.uploaded(call)
    return JsonResponse({found.signal.value: found.text})


def hash_address(call: Call) -> HttpResponse:
    """Refuse to fetch; a file can be sent instead."""
    signals.check_no_url(call)
    raise MalformedRequestError("send the file itself by POST, as multipart/form-data")


def look_up_value(call: Call) -> HttpResponse:
    """Answer which banks hold something near a value."""
    signals.check_no_url(call)
    return JsonResponse(_matched(call, _asked(call), as_a_whole=call.says("bypass_coinflip")))


def look_up_file(call: Call) -> HttpResponse:
    """Answer which banks hold something near a file."""
    signals.check_no_url(call)
    call.count(1)  # before the file is read: who asked for too much has none examined
    found = signals.uploaded(call)
    asked = Asked(found.examined.questions)
    matched = _matched(call, asked, as_a_whole=call.says("bypass_coinflip"), is_counted=True)
    return JsonResponse({found.signal.value: matched})


def look_up_raw(call: Call) -> HttpResponse:
    """Answer which contents are near a value, by their numbers."""
    matched = _matched(call, _asked(call), as_a_whole=False)
    contents = [one for of_bank in matched.values() for one in of_bank]
    if call.says("include_distance"):
        return JsonResponse({"matches": contents})
    return JsonResponse({"matches": [one["bank_content_id"] for one in contents]})


def compare(call: Call) -> HttpResponse:
    """Answer how far two values of each signal type are from each other."""
    asked = call.json_object()
    told: dict[str, list[Any]] = {}
    for name, pair in asked.items():
        signal = signals.named(call, name)
        if not isinstance(pair, list) or len(pair) != 2:
            raise MalformedRequestError("two values are compared: give a list of two for each signal type")
        one, other = (signals.value_of(signal, text) for text in pair)
        if signal is Signal.PDQ:
            distance = distance_bits(one, other)
            told[name] = [distance <= MAX_DISTANCE_BITS, {"distance": distance}]
        else:
            told[name] = [one == other, {}]
    return JsonResponse(told)


def index_status(call: Call) -> HttpResponse:
    """Answer how much of the organisation's banks each index holds."""
    name = call.parameter("signal_type")
    if name is not None and name not in tuple(Signal):
        raise UnknownSignalError("there is no such signal type; there are: " + ", ".join(Signal))
    asked = tuple(Signal) if name is None else (Signal(name),)
    fresh = is_fresh()
    return JsonResponse({one.value: _status(call, one, is_fresh=fresh) for one in asked})


def is_fresh() -> bool:
    """Say whether this process can answer look-ups."""
    try:
        lookup.of_catalogue().check_fresh()
    except UnavailableError:
        return False
    return True


def _status(call: Call, signal: Signal, *, is_fresh: bool) -> dict[str, Any]:
    size, last = banks.size_of(ALGORITHM[signal], organisation_id=call.caller.key.organisation_id)
    return {"present": is_fresh, "built_to": -1 if last is None else int(last.timestamp()), "size": size}


def _asked(call: Call) -> Asked:
    name, text = call.parameter("signal_type"), call.parameter("signal")
    if name is None or text is None:
        raise MalformedRequestError("give both signal and signal_type")
    signal = signals.named(call, name)
    return Asked((Question(ALGORITHM[signal], signals.value_of(signal, text)),))


def _matched(call: Call, asked: Asked, *, as_a_whole: bool, is_counted: bool = False) -> Matched:
    """Return what matched, by the name of the bank, each nearest first."""
    own = {one.list_id: one for one in banks.banks_of(call.caller.key.organisation_id)}
    names = _names_asked(call, own.values())
    trusted = call.caller.has(Scope.MATCH_TRUSTED)

    def choose(lists: Sequence[ListRule]) -> Sequence[ListRule]:
        asked_lists = [one for one in lists if one.policy.negative or one.id in own or trusted]
        return [_whole(one) if as_a_whole and one.id in own else one for one in asked_lists]

    answer = call.look_up([asked], choose=choose, is_counted=is_counted)[0]
    numbers = banks.contents_by_depiction((claim.list_id, claim.depiction_id) for claim in answer.told)
    matched: Matched = {}
    for claim in _nearest_first(answer):
        bank = own.get(claim.list_id)
        name = claim.list_name if bank is None else bank.name
        number = -claim.fingerprint if bank is None else numbers.get((claim.list_id, claim.depiction_id))
        if number is not None and (names is None or name in names):
            told = {"bank_content_id": number, "distance": str(claim.distance_bits or 0)}
            matched.setdefault(name, []).append(told)
    return matched


def _names_asked(call: Call, own: Iterable[BankRow]) -> set[str] | None:
    """Return the names of the banks that are asked, None for all.

    Raises:  NoSuchBankError.
    """
    wanted = call.parameter("banks")
    if wanted is None:
        return None
    asked = {name.strip() for name in wanted.split(",") if name.strip()}
    there = {one.name for one in own}
    if call.caller.has(Scope.MATCH_TRUSTED):
        there |= {one.name for one in hot.lists_of(call.caller)}
    if not asked or not asked <= there:
        raise NoSuchBankError("a bank was named that is not there; see /c/banks for those that are")
    return asked


def _nearest_first(answer: Answer) -> list[Claim]:
    return sorted(answer.told, key=lambda claim: (claim.list_name, claim.distance_bits or 0, claim.fingerprint))


def _whole(one: ListRule) -> ListRule:
    """Let the whole of a bank count for this question."""
    return dataclasses.replace(one, policy=msgspec.structs.replace(one.policy, mode=Mode.ON))
