# SPDX-License-Identifier: Apache-2.0
"""The plots of the documents, drawn by the peers' environment (matplotlib is no dependency of the project).

- `draw` is called here and runs this file again, with the peers' Python, as a script.
- The same figures give the same SVG, byte for byte.
"""

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

_COLOURS = ("#1b6ca8", "#d1495b", "#3c8d5a", "#8d6a9f", "#c98b2b")


def draw(what: str, path: Path, **figures: object) -> None:
    """Draw one of the plots below from its figures, as an SVG file.

    Raises:  subprocess.CalledProcessError.
    """
    peers = import_module("bench.peers")
    request = json.dumps({"what": what, "path": str(path), **figures})
    subprocess.run([str(peers.PYTHON), "-I", __file__], input=request, text=True, check=True)


def growth(axes: object, *, points: list[dict[str, object]]) -> None:
    """Latency of one query by number of values, both scales logarithmic."""
    for colour, kind in zip(_COLOURS, sorted({str(point["kind"]) for point in points}), strict=False):
        chosen = [point for point in points if point["kind"] == kind]
        axes.plot([p["millions"] for p in chosen], [p["milliseconds"] for p in chosen], "o-", color=colour, label=kind)
    axes.set(xscale="log", yscale="log", xlabel="values (millions)", ylabel="one query, median (ms)")
    axes.legend(title="values")


def found(axes: object, *, groups: list[str], series: dict[str, list[float]]) -> None:
    """Share of copies found, by group of alterations, one bar a way of matching."""
    height = 0.8 / len(series)
    for number, (name, shares) in enumerate(series.items()):
        places = [row + number * height for row in range(len(groups))]
        axes.barh(places, [share * 100 for share in shares], height, color=_COLOURS[number], label=name)
    axes.set_yticks([row + 0.4 - height / 2 for row in range(len(groups))], groups)
    axes.set(xlabel="copies found (%)", xlim=(0, 100))
    axes.invert_yaxis()
    axes.legend(loc="lower left")


def tail(axes: object, *, bits: list[int], series: dict[str, list[float]], thresholds: list[int]) -> None:
    """Share of pairs of different pictures within so many bits."""
    for colour, (name, shares) in zip(_COLOURS, series.items(), strict=False):
        shown = [(bit, share) for bit, share in zip(bits, shares, strict=True) if share > 0]
        axes.plot(
            [bit for bit, _ in shown], [share for _, share in shown], "o-", markersize=3, color=colour, label=name
        )
    for threshold in thresholds:
        axes.axvline(threshold, color="#999999", linewidth=0.8, linestyle="--")
    axes.set(yscale="log", xlabel="distance (bits)", ylabel="share of pairs of different pictures within")
    axes.legend()


_SIZES = {"growth": (7, 4), "found": (8, 9), "tail": (7, 4.5)}


def _main() -> None:
    matplotlib = import_module("matplotlib")
    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "vigie", "svg.fonttype": "none", "font.family": "sans-serif"})
    pyplot = import_module("matplotlib.pyplot")
    request = json.load(sys.stdin)
    what, path = request.pop("what"), Path(request.pop("path"))
    figure, axes = pyplot.subplots(figsize=_SIZES[what], layout="constrained")
    {"growth": growth, "found": found, "tail": tail}[what](axes, **request)
    axes.grid(alpha=0.3)
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    _main()
