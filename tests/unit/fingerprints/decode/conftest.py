# SPDX-License-Identifier: Apache-2.0
import pytest

from vigie.fingerprints.decode import pictures


@pytest.fixture(scope="session")
def decoders():
    """The picture decoders, ready as in a worker."""
    pictures.preload()
