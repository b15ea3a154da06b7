# SPDX-License-Identifier: Apache-2.0
"""The result of a scan as rows, read from its Parquet parts."""

from pathlib import Path
from typing import Any

import duckdb


def rows(result: Path, columns: str = "*") -> list[tuple[Any, ...]]:
    """Give some columns of every row, in a fixed order."""
    parts = str(result / "**" / "*.parquet")
    with duckdb.connect() as base:
        return base.execute(f"SELECT {columns} FROM read_parquet(?) ORDER BY ALL", [parts]).fetchall()
