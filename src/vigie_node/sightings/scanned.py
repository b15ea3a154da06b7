# SPDX-License-Identifier: Apache-2.0
"""Turn a row of a scan's results into what is kept of it: as little as finds it again.

- Kept is what may be found later: pictures, videos, what could not be read or examined, and whatever matched. Other
  files (programs, documents) are not, unless somebody asks for them; folders, links and trivial content never are.
- Of a gated content the digests are kept and no value: its value can match nothing, ever.
- A value is kept with the quality that the scan gave it. For a value without its border the scan gives none.
- Of a very long video MAX_FRAMES frames are kept, spread evenly; how many were left out is counted and shown.
- The name of a file is kept only where it was asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from vigie.fingerprints import gates
from vigie.fingerprints.gates import UNKNOWN_QUALITY
from vigie.fingerprints.values import Algorithm
from vigie.fingerprints.video import FrameSpan
from vigie.matching.verdicts import BORDER_REMOVED, Outcome
from vigie_node.matching.questions import PLAIN, Question

MAX_FRAMES = 4000
MAX_PLACE = 4000  # characters
_DIGESTS = ((Algorithm.SHA256, "sha256"), (Algorithm.SHA1, "sha1"), (Algorithm.MD5, "md5"))
_KEPT = frozenset(
    {Outcome.KNOWN, Outcome.NEAR, Outcome.UNKNOWN, Outcome.GATED, Outcome.UNREADABLE, Outcome.NOT_EXAMINED}
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What is kept of one file: where it lay, if asked for, and its fingerprints."""

    questions: tuple[Question, ...] = field(repr=False)
    place: str = field(default="", repr=False)
    frames_left_out: int = 0


def of_rows(rows: Sequence[dict[str, Any]], *, keeps_names: bool) -> list[Seen | None]:
    """Return what is kept of each row; None where nothing is.

    Order:   as given.
    """
    return _without_gated([_of_row(row, keeps_names=keeps_names) for row in rows])


def _of_row(row: dict[str, Any], *, keeps_names: bool) -> Seen | None:
    if row["sha256"] is None or row["verdict"] not in _KEPT:
        return None
    questions = [Question(algorithm, bytes(row[name])) for algorithm, name in _DIGESTS if row[name] is not None]
    if gates.is_trivial(_rows([questions[0].value]), algorithm=Algorithm.SHA256)[0]:
        return None
    left_out = 0
    if row["verdict"] != Outcome.GATED:
        questions += _pictures(row)
        frames, left_out = _frames(row)
        questions += frames
    return Seen(tuple(questions), _place(row) if keeps_names else "", left_out)


def _pictures(row: dict[str, Any]) -> list[Question]:
    quality = UNKNOWN_QUALITY if row["pdq_quality"] is None else int(row["pdq_quality"])
    values = (
        ("pdq", quality, PLAIN),
        ("pdq_upright", quality, PLAIN),
        ("pdq_borderless", UNKNOWN_QUALITY, BORDER_REMOVED),
    )
    return [
        Question(Algorithm.PDQ, bytes(row[name]), known, transform)
        for name, known, transform in values
        if row[name] is not None
    ]


def _frames(row: dict[str, Any]) -> tuple[list[Question], int]:
    frames = row["frames"] or []
    kept = frames
    if len(frames) > MAX_FRAMES:
        kept = [frames[place] for place in np.linspace(0, len(frames) - 1, MAX_FRAMES).astype(int).tolist()]
    questions = [
        Question(
            Algorithm.PDQ_FRAMES,
            bytes(frame["pdq"]),
            int(frame["pdq_quality"]),
            frame=FrameSpan(frame["at_seconds"], frame["until_seconds"], bytes(frame["pdq"])),
        )
        for frame in kept
    ]
    return questions, len(frames) - len(kept)


def _without_gated(seen: list[Seen | None]) -> list[Seen | None]:
    """Leave out the values that can match nothing, wherever they were listed."""
    near = [one for kept in seen if kept for one in kept.questions if one.algorithm in _NEAR]
    if not near:
        return seen
    qualities = np.array([one.quality for one in near], np.uint8)
    codes = iter(gates.value_gates(_rows([one.value for one in near]), qualities=qualities).tolist())
    return [
        kept
        and Seen(
            tuple(one for one in kept.questions if one.algorithm not in _NEAR or not next(codes)),
            kept.place,
            kept.frames_left_out,
        )
        for kept in seen
    ]


def _place(row: dict[str, Any]) -> str:
    return "/".join([*(row["container"] or []), row["path"] or ""])[:MAX_PLACE]


def _rows(values: list[bytes]) -> "np.ndarray[Any, np.dtype[np.uint8]]":
    return np.frombuffer(b"".join(values), np.uint8).reshape(len(values), -1)


_NEAR = frozenset({Algorithm.PDQ, Algorithm.PDQ_FRAMES})
