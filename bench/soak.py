# SPDX-License-Identifier: Apache-2.0
"""`python -m bench.soak`: an interrupted scan ends as an uninterrupted one; hostile files cost nothing but themselves.

- Interrupted: the same command is started again and again, and its whole process group killed with SIGKILL at moments
  drawn by lot. Its rows must then equal those of a scan that nobody disturbed, and every planted copy be found.
- Hostile: one scan over mutated files and bombs must end with exit status 0 and exactly one row for every file.
- A node under load: its processes are killed 200 times, on SQLite and on PostgreSQL; see `bench/node/soak.py`.
- Seeds are fixed; `--share` runs a part of each campaign. Any failure ends with status 1.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tools import postgres

from bench import STORE, measure, pages, scanned
from bench.corpus import folders, hostile
from bench.node import soak
from bench.node.soak import Killed

_FILES, _KILLS, _HOSTILE, _NODE_KILLS = 20_000, 20, 10_000, 200
_CAMPAIGNS = ("interrupted", "hostile", "node")
_SEED = 2027


@dataclass(frozen=True, slots=True)
class Interrupted:
    """What the interrupted scans came to."""

    files: int
    rows: int
    uninterrupted_seconds: float
    kills: int
    finished_scans: int
    differing_rows: int
    planted: int
    found: int
    strangers_matched: int
    missed: list[str]

    @property
    def passed(self) -> bool:
        """Say whether nothing differed and nothing was missed."""
        return not self.differing_rows and self.found == self.planted


@dataclass(frozen=True, slots=True)
class Hostile:
    """What the scan over hostile files came to."""

    files: int
    size_bytes: int
    rows: int
    files_without_one_row: int
    exit_status: int
    seconds: float
    peak_bytes: int
    verdicts: dict[str, int]
    problems: dict[str, int]

    @property
    def passed(self) -> bool:
        """Say whether the scan ended well and every file has its one row."""
        return not self.exit_status and not self.files_without_one_row


def main() -> int:
    """Run the campaigns that were asked for; print what they came to."""
    options = _options()
    store = options.store
    store.mkdir(parents=True, exist_ok=True)
    results: dict[str, Interrupted | Hostile | Killed] = {}
    wanted = [options.only] if options.only else _CAMPAIGNS
    if "interrupted" in wanted:
        results["interrupted"] = interrupted(
            store, files=round(_FILES * options.share), kills=max(2, round(_KILLS * options.share)), seed=options.seed
        )
    if "hostile" in wanted:
        results["hostile"] = campaign(store, files=round(_HOSTILE * options.share), seed=options.seed)
    if "node" in wanted:
        results |= killed_nodes(store / "node", kills=round(_NODE_KILLS * options.share), seed=options.seed)
    told = {name: asdict(result) | {"passed": result.passed} for name, result in results.items()}
    print(json.dumps(told, indent=1))
    if options.docs:
        _write_page(told)
    return 0 if all(result.passed for result in results.values()) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description="Interrupted scans and hostile files.")
    parser.add_argument("--share", type=float, default=1.0, help="this part of both campaigns (default 1)")
    parser.add_argument("--seed", type=int, default=_SEED, help="of the files and of the moments")
    parser.add_argument("--only", choices=_CAMPAIGNS, help="this campaign only")
    parser.add_argument("--store", type=Path, default=STORE / "soak", help="where files and results are kept")
    parser.add_argument("--docs", action="store_true", help="write docs/reference/soak.md")
    options = parser.parse_args()
    if options.docs and (options.share < 1 or options.only):
        parser.error("the page is written from all campaigns in full")
    return options


def killed_nodes(store: Path, *, kills: int, seed: int) -> dict[str, Killed]:
    """Kill the processes of a node so many times on either database."""
    shutil.rmtree(store, ignore_errors=True)
    results = {}
    for name, database in (("sqlite", contextlib.nullcontext(None)), ("postgres", postgres.running())):
        (store / name).mkdir(parents=True)
        with database as url:
            results[f"node-{name}"] = soak.campaign(store / name, kills=kills, seed=seed, database=url)
    return results


def interrupted(store: Path, *, files: int, kills: int, seed: int) -> Interrupted:
    """Scan a folder undisturbed, then killed so many times, and compare."""
    folder = folders.make(store / f"mixed-{files}-{seed}", files=files, seed=seed)
    known = _list(store, folder.originals)
    calm = store / "calm"
    shutil.rmtree(calm, ignore_errors=True)
    seconds = measure.run(_scan_command(folder.root, known, calm)).seconds
    expected = scanned.rows(calm)
    finished, differing = _disturbed(store, folder, known, expected, kills=kills, moments=(seconds, seed))
    found, missed, strangers = _planted(folder, calm)
    return Interrupted(
        files=folder.files,
        rows=len(expected),
        uninterrupted_seconds=round(seconds, 1),
        kills=kills,
        finished_scans=finished,
        differing_rows=differing,
        planted=len(folder.planted),
        found=found,
        strangers_matched=strangers,
        missed=missed,
    )


def _list(store: Path, originals: Path) -> Path:
    known = store / "known.vigie"
    known.unlink(missing_ok=True)
    create = [*measure.VIGIE, "list", "create", known, "--name", "soak", "--from", originals]
    measure.run([str(word) for word in create])
    return known


def _scan_command(root: Path, known: Path, result: Path) -> list[str]:
    return [str(word) for word in (*measure.VIGIE, "scan", root, "--list", known, "--out", result, "--workers", 2)]


def _disturbed(
    store: Path,
    folder: folders.Folder,
    known: Path,
    expected: list[tuple[object, ...]],
    *,
    kills: int,
    moments: tuple[float, int],
) -> tuple[int, int]:
    """Kill scans until all kills are spent and the last scan has ended; count scans and rows that differ."""
    seconds, seed = moments
    rng = np.random.default_rng([seed, 99])
    result = store / "disturbed"
    shutil.rmtree(result, ignore_errors=True)
    finished, differing, left = 0, 0, kills
    while left or not finished:
        # Short enough that most of the kills fall into one scan, so that it is taken up again and again.
        deadline = float(rng.uniform(0.1, seconds / 6)) if left else None
        if _run_until(_scan_command(folder.root, known, result), deadline):
            left -= 1
            continue
        finished += 1
        differing += _differences(expected, scanned.rows(result))
        if left:
            shutil.rmtree(result)
    return finished, differing


def _run_until(command: list[str], deadline: float | None) -> bool:
    """Run a command in a process group of its own; kill the group at the deadline. Say whether it was killed.

    Raises:  RuntimeError if the command ends with an error of its own.
    """
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=measure.environment(), start_new_session=True
    )
    try:
        _, complaint = process.communicate(timeout=deadline)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return True
    if process.returncode:
        raise RuntimeError(f"the scan ended with {process.returncode}: {complaint[-800:].decode(errors='replace')}")
    return False


def _differences(expected: list[tuple[object, ...]], rows: list[tuple[object, ...]]) -> int:
    one, other = Counter(map(repr, expected)), Counter(map(repr, rows))
    return (one - other).total() + (other - one).total()


def _planted(folder: folders.Folder, result: Path) -> tuple[int, list[str], int]:
    """Count the planted copies that were found, name how the others were made, count strangers that matched."""
    rows = scanned.rows(result, "container, path, verdict")
    verdicts = {"!".join((*container, path)): verdict for container, path, verdict in rows}
    missed = [one.how for one in folder.planted if verdicts.get(one.path) not in _accepted(one)]
    known = {one.path for one in folder.planted}
    strangers = sum(verdict in {"known", "near"} and path not in known for path, verdict in verdicts.items())
    return len(folder.planted) - len(missed), sorted(missed), strangers


def _accepted(planted: folders.Planted) -> set[str]:
    return {"known"} if planted.verdict == "known" else {"known", "near"}


def campaign(store: Path, *, files: int, seed: int) -> Hostile:
    """Scan hostile files once, weighing the whole process tree."""
    root, result = store / f"hostile-{files}-{seed}", store / "hostile-result"
    if not root.exists():
        hostile.make(root, files=files, seed=seed)
    shutil.rmtree(result, ignore_errors=True)
    originals = store / "hostile-list"
    originals.mkdir(exist_ok=True)
    (originals / "benign.jpg").write_bytes(hostile.benign()["baseline.jpg"])
    start = time.perf_counter()
    process, peak = _weighed(_scan_command(root, _list(store, originals), result))
    seconds = time.perf_counter() - start
    rows = scanned.rows(result, "len(container), path, verdict, problem_code") if not process else []
    outer = Counter(path for depth, path, _, _ in rows if not depth)
    paths = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    return Hostile(
        files=len(paths),
        size_bytes=sum((root / path).stat().st_size for path in paths),
        rows=len(rows),
        files_without_one_row=sum(outer[path] != 1 for path in paths) + len(set(outer) - paths),
        exit_status=process,
        seconds=round(seconds, 1),
        peak_bytes=peak,
        verdicts=dict(Counter(verdict for *_, verdict, _ in rows).most_common()),
        problems=dict(Counter(code for *_, code in rows if code).most_common()),
    )


def _weighed(command: list[str]) -> tuple[int, int]:
    """Run a command; return its exit status and the peak of its process tree's memory."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=measure.environment())
    peak = 0
    while process.poll() is None:
        peak = max(peak, measure.tree_pss_bytes(process.pid))
        time.sleep(0.2)
    return process.returncode, peak


def _write_page(told: dict[str, dict[str, Any]]) -> None:
    calm, hard = told["interrupted"], told["hostile"]
    pages.write(
        "soak",
        **measure.machine(),
        **calm,
        hostile_files=hard["files"],
        hostile_rows=hard["rows"],
        peak_mib=hard["peak_bytes"] >> 20,
        verdicts=_counts(hard["verdicts"]),
        problems=_counts(hard["problems"]),
        **{name: hard[name] for name in ("exit_status", "files_without_one_row", "seconds")},
        nodes="\n".join(_of_node(told[name]) for name in ("node-sqlite", "node-postgres")),
    )


def _of_node(one: dict[str, Any]) -> str:
    acknowledged = one["acknowledged"]
    figures = [acknowledged.get(kind, 0) for kind in ("depiction", "assertion", "revocation", "matched")]
    imports = acknowledged.get("visible", 0) + acknowledged.get("cancelled", 0)
    cells = [one["database"], one["kills"], *figures, imports, len(one["lost"]), len(one["disagreements"])]
    return f"| {' | '.join(map(str, cells))} |"


def _counts(counts: dict[str, int]) -> str:
    return "\n".join(f"| `{key}` | {count} |" for key, count in counts.items())


if __name__ == "__main__":
    sys.exit(main())
