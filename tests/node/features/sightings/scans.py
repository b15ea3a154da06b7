# SPDX-License-Identifier: Apache-2.0
"""Results of scans, written by the engine's own store."""

from node.features.sightings import seeing
from vigie.evidence import manifest, results, row
from vigie.evidence.manifest import Manifest
from vigie.evidence.row import Frame, Statement
from vigie.fingerprints.values import Digests
from vigie.matching.verdicts import Outcome


def line(text, *, verdict=Outcome.UNKNOWN, seed=None, bits=0, frames=(), kind="picture", name=None, quality=100):
    """One file of a scan; `seed` gives it a value, `frames` the values of a video."""
    sha256, sha1, md5 = (one.value for one in seeing.digests(text))
    pdq = None if seed is None else seeing.moved(seeing.value(seed), bits)
    statement = Statement(
        verdict=verdict,
        kind=kind,
        pdq=pdq,
        pdq_quality=None if pdq is None else quality,
        frames=[Frame(float(at), at + 1.0, seeing.value(frame), 100) for at, frame in enumerate(frames)],
    )
    where = row.place([(name or f"{text}.jpg").encode()], size_bytes=5000, digests=Digests(md5, sha1, sha256))
    return row.of(where, row.encode(statement)).line


def results_of(folder, lines, *, complete=True, part_rows=4):
    """A folder of results with these files."""
    folder.mkdir(parents=True)
    parts = [
        results.write_part(lines[begin : begin + part_rows], folder=folder, number=number + 1)
        for number, begin in enumerate(range(0, len(lines), part_rows))
    ]
    manifest.write(
        folder,
        Manifest(
            complete=complete, started_at="2026-11-20T08:00:00+00:00", finished_at=None, source="/seized", lists=[],
            recipe="vigie-1", versions={}, confinement=[], limits={}, options={}, verdicts={}, parts=parts,
        ),
    )  # fmt: skip
    return folder
