# SPDX-License-Identifier: Apache-2.0
"""`python -m bench`: speed and memory beside the peers, in one run and one table.

- Everything is measured in this run; figures of earlier runs are in no table.
- The table goes to stdout, the same figures to `.bench/results.json`; `--docs` also writes the pages of the documents
  whose parts were measured: one of the engine, one of the node.
- A part that fails is a row that says so, and the run ends with an error.
"""

import argparse
import importlib
import json
import sys
import time
from collections.abc import Container
from datetime import UTC, datetime

from bench import DOCS, STORE, measure, pages, peers, plots
from bench.rows import Row, markdown, plain, table
from bench.speed import FULL, QUICK, Bench

PAGES = {
    "benchmarks": ("pictures", "hamming", "serving", "growth", "exact", "commands", "scanning", "videos"),
    "benchmarks-node": ("node", "catalogue"),
}
PARTS = tuple(part for parts in PAGES.values() for part in parts)


def main() -> int:
    """Measure the parts that were asked for and print the table."""
    options = _options()
    STORE.mkdir(exist_ok=True)
    missing = peers.ensure()
    about = measure.machine() | {"started_at": datetime.now(UTC).isoformat(timespec="seconds")}
    measured: dict[str, list[Row]] = {}
    failed = False
    with peers.peer() as peer:
        about["peers"] = peer.ask("versions")["versions"]
        bench = Bench(sizes=QUICK if options.quick else FULL, peer=peer, store=STORE, vpdq_missing=missing)
        for part in options.only or PARTS:
            start = time.perf_counter()
            try:
                found = importlib.import_module(f"bench.speed.{part}").rows(bench)
            except Exception as error:
                found = [Row(what=part, unit="–", ours=None, note=f"FAILED: {type(error).__name__}: {error}")]
                failed = True
                if options.stop:
                    raise
            measured[part] = found
            print(f"{part}: {time.perf_counter() - start:.0f} s", file=sys.stderr)
            print(table(found), end="\n\n", file=sys.stderr)
    _print([row for found in measured.values() for row in found], about, quick=options.quick)
    for page in _whole_pages(measured) if options.docs else ():
        _write_page(page, [row for part in PAGES[page] for row in measured[part]], about)
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Speed and memory beside the peers.")
    parser.add_argument("--quick", action="store_true", help="small sizes: shows that the rows work, not how fast")
    parser.add_argument("--only", nargs="+", choices=PARTS, help="measure these parts only")
    parser.add_argument("--docs", action="store_true", help="write those pages whose parts are measured")
    parser.add_argument("--stop", action="store_true", help="stop at the first failure, with its trace")
    options = parser.parse_args()
    if options.docs and (options.quick or not _whole_pages(options.only or PARTS)):
        parser.error("a page is written from a full run of all of its parts")
    return options


def _whole_pages(measured: Container[str]) -> list[str]:
    return [page for page, parts in PAGES.items() if all(part in measured for part in parts)]


def _print(rows: list[Row], about: dict[str, object], *, quick: bool) -> None:
    print(", ".join(f"{name} {value}" for name, value in about.items()))
    if quick:
        print("quick run: the sizes are small, the goals do not apply")
    print(table(rows))
    counts = {verdict: sum(row.verdict == verdict for row in rows) for verdict in ("aim", "reached", "NOT REACHED")}
    print(", ".join(f"{name}: {count}" for name, count in counts.items()))
    results = {"machine": about, "quick": quick, "rows": [plain(row) for row in rows]}
    (STORE / "results.json").write_text(json.dumps(results, indent=1, ensure_ascii=False))


def _write_page(page: str, rows: list[Row], about: dict[str, object]) -> None:
    if "growth" in PAGES[page]:
        growth = [row for row in rows if row.what.startswith("growth") and row.unit == "ms" and row.ours is not None]
        plots.draw("growth", DOCS / "benchmarks-growth.svg", points=[_point(row) for row in growth])
    missed = [row for row in rows if row.verdict in {"NOT REACHED", "skipped", "no peer"}]
    pages.write(
        page,
        machine="\n".join(f"- {name.replace('_', ' ')}: {_shown(value)}" for name, value in about.items()),
        table=markdown(rows),
        missed="\n".join(f"- {row.what}: {row.note or row.verdict}" for row in missed) or "Nothing.",
    )


def _shown(value: object) -> str:
    return ", ".join(f"{name} {version}" for name, version in value.items()) if isinstance(value, dict) else str(value)


def _point(row: Row) -> dict[str, object]:
    words = row.what.split()
    return {"millions": float(words[1]), "kind": words[3], "milliseconds": row.ours}


if __name__ == "__main__":
    sys.exit(main())
