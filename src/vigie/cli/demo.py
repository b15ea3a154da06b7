# SPDX-License-Identifier: Apache-2.0
"""`vigie demo`: the main job on a benign sample, with the very commands that a user has.

The sample is drawn anew (samples.py); each step prints its command, so that it can be repeated by hand.
"""

import argparse
import shlex
import sys
from pathlib import Path

from vigie.cli import main
from vigie.cli.samples import write_sample
from vigie.errors import WrongStateError

_DEFAULT = Path("vigie-demo")


class DemoExistsError(WrongStateError):
    """The folder for the demonstration exists already."""

    code = "cli.demo-exists"


def demo(options: argparse.Namespace) -> int:
    """Draw the sample, make a list, scan the folder, show what came of it."""
    folder = options.out or _next_free(_DEFAULT)
    if folder.exists():
        raise DemoExistsError("the folder for the demonstration exists already: name another one with --out")
    sys.stderr.write(f"Drawing a sample of landscapes, altered copies, strangers and broken files in {folder} …\n")
    write_sample(folder)
    known, result, page = folder / "known.vigie", folder / "found.result", folder / "report.html"
    claim = ["--scheme", "demonstration", "--label", "sample"]
    steps = [
        ["list", "create", str(known), "--name", "demonstration", "--from", str(folder / "originals"), *claim],
        ["match", "--list", str(known), str(folder / "found" / "album")],
        ["scan", str(folder / "found"), "--list", str(known), "--out", str(result)],
        ["unknown", str(result)],
        ["report", str(result), "--html", str(page)],
    ]
    for step in steps:
        sys.stderr.write(f"\n$ vigie {shlex.join(step)}\n")
        code = main.main(step)
        if code:
            return code
    sys.stderr.write(f"\nThe report is {page.resolve().as_uri()}\n")
    return 0


def _next_free(wanted: Path) -> Path:
    number, folder = 1, wanted
    while folder.exists():
        number += 1
        folder = wanted.with_name(f"{wanted.name}-{number}")
    return folder
