# SPDX-License-Identifier: Apache-2.0
import pytest


@pytest.fixture(autouse=True)
def _own_index(own_index):
    """Every test here has an index of its own."""
