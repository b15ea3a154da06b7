# SPDX-License-Identifier: Apache-2.0
import pytest


@pytest.fixture(autouse=True)
def _own_index(settings, tmp_path):
    from vigie_node.matching import lookup  # noqa: PLC0415 - the settings are read after this file

    settings.INDEXES = tmp_path / "indexes"
    lookup.forget()
    yield
    lookup.forget()
