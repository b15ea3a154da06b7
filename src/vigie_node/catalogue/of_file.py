# SPDX-License-Identifier: Apache-2.0
"""The fingerprints by which an examined file is found again.

- Its digests always; a picture's value in each view that it has; every distinct frame of a video.
- What may never match is kept beside what may: whether it counts is decided when it is matched.
"""

from vigie.fingerprints.messages import Content, Frame, Picture, Value, Video
from vigie.fingerprints.values import RECIPE, Algorithm, Digests
from vigie.lists.entries import ROLES, Role
from vigie_node.catalogue.identity import NewFingerprint


def fingerprints_of(digests: Digests, content: Content) -> tuple[NewFingerprint, ...]:
    """Return what to record of a file: from its digests, and from what the confined worker found in it."""
    made = [
        NewFingerprint(Algorithm.SHA256, digests.sha256),
        NewFingerprint(Algorithm.SHA1, digests.sha1),
        NewFingerprint(Algorithm.MD5, digests.md5),
    ]
    if isinstance(content, Picture):
        views = (content.stored, content.upright, content.borderless, content.on_black)
        made += [_value(view, role) for view, role in zip(views, ROLES, strict=True) if view is not None]
    if isinstance(content, Video):
        made += [_frame(frame) for frame in content.frames]
    return tuple(made)


def _value(value: Value, role: Role) -> NewFingerprint:
    return NewFingerprint(Algorithm.PDQ, value.pdq, value.quality, role.value, recipe=RECIPE)


def _frame(frame: Frame) -> NewFingerprint:
    begin, end = (round(seconds * 1000) for seconds in (frame.at_seconds, frame.until_seconds))
    return NewFingerprint(
        Algorithm.PDQ_FRAMES, frame.value.pdq, frame.value.quality, start_ms=begin, end_ms=end, recipe=RECIPE
    )
