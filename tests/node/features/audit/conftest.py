# SPDX-License-Identifier: Apache-2.0
import pytest

from vigie_node.audit import heads


@pytest.fixture(autouse=True)
def signing_key(settings):
    settings.SIGNING_KEY = heads.new_signing_key()
