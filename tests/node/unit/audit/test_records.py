# SPDX-License-Identifier: Apache-2.0
import uuid
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie_node.audit import merkle, records
from vigie_node.audit.events import Event
from vigie_node.base.actor import NODE, Actor, ActorKind

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ID = uuid.UUID("018f0000-0000-7000-8000-000000000001")
ANALYST = Actor(ActorKind.PERSON, uuid.UUID(int=7), uuid.UUID(int=8))


def encoded(*, subject="", by=NODE, at=NOW, **details):
    return records.encode(ID, Event.LIST_CHANGED, subject=subject, by=by, at=at, details=details)


class TestEncode:
    def test_writes_one_form_only(self):
        assert encoded(subject=ID, by=ANALYST, version=3, state="ON") == (
            b'{"actor":"PERSON:00000000-0000-0000-0000-000000000007","at":"2026-03-01T12:00:00.000000Z",'
            b'"details":{"state":"ON","version":3},"event":"LIST_CHANGED","id":"018f0000-0000-7000-8000-000000000001",'
            b'"organisation":"00000000-0000-0000-0000-000000000008","subject":"018f0000-0000-7000-8000-000000000001",'
            b'"v":1}'
        )

    def test_writes_times_of_any_zone_as_utc(self):
        there = NOW.astimezone(timezone(timedelta(hours=-5)))
        assert encoded(at=there) == encoded(at=NOW)

    def test_refuses_a_time_without_a_zone(self):
        with pytest.raises(ValueError, match="no zone"):
            encoded(at=NOW.replace(tzinfo=None))

    @pytest.mark.parametrize(
        "detail",
        [True, None, 0, -(2**53) + 1, "OPEN", "import.refused:12", str(ID), [1, "a", None], NOW],
    )
    def test_takes_ids_counts_states_and_lists_of_them(self, detail):
        assert records.decode(encoded(one=detail)).details["one"] == (
            detail.isoformat() if isinstance(detail, datetime) else detail
        )

    @pytest.mark.parametrize(
        ("given", "written"),
        [(ID, str(ID)), (date(2026, 3, 1), "2026-03-01"), ((1, 2), [1, 2]), ({"b", "a"}, ["a", "b"])],
    )
    def test_writes_other_plain_values_as_text_or_lists(self, given, written):
        assert records.decode(encoded(one=given)).details["one"] == written

    @pytest.mark.parametrize(
        "detail",
        [
            "d41d8cd98f00b204e9800998ecf8427e",  # MD5
            "da39a3ee5e6b4b0d3255bfef95601890afd80709",  # SHA-1
            "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",  # SHA-256, as long as PDQ
            "https://example.org",
            "free text",
            "name@example.org",
            "a" * 65,
            "é",
            "\x00",
            2**53,
            1.5,
            b"bytes",
            {"a": 1},
            [["nested"]],
            list(range(1001)),
        ],
    )
    def test_refuses_what_could_be_a_fingerprint_a_place_or_words(self, detail):
        with pytest.raises(ValueError, match="LIST_CHANGED: `one`") as error:
            encoded(one=detail)
        assert str(detail) not in str(error.value)

    def test_refuses_such_a_subject_as_well(self):
        with pytest.raises(ValueError, match="`subject`"):
            encoded(subject="two words")


class TestDecode:
    @given(
        st.dictionaries(
            st.from_regex(r"one_[a-z_]{1,8}", fullmatch=True),
            st.none() | st.booleans() | st.integers(-(2**52), 2**52) | st.sampled_from(["OPEN", "a.b"]),
        )
    )
    def test_reads_what_was_written(self, details):
        record = records.decode(encoded(subject="x", by=ANALYST, **details))
        assert record == records.Record(ID, "LIST_CHANGED", "x", str(ANALYST), ANALYST.organisation_id, NOW, details)

    @pytest.mark.parametrize(
        "record",
        [
            b"",
            b"{}",
            b"[]",
            b"null",
            b"\xff",
            b"[" * 100_000,
            encoded() + b" ",
            encoded().replace(b'"v":1', b'"v":2'),
            encoded().replace(b'"v":1', b'"v": 1'),
            encoded().replace(b'"LIST_CHANGED"', b'5'),
            encoded().replace(b'"subject":""', b'"subject":"' + b"x" * 65 + b'"'),
            encoded().replace(b'"subject":""', b'"subject":"\\u0000"'),
            encoded().replace(b'"id":"018f', b'"id":"zzzz'),
            encoded().replace(b'"at":"2026', b'"at":"20x6'),
            encoded().replace(b'"details":{}', b'"details":5'),
        ],
    )  # fmt: skip
    def test_refuses_what_is_no_record_and_still_finds_it_a_place(self, record):
        with pytest.raises(ValueError):  # noqa: PT011 - of any sort
            records.decode(record)
        assert records.read(record, leaf=merkle.leaf_hash(record)).event == records.UNREADABLE
