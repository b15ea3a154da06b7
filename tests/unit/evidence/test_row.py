# SPDX-License-Identifier: Apache-2.0
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie.evidence import row
from vigie.evidence.row import Statement
from vigie.fingerprints.values import Digests
from vigie.matching.verdicts import Outcome

NAMES = {
    b"plain.jpg": "plain.jpg",
    "déjà.jpg".encode(): "déjà.jpg",
    b"back\\slash": "back\\slash",
    b"\xff.jpg": "\\xff.jpg",
    b"a\nb\x00\x7f": "a\\x0ab\\x00\\x7f",
    "exe.\u202egpj".encode(): "exe.\\u202egpj",
    "tag\U000e0041".encode(): "tag\\U000e0041",
    b"\xed\xa0\x80": "\\xed\\xa0\\x80",
}


class TestVisibleName:
    @pytest.mark.parametrize(("name", "shown"), NAMES.items())
    def test_writes_what_cannot_be_shown_as_escapes(self, name, shown):
        assert row.visible_name(name) == shown

    @given(st.binary())
    def test_is_always_printable(self, name):
        assert row.visible_name(name).isprintable()


class TestPlace:
    @given(st.binary(min_size=1))
    def test_keeps_the_exact_bytes_wherever_the_text_is_not_them(self, name):
        place = row.place([name])
        assert (place.path_bytes or place.path.encode()) == name

    def test_tells_a_member_by_every_name_on_the_way(self):
        place = row.place([b"a/b.zip", b"\xff.tar", b"c.jpg"])
        assert (place.path, place.path_bytes) == ("c.jpg", None)
        assert (place.container, place.container_bytes) == (["a/b.zip", "\\xff.tar"], [b"a/b.zip", b"\xff.tar"])


class TestLine:
    def test_joins_place_and_outcome_into_one_object(self):
        place = row.place([b"a.jpg"], size_bytes=0, digests=Digests.EMPTY)
        verdict, line = row.of(place, row.encode(Statement(verdict=Outcome.GATED, reason="empty-file")))
        told = json.loads(line)
        assert verdict == "gated"
        assert line.endswith(b"}\n")
        assert line.count(b"\n") == 1
        assert (told["path"], told["size_bytes"], told["verdict"], told["reason"]) == (
            "a.jpg",
            0,
            "gated",
            "empty-file",
        )
