# SPDX-License-Identifier: Apache-2.0
"""The engine's own door, as the measurements use it: one file in, what was found out.

- Everything goes through the confined worker, as in a scan.
- A value that a gate refuses is left out, as matching leaves it out.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vigie.fingerprints import gates, messages
from vigie.fingerprints.hashing import Examiner


def examined(examiner: Examiner, path: Path, *, full: bool = False) -> messages.Content:
    """Examine one file that is no archive in the confined worker; videos stop after the first pass unless `full`."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return _examined(examiner, descriptor, full=full)
    finally:
        os.close(descriptor)


def examined_bytes(examiner: Examiner, content: bytes) -> messages.Content:
    """Examine a content that is no archive and lies in memory, in the confined worker."""
    descriptor = os.memfd_create("content")
    try:
        os.pwrite(descriptor, content, 0)
        return _examined(examiner, descriptor, full=False)
    finally:
        os.close(descriptor)


def _examined(examiner: Examiner, descriptor: int, *, full: bool) -> messages.Content:
    size_bytes = os.fstat(descriptor).st_size
    found = examiner.examine(descriptor, size_bytes=size_bytes, full=full, wants=lambda _: True, enough=lambda _: True)
    last = list(found)[-1]
    assert isinstance(last, messages.Picture | messages.Video | messages.Other | messages.Problem)
    return last


def values_of(picture: messages.Picture) -> Iterator[messages.Value]:
    """Give every perceptual value of a picture that may match: as stored, upright, without borders, over black."""
    found = [value for value in (picture.stored, picture.upright, picture.borderless, picture.on_black) if value]
    for value in found:
        one = np.frombuffer(value.pdq, np.uint8).reshape(1, 32)
        if not gates.value_gates(one, qualities=np.array([value.quality], np.uint8))[0]:
            yield value


def turns_of(values: list[messages.Value]) -> NDArray[np.uint8]:
    """Give all turns of these values, as an array (8 n, 32)."""
    return np.frombuffer(b"".join(value.turns for value in values), np.uint8).reshape(-1, 32)


def unturned(values: list[messages.Value]) -> NDArray[np.uint8]:
    """Give the values themselves, as a list stores them, as an array (n, 32)."""
    return np.frombuffer(b"".join(value.pdq for value in values), np.uint8).reshape(-1, 32)
