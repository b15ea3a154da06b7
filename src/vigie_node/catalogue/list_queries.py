# SPDX-License-Identifier: Apache-2.0
"""Read lists: each with its policy, the policies that it had, and how many words it listens to."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec

from vigie import labels
from vigie_node.catalogue import standing
from vigie_node.catalogue.list_actions import NoSuchListError
from vigie_node.catalogue.models import Assertion, ListVersion, MatchList, Source
from vigie_node.catalogue.rules import BANK, Policy, differing

AT_MOST = 10_000  # beyond this a count says "more than"


@dataclass(frozen=True, slots=True)
class ListRow:
    """One list as it stands; `changed_*` are of its present version."""

    id: uuid.UUID
    name: str
    title: str
    version: int
    policy: Policy
    created_at: datetime
    changed_at: datetime
    changed_by: str
    reason: str


@dataclass(frozen=True, slots=True)
class VersionRow:
    """One policy that a list had; `changed` names what differs from the version before."""

    version: int
    policy: Policy
    reason: str
    changed_at: datetime
    changed_by: str
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ListDossier:
    """A list with its versions, the latest first, and the names of the sources that it hears (none: any)."""

    row: ListRow
    versions: tuple[VersionRow, ...]
    sources: Mapping[str, str]


def lists() -> tuple[ListRow, ...]:
    """Return every list, by name."""
    found = {one.id: one for one in MatchList.objects.order_by("name")}
    present = {
        one.list_id: one
        for one in ListVersion.objects.filter(list__in=found).order_by("version").defer("policy")
        if one.version == found[one.list_id].version
    }
    return tuple(_row(one, present[one.id]) for one in found.values())


def one(list_id: uuid.UUID) -> ListDossier:
    """Return a list with its history.

    Raises:  NoSuchListError.
    """
    found = MatchList.objects.filter(id=list_id).first()
    if found is None:
        raise NoSuchListError("there is no such list")
    kept = list(ListVersion.objects.filter(list=found).order_by("version"))
    before = [None, *kept[:-1]]
    versions = tuple(
        VersionRow(
            one.version,
            msgspec.convert(one.policy, Policy),
            one.reason,
            one.changed_at,
            one.changed_by,
            tuple(differing(earlier.policy, one.policy)) if earlier else (),
        )
        for earlier, one in zip(before, kept, strict=True)
    )
    row = _row(found, kept[-1])
    names = Source.objects.filter(id__in=row.policy.sources).values_list("id", "name")
    return ListDossier(row, versions[::-1], {str(id): name for id, name in names})


def id_of(name: str) -> uuid.UUID:
    """Return the id of the list of this name.

    Raises:  NoSuchListError.
    """
    found = MatchList.objects.filter(name=name).values_list("id", flat=True).first()
    if found is None:
        raise NoSuchListError("there is no list of that name")
    return found


def word_counts(policy: Policy) -> dict[tuple[str, str], int]:
    """Count the words of each class that a policy listens to, up to AT_MOST; of a policy without classes, of every one.

    What was superseded or revoked is counted too: it is a measure of size, for a page.
    """
    classes = [(scheme, label) for scheme, named in policy.classes.items() for label in named]
    if not classes:
        classes = [(id, code) for id, scheme in labels.schemes().items() for code in scheme.codes]
        classes += [(BANK, name) for name in MatchList.objects.values_list("name", flat=True)[:100]]
    counted = {one: _count(*one) for one in classes}
    return {one: count for one, count in counted.items() if count or policy.classes}


def _count(scheme: str, label: str) -> int:
    said = standing.visible(Assertion.objects.filter(scheme=scheme, label=label))
    return said.order_by().values("id")[:AT_MOST].count()


def _row(found: MatchList, present: ListVersion) -> ListRow:
    return ListRow(
        found.id, found.name, found.title, found.version, msgspec.convert(found.policy, Policy), found.created_at,
        present.changed_at, present.changed_by, present.reason,
    )  # fmt: skip
