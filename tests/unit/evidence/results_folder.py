# SPDX-License-Identifier: Apache-2.0
"""A small result, written by the product's own store: one row of every verdict that matters to its readers."""

from datetime import UTC, datetime

from vigie.evidence import manifest, results, row
from vigie.evidence.manifest import ListUsed, Manifest
from vigie.evidence.row import Frame, Statement
from vigie.fingerprints import digests
from vigie.fingerprints.values import Algorithm
from vigie.fingerprints.video import TimeRange
from vigie.matching.verdicts import Match, Outcome, TimeRanges


def match(label="1", **changed):
    told = {
        "list": "hotlines",
        "list_version": 3,
        "depiction": "d-1",
        "algorithm": Algorithm.SHA256,
        "collision_prone": False,
        "distance_bits": None,
        "transform": None,
        "scheme": "vics-us",
        "label": label,
        "asserted_by": "desk",
        "asserted_at": datetime(2026, 1, 1, 12, 30, tzinfo=UTC),
    }
    return Match(**{**told, **changed})


def file(content, statement, *names, modified_us=1_700_000_000_000_000):
    found = digests.of_bytes(content)
    where = row.place(list(names), size_bytes=len(content), digests=found, modified_us=modified_us)
    return row.of(where, row.encode(statement)).line


UNKNOWN = Statement(
    verdict=Outcome.UNKNOWN, kind="picture", format="jpeg", pdq=bytes(32), pdq_quality=90, confinement=("seccomp",)
)
VIDEO = Statement(
    verdict=Outcome.NEAR,
    kind="video",
    format="mp4",
    frames=[Frame(0.5, 1.0, b"\x01" * 32, 77)],
    matches=(
        match(
            "2",
            algorithm=Algorithm.PDQ_FRAMES,
            share_of_query=0.5,
            time_ranges=TimeRanges((TimeRange(0.5, 1.0),), (TimeRange(2.0, 2.5),)),
        ),
    ),
)
KNOWN = Statement(verdict=Outcome.KNOWN, kind="picture", format="png", matches=(match(), match("2")))
BROKEN = Statement(
    verdict=Outcome.UNREADABLE, kind="picture", problem_code="pictures.truncated", problem_message="It ends early."
)
LINK = Statement(verdict=Outcome.NOT_EXAMINED, kind="link", problem_code="walk.link", problem_message="A link.")

LINES = [
    file(b"one", UNKNOWN, b"a/one.jpg"),
    file(b"one", UNKNOWN, b"b\xff/copy.jpg"),
    file(b"three", UNKNOWN, b"c.zip", b"in\xff.tar", b"three.jpg"),
    file(b"video", VIDEO, b"v.mp4", modified_us=None),
    file(b"known", KNOWN, b"k.png"),
    file(b"broken", BROKEN, "<script>alert(1)</script>\u202e.jpg".encode()),
    row.of(row.place([b"link"]), row.encode(LINK)).line,
]


def manifest_of(parts, **changed):
    told = {
        "complete": True,
        "started_at": "2026-11-22T09:00:00+00:00",
        "finished_at": "2026-11-22T09:05:00+00:00",
        "source": "/evidence/7",
        "lists": [ListUsed("hotlines", "desk", 3, "00" * 32, 12)],
        "recipe": "vigie-1",
        "versions": {"vigie": "0.1.0"},
        "confinement": ["seccomp"],
        "limits": {},
        "options": {},
        "verdicts": {"unknown": 3},
        "parts": parts,
    }
    return Manifest(**{**told, **changed})


def folder_of(folder, lines, **changed):
    """Write a whole result into a folder."""
    parts = [results.write_part(lines, folder=folder, number=1)] if lines else []
    manifest.write(folder, manifest_of(parts, **changed))
    return folder
