# SPDX-License-Identifier: Apache-2.0
"""The repository as the architecture tests see it: its own files, without what is installed, built or ignored."""

import fnmatch
import os
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@cache
def files():
    """Every file of the repository, by its path relative to the root; no git is needed."""
    ignored = [line.strip("/") for line in (ROOT / ".gitignore").read_text().split() if not line.startswith("#")]
    found = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = sorted(name for name in folders if name != ".git" and not _matches(name, ignored))
        found += [Path(folder, name).relative_to(ROOT) for name in sorted(names) if not _matches(name, ignored)]
    return found


def _matches(name, patterns):
    return any(fnmatch.fnmatch(name, pattern) for pattern in patterns)


def python_files():
    return [path for path in files() if path.suffix == ".py"]


def text(path):
    return (ROOT / path).read_text(encoding="utf-8")
