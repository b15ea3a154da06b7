# SPDX-License-Identifier: Apache-2.0
"""Classification schemes: which labels exist, what each means, which weighs more.

- A label is a scheme and a code, never a bare code: 0 and 5 mean opposite things in two schemes.
- The schemes are data (`labels.toml`), each with its source, its date and how sure it is.
- Severities order the codes of one scheme; no scheme is mapped to another without a published source.
- An unknown scheme or code is refused, never read as the nearest one.
"""

import datetime
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from vigie.errors import InvalidInputError


class UnknownSchemeError(InvalidInputError):
    """No classification scheme has this id."""

    code = "labels.unknown-scheme"


class UnknownLabelError(InvalidInputError):
    """The scheme has no such code."""

    code = "labels.unknown-label"


class Label(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one code of a scheme means, and its severity among the codes of that scheme."""

    meaning: str
    severity: Annotated[int, msgspec.Meta(ge=0)]


class Scheme(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One classification scheme; its labels by their code, the gravest first."""

    title: str
    source: str
    confidence: Literal["published", "read-in-code"]
    checked_on: datetime.date
    codes: dict[str, Label]


@functools.cache
def schemes() -> Mapping[str, Scheme]:
    """Return every scheme by its id, in the order of the file."""
    text = Path(__file__).with_name("labels.toml").read_bytes()
    return msgspec.toml.decode(text, type=dict[str, Scheme])


def find(scheme: str, code: str) -> Label:
    """Return the label of a scheme.

    Raises:  UnknownSchemeError; UnknownLabelError.
    """
    if scheme not in schemes():
        raise UnknownSchemeError(
            "there is no such classification scheme; choose one of: {choices}", choices=", ".join(schemes())
        )
    labels = schemes()[scheme].codes
    if code not in labels:
        raise UnknownLabelError(
            "scheme {scheme} has no such label; choose one of: {choices}", scheme=scheme, choices=", ".join(labels)
        )
    return labels[code]


def check_label(scheme: str, code: str) -> None:
    """Refuse a label that its scheme does not have.

    Raises:  UnknownSchemeError; UnknownLabelError.
    """
    find(scheme, code)


def severity(scheme: str, code: str) -> int:
    """Return how much a label weighs among the labels of its scheme: higher is graver, 0 asserts nothing to act on.

    Raises:  UnknownSchemeError; UnknownLabelError.
    """
    return find(scheme, code).severity
