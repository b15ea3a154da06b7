# SPDX-License-Identifier: Apache-2.0
"""What a command writes to stdout: a line for a person on a terminal, JSON lines for a program.

- A program is whatever is not a terminal, or asked for with VIGIE_OUTPUT=json; it gets every field, one record a line.
"""

import json
import os
import sys
from collections.abc import Mapping


def is_for_a_person() -> bool:
    """Say whether stdout is read by a person."""
    return sys.stdout.isatty() and os.environ.get("VIGIE_OUTPUT") != "json"


def write(record: Mapping[str, object], *, text: str) -> None:
    """Write one result: `text` to a person, the record to a program."""
    if is_for_a_person():
        sys.stdout.write(f"{text}\n")
    else:
        sys.stdout.write(json.dumps(record, default=str, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def progress(text: str) -> None:
    """Tell a person how far the work is; on stderr, so that results stay clean."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
