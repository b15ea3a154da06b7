# SPDX-License-Identifier: Apache-2.0
"""`python -m bench.robustness`: which altered copies are found, and how often strangers meet, at several thresholds.

- The table of copies and the table of meetings come from the same recipe, turns and border variants.
- The page says what is weak, chosen by the figures and not by hand.
- Everything is drawn from seeds; `--quick` only shows that it works.
"""

import argparse
import json
import sys
from collections.abc import Iterable
from dataclasses import asdict

import numpy as np

from bench import DOCS, STORE, accidents, copies, pages, peers, plots
from bench.accidents import Meetings, Population
from bench.alterations import ALTERATIONS
from bench.copies import Distances

THRESHOLDS = (15, 20, 25, 31)
_WEAK = 0.9
_FULL = {"generated": 220, "planes": 1_000_000, "asking": 150_000, "each": 8000, "photos": 12_000}
_QUICK = {"generated": 4, "planes": 8000, "asking": 2000, "each": 40, "photos": 60}


def main() -> int:
    """Measure both, print the tables, write the page where asked."""
    options = _options()
    STORE.mkdir(exist_ok=True)
    peers.ensure()
    amounts = dict(_QUICK if options.quick else _FULL)
    distances, drawn = copies.measure(generated=amounts.pop("generated"))
    amounts = {name: round(options.share * amount) for name, amount in amounts.items()}
    copies_table = _copies_table(distances)
    print(copies_table, end="\n\n")
    populations, meetings = accidents.measure(STORE, **amounts)
    print(_meetings_table(meetings))
    _keep(distances, meetings)
    if options.docs:
        _write_page(distances, populations, meetings, **asdict(drawn))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.robustness", description="Altered copies and false matches.")
    parser.add_argument("--quick", action="store_true", help="few pictures: shows that it works, not how well")
    parser.add_argument("--docs", action="store_true", help="write docs/reference/robustness.md and its plots")
    parser.add_argument("--share", type=float, default=1.0, help="this part of the pictures that meet")
    options = parser.parse_args()
    if options.docs and options.quick:
        parser.error("the page is written from a full run")
    return options


def _keep(distances: dict[str, Distances], meetings: list[Meetings]) -> None:
    kept = {
        "copies": {name: {"ours": one.ours.tolist(), "plain": one.plain.tolist()} for name, one in distances.items()},
        "meetings": [
            {"files": one.files, "entries": one.entries, "pairs": one.pairs, "within": one.within.tolist()}
            for one in meetings
        ],
    }
    (STORE / "robustness.json").write_text(json.dumps(kept))


def _table(head: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    head = list(head)
    rows = [head, ["---"] * len(head), *(list(line) for line in lines)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _copies_table(distances: dict[str, Distances]) -> str:
    head = ["alteration", *(f"Vigie ≤ {bits}" for bits in THRESHOLDS), *(f"plain ≤ {bits}" for bits in THRESHOLDS)]
    lines = []
    for alteration in ALTERATIONS:
        shares = [distances[alteration.name].found(bits) for bits in THRESHOLDS]
        lines.append(
            [alteration.name, *(_percent(ours) for ours, _ in shares), *(_percent(plain) for _, plain in shares)]
        )
    return _table([*head, "median bits"], [[*line, _median(distances[line[0]])] for line in lines])


def _median(one: Distances) -> str:
    return str(int(np.median(one.ours)))


def _percent(share: float) -> str:
    return "100 %" if share == 1 else f"{share * 100:.1f} %"


def _meetings_table(meetings: list[Meetings]) -> str:
    head = ["files", "list", "pairs compared"]
    head += [f"met ≤ {bits}" for bits in THRESHOLDS] + [f"falsely matched files ≤ {bits}" for bits in THRESHOLDS]
    lines = [
        [
            one.files,
            one.entries,
            f"{one.pairs:.2e}",
            *(f"{one.within[bits]}" for bits in THRESHOLDS),
            *(_files(one.files_bound(bits)) for bits in THRESHOLDS),
        ]
        for one in meetings
    ]
    return _table(head, lines)


def _files(count: float) -> str:
    return f"{count:,.0f}".replace(",", " ") if count >= 1 else "< 1"


def _write_page(
    distances: dict[str, Distances], populations: list[Population], meetings: list[Meetings], **counts: int
) -> None:
    _draw(distances, meetings)
    shares = sorted((distances[one.name].found(31)[0], one.name) for one in ALTERATIONS)
    gated = [[one.name, str(one.drawn), _percent(1 - one.pictures / one.drawn)] for one in populations]
    pages.write(
        "robustness",
        ways=len(ALTERATIONS),
        copies=_copies_table(distances),
        weak_below=_percent(_WEAK),
        weak="\n".join(f"- {name}: {_percent(share)}" for share, name in shares if share < _WEAK),
        meetings=_meetings_table(meetings),
        gated=_table(["kind", "drawn", "refused by a gate"], gated),
        proposal=_proposal(meetings),
        **counts,
    )


def _proposal(meetings: list[Meetings]) -> str:
    """Choose the widest threshold at which everyday files met no entry of a photo-like list at all."""
    everyday = [one for one in meetings if one.entries.startswith("photo-like")]
    clean = [bits for bits in THRESHOLDS if all(one.within[bits] == 0 for one in everyday)]
    if not clean:
        return "At every threshold some everyday file met an entry by accident: no near match may be acted on alone."
    act = max(clean)
    photos, hard = everyday[0], next(one for one in everyday if one.files.startswith("hard"))
    return (
        f"**{act} bits** is the widest of these thresholds at which no everyday file of any kind met an entry of a\n"
        f"list of photo-like pictures: at most {_files(photos.files_bound(act))} photo-like files of a million, and\n"
        f"{_files(hard.files_bound(act))} hard cases of a million, against ten million entries. It is the proposed\n"
        "threshold for acting on a near match. Up to 31 bits a match is worth a person's look, and nothing is done\n"
        "before it. Known pictures of text, charts or screenshots do not belong on a list that is matched\n"
        "perceptually: use their exact digests."
    )


def _draw(distances: dict[str, Distances], meetings: list[Meetings]) -> None:
    groups = list(dict.fromkeys(one.group for one in ALTERATIONS))
    shares = [
        np.mean([distances[one.name].found(31) for one in ALTERATIONS if one.group == group], axis=0)
        for group in groups
    ]
    series = {"Vigie": [float(one[0]) for one in shares], "plain PDQ": [float(one[1]) for one in shares]}
    plots.draw("found", DOCS / "robustness-copies.svg", groups=groups, series=series)
    tails = {
        f"{one.files} / {one.entries}": (one.within / one.pairs).tolist() for one in meetings if one.within[31] > 0
    }
    bits = list(range(accidents.RADIUS + 1))
    plots.draw("tail", DOCS / "robustness-meetings.svg", bits=bits, series=tails, thresholds=list(THRESHOLDS))


if __name__ == "__main__":
    sys.exit(main())
