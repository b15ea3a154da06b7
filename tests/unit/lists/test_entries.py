# SPDX-License-Identifier: Apache-2.0
from datetime import UTC, datetime, timedelta, timezone

import pytest

from unit.lists.list_building import CLAIM, NOW, pdq_value
from vigie.errors import InvalidInputError
from vigie.fingerprints.values import Algorithm
from vigie.lists.entries import (
    Claim,
    Entry,
    FrameValue,
    Kind,
    MalformedEntryError,
    PictureValue,
    Role,
    derived_depiction,
)


def entry(**changed) -> Entry:
    return Entry(
        **{"depiction": "a", "kind": Kind.PICTURE, "claim": CLAIM, "asserted_at": NOW, "md5": bytes(16)} | changed
    )


VALUE = PictureValue(Role.STORED, pdq_value(1), 100)


class TestEntry:
    @pytest.mark.parametrize(
        "changed",
        [
            {"depiction": ""},
            {"depiction": " a"},
            {"depiction": "a" * 201},
            {"depiction": "a\nb"},
            {"depiction": "a\x00"},
            {"depiction": "\u202eabc"},
            {"depiction": "\ud800"},
            {"asserted_at": datetime(2026, 1, 1)},  # noqa: DTZ001 - what is refused
            {"md5": None},
            {"md5": bytes(15)},
            {"sha256": bytes(20)},
            {"values": (VALUE, VALUE)},
            {"values": (PictureValue(Role.STORED, bytes(31)),)},
            {"values": (PictureValue(Role.STORED, pdq_value(1), 101),)},
            {"frames": (FrameValue(5, 4, pdq_value(1)),)},
            {"frames": (FrameValue(-1, 4, pdq_value(1)),)},
            {"frames": (FrameValue(0, 2**32, pdq_value(1)),)},
            {"claim": Claim(None, None, "")},
            {"claim": Claim("demonstration", None, "a")},
            {"claim": Claim(None, "sample", "a")},
            {"claim": Claim("demonstration", "unheard-of", "a")},
            {"claim": Claim("unheard-of", "sample", "a")},
            {"claim": Claim(None, None, "a", "\x07")},
        ],
    )
    def test_refuses_what_is_no_entry(self, changed):
        with pytest.raises(InvalidInputError):
            entry(**changed)

    def test_is_canonical_whatever_the_order_given(self):
        upright = PictureValue(Role.UPRIGHT, pdq_value(2))
        early, late = FrameValue(0, 1, pdq_value(1)), FrameValue(5, 9, pdq_value(2))
        local = NOW.astimezone(timezone(timedelta(hours=2)))
        one = entry(values=(upright, VALUE), frames=(late, early), asserted_at=local)
        assert one == entry(values=(VALUE, upright), frames=(early, late))
        assert one.asserted_at.tzinfo is UTC

    def test_shows_no_fingerprint(self):
        assert "md5" not in repr(entry())

    def test_refusals_repeat_nothing_from_outside(self):
        with pytest.raises(MalformedEntryError) as caught:
            entry(depiction="secret\n")
        assert "secret" not in str(caught.value)


class TestDerivedDepiction:
    def test_the_same_fingerprint_has_the_same_id_and_another_algorithm_another(self):
        one = derived_depiction(bytes(32), algorithm=Algorithm.SHA256)
        assert one == derived_depiction(bytes(32), algorithm=Algorithm.SHA256)
        assert one != derived_depiction(bytes(32), algorithm=Algorithm.PDQ)
        assert bytes(32).hex()[:16] not in one
