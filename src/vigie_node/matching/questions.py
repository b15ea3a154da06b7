# SPDX-License-Identifier: Apache-2.0
"""What is asked of the indexes: the fingerprints of one content, a subject.

- A subject is all that is known of one content: its digests, the values of a picture as it is, turned, without its
  border, the frames of a video. They are judged together: a differing SHA-256 refutes an equal MD5.
- Nothing here is ever logged or kept: a question without a match leaves no trace.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from vigie.fingerprints.gates import UNKNOWN_QUALITY, picture_gate
from vigie.fingerprints.messages import Frame, Picture, Value, Video
from vigie.fingerprints.values import TURNS, Algorithm, Digests, Turn
from vigie.fingerprints.video import FrameSpan
from vigie.matching.verdicts import transform_of

PLAIN = Turn.NONE.value


@dataclass(frozen=True, slots=True)
class Question:
    """One fingerprint of a subject; `frame` says of which frame of a video it is a value."""

    algorithm: Algorithm
    value: bytes
    quality: int = UNKNOWN_QUALITY
    transform: str = PLAIN
    frame: FrameSpan | None = None

    def __repr__(self) -> str:
        return f"<Question {self.algorithm}>"


Subject = Sequence[Question]


def of_content(digests: Digests | None, content: object) -> tuple[Question, ...]:
    """Return the questions about one examined content: its digests, and its values if it is a picture or a video.

    A picture or video too small for a value has digests only.
    """
    asked: list[Question] = []
    if digests is not None:
        asked += [
            Question(Algorithm.SHA256, digests.sha256),
            Question(Algorithm.SHA1, digests.sha1),
            Question(Algorithm.MD5, digests.md5),
        ]
    if not isinstance(content, Picture | Video) or picture_gate(width_px=content.width_px, height_px=content.height_px):
        return tuple(asked)
    if isinstance(content, Picture):
        asked += _turns(content.stored)
        asked += _plain(content.upright) + _plain(content.on_black)
        asked += _turns(content.borderless, without_border=True) if content.borderless else []
    for frame in content.frames:
        asked += _of_frame(frame)
    return tuple(asked)


def _turns(value: Value, *, without_border: bool = False) -> list[Question]:
    return [
        Question(
            Algorithm.PDQ,
            value.turns[32 * place : 32 * place + 32],
            value.quality,
            transform_of(turn, without_border=without_border),
        )
        for place, turn in enumerate(TURNS)
    ]


def _plain(value: Value | None) -> list[Question]:
    return [] if value is None else [Question(Algorithm.PDQ, value.pdq, value.quality)]


def _of_frame(frame: Frame) -> list[Question]:
    span = FrameSpan(frame.at_seconds, frame.until_seconds, frame.value.pdq)
    return [
        Question(
            Algorithm.PDQ_FRAMES,
            frame.value.turns[32 * place : 32 * place + 32],
            frame.value.quality,
            turn.value,
            span,
        )
        for place, turn in enumerate(TURNS)
    ]
