# SPDX-License-Identifier: Apache-2.0
"""What may never match, on both sides of a look-up.

- A question is gated before it is looked up: empty and trivial content, values of low quality, out of balance, or of a
  pattern that many pictures share.
- A listed value is asked the same: a list may come from anybody.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from vigie.fingerprints import gates
from vigie.fingerprints.gates import Gate
from vigie.fingerprints.values import Algorithm
from vigie_node.catalogue.standing import Print
from vigie_node.matching.questions import Question

DIGESTS = (Algorithm.SHA256, Algorithm.SHA1, Algorithm.MD5)  # the strongest first
OF_CONTENT = frozenset({Gate.EMPTY, Gate.TRIVIAL})  # what gates a content whatever its values
_PERCEPTUAL = (Algorithm.PDQ, Algorithm.PDQ_FRAMES)


def of_questions(asked: Sequence[Question]) -> list[Gate | None]:
    """Say of each question why it is not looked up, None where it is."""
    if len(asked) == 1 and asked[0].algorithm in _PERCEPTUAL:
        return [gates.value_gate(asked[0].value, quality=asked[0].quality)]
    answer: list[Gate | None] = [None] * len(asked)
    near = [place for place, one in enumerate(asked) if one.algorithm in _PERCEPTUAL]
    if near:
        values = np.frombuffer(b"".join(asked[place].value for place in near), np.uint8).reshape(-1, 32)
        qualities = np.array([asked[place].quality for place in near], np.uint8)
        codes = gates.value_gates(values, qualities=qualities)
        for at in np.flatnonzero(codes).tolist():
            answer[near[at]] = gates.gate_of(int(codes[at]))
    for algorithm in DIGESTS:
        places = [place for place, one in enumerate(asked) if one.algorithm is algorithm]
        if places:
            rows = np.frombuffer(b"".join(asked[place].value for place in places), np.uint8).reshape(len(places), -1)
            for at in np.flatnonzero(gates.is_trivial(rows, algorithm=algorithm)).tolist():
                answer[places[at]] = Gate.TRIVIAL
    return answer


def never(prints: Iterable[Print]) -> set[int]:
    """Return the rows among these whose value may never match, whoever listed it."""
    near = [one for one in prints if one.algorithm in _PERCEPTUAL]
    if not near:
        return set()
    values = np.frombuffer(b"".join(one.value for one in near), np.uint8).reshape(-1, 32)
    qualities = np.array([gates.UNKNOWN_QUALITY if one.quality is None else one.quality for one in near], np.uint8)
    codes = gates.value_gates(values, qualities=qualities)
    return {one.row for one, code in zip(near, codes.tolist(), strict=True) if code}
