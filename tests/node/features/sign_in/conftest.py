# SPDX-License-Identifier: Apache-2.0
import pytest


@pytest.fixture
def entrance(db):
    from node import entrance  # noqa: PLC0415 - read before the settings are, when named on the command line

    return entrance


@pytest.fixture(autouse=True)
def _nobody_tried_before(entrance):
    entrance.forget_attempts()


@pytest.fixture
def somebody(entrance):
    """An administrator who has set up nothing yet."""
    return entrance.recruit()


@pytest.fixture
def with_password(entrance, somebody):
    """The same with a password and nothing else."""
    entrance.give_password(somebody)
    return somebody


@pytest.fixture
def secret(entrance, with_password):
    """The same with a code app; the key that the app keeps."""
    return entrance.give_code_app(with_password)
