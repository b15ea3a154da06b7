# SPDX-License-Identifier: Apache-2.0
"""Write what a list makes matchable now to a file: a list of the engine, CSV or JSON lines.

- Exactly what would match: words that count under the policy, fingerprints that it uses, no value that an override
  keeps from matching. A list that is off or in shadow is told to nobody.
- Each word that counts is an entry, in the name of who said it. A word of our own scheme states no class elsewhere.
- The file is what held at one moment, that of its version; what changes while it is written is told by the next one.
  It appears whole under its name, or not at all.
- CSV and JSON lines are written in bounded memory; a list of the engine is built in memory, 0.3 KB an entry.
"""

import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from django.db import transaction

from vigie.errors import WrongStateError
from vigie.fingerprints.values import Algorithm
from vigie.lists import columns, exporting
from vigie.lists import file as list_file
from vigie.lists.columns import Columns
from vigie.lists.entries import DIGEST_ALGORITHMS, Claim, Entry, FrameValue, PictureValue, Role
from vigie.lists.entries import Kind as EntryKind
from vigie.lists.file import NO_KEYS, Keys
from vigie.lists.policy import ListInfo
from vigie.lists.policy import Policy as FilePolicy
from vigie_node.audit import actions as audit
from vigie_node.audit.events import Event
from vigie_node.base import moment
from vigie_node.base.actor import Actor
from vigie_node.catalogue import list_queries, rules, standing, sweeping
from vigie_node.catalogue.models import Depiction
from vigie_node.catalogue.rules import ListRule, Mode, Policy, Word
from vigie_node.catalogue.standing import Print
from vigie_node.catalogue.states import Kind
from vigie_node.changes import queries as changes

_PORTION = 500  # depictions
_PRINTS = 20_000  # fingerprints held at a time: a video has thousands
_KINDS = {Kind.PICTURE: EntryKind.PICTURE, Kind.VIDEO: EntryKind.VIDEO, Kind.OTHER: EntryKind.OTHER}


class NotToldError(WrongStateError):
    """The list is off or in shadow: nobody is told what is on it."""

    code = "catalogue.list-not-told"


class Format(StrEnum):
    """What file a list is written to."""

    LIST = "list"
    CSV = "csv"
    JSON_LINES = "jsonl"


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written."""

    list_id: uuid.UUID
    version: int
    entries: int


def export_list(
    list_id: uuid.UUID,
    path: Path,
    *,
    form: Format,
    issuer: str,
    by: Actor,
    now: datetime,
    keys: Keys = NO_KEYS,
    valid_until: datetime | None = None,
) -> Exported:
    """Write a list to a file, replacing what has its name; `issuer` and `valid_until` are told by a list of the engine.

    Audit:   EXPORT_MADE, with the list's version and the number of entries.
    Raises:  NoSuchListError, NotToldError; MalformedPolicyError; OSError.
    """
    written = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with moment.one():
            rule = _told(list_id)
            if form is Format.LIST:
                info = _info(rule, issuer=issuer, valid_until=valid_until, now=now)
                entries = _write_list(written, rule, info, keys)
            else:
                entries = _write_lines(written, rule, form)
        _record(rule, form, entries, by=by, now=now)
        written.replace(path)
    finally:
        written.unlink(missing_ok=True)
    return Exported(rule.id, rule.version, entries)


def _told(list_id: uuid.UUID) -> ListRule:
    row = list_queries.one(list_id).row
    if row.policy.mode not in {Mode.ON, Mode.SHARE}:
        raise NotToldError(f"the list is {row.policy.mode.lower()}: nobody is told what is on it")
    return ListRule(row.id, row.name, row.version, row.policy)


def entries_of(rule: ListRule) -> Iterator[list[Entry]]:
    """Yield what a list makes matchable now, in portions, in the order of the depictions' ids."""
    after: uuid.UUID | None = None
    while portion := sweeping.every_depiction(after=after, limit=_PORTION):
        after = portion[-1]
        words = standing.words(portion)
        counted = {
            one: told
            for one in portion
            if (told := rules.words_that_count(rule.policy, words.get(one, ()))) and rules.is_in_share(rule, one)
        }
        for few in sweeping.by_fingerprints(list(counted), at_most=_PRINTS):
            yield _entries(rule.policy, {one: counted[one] for one in few})


def _entries(policy: Policy, counted: Mapping[uuid.UUID, Sequence[Word]]) -> list[Entry]:
    prints = standing.fingerprints_of(counted, policy.algorithms)
    every = [one for held in prints.values() for one in held]
    overridden = standing.overridden((one.algorithm, one.value) for one in every)
    kinds = dict(Depiction.objects.filter(id__in=list(counted)).values_list("id", "kind"))
    found: list[Entry] = []
    for depiction, words in counted.items():
        said = {(word.source, word.scheme): word for word in words}.values()  # of our own scheme one states them all
        told = [one for one in prints.get(depiction, ()) if _may_match(one, policy, overridden)]
        for content in _contents(told):
            found += [_entry(depiction, EntryKind(_KINDS[Kind(kinds[depiction])]), word, content) for word in said]
    return found


def _may_match(one: Print, policy: Policy, overridden: frozenset[tuple[Algorithm, bytes]]) -> bool:
    if (one.algorithm, one.value) in overridden:
        return False
    return one.algorithm in DIGEST_ALGORITHMS or one.quality is None or one.quality >= policy.min_quality


def _contents(prints: Sequence[Print]) -> list[list[Print]]:
    """Part fingerprints so that each part has one of each sort: an entry holds no more; frames stay together."""
    contents: list[list[Print]] = []
    taken: list[set[tuple[str, str]]] = []
    seen: set[tuple[Algorithm, bytes, str, int | None]] = set()
    for one in prints:
        place = (one.algorithm, one.value, one.role, one.start_ms)
        if place in seen:
            continue
        seen.add(place)
        sort = (one.algorithm.value, one.role or Role.STORED.value)
        at = 0
        if one.algorithm is not Algorithm.PDQ_FRAMES:
            at = next((number for number, sorts in enumerate(taken) if sort not in sorts), len(taken))
        if at >= len(contents):
            contents.append([])
            taken.append(set())
        contents[at].append(one)
        taken[at].add(sort)
    return contents


def _entry(depiction: uuid.UUID, kind: EntryKind, word: Word, prints: Sequence[Print]) -> Entry:
    digests = {one.algorithm: one.value for one in prints if one.algorithm in DIGEST_ALGORITHMS}
    is_ours = word.scheme == rules.BANK
    return Entry(
        depiction=str(depiction),
        kind=kind,
        claim=Claim(None if is_ours else word.scheme, None if is_ours else word.label, word.source_name),
        asserted_at=word.asserted_at,
        md5=digests.get(Algorithm.MD5),
        sha1=digests.get(Algorithm.SHA1),
        sha256=digests.get(Algorithm.SHA256),
        values=tuple(
            PictureValue(Role(one.role or Role.STORED.value), one.value, one.quality)
            for one in prints
            if one.algorithm is Algorithm.PDQ
        ),
        frames=tuple(
            FrameValue(one.start_ms or 0, one.end_ms or one.start_ms or 0, one.value, one.quality)
            for one in prints
            if one.algorithm is Algorithm.PDQ_FRAMES
        ),
    )


def _write_lines(path: Path, rule: ListRule, form: Format) -> int:
    entries = 0
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        if form is Format.CSV:
            file.writelines(exporting.to_csv(columns.of_entries(())))
        for portion in entries_of(rule):
            found = columns.of_entries(portion)
            lines = exporting.to_json_lines(found)
            if form is Format.CSV:
                lines = exporting.to_csv(found)
                next(lines)  # the names stand above the first portion
            file.writelines(lines)
            entries += len(portion)
        file.flush()
        os.fsync(file.fileno())
    return entries


def _write_list(path: Path, rule: ListRule, info: ListInfo, keys: Keys) -> int:
    parts: list[Columns] = [columns.of_entries(portion) for portion in entries_of(rule)]
    whole = columns.join(parts)
    list_file.write(path, info=info, columns=whole, keys=keys, may_replace=False)
    return len(whole)


def _info(rule: ListRule, *, issuer: str, valid_until: datetime | None, now: datetime) -> ListInfo:
    policy = FilePolicy(
        threshold_bits=rule.policy.threshold_bits,
        min_quality=rule.policy.min_quality,
        algorithms=rule.policy.algorithms,
        negative=rule.policy.negative,
    )
    # The version of the file grows with every change of what is on the list, not only with its policy.
    version = max(1, changes.latest())
    counts = list_file.counts_of(columns.of_entries(()))
    return ListInfo(
        name=rule.name, issuer=issuer, version=version, created_at=now, valid_until=valid_until, policy=policy,
        counts=counts, recipes=(),
    )  # fmt: skip


@transaction.atomic
def _record(rule: ListRule, form: Format, entries: int, *, by: Actor, now: datetime) -> None:
    audit.record(
        Event.EXPORT_MADE, subject=rule.id, by=by, at=now, version=rule.version, format=form.value, entries=entries
    )
