# SPDX-License-Identifier: Apache-2.0
"""How things are timed and weighed.

- Two sides of a comparison take turns, so that a busy moment of the machine meets both; medians are reported.
- A pause between turns lets the other side's threads stop spinning.
- Memory is the proportional set size of a whole process tree, sampled while it runs; a mapped list is left apart.
"""

import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import ROOT

VIGIE = (str(ROOT / ".venv" / "bin" / "vigie"),)
_SETTLE_SECONDS = 0.05
_SAMPLE_SECONDS = 0.02


def timed(work: Callable[[], object]) -> float:
    """Return how many seconds the work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def in_turns(ours: Callable[[], float], peers: Callable[[], float], *, rounds: int) -> tuple[float, float]:
    """Let both sides measure themselves in turns; return the median of each."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for side, kept in zip((ours, peers), times, strict=True):
            time.sleep(_SETTLE_SECONDS)
            kept.append(side())
    return statistics.median(times[0]), statistics.median(times[1])


@contextmanager
def pinned(cores: set[int]) -> Iterator[None]:
    """Keep this process, and what it starts meanwhile, on these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a command: how long it took, its peak memory (where asked), what it printed."""

    seconds: float
    peak_bytes: int
    output: str


def environment() -> dict[str, str]:
    """Give the environment in which our own command runs from a clone."""
    return {**os.environ, "PYTHONPATH": str(ROOT / "src")}


def run(command: Sequence[str], *, apart: Path | None = None, weigh: bool = False, exit_ok: bool = True) -> Run:
    """Run a command to its end, weighing its process tree where asked.

    Raises:  RuntimeError if it fails, with the end of what it said.
    """
    start = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, env=environment(), text=True
    )
    peak = 0
    while weigh and process.poll() is None:
        peak = max(peak, tree_pss_bytes(process.pid, apart=apart))
        time.sleep(_SAMPLE_SECONDS)
    output, complaint = process.communicate()
    seconds = time.perf_counter() - start
    if exit_ok and process.returncode:
        raise RuntimeError(f"{' '.join(command[:6])} … ended with {process.returncode}: {complaint[-800:]}")
    return Run(seconds, peak, output)


def median_seconds(command: Sequence[str], *, times: int) -> float:
    """Run a command several times; return the median of its seconds."""
    return statistics.median(run(command).seconds for _ in range(times))


def tree_pss_bytes(pid: int, *, apart: Path | None = None) -> int:
    """Add up the proportional set size of a process and all below it, leaving one mapped file apart."""
    total, waiting = 0, [pid]
    while waiting:
        at = waiting.pop()
        try:
            total += _pss_bytes(at, apart)
            for task in Path(f"/proc/{at}/task").iterdir():
                waiting += [int(child) for child in (task / "children").read_text().split()]
        except (OSError, ValueError):
            continue  # it ended while we looked
    return total


def _pss_bytes(pid: int, apart: Path | None) -> int:
    if apart is None:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")) * 1024
    total, counted = 0, True
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if line.startswith("Pss:"):
            total += int(line.split()[1]) * 1024 if counted else 0
        elif "-" in line.split(maxsplit=1)[0]:
            counted = not line.endswith(str(apart))
    return total


def machine() -> dict[str, object]:
    """Describe this machine: what a reader needs to judge the figures."""
    info = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in info if line.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    flags = next((line for line in info if line.startswith("flags")), "")
    return {
        "processor": model,
        "cores": len(os.sched_getaffinity(0)),
        "avx512_vpopcntdq": "avx512_vpopcntdq" in flags,
        "memory_gib": round(memory / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_at_start": round(os.getloadavg()[0], 2),
    }
