# SPDX-License-Identifier: Apache-2.0
"""What the catalogue holds of what some lines of an import speak of: read in a few statements, whatever their number.

- What counts or will: what is visible, and what this import staged itself. What others staged may never count.
- Of a word that was undone with its import one thing is left: that a person revoked it.
- A fingerprint or a word that only an import of another source brought may go with it: it is none to rely on.
"""

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.db import connection

from vigie.fingerprints.values import Algorithm
from vigie_node.catalogue import identity, standing
from vigie_node.catalogue.identity import Fingerprints, Known, as_uuid, db_uuid, marks, portions
from vigie_node.catalogue.merging import Held
from vigie_node.catalogue.rules import BANK

Key = tuple[uuid.UUID, uuid.UUID, str, str]  # depiction, source, scheme, label where the scheme is our own


@dataclass(slots=True)
class Versions:
    """What a source said of one of its ids before: its last version, and which documents of which depictions."""

    last: int = 0
    seen: set[tuple[uuid.UUID, bytes]] = field(default_factory=set)
    depictions: list[uuid.UUID] = field(default_factory=list)


@dataclass(slots=True)
class Holding:
    """What is held; it grows with what the lines bring."""

    known: Known
    words: dict[Key, list[Held]]
    records: defaultdict[str, Versions]
    overridden: frozenset[tuple[Algorithm, bytes]]
    own: set[uuid.UUID]  # words that this import staged
    created: set[uuid.UUID] = field(default_factory=set)

    def of_record(self, upstream_id: str, fingerprints: Fingerprints) -> uuid.UUID | None:
        """Return the depiction of which the source said something under this id, unless the digests contradict it."""
        if upstream_id not in self.records:
            return None
        for depiction in reversed(self.records[upstream_id].depictions):
            if not self.known.contradicts(depiction, fingerprints):
                return depiction
        return None


def key_of(depiction: uuid.UUID, source: uuid.UUID, scheme: str, label: str) -> Key:
    """Return what a word is about: in our own scheme each list is a matter of its own."""
    return depiction, source, scheme, label if scheme == BANK else ""


def read(prints: Mapping[str, Sequence[Fingerprints]], *, import_id: uuid.UUID, source_id: uuid.UUID) -> Holding:
    """Read what is held; `prints` are the fingerprints of the lines, by the source's id of their depiction."""
    records = _records(sorted(prints), import_id=import_id, source_id=source_id)
    of_records = {depiction for versions in records.values() for depiction in versions.depictions}
    every = [fingerprints for of_id in prints.values() for fingerprints in of_id]
    known = identity.Known.read(every, also=of_records, via=import_id, source=source_id)
    words, own = _words(sorted(known.places), import_id=import_id, source_id=source_id)
    values = {(one.algorithm, one.value) for fingerprints in every for one in fingerprints}
    return Holding(known, words, records, standing.overridden(values), own)


_RECORDS = """
SELECT u.upstream_id, u.version, u.document_sha256, u.depiction_id,
       CASE WHEN u.via_id IS NULL OR i.state = 'VISIBLE' OR u.via_id = %s THEN 1 ELSE 0 END
FROM catalogue_upstreamrecord u LEFT JOIN catalogue_import i ON i.id = u.via_id
WHERE u.source_id = %s AND u.upstream_id IN ({marks}) ORDER BY u.version
"""
_WORDS = """
SELECT a.id, a.depiction_id, a.source_id, a.scheme, a.label, a.asserted_at,
       CASE WHEN a.via_id IS NULL OR a.via_id = %s OR i.source_id = %s THEN 1 ELSE 0 END,
       EXISTS (SELECT 1 FROM catalogue_dispute d WHERE d.assertion_id = a.id AND d.outcome = ''),
       CASE WHEN r.id IS NOT NULL AND r.via_id IS NULL THEN 1 ELSE 0 END,
       CASE WHEN ri.state = 'VISIBLE' THEN 1 ELSE 0 END,
       CASE WHEN a.via_id = %s THEN 1 ELSE 0 END,
       CASE WHEN a.via_id IS NULL OR i.state = 'VISIBLE' OR a.via_id = %s THEN 0 ELSE 1 END
FROM catalogue_assertion a LEFT JOIN catalogue_import i ON i.id = a.via_id
LEFT JOIN catalogue_revocation r ON r.assertion_id = a.id LEFT JOIN catalogue_import ri ON ri.id = r.via_id
WHERE a.depiction_id IN ({marks})
  AND (a.via_id IS NULL OR i.state = 'VISIBLE' OR a.via_id = %s OR (r.id IS NOT NULL AND r.via_id IS NULL))
"""


def _records(ids: list[str], *, import_id: uuid.UUID, source_id: uuid.UUID) -> defaultdict[str, Versions]:
    found: defaultdict[str, Versions] = defaultdict(Versions)
    for portion in portions(ids):
        with connection.cursor() as cursor:
            asked = [db_uuid(import_id), db_uuid(source_id), *portion]
            cursor.execute(_RECORDS.format(marks=marks(portion)), asked)
            for upstream_id, version, digest, depiction, counts in cursor.fetchall():
                versions = found[upstream_id]
                versions.last = version
                if counts:
                    versions.seen.add((as_uuid(depiction), bytes(digest)))
                    versions.depictions.append(as_uuid(depiction))
    return found


def _words(
    depictions: list[uuid.UUID], *, import_id: uuid.UUID, source_id: uuid.UUID
) -> tuple[dict[Key, list[Held]], set[uuid.UUID]]:
    found: dict[Key, list[Held]] = {}
    own: set[uuid.UUID] = set()
    asked = [db_uuid(import_id), db_uuid(source_id), db_uuid(import_id), db_uuid(import_id)]
    for portion in portions([db_uuid(one) for one in depictions]):
        with connection.cursor() as cursor:
            cursor.execute(_WORDS.format(marks=marks(portion)), [*asked, *portion, db_uuid(import_id)])
            rows = cursor.fetchall()
        for id, depiction, source, scheme, label, at, is_lasting, is_disputed, here, there, is_own, is_undone in rows:
            held = Held(
                as_uuid(id), label, standing.as_time(at), is_lasting=bool(is_lasting), is_disputed=bool(is_disputed),
                revoked_here=bool(here), revoked_there=bool(there), is_undone=bool(is_undone),
            )  # fmt: skip
            found.setdefault(key_of(as_uuid(depiction), as_uuid(source), scheme, label), []).append(held)
            if is_own:
                own.add(held.assertion)
    return found, own
