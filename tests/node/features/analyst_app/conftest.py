# SPDX-License-Identifier: Apache-2.0
import pytest


@pytest.fixture(autouse=True)
def _own_index(own_index):
    """Every test here has an index of its own."""


@pytest.fixture
def world(db):
    """A small catalogue."""
    from node.features.analyst_app import world as building  # noqa: PLC0415 - as above

    return building.build()


@pytest.fixture
def enter(db, client):
    """A way to sign in as somebody with these roles."""
    from node import people  # noqa: PLC0415 - as above

    return lambda *roles: people.sign_in(client, people.recruit(*roles, name="Maria Janssens"))
