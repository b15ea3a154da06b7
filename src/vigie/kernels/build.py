# SPDX-License-Identifier: Apache-2.0
"""Compile the C kernels at set-up, with the compiler that the `ziglang` wheel carries.

- No system compiler is needed; the same sources give the same machine code everywhere (pinned compiler).
- One library a CPU level, so that one wheel serves old and new processors; `vigie.kernels` picks at load.
- Floating point is left as written: nothing contracted, nothing re-associated (PDQ must give the reference's bits).
"""

import os
import platform
import subprocess
import sys
from pathlib import Path

# The level's name in the file -> the compiler's processor name.
LEVELS: dict[str, dict[str, str]] = {
    "x86_64": {
        "x86-64-v2": "x86_64_v2",
        "x86-64-v3": "x86_64_v3",
        "x86-64-v4": "x86_64_v4+avx512vpopcntdq",
    },
    "aarch64": {"aarch64": "generic"},
}
TARGET = {"x86_64": "x86_64-linux-gnu.2.28", "aarch64": "aarch64-linux-gnu.2.28"}
FLAGS = ["-O3", "-std=c11", "-shared", "-fPIC", "-ffp-contract=off", "-fno-sanitize=all", "-g0", "-Wall", "-Wextra"]


def build(target_dir: Path) -> list[Path]:
    """Compile every C file of this folder into one library a CPU level, and return the libraries.

    Raises:  CalledProcessError if the compiler refuses; nothing is left half-written.
    """
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
    if platform.system() != "Linux" or machine not in LEVELS:
        return []
    folder = Path(__file__).parent
    sources, headers = sorted(folder.glob("*.c")), sorted(folder.glob("*.h"))
    built = []
    for level, processor in LEVELS[machine].items():
        library = target_dir / f"kernels-{level}.so"
        if not _up_to_date(library, [*sources, *headers, Path(__file__)]):
            _compile(sources, library, target=TARGET[machine], processor=processor)
        built.append(library)
    return built


def _up_to_date(library: Path, sources: list[Path]) -> bool:
    newest = max(path.stat().st_mtime for path in sources)
    return library.exists() and library.stat().st_mtime >= newest


def _compile(sources: list[Path], library: Path, *, target: str, processor: str) -> None:
    partial = library.with_suffix(f".{os.getpid()}.partial")
    command = [sys.executable, "-m", "ziglang", "cc", "-target", target, f"-mcpu={processor}", *FLAGS]
    try:
        subprocess.run([*command, "-o", str(partial), *map(str, sources), "-lm"], check=True)  # noqa: S603
        partial.replace(library)
    finally:
        partial.unlink(missing_ok=True)


if __name__ == "__main__":
    build(Path(__file__).parent)
