# SPDX-License-Identifier: Apache-2.0
"""Contents seen before in a scan, so that each is decoded once however many copies there are.

- Whoever asks first for a content has it to decode; whoever asks meanwhile waits, and then has the same answer.
- A claim ends with an answer or without one; where it ends without, the next who waits has it to decode.
- A thread holds one claim at a time and asks for the next only after, so that no two wait for each other.
"""

import threading

from vigie.evidence.ledger import Reader


class SeenContents:
    """What the threads of a scan learnt and the ledger may not hold yet."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._claimed: set[bytes] = set()
        self._fresh: dict[bytes, bytes] = {}

    def look_up(self, sha256: bytes, *, reader: Reader | None) -> bytes | None:
        """Return the statement about a content; None gives it to the caller, to `settle` or `release`."""
        with self._changed:
            while sha256 not in self._fresh and sha256 in self._claimed:
                self._changed.wait()
            if sha256 in self._fresh:
                return self._fresh[sha256]
            self._claimed.add(sha256)
        # What left `fresh` is in the ledger, so this look comes after the one above.
        earlier = reader.statement(sha256) if reader is not None else None
        if earlier is not None:
            self.release(sha256)
        return earlier

    def settle(self, sha256: bytes, *, statement: bytes) -> None:
        """Tell everybody what a claimed content is."""
        with self._changed:
            self._fresh[sha256] = statement
            self._claimed.discard(sha256)
            self._changed.notify_all()

    def release(self, sha256: bytes) -> None:
        """Give a claim up where it was not settled; repeating is harmless."""
        with self._changed:
            self._claimed.discard(sha256)
            self._changed.notify_all()

    def forget(self, sha256s: list[bytes]) -> None:
        """Let go of contents that the ledger holds from now on."""
        with self._changed:
            for sha256 in sha256s:
                self._fresh.pop(sha256, None)


class Memory:
    """What one thread of a scan may recall and adds; `learnt` gathers its statements for the ledger."""

    def __init__(self, shared: SeenContents, *, reader: Reader | None = None) -> None:
        self.learnt: list[tuple[bytes, bytes]] = []
        self._shared = shared
        self._reader = reader

    def recall(self, sha256: bytes) -> bytes | None:
        """Return the statement about a content; None makes it this thread's to examine, to `learn` or `release`."""
        return self._shared.look_up(sha256, reader=self._reader)

    def learn(self, sha256: bytes, *, statement: bytes) -> None:
        """Note the statement about a content: for the other threads at once, for the ledger with the unit."""
        self._shared.settle(sha256, statement=statement)
        self.learnt.append((sha256, statement))

    def release(self, sha256: bytes) -> None:
        """Leave a content to the others where nothing was learnt of it; repeating is harmless."""
        self._shared.release(sha256)
