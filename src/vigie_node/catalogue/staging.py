# SPDX-License-Identifier: Apache-2.0
"""Stage a portion of an import: one short transaction that writes its rows and how far it came.

- What a portion writes and the note of its progress are committed together: killed at any moment, the import goes on
  where it was and does nothing twice.
- What is held is read, and what is written made ready, before the transaction; if something changed in between that
  bears on it both are done again, before another transaction, and the last time within. So no decision rests on what
  was, and others wait for the inserts alone.
- Nothing that is staged counts: every row names its import, and is read only once that is visible.
- A portion that finds the import cancelled, or gone on by another worker, writes nothing.

Decision: ADR 0081.
"""

import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from django.db import transaction

from vigie.errors import WrongStateError
from vigie.fingerprints.values import Algorithm
from vigie.lists.entries import Entry
from vigie.lists.rows import Remark
from vigie_node.base.ids import new_id
from vigie_node.catalogue import bulk, holding, identity, merging
from vigie_node.catalogue.bulk import Ready
from vigie_node.catalogue.holding import Holding, Key
from vigie_node.catalogue.identity import Fingerprints, NewFingerprint
from vigie_node.catalogue.merging import Effect, Held
from vigie_node.catalogue.models import (
    Assertion,
    Depiction,
    Fingerprint,
    Import,
    ImportMark,
    ImportRefusal,
    Source,
    UpstreamRecord,
)
from vigie_node.catalogue.rules import BANK
from vigie_node.catalogue.states import Grade, ImportState, Kind
from vigie_node.catalogue.upstream_files import NO_TIME, Item
from vigie_node.changes import actions as changes
from vigie_node.changes import queries as change_log
from vigie_node.changes.topics import Topic

MAX_REFUSALS = 1000  # kept in detail; all are counted
MAX_AHEAD = timedelta(days=1)
_BEARING = (Topic.FINGERPRINTS_ADDED, Topic.FINGERPRINTS_REMOVED, Topic.STANDING, Topic.IMPORT, Topic.OVERRIDES)


class SomebodyElseError(WrongStateError):
    """The import was cancelled, or another worker went on with it."""

    code = "catalogue.import-moved"


@dataclass(frozen=True, slots=True)
class Order:
    """What does not change while an import is staged."""

    id: uuid.UUID
    source_id: uuid.UUID
    source_name: str
    created_at: datetime
    created_by: str
    is_full: bool
    relays: bool
    bank: str
    scheme: str | None
    label: str | None


@dataclass(slots=True)
class Written:
    """The rows that one portion writes, and what it counted."""

    depictions: list[tuple[object, ...]] = field(default_factory=list)
    prints: list[tuple[object, ...]] = field(default_factory=list)
    assertions: list[tuple[object, ...]] = field(default_factory=list)
    records: list[tuple[object, ...]] = field(default_factory=list)
    marks: list[tuple[object, ...]] = field(default_factory=list)
    refusals: list[tuple[object, ...]] = field(default_factory=list)
    reused: set[uuid.UUID] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)


_DEPICTION = ("id", "kind", "created_at", "via")
_PRINT = (
    "depiction", "algorithm", "value", "quality", "role", "start_ms", "end_ms", "recipe", "via", "created_at",
)  # fmt: skip
_ASSERTION = (
    "id", "depiction", "source", "scheme", "label", "facts", "ground", "asserted_at", "recorded_at", "recorded_by",
    "supersedes", "via",
)  # fmt: skip
_RECORD = ("source", "upstream_id", "version", "document", "document_sha256", "depiction", "via")
_KINDS = {"picture": Kind.PICTURE.value, "video": Kind.VIDEO.value, "other": Kind.OTHER.value}


def stage(order: Order, items: Sequence[Item], *, done_before: int, pace: int, now: datetime) -> float:
    """Stage the next lines of an import; return for how many seconds the transaction kept others from writing.

    `done_before` is how many lines were staged before: if that is not so any more, nothing is written. `pace` is kept
    for whoever goes on.
    Raises:  SomebodyElseError.
    """
    prints = {item.line: fingerprints_of(item.entry) for item in items if item.entry is not None}
    asked: defaultdict[str, list[Fingerprints]] = defaultdict(list)
    for item in items:
        if item.entry is not None:
            asked[item.entry.depiction].append(prints[item.line])
    sources = _sources(order, items, now=now)
    for is_last in (False, False, True):
        position = change_log.latest()
        ready = _decide(order, items, prints, asked, sources, now=now)
        with transaction.atomic():
            identity.lock()
            began = time.monotonic()
            if change_log.any_since(position, topics=_BEARING):
                if not is_last:
                    continue
                ready = _decide(order, items, prints, asked, sources, now=now)
            _note(order, items, ready, done_before=done_before, pace=pace, now=now)
            rows = _insert(order, ready)
            for begin in range(0, len(rows), changes.MAX_ITEMS):
                portion = rows[begin : begin + changes.MAX_ITEMS]
                changes.append(Topic.FINGERPRINTS_ADDED, subject=order.id, items=portion, now=now)
        break
    return time.monotonic() - began


def fingerprints_of(entry: Entry) -> tuple[NewFingerprint, ...]:
    """Return the fingerprints of an entry of a list."""
    recipe = entry.claim.recipe or ""
    found = [
        NewFingerprint(algorithm, digest)
        for algorithm in identity.STRONGEST_FIRST
        if (digest := entry.digest(algorithm)) is not None
    ]
    found += [
        NewFingerprint(Algorithm.PDQ, one.pdq, one.quality, one.role.value, recipe=recipe) for one in entry.values
    ]
    found += [
        NewFingerprint(Algorithm.PDQ_FRAMES, one.pdq, one.quality, "", one.at_ms, one.until_ms, recipe)
        for one in entry.frames
    ]
    return tuple({one.place: one for one in found}.values())


@dataclass(frozen=True, slots=True)
class _Ready:
    """What one portion writes, as the database takes it."""

    depictions: Ready
    prints: Ready
    assertions: Ready
    records: Ready
    marks: Ready
    refusals: Ready
    reused: list[uuid.UUID]
    counts: Counter[str]


def _decide(
    order: Order,
    items: Sequence[Item],
    prints: Mapping[int, tuple[NewFingerprint, ...]],
    asked: Mapping[str, list[Fingerprints]],
    sources: Mapping[str, uuid.UUID],
    *,
    now: datetime,
) -> _Ready:
    """Read what is held, and decide what the lines do to it."""
    held = holding.read(asked, import_id=order.id, source_id=order.source_id)
    written = _Portion(order, held, sources, now).write(items, prints)
    return _Ready(
        bulk.ready(Depiction, _DEPICTION, written.depictions),
        bulk.ready(Fingerprint, _PRINT, written.prints),
        bulk.ready(Assertion, _ASSERTION, written.assertions),
        bulk.ready(UpstreamRecord, _RECORD, written.records),
        bulk.ready(ImportMark, ("of", "assertion"), list(dict.fromkeys(written.marks))),
        bulk.ready(ImportRefusal, ("of", "line", "code", "message", "values"), written.refusals),
        sorted(written.reused),
        written.counts,
    )


@dataclass(slots=True)
class _Portion:
    """Decides, line after line, what each does to what is held and to what the lines before it did."""

    order: Order
    held: Holding
    sources: Mapping[str, uuid.UUID]
    now: datetime
    written: Written = field(default_factory=Written)

    def write(self, items: Sequence[Item], prints: Mapping[int, tuple[NewFingerprint, ...]]) -> Written:
        """Go over the lines, in order."""
        for item in items:
            self.written.counts["left_out"] += item.left_out
            refused = item.refused or self._unfit(item)
            if refused is None and item.entry is not None:
                refused = self._take(item, item.entry, prints[item.line])
            if refused is not None:
                self._refuse(refused)
        return self.written

    def _unfit(self, item: Item) -> Remark | None:
        """Refuse a line for what the catalogue asks of it beyond what the list format does."""
        entry = item.entry
        if entry is None:
            return Remark(item.line, "lists.malformed-entry", "the line is no entry")
        if entry.claim.asserted_by != self.order.source_name and not self.order.relays:
            return Remark(
                item.line, "catalogue.foreign-word",
                "it gives another's word, and this source was not said to pass on the word of others",
            )  # fmt: skip
        if entry.claim.scheme is None and not self.order.bank:
            return Remark(
                item.line, "catalogue.no-class", "it states no class, and none was given for the lines that state none"
            )
        if entry.asserted_at > self.now + MAX_AHEAD:
            return Remark(item.line, "catalogue.future-assertion", "it would be asserted in the future")
        return None

    def _take(self, item: Item, entry: Entry, prints: tuple[NewFingerprint, ...]) -> Remark | None:
        depiction, is_new = self._depiction(entry, prints)
        source = self.sources[entry.claim.asserted_by]
        scheme, label = (entry.claim.scheme, entry.claim.label) if entry.claim.scheme else (BANK, self.order.bank)
        key = holding.key_of(depiction, source, str(scheme), str(label))
        at = None if entry.asserted_at == NO_TIME else entry.asserted_at
        held = self.held.words.get(key, [])
        outcome = merging.effect_of(str(label), at, held)
        if outcome.effect is Effect.CONTRADICTORY:
            return Remark(
                item.line, "catalogue.contradictory",
                "the same source stated another class for the same content at the same time; neither is later",
            )  # fmt: skip
        self._keep(entry, prints, depiction, is_new=is_new)
        self._document(item, entry, depiction)
        is_repeated = outcome.effect is Effect.UNCHANGED and outcome.held in self.held.own
        self.written.counts["repeated" if is_repeated else outcome.effect.value] += 1
        if self.order.is_full:
            self.written.marks += [(self.order.id, one.assertion) for one in held]
        if outcome.effect in merging.COUNTED:
            self._say(key, str(label), at, outcome.held, held)
        if any((one.algorithm, one.value) in self.held.overridden for one in prints):
            self.written.counts["overridden"] += 1
        return None

    def _depiction(self, entry: Entry, prints: tuple[NewFingerprint, ...]) -> tuple[uuid.UUID, bool]:
        found = self.held.known.find(prints) or self.held.of_record(entry.depiction, prints)
        return (new_id(self.now), True) if found is None else (found, False)

    def _keep(self, entry: Entry, prints: tuple[NewFingerprint, ...], depiction: uuid.UUID, *, is_new: bool) -> None:
        written, order = self.written, self.order
        if is_new:
            written.depictions.append((depiction, _KINDS[entry.kind.value], self.now, order.id))
            written.counts["new_depictions"] += 1
        elif depiction not in self.held.created:
            written.reused.add(depiction)
        if is_new:
            self.held.created.add(depiction)
        lasting = self.held.known.lasting.get(depiction, set())
        for one in prints:
            if one.place not in lasting:
                written.prints.append(
                    (depiction, one.algorithm.value, one.value, one.quality, one.role, one.start_ms, one.end_ms,
                     one.recipe, order.id, self.now)
                )  # fmt: skip
                self.held.known.add(depiction, one.place)
                written.counts["new_fingerprints"] += 1

    def _document(self, item: Item, entry: Entry, depiction: uuid.UUID) -> None:
        """Keep the line word for word, as the next version of what this source said of it."""
        digest = sha256(item.document.encode()).digest()
        versions = self.held.records[entry.depiction]
        if (depiction, digest) in versions.seen:
            return
        versions.last += 1
        versions.seen.add((depiction, digest))
        versions.depictions.append(depiction)
        self.written.records.append(
            (self.order.source_id, entry.depiction, versions.last, item.document, digest, depiction, self.order.id)
        )

    def _say(
        self, key: Key, label: str, at: datetime | None, supersedes: uuid.UUID | None, held: Sequence[Held]
    ) -> None:
        depiction, source, scheme, _ = key
        said, when = new_id(self.now), at or self.order.created_at
        self.written.assertions.append(
            (said, depiction, source, scheme, label, {}, Grade.RECEIVED.value, when, self.now, self.order.created_by,
             supersedes, self.order.id)
        )  # fmt: skip
        self.held.words[key] = [*held, Held(said, label, when)]
        self.held.own.add(said)

    def _refuse(self, remark: Remark) -> None:
        self.written.counts["refused"] += 1
        if remark.code not in _NEVER_WORDS:
            self.written.counts["unread"] += 1
        self.written.refusals.append((self.order.id, remark.line, remark.code, remark.template, remark.values))


_NEVER_WORDS = frozenset({"lists.trivial-content", "lists.gated-value"})  # no word was lost with such a line


def _sources(order: Order, items: Sequence[Item], *, now: datetime) -> dict[str, uuid.UUID]:
    """Return the source of every asserter of these lines, recorded where it was not known."""
    names = {item.entry.claim.asserted_by for item in items if item.entry is not None}
    if not order.relays:
        return {order.source_name: order.source_id}
    known = dict(Source.objects.filter(name__in=names).values_list("name", "id"))
    for name in sorted(names - known.keys()):
        known[name] = Source.objects.get_or_create(name=name, defaults={"id": new_id(now), "created_at": now})[0].id
    return known


def _note(order: Order, items: Sequence[Item], ready: _Ready, *, done_before: int, pace: int, now: datetime) -> None:
    """Note how far the import came; who is not first to do so writes nothing.

    Raises:  SomebodyElseError.
    """
    row = Import.objects.select_for_update().get(id=order.id)
    if row.state != ImportState.STAGING.value or row.rows_done != done_before:
        raise SomebodyElseError("the import was cancelled, or somebody else went on with it")
    counts = Counter(row.counts)
    del ready.refusals.rows[max(0, MAX_REFUSALS - counts["refused"]) :]
    row.counts = dict(sorted((counts + ready.counts).items()))
    after = items[-1].after
    row.progress = row.progress | {"line": after.line, "offset": after.offset, "pace": pace}
    row.rows_done = done_before + len(items)
    row.claimed_at, row.attempts = now, 0
    row.save(update_fields=["counts", "progress", "rows_done", "claimed_at", "attempts"])


def _insert(order: Order, ready: _Ready) -> list[int]:
    """Write the rows; return the numbers of the fingerprints."""
    bulk.insert(ready.depictions)
    numbers = bulk.row_numbers(Fingerprint, len(ready.prints.rows)) if ready.prints.rows else []
    bulk.insert(ready.prints, numbers=numbers)
    bulk.insert(ready.assertions)
    bulk.insert(ready.records)
    bulk.insert(ready.marks, ignore_conflicts=True)
    bulk.insert(ready.refusals)
    for portion in identity.portions(ready.reused):
        # Another import's depiction is everybody's from now on: it stays when that one is undone.
        Depiction.objects.filter(id__in=portion).exclude(via=None).exclude(via=order.id).update(via=None)
    return numbers
