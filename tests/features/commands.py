# SPDX-License-Identifier: Apache-2.0
"""Run a command as its users do, and read what it printed."""

import json
from pathlib import Path

import jsonschema

from vigie.cli.main import main

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


def run(capsys, *arguments):
    """Run a command; return its exit code, its lines as JSON, and what it said."""
    capsys.readouterr()
    code = main([str(argument) for argument in arguments])
    printed = capsys.readouterr()
    return code, [json.loads(line) for line in printed.out.splitlines()], printed.err


def schema(name):
    return jsonschema.Draft202012Validator(json.loads((REFERENCE / name).read_text(encoding="utf-8")))
