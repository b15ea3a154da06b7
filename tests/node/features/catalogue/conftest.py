# SPDX-License-Identifier: Apache-2.0
import pytest


@pytest.fixture
def path(tmp_path):
    """Where a file to import lies."""
    return tmp_path / "upstream.jsonl"
