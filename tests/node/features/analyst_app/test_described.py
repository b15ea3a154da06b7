# SPDX-License-Identifier: Apache-2.0
"""Requests made up from the description of the analysts' face, right ones and wrong ones: none makes a server error.

- The pages are served as they are to people, over a small catalogue with something on every page.
- Somebody with every role asks, and somebody with none; who was signed out by a request signs in again.
- Most requests name what is there, some what is not.
"""

import pytest
import schemathesis
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from node import analyst_description, entrance, people
from node.features.analyst_app import furnishing
from vigie_node.accounts.roles import Role
from vigie_node.analyst_app.access import Openness
from vigie_node.project.faces import Face

SECONDS = 20
EXAMPLES = 3  # of each operation and way of asking
TOKEN = "a" * 32  # of the forms; the cookie says the same


class Caller:
    """Somebody who asks over HTTP, signed in again whenever a request signed them out."""

    def __init__(self, address, *roles):
        self._address, self._person = address, people.recruit(*roles)
        self._sign_in()

    def _sign_in(self):
        client = people.sign_in(Client(), self._person)
        entrance.again(client)  # what changes how somebody signs in is asked for, too
        self._cookies = f"sessionid={client.cookies['sessionid'].value}; csrftoken={TOKEN}"

    def ask(self, case):
        answer = self._ask(case)
        if any("/sign-in" in way for name in ("location", "hx-redirect") for way in answer.headers.get(name, ())):
            self._sign_in()
            answer = self._ask(case)
        return answer

    def _ask(self, case):
        headers = {"X-CSRFToken": TOKEN, "Cookie": self._cookies}
        return case.call(base_url=self._address, headers=headers, timeout=SECONDS, allow_redirects=False)


@pytest.fixture
def node(serve, world):
    furnishing.furnish(world)
    return serve(Face.ANALYST)


@pytest.fixture
def operations(node):
    return [one.ok() for one in schemathesis.openapi.from_dict(analyst_description.whole()).get_all_operations()]


@pytest.mark.filterwarnings("ignore")
class TestDescription:
    def test_names_every_page_and_what_it_takes(self, db):
        described = analyst_description.whole()["paths"]
        assert len(described) == len(analyst_description.pages())
        asked = described["/lists/{list_id}/change"]["post"]
        form = asked["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]["properties"]
        assert asked["x-permission"] == "LISTS_CHANGE"
        assert form["threshold_bits"] == {"type": "integer", "minimum": 0, "maximum": 31}
        assert "inhope:baseline" in form["classes"]["items"]["enum"]
        assert "multipart/form-data" in described["/search/file"]["post"]["requestBody"]["content"]
        assert {"after", "case", "kind", "show"} <= {one["name"] for one in described["/tasks"]["get"]["parameters"]}

    def test_nothing_that_follows_it_or_not_makes_a_server_error(self, node, operations):
        known = analyst_description.what_there_is()
        everything, nothing = Caller(node, *Role), Caller(node)
        failed = []
        for operation in operations:
            right, _wrong = (
                _call(operation, mode, known, everything, failed)
                for mode in (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)
            )
            if operation.definition.raw["x-open-to"] == Openness.PERMITTED:
                assert nothing.ask(right).status_code == 403, operation.label
        assert failed == []


def _call(operation, mode, known, caller, failed):
    """Ask for one operation; note server errors. Return the last case."""
    last = []

    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=True,
        suppress_health_check=list(HealthCheck), phases=[Phase.generate],
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode), number=st.integers(1, 400))
    def calls(case, number):
        for name in set(case.path_parameters or {}) & set(known) if number % 4 else ():
            case.path_parameters[name] = known[name][number // 4 % len(known[name])]
        answer = caller.ask(case)
        if answer.status_code >= 500:
            failed.append((operation.label, answer.status_code, answer.headers.get("x-request-id")))
        last[:] = [case]

    calls()
    return last[0]
