# SPDX-License-Identifier: Apache-2.0
"""The benign catalogue of the demonstration: generated landscapes, and what invented organisations say of them.

- Every fingerprint is of a picture that the engine's sample draws; nothing here was ever anybody's photograph.
- It is written by the same actions as everything else, in one transaction: it is there as a whole or not at all, and
  loading it again changes nothing.
- What it says shows what a node is for: organisations that agree and disagree, a dispute, a revocation, a list that is
  tried out in silence, sightings on several days and in several countries, and some that became known only later.
"""

import random
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.db import transaction

from vigie.cli import samples
from vigie.fingerprints import digests, picture
from vigie.fingerprints.values import Algorithm
from vigie.lists.entries import Role as View
from vigie_node.accounts import actions as accounts
from vigie_node.accounts.roles import Scope
from vigie_node.base.actor import COMMAND, Actor, ActorKind
from vigie_node.catalogue import actions as catalogue
from vigie_node.catalogue import standing
from vigie_node.catalogue.rules import Mode, Policy
from vigie_node.catalogue.states import Grade, Kind, SeriesStatus
from vigie_node.flows import report_sightings, revoke
from vigie_node.matching.questions import Question
from vigie_node.sightings.report_actions import Seen
from vigie_node.sightings.states import Place

FIRST_LIST = "demo-grave"
SOURCES = {
    "Example hotline": "FR",
    "Northern hotline (invented)": "SE",
    "Lowland hotline (invented)": "NL",
    "Midland police (invented)": "DE",
    "Clearing house (invented)": "",
}
KNOWN = 24  # depictions that organisations speak of
LATER = 4  # seen before anybody said anything of them
PROVIDER = "Example hosting (invented)"


@dataclass(frozen=True, slots=True)
class Scene:
    """One drawn picture and its fingerprints."""

    sha256: bytes
    pdq: bytes
    quality: int

    @property
    def fingerprints(self) -> list[catalogue.NewFingerprint]:
        """Return what the catalogue keeps of it."""
        return [
            catalogue.NewFingerprint(Algorithm.SHA256, self.sha256),
            catalogue.NewFingerprint(
                Algorithm.PDQ, self.pdq, quality=self.quality, role=View.STORED.value, recipe=picture.RECIPE
            ),
        ]

    @property
    def questions(self) -> list[Question]:
        """Return what somebody who saw it asks."""
        return [Question(Algorithm.SHA256, self.sha256), Question(Algorithm.PDQ, self.pdq, self.quality)]


def is_loaded() -> bool:
    """Say whether the demonstration is here."""
    return any(rule.name == FIRST_LIST for rule in standing.list_rules())


def load(*, folder: Path, organisation_id: uuid.UUID, now: datetime) -> str:
    """Load the demonstration, write a few pictures to try it with, and return the token of a partner's key."""
    scenes = _draw(folder)
    with transaction.atomic():
        sources = {
            name: catalogue.record_source(
                name, country=country, organisation_id=organisation_id if name == "Example hotline" else None,
                by=COMMAND, now=now,
            )
            for name, country in SOURCES.items()
        }  # fmt: skip
        _create_lists(sources, now=now)
        said = _record(scenes[:KNOWN], list(sources.values()), now=now)
        _create_series(list(said)[:8], now=now)
        partner = accounts.create_organisation(PROVIDER, country="NL", kind="PROVIDER", by=COMMAND, now=now)
        key = accounts.create_key(
            partner, name="demonstration", scopes=list(Scope), expires_at=now + timedelta(days=90),
            per_minute=6000, values_per_day=1_000_000, by=COMMAND, now=now,
        )  # fmt: skip
        asker = Actor(ActorKind.KEY, key.id, partner)
        report_sightings.report(_sightings(scenes, now=now), by=asker, now=now)
        # Said only now: the worker looks back and finds that these were seen before.
        _record(scenes[KNOWN:], list(sources.values())[:2], now=now)
        words = list(said.values())
        doubted, mistaken = words[8][0], words[15][0]  # the second stands alone: what rested on it comes up
        catalogue.open_dispute(
            doubted, grounds="Demonstration: a colleague of another country reads the age otherwise.",
            by=COMMAND, now=now,
        )  # fmt: skip
        revoke.revoke(mistaken, reason="Demonstration: it was another picture.", by=COMMAND, now=now)
    return key.token


def _draw(folder: Path) -> list[Scene]:
    """Draw every picture, and write a few as files: two that are known, one altered copy, one stranger."""
    folder.mkdir(mode=0o700, exist_ok=True)
    scenes = []
    for seed in range(KNOWN + LATER):
        drawn = samples.landscape(3000 + seed, step=2)
        content = drawn.tobytes()
        if seed < 2:
            path = folder / f"known-{seed + 1}.jpg"
            samples.write_picture(path, drawn)
            content = path.read_bytes()
        value, quality = picture.pdq(picture.luma_from_rgb(drawn))
        scenes.append(Scene(digests.of_bytes(content).sha256, value, quality))
    samples.write_picture(folder / "known-1-larger.jpg", samples.landscape(3000))
    samples.write_picture(folder / "stranger.jpg", samples.landscape(4000, step=2))
    return scenes


def _create_lists(sources: dict[str, uuid.UUID], *, now: datetime) -> None:
    ids = {name: str(one) for name, one in sources.items()}
    own = ids["Example hotline"]
    policies = {
        FIRST_LIST: (
            "Demonstration: the gravest, on anybody's word",
            Policy(classes={"tech-coalition": ("A1", "A2"), "uk": ("A",)}, mode=Mode.ON),
        ),
        "demo-agreed": (
            "Demonstration: what two organisations agree on",
            Policy(quorum=2, threshold_bits=24, flood_per_hour=500, mode=Mode.ON),
        ),
        "demo-own": (
            "Demonstration: our own word, told to a quarter as a start",
            Policy(sources=(own,), mode=Mode.SHARE, share=0.25),
        ),
        "demo-trial": ("Demonstration: tried out in silence", Policy(threshold_bits=31, mode=Mode.SHADOW)),
        "demo-never": (
            "Demonstration: what we looked at and never want matched",
            Policy(classes={"inhope": ("not-illegal",)}, sources=(own,), negative=True, mode=Mode.ON),
        ),
    }
    for name, (title, policy) in policies.items():
        catalogue.create_list(name, title=title, policy=policy, reason="Demonstration", by=COMMAND, now=now)


def _record(scenes: list[Scene], sources: list[uuid.UUID], *, now: datetime) -> dict[uuid.UUID, list[uuid.UUID]]:
    """Record the pictures and what is said of each; return the assertions of each depiction."""
    classes = [("tech-coalition", "A1"), ("tech-coalition", "B1"), ("uk", "A"), ("uk", "C"), ("inhope", "baseline")]
    said: dict[uuid.UUID, list[uuid.UUID]] = {}
    drawn = random.Random(7)  # noqa: S311 - a demonstration that is the same every time
    for place, scene in enumerate(scenes):
        depiction = catalogue.record_depiction(scene.fingerprints, kind=Kind.PICTURE, by=COMMAND, now=now)
        said[depiction] = []
        for voice, source in enumerate(drawn.sample(sources, k=min(len(sources), 1 + place % 3))):
            scheme, label = classes[(place + voice) % len(classes)]
            asserted_at = now - timedelta(days=drawn.randrange(5, 300), minutes=drawn.randrange(1440))
            ground = Grade.SEEN if voice == 0 else drawn.choice([Grade.VERIFIED, Grade.RECEIVED])
            said[depiction].append(
                catalogue.record_assertion(
                    depiction, source_id=source, scheme=scheme, label=label, facts={}, ground=ground,
                    asserted_at=asserted_at, by=COMMAND, now=now,
                )
            )  # fmt: skip
    return said


def _create_series(depictions: list[uuid.UUID], *, now: datetime) -> None:
    for reference, members, status in (
        ("DEMO-RIVER", depictions[:5], SeriesStatus.UNDER_WAY),
        ("DEMO-OAK", depictions[5:], SeriesStatus.SAFEGUARDED),
    ):
        series = catalogue.create_series(reference, reason="Demonstration: the same hills.", by=COMMAND, now=now)
        catalogue.set_series_status(series, status=status, reason="Demonstration", by=COMMAND, now=now)
        for depiction in members:
            catalogue.link_to_series(series, depiction, reason="Demonstration: the same sky.", by=COMMAND, now=now)


def _sightings(scenes: list[Scene], *, now: datetime) -> list[Seen]:
    """Say where the pictures were seen in the last months; the last ones while nobody knew them."""
    drawn = random.Random(11)  # noqa: S311 - a demonstration that is the same every time
    often = [one for place, one in enumerate(scenes) for _ in range(1 + (30 - place) // 6)]
    return [
        Seen(
            scene.questions,
            place=Place.UPLOAD,
            reference=f"upload-{number:04}",
            seen_at=now - timedelta(days=drawn.randrange(1, 90), minutes=drawn.randrange(1440)),
            country=drawn.choice(["NL", "NL", "FR", "DE", "SE", "PL", "US"]),
            legal_basis="hotline-assessment",
            expires_at=now + timedelta(days=300),
        )
        for number, scene in enumerate(often)
    ]
