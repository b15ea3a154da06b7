# SPDX-License-Identifier: Apache-2.0
import io
import json
import logging
import uuid

import pytest
import structlog

from vigie_node.project import logs

SENSITIVE = {
    "a SHA-256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "an MD5": "5D41402ABC4B2A76B9719D911017C592",
    "a PDQ value": "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22",
    "a URL": "https://example.org/picture.jpg",
    "an e-mail address": "a.keller@example.org",
    "a path": "/srv/exhibits/12/holiday.jpg",
    "a path with a key in it": "/compat/hma/vk_0a1b2c3d_secret/m/lookup",
    "a key": "vk_0a1b2c3d_0123456789012345678901234567890123456789012",
    "an IPv4 address": "192.0.2.17",
    "an IPv6 address": "2001:db8::8a2e:370:7334",
    "a file name": "holiday.jpg",
    "free text": "seen by J. in the car",
    "bytes": b"\x00\x01",
    "a mapping": {"name": "x"},
}
AN_ID = uuid.UUID("0192f0c1-2b3c-7abc-8def-0123456789ab")
PLAIN = [None, True, 12, 0.5, "STAGED", "sequence-audit", AN_ID, str(AN_ID), [1, 2], "vigie_node.jobs"]


@pytest.fixture
def lines():
    """What this process logs, as programs read it."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    logs.configure({"level": "INFO"})
    written = io.StringIO()
    root.handlers[0].setStream(written)
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    root.handlers[:], root.level = before


class TestIsSafe:
    @pytest.mark.parametrize("value", SENSITIVE.values(), ids=SENSITIVE)
    def test_refuses(self, value):
        assert not logs.is_safe(value)

    @pytest.mark.parametrize("value", PLAIN, ids=repr)
    def test_takes_ids_counts_and_states(self, value):
        assert logs.is_safe(value)

    def test_refuses_a_list_that_holds_one(self):
        assert not logs.is_safe(["STAGED", SENSITIVE["an MD5"]])


class TestOurOwnLines:
    @pytest.mark.parametrize("value", SENSITIVE.values(), ids=SENSITIVE)
    def test_withhold_what_is_sensitive(self, lines, value):
        structlog.get_logger("vigie_node.test").info("matched", what=value, count=3)
        (line,) = lines()
        assert (line["what"], line["count"], line["event"]) == (logs.WITHHELD, 3, "matched")

    @pytest.mark.parametrize("value", [one for one in SENSITIVE.values() if isinstance(one, str)])
    def test_withhold_it_even_as_the_event(self, lines, value):
        structlog.get_logger("vigie_node.test").info(value)
        assert value not in json.dumps(lines())

    def test_name_an_error_by_its_type_and_places_never_by_its_message(self, lines):
        try:
            int(SENSITIVE["a URL"])
        except ValueError as error:
            structlog.get_logger("vigie_node.test").error("bug", exc_info=error)
        (line,) = lines()
        assert line["error"] == ["ValueError"]
        assert "test_name_an_error" in line["where"][0]
        assert "example.org" not in json.dumps(line)


class TestLibrariesLines:
    @pytest.mark.parametrize("value", [one for one in SENSITIVE.values() if isinstance(one, str)][:-1])
    def test_lose_what_stands_in_their_text(self, lines, value):
        logging.getLogger("some.library").warning(f"Not Found: {value}")
        logging.getLogger("some.library").warning("Not Found: %s", value)
        written = lines()
        assert len(written) == 2
        assert value not in json.dumps(written)
        assert [one["event"] for one in written] == ["some.library"] * 2

    def test_keep_their_numbers(self, lines):
        logging.getLogger("some.library").warning("%d rows in %s", 12, "a name")
        (line,) = lines()
        assert line["numbers"] == [12]
        assert "name" not in json.dumps(line)

    def test_of_requests_are_left_to_us(self, lines):
        logging.getLogger("django.request").error("Internal Server Error: %s", "/depictions/x/")
        logging.getLogger("axes").warning("AXES: locked out a.keller@example.org")
        assert lines() == []
