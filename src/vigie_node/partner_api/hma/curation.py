# SPDX-License-Identifier: Apache-2.0
"""Keep banks as HMA does: `/c/banks`, `/c/bank/<name>`, its `content` and `signal`, `/c/signal_type`.

- A key sees and changes the banks of its own organisation, no others and no list of the node.
- Renaming a bank keeps its contents. Deleting one takes it out of force at once.
- Of a content is told again by which signal it was put in, and nothing else that the catalogue knows of it: to put in a
  digest is no way to learn what others say is near.
- Numbers that clients send as text are read as numbers, as HMA does.
"""

import contextlib
import math
import uuid
from collections.abc import Mapping
from typing import Any

import msgspec
from django.http import HttpResponse, JsonResponse

from vigie_node.accounts import queries as accounts
from vigie_node.banks import queries as banks
from vigie_node.banks import rules
from vigie_node.banks.actions import NoSuchBankError, NoSuchContentError
from vigie_node.banks.queries import BankRow, ContentRow
from vigie_node.catalogue import of_file
from vigie_node.catalogue.actions import NewFingerprint
from vigie_node.flows import bank as flow
from vigie_node.matching import lookup
from vigie_node.partner_api.borrowed import Call
from vigie_node.partner_api.hma import signals
from vigie_node.partner_api.hma.signals import ALGORITHM, KIND, Signal, UnfitFormError, UnknownSignalError
from vigie_node.partner_api.hot import MalformedRequestError

MAX_METADATA_BYTES = 4096
_METADATA = {"content_id", "content_uri", "json"}


def list_banks(call: Call) -> HttpResponse:
    """Answer with the organisation's banks."""
    return JsonResponse([_bank(one) for one in banks.banks_of(_organisation(call))], safe=False)


def show_bank(call: Call, name: str) -> HttpResponse:
    """Answer with one bank."""
    return JsonResponse(_bank(_named(call, name)))


def create_bank(call: Call) -> HttpResponse:
    """Make a bank."""
    sent = call.json_object()
    name = sent.get("name")
    if not isinstance(name, str):
        raise MalformedRequestError("name is required")
    ratio = _ratio(sent)
    key = call.caller.key
    made = flow.create(
        name,
        ratio=1.0 if ratio is None else ratio,
        organisation_id=key.organisation_id,
        organisation=key.organisation_name,
        country=accounts.country_of(key.organisation_id),
        by=call.by,
        now=call.now,
    )
    return JsonResponse(_bank(made), status=201)


def change_bank(call: Call, name: str) -> HttpResponse:
    """Rename a bank, or change which part of it is in force."""
    sent = call.json_object()
    new_name = sent.get("name")
    if new_name is not None and not isinstance(new_name, str):
        raise MalformedRequestError("name is text")
    changed = flow.change(
        _named(call, name),
        organisation=call.caller.key.organisation_name,
        name=new_name,
        ratio=_ratio(sent),
        by=call.by,
        now=call.now,
    )
    return JsonResponse(_bank(changed))


def delete_bank(call: Call, name: str) -> HttpResponse:
    """Take a bank out of force and forget its name; one that is not there is no error."""
    with contextlib.suppress(NoSuchBankError):
        flow.remove(_named(call, name), by=call.by, now=call.now)
    return JsonResponse({"message": "Done"})


def add_file(call: Call, name: str) -> HttpResponse:
    """Put a file's fingerprints into a bank; the file is dropped."""
    call.count(1)
    bank = _named(call, name)
    signals.check_no_url(call)
    found = signals.uploaded(call)
    note, metadata = found.fields.get("note") or "", _metadata(found.fields)
    fingerprints = of_file.fingerprints_of(found.examined.digests, found.examined.content)
    told = {found.signal.value: found.text}
    number = flow.add(
        bank,
        fingerprints,
        kind=KIND[found.signal],
        signals=told,
        note=note,
        metadata=metadata,
        by=call.by,
        now=call.now,
    )
    lookup.of_catalogue().catch_up()  # what was just put in matches on the client's next request
    return JsonResponse({"id": number, "signals": told})


def add_signals(call: Call, name: str) -> HttpResponse:
    """Put a fingerprint into a bank as one content."""
    call.count(1)
    sent = call.json_object()
    bank = _named(call, name)
    note = _text(sent.pop("note", None), name="note")
    if len(sent) != 1:  # that two belong together nobody checked, and others' words would stand for both
        raise UnfitFormError("give exactly one signal: a content is a photo or a video")
    ((signal, text),) = ((signals.named(call, one), text) for one, text in sent.items())
    value = signals.value_of(signal, text)
    fingerprint = NewFingerprint(ALGORITHM[signal], value)
    told = {signal.value: value.hex()}
    number = flow.add(bank, [fingerprint], kind=KIND[signal], signals=told, note=note or "", by=call.by, now=call.now)
    lookup.of_catalogue().catch_up()
    return JsonResponse({"id": number, "signals": told})


def show_content(call: Call, name: str, number: str) -> HttpResponse:
    """Answer with one content of a bank."""
    bank = _named(call, name)
    content = banks.content(int(number), bank_id=bank.id)
    told = _content(content, bank, with_metadata=call.parameter("include_metadata") != "false")
    if call.says("include_signals"):
        told["signals"] = content.signals
    return JsonResponse(told)


def change_content(call: Call, name: str, number: str) -> HttpResponse:
    """Disable a content, enable it again, or say something else of it."""
    sent = call.json_object()
    bank = _named(call, name)
    content = banks.content(int(number), bank_id=bank.id)
    until = content.disable_until_ts
    if "disable_until_ts" in sent:
        until = _whole_number(sent["disable_until_ts"])
    note = _text(sent["note"], name="note") or "" if "note" in sent else None
    changed = flow.set_disabled(bank, content, until=until, note=note, by=call.by, now=call.now)
    return JsonResponse(_content(changed, bank, with_metadata=True))


def delete_content(call: Call, name: str, number: str) -> HttpResponse:
    """Take a content out of a bank; one that is not there is no error."""
    bank = _named(call, name)
    try:
        flow.take_out(banks.content(int(number), bank_id=bank.id), by=call.by, now=call.now)
    except NoSuchContentError:
        return JsonResponse({"deleted": 0})
    return JsonResponse({"deleted": 1})


def list_signal_types(call: Call) -> HttpResponse:
    """Answer which signal types are switched on."""
    on = signals.enabled(call)
    told = [{"name": one.value, "enabled_ratio": 1.0 if one in on else 0.0} for one in Signal]
    return JsonResponse(told, safe=False)


def change_signal_type(call: Call, name: str) -> HttpResponse:
    """Switch a signal type on or off, for all banks of the organisation: 0 is off, anything above is on."""
    sent = call.json_object()
    if name not in tuple(Signal):
        raise UnknownSignalError("there is no such signal type; there are: " + ", ".join(Signal))
    if "enabled_ratio" not in sent:
        raise MalformedRequestError("enabled_ratio is required")
    ratio = _number(sent["enabled_ratio"])
    if not 0 <= ratio <= 1:
        raise rules.UnfitRatioError("enabled_ratio is a number from 0 to 1")
    flow.switch_signal(
        ALGORITHM[Signal(name)], on=ratio > 0, organisation_id=_organisation(call), by=call.by, now=call.now
    )
    return HttpResponse(status=204)


def list_content_types(call: Call) -> HttpResponse:
    """Answer which contents are taken."""
    on = signals.enabled(call)
    told = [{"name": name, "enabled": signal in on} for name, signal in signals.SIGNAL_OF_CONTENT.items()]
    return JsonResponse(told, safe=False)


def list_exchanges(call: Call) -> HttpResponse:
    """Answer that none are kept through this interface: the node's operator imports lists."""
    del call
    return JsonResponse([], safe=False)


def _organisation(call: Call) -> uuid.UUID:
    return call.caller.key.organisation_id


def _named(call: Call, name: str) -> BankRow:
    return banks.bank_named(name, organisation_id=_organisation(call))


def _bank(one: BankRow) -> dict[str, Any]:
    return {"name": one.name, "matching_enabled_ratio": one.ratio}


def _content(content: ContentRow, bank: BankRow, *, with_metadata: bool) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": content.id,
        "disable_until_ts": content.disable_until_ts,
        "collab_metadata": {},
        "original_media_uri": None,
        "bank": _bank(bank),
    }
    if with_metadata and content.metadata:
        told["metadata"] = content.metadata
    if content.note:
        told["note"] = content.note
    return told


def _ratio(sent: dict[str, Any]) -> float | None:
    if sent.get("enabled_ratio") is not None:
        return _number(sent["enabled_ratio"])
    if sent.get("enabled") is not None:
        return 1.0 if sent["enabled"] in (True, "true", "True", "1", 1) else 0.0
    return None


def _number(value: object) -> float:
    try:
        number = float(value) if isinstance(value, int | float | str) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise MalformedRequestError("a number is not one")
    return number


def _whole_number(value: object) -> int:
    number = _number(value)
    if number != int(number):
        raise MalformedRequestError("disable_until_ts is a whole number")
    return int(number)


def _text(value: object, *, name: str) -> str | None:
    if value is not None and not isinstance(value, str):
        raise MalformedRequestError(f"{name} is text")
    return value


def _metadata(fields: Mapping[str, str]) -> dict[str, Any]:
    """Read what a client wants kept beside a content; an object of its own shape is kept as `json`.

    Raises:  MalformedRequestError.
    """
    told: dict[str, Any] = {name: fields[name] for name in ("content_id", "content_uri") if fields.get(name)}
    text = fields.get("metadata")
    if text:
        try:
            sent = msgspec.json.decode(text.encode(), type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise MalformedRequestError("metadata is a JSON object") from error
        sent.pop("collab", None)
        told |= sent if set(sent) <= _METADATA else {"json": sent}
    encoded = msgspec.json.encode(told)
    if len(encoded) > MAX_METADATA_BYTES or b"\\u0000" in encoded:  # no database keeps that character in text
        raise MalformedRequestError(f"metadata has at most {MAX_METADATA_BYTES} bytes, and no zero characters")
    return told
