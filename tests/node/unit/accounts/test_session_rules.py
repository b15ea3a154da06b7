# SPDX-License-Identifier: Apache-2.0
"""When a session ends, and what it must have shown."""

import pytest

from vigie_node.accounts import session_rules
from vigie_node.accounts.session_rules import Ended

HOUR = 3600
NOW = 1_000_000.0


class TestWhyEnded:
    @pytest.mark.parametrize(
        ("signed_in", "seen", "why"),
        [
            (0, 0, None),
            (11.9 * HOUR, 60, None),
            (12 * HOUR, 60, Ended.ABSOLUTE),
            (100 * HOUR, 99 * HOUR, Ended.ABSOLUTE),
            (1 * HOUR, 0.49 * HOUR, None),
            (1 * HOUR, 0.5 * HOUR, Ended.IDLE),
            (-30, -30, None),  # the clock was set back a little
            (-HOUR, -HOUR, Ended.UNKNOWN),  # a session from the future is none of ours
        ],
    )
    def test_by_the_limits(self, signed_in, seen, why):
        assert session_rules.why_ended(signed_in_at=NOW - signed_in, seen_at=NOW - seen, now=NOW) is why

    @pytest.mark.parametrize(("signed_in_at", "seen_at"), [(None, NOW), (NOW, None), (None, None)])
    def test_where_it_does_not_say_when_it_began(self, signed_in_at, seen_at):
        assert session_rules.why_ended(signed_in_at=signed_in_at, seen_at=seen_at, now=NOW) is Ended.UNKNOWN

    def test_the_last_request_is_noted_once_a_minute(self):
        assert not session_rules.is_worth_noting(seen_at=NOW, now=NOW + 59)
        assert session_rules.is_worth_noting(seen_at=NOW, now=NOW + 60)


class TestSecondFactor:
    @pytest.mark.parametrize(
        ("methods", "enrolled", "shown"),
        [
            ([], False, False),
            (["password"], False, False),
            (["enrolment"], False, False),
            (["socialaccount"], False, False),
            (["password", "mfa"], False, True),
            (["mfa"], False, True),
            (["password"], True, True),
        ],
    )
    def test_is_shown_by_this_session(self, methods, enrolled, shown):
        records = [{"method": method} for method in methods]
        assert session_rules.has_shown_second_factor(records, enrolled_here=enrolled) is shown

    @pytest.mark.parametrize(
        ("passkeys", "code_app", "first", "may"),
        [
            (0, False, False, False),
            (0, True, False, False),
            (0, False, True, False),
            (0, True, True, True),
            (1, False, False, True),
            (1, True, True, True),
        ],
    )
    def test_the_last_way_in_stays(self, passkeys, code_app, first, may):
        answer = session_rules.may_remove_factor(passkeys_left=passkeys, has_code_app=code_app, has_first_factor=first)
        assert answer is may
