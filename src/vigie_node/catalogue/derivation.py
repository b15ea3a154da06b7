# SPDX-License-Identifier: Apache-2.0
"""From the facts that an assessor stated once to the labels of the schemes that publish their criteria.

- Facts are graded once, in neutral legal words; schemes are derived, so that no material is looked at again for them.
- Where several persons are depicted the youngest counts; where several acts are, the gravest that a scheme names does.
- An unknown fact derives nothing, unless every fact that it could be leads to the same label. No label is a default.
- The criteria are data (`derivations.toml`), each with its source; a scheme whose criteria are not public is not there.

Decision: ADR 0083.
"""

import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from enum import StrEnum
from pathlib import Path

import msgspec

from vigie import labels
from vigie.errors import InvalidInputError


class MalformedFactsError(InvalidInputError):
    """What was stated is none of the facts that can be."""

    code = "catalogue.malformed-facts"


class Age(StrEnum):
    """The apparent age group of a person depicted, the youngest first."""

    INFANT = "infant"
    PREPUBESCENT = "prepubescent"
    PUBESCENT = "pubescent"
    ADULT = "adult"
    UNDETERMINED = "undetermined"


class Act(StrEnum):
    """What is depicted, in the words of the published schemes."""

    PENETRATION = "penetration"
    ANIMAL = "animal"
    SADISM = "sadism"
    SEXUAL_ACTIVITY = "sexual-activity"  # without penetration
    TOUCHING = "touching"
    EXHIBITION = "exhibition"  # lascivious exhibition, or focus on the genital or anal region
    INDECENT = "indecent"  # indecent, and none of the above
    NONE = "none"
    UNDETERMINED = "undetermined"


class Origin(StrEnum):
    """Whether a real person is depicted."""

    REAL = "real"
    GENERATED = "generated"  # made or altered by a computer so that it looks real
    VIRTUAL = "virtual"  # drawn or animated
    UNDETERMINED = "undetermined"


class Facts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What an assessor stated: one age a person depicted, every act depicted, the origin; what is absent is unknown."""

    ages: tuple[Age, ...] = ()
    acts: tuple[Act, ...] = ()
    origin: Origin = Origin.UNDETERMINED


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One rule of a scheme: it holds where the youngest, an act and the origin are among those named."""

    label: str
    youngest: frozenset[Age]
    acts: frozenset[Act]
    origins: frozenset[Origin]


class Derivation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rules of one scheme, the gravest first, with where they come from."""

    id: str
    source: str
    checked_on: date
    rule: tuple[Rule, ...]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    scheme: tuple[Derivation, ...]


@functools.cache
def derivations() -> tuple[Derivation, ...]:
    """Return the derivations, in the order of the file."""
    found = msgspec.toml.decode(Path(__file__).with_name("derivations.toml").read_bytes(), type=_File).scheme
    for one in found:
        for rule in one.rule:
            labels.check_label(one.id, rule.label)
    return found


def checked(facts: Mapping[str, object]) -> dict[str, object]:
    """Return facts in their one form: each thing once, the youngest and the gravest first.

    Raises:  MalformedFactsError.
    """
    read = _read(facts)
    whole: dict[str, object] = {}
    if read.ages:
        whole["ages"] = [age.value for age in Age if age in read.ages]
    if read.acts:
        whole["acts"] = [act.value for act in Act if act in read.acts]
    if read.origin is not Origin.UNDETERMINED or "origin" in facts:
        whole["origin"] = read.origin.value
    return whole


def derived_labels(facts: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """Return the labels that follow from facts, as scheme and label.

    Order:   of the derivations.
    Raises:  MalformedFactsError.
    """
    read = _read(facts)
    if not facts:
        return ()
    found = []
    for scheme in derivations():
        possible = {_label(scheme, youngest, acts, origin) for youngest, acts, origin in _completions(read)}
        if len(possible) == 1 and (label := possible.pop()) is not None:
            found.append((scheme.id, label))
    return tuple(found)


def _read(facts: Mapping[str, object]) -> Facts:
    try:
        read = msgspec.convert(dict(facts), Facts)
    except msgspec.ValidationError as error:
        raise MalformedFactsError(
            "facts are: ages, a list of infant, prepubescent, pubescent, adult, undetermined; acts, a list of "
            f"{', '.join(Act)}; origin, one of {', '.join(Origin)}"
        ) from error
    if Act.NONE in read.acts and set(read.acts) - {Act.NONE, Act.UNDETERMINED}:
        raise MalformedFactsError("no act and an act cannot both be stated")
    return read


def _completions(facts: Facts) -> Iterator[tuple[Age, frozenset[Act], Origin]]:
    """Yield everything that the facts may mean, with each unknown replaced by all that it could be."""
    ages: Sequence[Age] = [age for age in Age if age in facts.ages and age is not Age.UNDETERMINED]
    acts = frozenset(facts.acts) - {Act.UNDETERMINED}
    youngest: set[Age] = set(ages[:1])
    if Age.UNDETERMINED in facts.ages or not facts.ages:
        known = ages[0] if ages else Age.ADULT
        youngest = {
            age for age in Age if age is not Age.UNDETERMINED and list(Age).index(age) <= list(Age).index(known)
        }
    shown = {acts}
    if Act.UNDETERMINED in facts.acts or not facts.acts:
        shown = {acts, *(acts | {act} for act in Act if act is not Act.UNDETERMINED)}
    origins = [one for one in Origin if one is not Origin.UNDETERMINED]
    if facts.origin is not Origin.UNDETERMINED:
        origins = [facts.origin]
    return itertools.product(youngest, shown, origins)


def _label(scheme: Derivation, youngest: Age, acts: frozenset[Act], origin: Origin) -> str | None:
    for rule in scheme.rule:
        if youngest in rule.youngest and origin in rule.origins and acts & rule.acts:
            return rule.label
    return None
