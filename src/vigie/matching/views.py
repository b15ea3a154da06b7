# SPDX-License-Identifier: Apache-2.0
"""The perceptual values by which one content is looked up, and which of them may match.

- A picture is looked up as it is stored, upright where its file says how it is held, without its border, and over
  black; turned copies are looked up by the eight turns where a list wants them.
- A value that may never match is looked up nowhere; with it fall all of its turns.
- The same is asked of what a list holds, for a list may come from anybody: a row that may never match, does not.
- A user's negative lists gate like the built-in one, within their own thresholds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vigie.fingerprints import gates
from vigie.fingerprints.gates import GATES, Gate
from vigie.fingerprints.messages import Frame, Picture, Value
from vigie.fingerprints.values import TURNS
from vigie.index.hamming import HammingIndex, Hits
from vigie.lists.file import OpenList
from vigie.lists.policy import Policy
from vigie.matching.verdicts import transform_of

_TURN_COUNT = len(TURNS)
_LOW_QUALITY = 1 + GATES.index(Gate.LOW_QUALITY)
_NEGATIVE_LIST = 1 + GATES.index(Gate.NEGATIVE_LIST)
_TINY = 1 + GATES.index(Gate.TINY)

Values = NDArray[np.uint8]
Codes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """The values of one content: `views` of them (a picture's sides, a video's frames), each with its turns.

    Shapes:  values (q, 32) uint8, view (q,) int64, is_turned (q,) bool, transforms q; qualities and gates (views,)
             uint8, the gates as `gates.value_gates` gives them.
    """

    values: Values
    view: NDArray[np.int64]
    is_turned: NDArray[np.bool_]
    transforms: tuple[str, ...]
    qualities: NDArray[np.uint8]
    gates: Codes

    def codes(self, min_quality: int) -> Codes:
        """Return why each view may not match on a list with this minimum quality, 0 where it may."""
        low = (self.gates == 0) & (self.qualities < min_quality)
        return np.where(low, _LOW_QUALITY, self.gates).astype(np.uint8)


def of_picture(picture: Picture, *, negatives: Sequence[OpenList]) -> Views:
    """Lay out the values of a picture."""
    stored = [(picture.stored, _TURN_COUNT, False)]
    upright = [(picture.upright, 1, False)] if picture.upright else []
    borderless = [(picture.borderless, _TURN_COUNT, True)] if picture.borderless else []
    on_black = [(picture.on_black, 1, False)] if picture.on_black else []
    is_tiny = gates.picture_gate(width_px=picture.width_px, height_px=picture.height_px) is not None
    return _views([*stored, *upright, *borderless, *on_black], negatives=negatives, is_tiny=is_tiny)


def of_frames(frames: Sequence[Frame], *, width_px: int, height_px: int, negatives: Sequence[OpenList]) -> Views:
    """Lay out the values of the frames of a video or of an animated picture, one view a frame."""
    is_tiny = gates.picture_gate(width_px=width_px, height_px=height_px) is not None
    return _views([(frame.value, _TURN_COUNT, False) for frame in frames], negatives=negatives, is_tiny=is_tiny)


def _views(parts: Sequence[tuple[Value, int, bool]], *, negatives: Sequence[OpenList], is_tiny: bool) -> Views:
    content = b"".join(value.turns[: 32 * turns] for value, turns, _ in parts)
    values = np.frombuffer(content, np.uint8).reshape(-1, 32)
    counts = np.array([turns for _, turns, _ in parts], np.int64)
    view = np.repeat(np.arange(len(parts)), counts)
    turn = np.concatenate([np.arange(turns) for turns in counts] or [np.zeros(0, np.int64)])
    transforms = tuple(
        transform_of(TURNS[one], without_border=without_border)
        for _, turns, without_border in parts
        for one in range(turns)
    )
    qualities = np.array([value.quality for value, _, _ in parts], np.uint8)
    if is_tiny:
        codes = np.full(len(parts), _TINY, np.uint8)
    else:
        # The built-in list holds every pattern in all its turns: asking for the first of each view is enough.
        codes = gates.value_gates(values[turn == 0], qualities=qualities, min_quality=0)
        marked = np.zeros(len(parts), np.bool_)
        for negative in negatives:
            asked = (turn == 0) | negative.info.policy.turns
            marked[view[asked][_is_negative(values[asked], negative)]] = True
        codes[(codes == 0) & marked] = _NEGATIVE_LIST
    return Views(values, view, turn > 0, transforms, qualities, codes)


def row_codes(one: OpenList, part: str, rows: NDArray[np.int64], *, negatives: Sequence[OpenList]) -> Codes:
    """Say of rows of a list why each may never match, 0 where it may.

    Shapes:  rows (n,) int64 of the part `pictures` or `frames` -> (n,) uint8 as `gates.value_gates`.
    """
    values = np.ascontiguousarray(one.snapshot.rows(f"{part}.values", rows))
    qualities = one.snapshot.rows(f"{part}.quality", rows)
    codes = gates.value_gates(values, qualities=qualities, min_quality=one.info.policy.min_quality)
    for negative in negatives:
        codes[(codes == 0) & _is_negative(values, negative)] = _NEGATIVE_LIST
    return codes


def search(index: HammingIndex, views: Views, *, policy: Policy, threads: int) -> Hits:
    """Look up every view that may match on a list of this policy, in one go.

    Order:   as HammingIndex.search; the queries are places in `views.values`.
    """
    asked = (views.codes(policy.min_quality) == 0)[views.view] & (policy.turns | ~views.is_turned)
    places = np.flatnonzero(asked)
    hits = index.search(views.values[places], max_distance_bits=policy.threshold_bits, threads=threads)
    return Hits(places[hits.query], hits.row, hits.distance)


def _is_negative(values: Values, negative: OpenList) -> NDArray[np.bool_]:
    marked = np.zeros(len(values), np.bool_)
    for index in (negative.pictures, negative.frames):
        if index is not None:
            found = index.search(np.ascontiguousarray(values), max_distance_bits=negative.info.policy.threshold_bits)
            marked[found.query] = True
    return marked
