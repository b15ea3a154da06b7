# SPDX-License-Identifier: Apache-2.0
"""The same list for us and for the peer's command line: so many realistic PDQ values, and the originals of a folder.

- Ours is made by `vigie list create` from a CSV file and a folder; the peer's by its own `config` and `fetch`.
- The peer's state lives in a home folder of its own under the store.
"""

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench import measure, peers
from bench.corpus import values as corpus


@dataclass(frozen=True, slots=True)
class Lists:
    """Both lists, ready to match against, and what their making took."""

    ours: Path
    peer_home: Path
    our_seconds: float
    peer_seconds: float

    def peer_command(self, *files: Path) -> list[str]:
        """Give the peer's command that matches these photographs in one call."""
        return self._at_home(peers.THREATEXCHANGE, "match", "photo", *files)

    def _at_home(self, *words: object) -> list[str]:
        return ["env", f"HOME={self.peer_home}", *map(str, words)]

    def fetch(self, source: Path) -> None:
        """Let the peer take the list over and build its index."""
        edit = (
            "config",
            "collab",
            "edit",
            "local_file",
            "--create",
            "bench",
            "--filename",
            source,
            "--signal-type",
            "pdq",
        )
        measure.run(self._at_home(peers.THREATEXCHANGE, *edit))
        measure.run(self._at_home(peers.THREATEXCHANGE, "fetch"))


def make(store: Path, *, count: int, originals: Path | None = None) -> Lists:
    """Make both lists anew."""
    folder = store / "lists"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "home").mkdir(parents=True)
    values = [row.tobytes().hex() for row in np.load(corpus.realistic(store, count=count))]
    source, peer_source, ours = folder / "known.csv", folder / "known.txt", folder / "known.vigie"
    source.write_text("pdq\n" + "\n".join(values) + "\n")
    peer_source.write_text("\n".join(values) + "\n")
    sources = [source, *([originals] if originals else [])]
    create = [*measure.VIGIE, "list", "create", ours, "--name", "bench", "--from", *sources]
    our_seconds = measure.run([str(word) for word in create]).seconds
    lists = Lists(ours, folder / "home", our_seconds, 0.0)
    start = time.perf_counter()
    lists.fetch(peer_source)
    return Lists(ours, folder / "home", our_seconds, time.perf_counter() - start)


def size_bytes(path: Path) -> int:
    """Give the size of a file, or of all files below a folder."""
    if path.is_file():
        return path.stat().st_size
    return sum(each.stat().st_size for each in path.rglob("*") if each.is_file())
