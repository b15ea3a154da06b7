# SPDX-License-Identifier: Apache-2.0
"""Whole commands, from start to exit: `vigie match` of one picture, `vigie hash`, `vigie --help`.

- Time is wall-clock of the whole process, page cache warm; both sides take turns.
- Memory is the peak of the proportional set size of the whole process tree, in runs of its own (looking costs time);
  our mapped list is left apart, as the peer's pickled one cannot be.
"""

import statistics

from bench import lists, measure
from bench.corpus import photos
from bench.rows import Row
from bench.speed import Bench

_MIB = 2**20


def rows(bench: Bench) -> list[Row]:
    """Measure the commands and their memory."""
    picture = photos.photos(bench.store, size=photos.SIZES[0], count=1)[0]
    known = lists.make(bench.store, count=bench.sizes.command_list)
    match = [*measure.VIGIE, "match", "--list", str(known.ours), str(picture)]
    peer_match = known.peer_command(picture)
    for command in (match, peer_match):
        measure.run(command)
    seconds, peer_seconds = measure.in_turns(
        lambda: measure.run(match).seconds, lambda: measure.run(peer_match).seconds, rounds=bench.sizes.command_times
    )
    memory = statistics.median(measure.run(match, weigh=True, apart=known.ours).peak_bytes for _ in range(3))
    peer_memory = measure.run(peer_match, weigh=True).peak_bytes
    name = f"vigie match, one picture, list of {bench.sizes.command_list / 1e6:g} million"
    peer = "threatexchange match"
    return [
        Row(what=f"{name}, whole command", unit="s", ours=seconds, peer=peer_seconds, against=peer, must=1.2, aim=0.6),
        Row(what=f"{name}, memory", unit="MiB", ours=memory / _MIB, peer=peer_memory / _MIB, against=peer, must=300,
            note="peak proportional set size of the process tree, our mapped list apart"),
        Row(what=f"making that list from a file of values, {bench.sizes.command_list / 1e6:g} million", unit="s",
            ours=known.our_seconds, peer=known.peer_seconds, against="threatexchange fetch"),
        _start_row(bench, "vigie --help", ["--help"], must=0.3),
        _start_row(bench, "vigie hash one.jpg", ["hash", str(picture)], must=1.0),
    ]  # fmt: skip


def _start_row(bench: Bench, name: str, arguments: list[str], *, must: float) -> Row:
    command = [*measure.VIGIE, *arguments]
    measure.run(command)
    seconds = measure.median_seconds(command, times=bench.sizes.command_times)
    return Row(what=f"command start: {name}", unit="s", ours=seconds, must=must)
