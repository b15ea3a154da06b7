# SPDX-License-Identifier: Apache-2.0
"""Write a list's entries as JSON lines or CSV, losing nothing.

- Reading the export back gives the same entries in the same order, to the byte.
- A field that an entry does not have is left out of its JSON line, and empty in CSV.
- CSV holds the frames of a video in one field: start-end:quality:pdq in milliseconds, with spaces between frames.

Format: docs/reference/list-format.md.
"""

import csv
import io
from collections.abc import Iterator

import msgspec

from vigie.lists.columns import Columns, to_entries
from vigie.lists.entries import DIGEST_ALGORITHMS, Entry, FrameValue
from vigie.lists.reading import COLUMNS
from vigie.lists.rows import VALUE_FIELDS

Frame = dict[str, str | int | float]
Field = str | int | list[Frame]


def to_json_lines(columns: Columns) -> Iterator[bytes]:
    """Yield one line an entry."""
    encoder = msgspec.json.Encoder()
    for entry in to_entries(columns):
        fields: dict[str, Field] = _fields(entry)
        if entry.frames:
            fields["frames"] = [_frame(one) for one in entry.frames]
        yield encoder.encode(fields) + b"\n"


def to_csv(columns: Columns) -> Iterator[bytes]:
    """Yield the line of names, then one line an entry."""
    yield (",".join(COLUMNS) + "\n").encode()
    for entry in to_entries(columns):
        fields = _fields(entry)
        fields["frames"] = " ".join(
            f"{one.at_ms}-{one.until_ms}:{'' if one.quality is None else one.quality}:{one.pdq.hex()}"
            for one in entry.frames
        )
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow([fields.get(name, "") for name in COLUMNS])
        yield line.getvalue().encode()


def _frame(frame: FrameValue) -> Frame:
    fields: Frame = {"at_seconds": frame.at_ms / 1000, "until_seconds": frame.until_ms / 1000, "pdq": frame.pdq.hex()}
    return fields if frame.quality is None else fields | {"pdq_quality": frame.quality}


def _fields(entry: Entry) -> dict[str, Field]:
    """Return the fields that an entry has, its frames apart, in the order of COLUMNS."""
    fields: dict[str, str | int | None] = {"depiction": entry.depiction, "kind": entry.kind.value}
    for algorithm in DIGEST_ALGORITHMS:
        digest = entry.digest(algorithm)
        fields[algorithm.value] = digest.hex() if digest else None
    for value in entry.values:
        name = VALUE_FIELDS[value.role]
        fields |= {name: value.pdq.hex(), f"{name}_quality": value.quality}
    claim = entry.claim
    fields |= {"recipe": claim.recipe, "scheme": claim.scheme, "label": claim.label, "asserted_by": claim.asserted_by}
    fields["asserted_at"] = entry.asserted_at.isoformat().replace("+00:00", "Z")
    return {name: value for name, value in fields.items() if value is not None}
