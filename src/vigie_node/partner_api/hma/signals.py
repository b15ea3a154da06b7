# SPDX-License-Identifier: Apache-2.0
"""HMA's words for fingerprints and contents, and what they are here.

- A signal type that the organisation switched off is off everywhere: HMA's own switch never did anything.
- A file is what its bytes say, not what its field is called: a video sent as a photo is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from vigie.errors import InvalidInputError, UnreadableError
from vigie.fingerprints import gates
from vigie.fingerprints.gates import Gate
from vigie.fingerprints.messages import Picture, Problem, Value, Video
from vigie.fingerprints.values import Algorithm, MalformedFingerprintError, parse_hex
from vigie_node.banks import queries as banks
from vigie_node.catalogue.states import Kind
from vigie_node.matching.uploads import Examined
from vigie_node.partner_api import forms
from vigie_node.partner_api.borrowed import Call, NoFetchingError


class UnknownSignalError(InvalidInputError):
    """There is no such signal type, or it is switched off."""

    code = "hma.unknown-signal-type"


class UnfitFormError(InvalidInputError):
    """A form brings exactly one file, in a field called photo or video."""

    code = "hma.unfit-form"


class UnfitFileError(UnreadableError):
    """The file is not what its field is called, or no fingerprint can be made of it."""

    code = "hma.unfit-file"


class Signal(StrEnum):
    """A sort of fingerprint, by HMA's name."""

    PDQ = "pdq"
    VIDEO_MD5 = "video_md5"


ALGORITHM = {Signal.PDQ: Algorithm.PDQ, Signal.VIDEO_MD5: Algorithm.MD5}
SIGNAL_OF_CONTENT = {"photo": Signal.PDQ, "video": Signal.VIDEO_MD5}
KIND = {Signal.PDQ: Kind.PICTURE, Signal.VIDEO_MD5: Kind.VIDEO}


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A file that came with a request, fingerprinted."""

    signal: Signal
    examined: Examined
    fields: Mapping[str, str] = field(repr=False)

    @property
    def text(self) -> str:
        """Return its fingerprint as HMA writes it."""
        if isinstance(self.examined.content, Picture):
            return self.examined.content.stored.pdq.hex()
        return self.examined.digests.md5.hex()


def enabled(call: Call) -> tuple[Signal, ...]:
    """Return the signal types that the organisation has switched on."""
    off = banks.switched_off(call.caller.key.organisation_id)
    return tuple(one for one in Signal if ALGORITHM[one] not in off)


def named(call: Call, name: str) -> Signal:
    """Return the signal type of this name.

    Raises:  UnknownSignalError.
    """
    if name not in tuple(Signal):
        raise UnknownSignalError("there is no such signal type; there are: " + ", ".join(Signal))
    if Signal(name) not in enabled(call):
        raise UnknownSignalError("this signal type is switched off; switch it on at /c/signal_type, or use another")
    return Signal(name)


def value_of(signal: Signal, text: object) -> bytes:
    """Read a fingerprint in HMA's form.

    Raises:  MalformedFingerprintError.
    """
    if not isinstance(text, str):
        raise MalformedFingerprintError("a signal is text: hexadecimal digits")
    return parse_hex(text.strip(), algorithm=ALGORITHM[signal])


def check_no_url(call: Call) -> None:
    """Refuse an address: nothing is fetched here.

    Raises:  NoFetchingError.
    """
    if "url" in call.request.GET:
        raise NoFetchingError("this node fetches no address; send the file itself, as multipart/form-data")


def uploaded(call: Call) -> Uploaded:
    """Fingerprint the file that a request brings, and drop it.

    Raises:  UnfitFormError, UnknownSignalError, UnfitFileError; TooLargeError, MalformedRequestError;
             EmptyFileError, FileTooLargeError, BusyExaminersError.
    """
    wanted = _wanted(call)
    if not forms.is_form(call):
        raise UnfitFormError("send one file as multipart/form-data, in a field called photo or video")
    with forms.read(call) as form:
        if len(form.files) != 1:
            raise UnfitFormError("send exactly one file")
        name, file = form.files[0]
        if name not in SIGNAL_OF_CONTENT:
            raise UnfitFormError("the field of the file is called photo or video")
        signal = SIGNAL_OF_CONTENT[name]
        if wanted is not None and signal not in wanted:
            raise UnknownSignalError("none of the signal types asked for applies to this file")
        named(call, signal.value)
        examined = file.examine()
    _check_is(signal, examined)
    return Uploaded(signal, examined, form.fields)


def _wanted(call: Call) -> tuple[Signal, ...] | None:
    names = call.parameter("types")
    if names is None:
        return None
    wanted = tuple(named(call, name.strip()) for name in names.split(",") if name.strip())
    if not wanted:
        raise UnknownSignalError("name at least one signal type")
    return wanted


def _check_is(signal: Signal, examined: Examined) -> None:
    content = examined.content
    if isinstance(content, Problem):
        if signal is Signal.PDQ or content.kind != "video":
            raise UnfitFileError(f"no fingerprint can be made of this file: {content.message}")
        return  # a video that cannot be decoded has its digest all the same
    if signal is Signal.VIDEO_MD5 and not isinstance(content, Video):
        raise UnfitFileError("this file is not a video")
    if signal is Signal.PDQ:
        if not isinstance(content, Picture):
            raise UnfitFileError("this file is not a photo")
        gate = gates.picture_gate(width_px=content.width_px, height_px=content.height_px) or _gate_of(content.stored)
        if gate is not None:
            raise UnfitFileError(f"no fingerprint can be made of this file: {gate.sentence}")


def _gate_of(value: Value) -> Gate | None:
    values = np.frombuffer(value.pdq, np.uint8).reshape(1, -1)
    return gates.gate_of(int(gates.value_gates(values, qualities=np.array([value.quality], np.uint8))[0]))
