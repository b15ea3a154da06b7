# SPDX-License-Identifier: Apache-2.0
"""`python -m bench.node.filling KIND …`: fill a node for a measurement, in a process set up for it.

- `catalogue VALUES SIGHTINGS`: one depiction with one value and one assertion for every row of a .npy file, a list over
  all of them, and so many sightings; one in a hundred matches a depiction, the others show random values. Rows are
  written as the models have them, without the actions.
- `index VALUES KNOWN`: the index of a .npy file is published whole; only its first KNOWN rows are in the database. For
  sizes of which the look-up alone is measured.
- `known FIRST COUNT`: so many depictions become known that strangers' sightings show: what a look-back has to find.
- Each prints what the measurement needs, as JSON.
"""

import json
import sys
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import django
import numpy as np

django.setup()

from django.conf import settings  # noqa: E402 - the node has to be set up first
from django.db import connection, models, transaction  # noqa: E402

from vigie.fingerprints import gates  # noqa: E402
from vigie.index.live import LiveIndex, NearBase  # noqa: E402
from vigie_node.accounts import actions as accounts  # noqa: E402
from vigie_node.accounts import key_actions as keys  # noqa: E402
from vigie_node.accounts.roles import Scope  # noqa: E402
from vigie_node.base.actor import COMMAND  # noqa: E402
from vigie_node.base.ids import new_id  # noqa: E402
from vigie_node.catalogue import actions as catalogue  # noqa: E402
from vigie_node.catalogue import bulk, list_actions  # noqa: E402
from vigie_node.catalogue import models as catalogue_models  # noqa: E402
from vigie_node.catalogue.rules import Mode, Policy  # noqa: E402
from vigie_node.changes import actions as changes  # noqa: E402
from vigie_node.changes import queries as changes_log  # noqa: E402
from vigie_node.changes.topics import Topic  # noqa: E402
from vigie_node.matching import actions as matching  # noqa: E402
from vigie_node.matching import lookup  # noqa: E402
from vigie_node.matching.models import Snapshot  # noqa: E402
from vigie_node.sightings import models as sightings_models  # noqa: E402

NOW = datetime.now(UTC)
_CHUNK = 20_000
_SEEN_CHUNK = 500_000
_HOURS = 17_000  # over which the sightings are spread: two years
_COUNTRIES = ("BE", "FR", "NL", "DE", "")
_COUNTRY = "CASE i %% 5 WHEN 0 THEN 'BE' WHEN 1 THEN 'FR' WHEN 2 THEN 'NL' WHEN 3 THEN 'DE' ELSE '' END"
_PLACES = """INSERT INTO sightings_sighting
    (id, seen_at, place_kind, place, source, "case", country, legal_basis, expires_at, created_at)
    SELECT i, {at}, 'UPLOAD', '', 'KEY', '', {country}, '', %(expires)s, %(now)s FROM {numbers}"""
_VALUES = """INSERT INTO sightings_seenvalue (id, sighting_id, algorithm, value, quality, transform)
    SELECT i, i, 'pdq', {value}, 90, '' FROM {numbers}"""
_SEEN = {
    "sqlite": [
        "WITH RECURSIVE n(i) AS (SELECT %(begin)s UNION ALL SELECT i + 1 FROM n WHERE i < %(end)s) "
        + _PLACES.format(
            at="strftime('%%Y-%%m-%%d %%H:%%M:%%S.000000', %(now)s, '-' || (i %% 17000) || ' hours')",
            country=_COUNTRY, numbers="n",
        ),
        "WITH RECURSIVE n(i) AS (SELECT %(begin)s UNION ALL SELECT i + 1 FROM n WHERE i < %(end)s) "
        + _VALUES.format(value="randomblob(32)", numbers="n"),
    ],
    "postgresql": [
        _PLACES.format(
            at="%(now)s::timestamptz - (i %% 17000) * interval '1 hour'", country=_COUNTRY,
            numbers="generate_series(%(begin)s, %(end)s) AS i",
        ),
        _VALUES.format(
            value="decode(md5(random()::text) || md5(random()::text), 'hex')",
            numbers="generate_series(%(begin)s, %(end)s) AS i",
        ),
    ],
}  # fmt: skip


def fill_catalogue(values: str, sightings: int) -> dict[str, Any]:
    """Fill the catalogue and what was seen."""
    array = np.load(values, mmap_mode="r")
    source, made = _source_and_list()
    depictions = _depict(array, source, first=1)
    _see(sightings, depictions, made)
    matching.publish(lookup.of_catalogue(), by=COMMAND, now=NOW)
    matching.publish(lookup.of_seen(), by=COMMAND, now=NOW)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return {"token": _key(), "depictions": [str(one) for one in depictions[:: max(1, len(depictions) // 50)]]}


def fill_index(values: str, known: int) -> dict[str, Any]:
    """Publish an index; only some of its rows are in the database."""
    array = np.load(values)
    source, _made = _source_and_list()
    _depict(array[:known], source, first=1)
    folder = settings.INDEXES / "catalogue-bench"
    folder.mkdir(parents=True)
    lookup.empty_parts(folder)
    LiveIndex.create(folder / "near.vix", base=NearBase, values=array, items=np.arange(1, len(array) + 1))
    with transaction.atomic():
        Snapshot.objects.create(
            id=new_id(NOW), index="catalogue", position=changes_log.latest(), folder=folder.name, rows={},
            published_at=NOW,
        )  # fmt: skip
        changes.append(Topic.SNAPSHOT, subject="catalogue", now=NOW)
    return {"token": _key()}


def become_known(first: int, count: int) -> dict[str, Any]:
    """Make the values of so many strangers' sightings known."""
    source = catalogue.record_source("A later hotline", country="FR", by=COMMAND, now=NOW)
    strangers = sightings_models.SeenValue.objects.filter(sighting__matches=None, id__gte=first)
    rows = strangers.order_by("id").values_list("value", flat=True)
    array = np.frombuffer(b"".join(bytes(one) for one in rows[: 3 * count]), np.uint8).reshape(-1, 32)
    array = array[gates.value_gates(array, qualities=np.full(len(array), 90, np.uint8)) == 0][:count]
    last = catalogue_models.Fingerprint.objects.order_by("-id").values_list("id", flat=True).first() or 0
    depictions = _depict(array, source, first=last + 1)
    items = range(last + 1, last + 1 + len(array))
    for begin in range(0, len(items), 1000):
        with transaction.atomic():
            changes.append(Topic.FINGERPRINTS_ADDED, items=items[begin : begin + 1000], now=NOW)
    for one in depictions:
        with transaction.atomic():
            changes.append(Topic.STANDING, subject=one, now=NOW)
    return {"known": len(depictions)}


def _source_and_list() -> tuple[uuid.UUID, uuid.UUID]:
    source = catalogue.record_source("A hotline", country="BE", by=COMMAND, now=NOW)
    made = list_actions.create_list(
        "baseline", title="Baseline", policy=Policy(mode=Mode.ON), reason="a measurement", by=COMMAND, now=NOW
    )
    return source, made


def _key() -> str:
    partner = accounts.create_organisation("A provider", country="BE", kind="PROVIDER", by=COMMAND, now=NOW)
    made = keys.create_key(
        partner, name="a measurement", scopes={Scope.MATCH, Scope.MATCH_FILE}, expires_at=None, per_minute=1_000_000,
        values_per_day=10**12, by=COMMAND, now=NOW,
    )  # fmt: skip
    return made.token


def _insert(
    model: type[models.Model], names: tuple[str, ...], rows: list[tuple[Any, ...]], *, first: int | None = None
) -> None:
    numbers = None if first is None else range(first, first + len(rows))
    with transaction.atomic():
        bulk.insert(bulk.ready(model, names, rows), numbers=numbers)


def _depict(array: np.ndarray[Any, Any], source: uuid.UUID, *, first: int) -> list[uuid.UUID]:
    depictions = []
    for begin in range(0, len(array), _CHUNK):
        part = array[begin : begin + _CHUNK]
        ids = [new_id(NOW + timedelta(milliseconds=begin + place)) for place in range(len(part))]
        _insert(catalogue_models.Depiction, ("id", "kind", "created_at"), [(one, "PICTURE", NOW) for one in ids])
        _insert(
            catalogue_models.Fingerprint,
            ("depiction", "algorithm", "value", "quality", "role", "recipe", "created_at"),
            [(one, "pdq", row.tobytes(), 90, "", "", NOW) for one, row in zip(ids, part, strict=True)],
            first=first + begin,
        )
        names = ("id", "depiction", "source", "scheme", "label", "facts", "ground", "asserted_at", "recorded_at",
                 "recorded_by")  # fmt: skip
        label = ("inhope", "national", {}, "SEEN", NOW, NOW, "COMMAND")
        _insert(catalogue_models.Assertion, names, [(new_id(NOW), one, source, *label) for one in ids])
        depictions += ids
    return depictions


def _see(count: int, depictions: list[uuid.UUID], made: uuid.UUID) -> None:
    """Write sightings of strangers in SQL alone, then let every hundredth of them match."""
    for begin in range(1, count + 1, _SEEN_CHUNK):
        end = min(count, begin + _SEEN_CHUNK - 1)
        with transaction.atomic(), connection.cursor() as cursor:
            for statement in _SEEN[connection.vendor]:
                cursor.execute(
                    statement, {"begin": begin, "end": end, "now": NOW, "expires": NOW + timedelta(days=365)}
                )
    rng = np.random.default_rng(11)
    sightings = np.arange(100, count + 1, 100)
    of = rng.integers(len(depictions), size=len(sightings))
    names = ("sighting", "depiction", "list", "list_version", "fingerprint", "algorithm", "distance_bits", "transform",
             "scheme", "label", "assertions", "is_shadow", "found_by", "seen_at", "matched_at")  # fmt: skip
    rest = ("inhope", "national", [], False, "LOOK_UP")
    pairs = list(zip(sightings.tolist(), of.tolist(), strict=True))
    when = [NOW - timedelta(hours=sighting % _HOURS) for sighting, _ in pairs]
    for begin in range(0, len(pairs), _CHUNK):
        part = slice(begin, begin + _CHUNK)
        rows = [
            (sighting, depictions[place], made, 1, place + 1, "pdq", 0, "", *rest, at, NOW)
            for (sighting, place), at in zip(pairs[part], when[part], strict=True)
        ]
        _insert(sightings_models.Match, names, rows)
    counted = Counter(
        (place, at.date().replace(day=1), _COUNTRIES[sighting % 5])
        for (sighting, place), at in zip(pairs, when, strict=True)
    )
    names = ("depiction", "month", "place_kind", "country", "case", "sightings")
    rows = [
        (depictions[place], month, "UPLOAD", country, "", number) for (place, month, country), number in counted.items()
    ]
    for begin in range(0, len(rows), _CHUNK):
        _insert(sightings_models.Tally, names, rows[begin : begin + _CHUNK])


_KINDS = {"catalogue": fill_catalogue, "index": fill_index, "known": become_known}

if __name__ == "__main__":
    given = [int(one) if one.isdecimal() else one for one in sys.argv[2:]]
    print(json.dumps(_KINDS[sys.argv[1]](*given)))
