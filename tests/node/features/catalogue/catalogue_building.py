# SPDX-License-Identifier: Apache-2.0
"""Small catalogues for tests: sources, depictions, words, files to import; every value is made up."""

import hashlib
import itertools
import json
from datetime import UTC, datetime, timedelta

from vigie.fingerprints.values import Algorithm
from vigie_node.base.actor import COMMAND, NODE
from vigie_node.catalogue import actions, import_steps, importing, standing
from vigie_node.catalogue.identity import NewFingerprint
from vigie_node.catalogue.importing import Options
from vigie_node.catalogue.models import Assertion, Fingerprint, Import
from vigie_node.catalogue.rules import Mode, Policy
from vigie_node.catalogue.states import Grade, Kind

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)
WRITER = {"by": COMMAND, "now": NOW}


def sha256(seed):
    return hashlib.sha256(f"benign {seed}".encode()).digest()


def md5(seed):
    return hashlib.md5(f"benign {seed}".encode()).digest()


def pdq(seed):
    """A value in balance that is near no pattern."""
    drawn = (hashlib.sha256(f"picture {seed} {attempt}".encode()).digest() for attempt in itertools.count())
    return next(value for value in drawn if 120 <= int.from_bytes(value).bit_count() <= 136)


def print_of(seed):
    return NewFingerprint(Algorithm.SHA256, sha256(seed))


def source(name="Hotline A", **more):
    return actions.record_source(name, **WRITER, **more)


def depiction(seed):
    return actions.record_depiction([print_of(seed)], kind=Kind.PICTURE, **WRITER)


def say(depiction_id, source_id, label="A", *, at=NOW, scheme="uk", now=NOW, facts=None):
    return actions.record_assertion(
        depiction_id, source_id=source_id, scheme=scheme, label=label, facts=facts or {}, ground=Grade.SEEN,
        asserted_at=at, by=COMMAND, now=now,
    )  # fmt: skip


def make_list(name="known", **policy):
    return actions.create_list(
        name, title="Known", policy=Policy(mode=Mode.ON, **policy), reason="for the test", **WRITER
    )


def row(seed, label="A", *, at=NOW - DAY, by=None, scheme="uk", **more):
    fields = {"sha256": sha256(seed).hex(), "scheme": scheme, "label": label}
    if at is not None:
        fields["asserted_at"] = at.isoformat()
    if by is not None:
        fields["asserted_by"] = by
    return fields | more


def write_rows(path, rows):
    path.write_text("".join(json.dumps(one) + "\n" for one in rows))
    return path


def start(path, source_id, *, now=NOW, **options):
    return importing.start_import(path, source_id=source_id, options=Options(**options), by=COMMAND, now=now)


def staged(path, source_id, *, now=NOW, **options):
    """Start an import and stage all of it."""
    import_id = start(path, source_id, now=now, **options)
    while import_steps.stage_some(import_id, by=NODE, now=now):
        pass
    return import_id


def taken_in(path, source_id, *, now=NOW, revoking=None, **options):
    """Take a file in, to the flip."""
    import_id = staged(path, source_id, now=now, **options)
    show(import_id, now=now, revoking=revoking)
    return import_id


def show(import_id, *, now=NOW, **more):
    importing.make_visible(import_id, by=COMMAND, now=now, **more)


def undo(import_id, *, now=NOW):
    importing.cancel_import(import_id, reason="the wrong file", by=COMMAND, now=now)


def clear():
    """Take away what hangs on imports that were undone."""
    while import_steps.clear_some(now=NOW):
        pass


def import_row(import_id):
    return Import.objects.get(id=import_id)


def counts(import_id):
    return {name: count for name, count in import_row(import_id).counts.items() if count}


def words_on(seed):
    """What stands on a content: source and label of each word, whatever depictions it has."""
    found = set(Fingerprint.objects.filter(value=sha256(seed)).values_list("depiction", flat=True))
    words = standing.words(found)
    return sorted((word.source_name, word.label) for held in words.values() for word in held)


def assertion_on(seed):
    return Assertion.objects.filter(depiction__fingerprints__value=sha256(seed)).latest("recorded_at", "id").id
