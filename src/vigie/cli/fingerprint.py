# SPDX-License-Identifier: Apache-2.0
"""`vigie hash` and `vigie match`: what files are, and whether they are known.

Fields: docs/reference/hash.schema.json and match.schema.json; they are kept stable.
"""

import argparse
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec

from vigie.cli import inputs, open_lists, output
from vigie.cli.inputs import Input
from vigie.evidence.examine import Examination
from vigie.evidence.seen import Memory, SeenContents
from vigie.evidence.walk import Entry
from vigie.fingerprints.hashing import Examiner, FileFingerprints, hash_file
from vigie.fingerprints.messages import Problem
from vigie.matching.matcher import Matcher

_HASH_COLUMNS = (
    ("file", lambda row: row["path"]),
    ("kind", lambda row: row["kind"] or ""),
    ("bytes", lambda row: "" if row["size_bytes"] is None else f"{row['size_bytes']:,}"),
    ("sha256", lambda row: (row["sha256"] or "")[:16]),
    ("pdq", lambda row: (row["pdq"] or "")[:16] or (f"{len(row['frames'])} frames" if row["frames"] else "")),
    ("quality", lambda row: "" if row["pdq_quality"] is None else str(row["pdq_quality"])),
    ("problem", lambda row: "" if row["problem"] is None else row["problem"]["message"]),
)
_MATCH_COLUMNS = (
    ("verdict", lambda row: row["verdict"]),
    ("file", lambda row: " > ".join([*(row["container"] or []), row["path"]])),
    ("label", lambda row: ", ".join(sorted({_label(one) for one in row["matches"]}))),
    ("according to", lambda row: ", ".join(sorted({one["asserted_by"] for one in row["matches"]}))),
    ("bits", lambda row: _bits(row["matches"][0]) if row["matches"] else ""),
    ("why", lambda row: row["reason"] or ""),
)


def _label(match: dict[str, Any]) -> str:
    return " ".join(filter(None, [match["scheme"], match["label"]])) or "not stated"


def _bits(match: dict[str, Any]) -> str:
    return "exact" if match["distance_bits"] is None else str(match["distance_bits"])


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


def match_files(options: argparse.Namespace) -> None:
    """Print what is said of each file, and of each file inside an archive."""
    now = datetime.now(UTC)
    matcher = Matcher(open_lists.open_all(options.lists, options, now=now), now=now)
    shared = SeenContents()
    root = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    try:
        found = inputs.look_at_each(
            inputs.files_of(options.paths),
            lambda one, examiner: _match_rows(one, examiner, root=root, matcher=matcher, shared=shared),
            workers=inputs.workers_of(options.workers),
            allow_unconfined=options.unconfined,
        )
        as_json = output.wants_json(asked=options.json)
        output.print_rows(chain.from_iterable(found), as_json=as_json, columns=_MATCH_COLUMNS)
    finally:
        os.close(root)
    inputs.check_exist(options.paths)


def _match_rows(
    one: Input, examiner: Examiner, *, root: int, matcher: Matcher, shared: SeenContents
) -> list[dict[str, Any]]:
    """Examine one file as a scan would; the row of an archive comes after those of its members."""
    folder, name = os.path.split(one.path)
    entry = Entry(
        path=os.path.join(os.path.realpath(folder or b"."), name).lstrip(b"/"),  # noqa: PTH118 - names are bytes
        kind="file",
        refusal=one.refusal[0] if one.refusal else None,
    )
    examination = Examination(root, examiner=examiner, matcher=matcher, memory=Memory(shared))
    try:
        return [_match_row(msgspec.json.decode(row.line), one.path) for row in examination.rows(entry)]
    finally:
        examination.close()


def _match_row(row: dict[str, Any], path: bytes) -> dict[str, Any]:
    container, shown = row["container"], output.named(path)
    problem = row["problem_code"] and {"code": row["problem_code"], "message": row["problem_message"]}
    return {
        "path": row["path"] if container else shown["path"],
        "path_bytes": row["path_bytes"] if container else shown["path_bytes"],
        "container": [shown["path"], *container[1:]] if container else None,
        "verdict": row["verdict"],
        "matches": row["matches"],
        "reason": row["reason"],
        "problem": problem,
    }
