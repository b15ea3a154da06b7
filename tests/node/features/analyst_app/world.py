# SPDX-License-Identifier: Apache-2.0
"""A small catalogue for the tests of the pages: what sources say of a few depictions, lists, and what was seen."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from vigie.fingerprints.values import Algorithm
from vigie_node.alarms import actions as alarms
from vigie_node.alarms.codes import Alarm
from vigie_node.base.actor import COMMAND
from vigie_node.catalogue import actions as catalogue
from vigie_node.catalogue import dossier
from vigie_node.catalogue.rules import Mode, Policy
from vigie_node.catalogue.states import Grade, Kind, OverrideKind, SeriesStatus
from vigie_node.flows import look_up
from vigie_node.matching.questions import Question

FACTS = {"ages": ["prepubescent"], "acts": ["exhibition"], "origin": "real"}


@dataclass(frozen=True)
class World:
    """What the pages are shown; `pdq` is a value of the first depiction, two bits from `near_pdq`."""

    now: datetime
    depiction: UUID
    bare: UUID
    source: UUID
    sha256: str
    pdq: str
    near_pdq: str

    def said(self):
        """What is said of the first depiction, the latest first."""
        return dossier.of(self.depiction).said


def value(seed):
    """A balanced value, as real pictures have them: 128 ones, 128 zeros."""
    half = hashlib.sha256(f"value {seed}".encode()).digest()[:16]
    return half + bytes(255 - byte for byte in half)


def build():
    """Record the world and return where its parts are."""
    now = datetime.now(UTC)
    before = now - timedelta(days=40)
    sources = [catalogue.record_source(name, country=country, by=COMMAND, now=before) for name, country in SOURCES]
    catalogue.create_list(
        "national", title="Baseline and national", policy=Policy(mode=Mode.ON, classes=CLASSES), reason="for the test",
        by=COMMAND, now=before,
    )  # fmt: skip
    catalogue.create_list("off", title="Off", policy=Policy(), reason="for the test", by=COMMAND, now=before)
    depictions = [_depict(number, now=before) for number in range(3)]
    for number, depiction in enumerate(depictions[:2]):
        for source in sources[: 2 - number]:
            say(depiction, source, now=before)
    said = dossier.of(depictions[0]).said
    catalogue.open_dispute(said[0].id, grounds="One frame was looked at only.", by=COMMAND, now=now - timedelta(days=9))
    series = catalogue.create_series("BE-2024-0117", reason="linked at seizure", by=COMMAND, now=before)
    catalogue.link_to_series(series, depictions[0], reason="The same room.", by=COMMAND, now=before)
    catalogue.set_series_status(series, status=SeriesStatus.UNDER_WAY, reason="taken up", by=COMMAND, now=before)
    _see(now)
    catalogue.override(
        Algorithm.PDQ, value(99), kind=OverrideKind.QUARANTINED, reason="Matched too often.",
        review_on=(now + timedelta(days=20)).date(), by=COMMAND, now=now,
    )  # fmt: skip
    alarms.raise_alarm(Alarm.PROBING, subject="vk_1a2b3c4d", count=41, by=COMMAND, now=now - timedelta(hours=2))
    near = bytes([value(0)[0] ^ 3]) + value(0)[1:]
    return World(now, depictions[0], depictions[2], sources[0], _sha256(0).hex(), value(0).hex(), near.hex())


SOURCES = [("Hotline Example", "BE"), ("Meldpunt Voorbeeld", "NL")]
CLASSES = {"inhope": ("baseline", "national")}


def _sha256(number):
    return hashlib.sha256(f"content {number}".encode()).digest()


def _depict(number, *, now):
    prints = [
        catalogue.NewFingerprint(Algorithm.SHA256, _sha256(number)),
        catalogue.NewFingerprint(Algorithm.PDQ, value(number), quality=90),
    ]
    return catalogue.record_depiction(prints, kind=Kind.PICTURE, by=COMMAND, now=now)


def say(depiction, source, *, now):
    """Record a source's word on a depiction."""
    catalogue.record_assertion(
        depiction, source_id=source, scheme="inhope", label="baseline", facts=FACTS, ground=Grade.SEEN, asserted_at=now,
        by=COMMAND, now=now,
    )  # fmt: skip


def _see(now):
    for days, country in [(35, "BE"), (34, "FR"), (3, "BE"), (1, "")]:
        asked = look_up.Asked((Question(Algorithm.SHA256, _sha256(0)),), "user 7", country)
        look_up.look_up([asked], by=COMMAND, now=now - timedelta(days=days))
