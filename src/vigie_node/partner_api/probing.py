# SPDX-License-Identifier: Apache-2.0
"""Notice a key that asks as if to reconstruct a list or to tune an evasion.

- Who varies a picture until it no longer matches asks many different values around one listed one. So for each key and
  depiction the different values that came near it within an hour are counted; past PROBES an alarm is raised.
- What is counted lives in the memory of this process and ends with the hour: the alarm names the key, never a value.
- Only values that matched are looked at: a look-up without a match leaves no trace, here neither.
"""

import hashlib
import secrets
import threading
import uuid
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from vigie_node.alarms import actions as alarms
from vigie_node.alarms.codes import Alarm
from vigie_node.base.actor import NODE
from vigie_node.matching.answers import Answer
from vigie_node.matching.questions import Subject

PROBES = 20
WINDOW = timedelta(hours=1)
_MAX_WATCHED = 10_000  # pairs of key and depiction; past it the window is begun anew


class Watch:
    """What this process saw of near matches in the current hour."""

    def __init__(self) -> None:
        self._since: datetime | None = None
        self._salt = b""
        self._near: dict[tuple[uuid.UUID, uuid.UUID], set[bytes]] = defaultdict(set)
        self._one_thread = threading.Lock()

    def note(self, key: uuid.UUID, subjects: Sequence[Subject], answers: Sequence[Answer], *, now: datetime) -> None:
        """Look at what a key asked, and raise an alarm once where it looks like probing."""
        for subject, answer in zip(subjects, answers, strict=True):
            near = {claim.depiction_id for claim in answer.claims if claim.distance_bits}
            for depiction in near:
                if self._is_probe(key, depiction, b"".join(one.value for one in subject), now=now):
                    alarms.raise_alarm(Alarm.PROBING, subject=key, by=NODE, now=now)

    def _is_probe(self, key: uuid.UUID, depiction: uuid.UUID, values: bytes, *, now: datetime) -> bool:
        with self._one_thread:
            if self._since is None or now - self._since > WINDOW or len(self._near) > _MAX_WATCHED:
                self._since, self._salt = now, secrets.token_bytes(16)
                self._near.clear()
            held = self._near[key, depiction]
            before = len(held)
            if before <= PROBES:
                held.add(hashlib.blake2b(values, digest_size=8, key=self._salt).digest())
            return before == PROBES < len(held)
