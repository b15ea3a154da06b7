# SPDX-License-Identifier: Apache-2.0
"""`vigie hash` and `vigie match`: what files are, and whether they are known.

Fields: docs/reference/hash.schema.json and match.schema.json; they are kept stable.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vigie.cli import inputs, output
from vigie.cli.inputs import Input
from vigie.fingerprints.hashing import Examiner, FileFingerprints, hash_file
from vigie.fingerprints.messages import Problem

_HASH_COLUMNS = (
    ("file", lambda row: row["path"]),
    ("kind", lambda row: row["kind"] or ""),
    ("bytes", lambda row: "" if row["size_bytes"] is None else f"{row['size_bytes']:,}"),
    ("sha256", lambda row: (row["sha256"] or "")[:16]),
    ("pdq", lambda row: (row["pdq"] or "")[:16] or (f"{len(row['frames'])} frames" if row["frames"] else "")),
    ("quality", lambda row: "" if row["pdq_quality"] is None else str(row["pdq_quality"])),
    ("problem", lambda row: "" if row["problem"] is None else row["problem"]["message"]),
)


def hash_files(options: argparse.Namespace) -> None:
    """Print the fingerprints of each file."""
    as_json = output.wants_json(asked=options.json)
    output.print_rows(fingerprints_of(options.paths, options), as_json=as_json, columns=_HASH_COLUMNS)
    inputs.check_exist(options.paths)


def fingerprints_of(paths: list[Path], options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Give the row of `vigie hash` for each file below these paths."""
    return inputs.look_at_each(
        inputs.files_of(paths),
        _hash_row,
        workers=inputs.workers_of(options.workers),
        allow_unconfined=options.unconfined,
    )


def _hash_row(one: Input, examiner: Examiner) -> dict[str, Any]:
    if one.refusal is None:
        found = hash_file(one.path, examiner=examiner, full=True)
    else:
        found = FileFingerprints(problem=Problem(code=one.refusal[0], message=one.refusal[1]))
    digests = found.digests
    return {
        **output.named(one.path),
        "kind": found.kind,
        "size_bytes": found.size_bytes,
        "md5": digests and digests.md5.hex(),
        "sha1": digests and digests.sha1.hex(),
        "sha256": digests and digests.sha256.hex(),
        "pdq": found.pdq and found.pdq.hex(),
        "pdq_quality": found.pdq_quality,
        "pdq_upright": found.pdq_upright and found.pdq_upright.hex(),
        "pdq_borderless": found.pdq_borderless and found.pdq_borderless.hex(),
        "recipe": found.recipe,
        "frames": [
            {"at_seconds": frame.at_seconds, "pdq": frame.value.pdq.hex(), "pdq_quality": frame.value.quality}
            for frame in found.frames
        ]
        or None,
        "problem": found.problem and {"code": found.problem.code, "message": found.problem.message},
    }
